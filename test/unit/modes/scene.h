// Words for scenarios of TCC, XA and messages: branches named by one word, on a host of their own
// each, and what was called.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "troth/tcc.h"
#include "troth/testing/world.h"
#include "troth/xa.h"

namespace troth::testing {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Names = std::vector<std::string>;

inline std::string Url(std::string_view host, std::string_view path) {
  return "http://" + std::string(host) + "/" + std::string(path);
}
inline TccBranch Trip(std::string_view name) {
  return {.try_url = Url(name, "try"),
          .confirm_url = Url(name, "confirm"),
          .cancel_url = Url(name, "cancel"),
          .payload = "{}"};
}
inline XaBranch Bank(std::string_view name) { return {.url = Url(name, "xa"), .payload = "{}"}; }

inline const std::string kAsk = "http://ask/back";
// Actions "http://<name>/do"; its check-back is kAsk.
inline Message News(const Names& names) {
  Message message;
  message.query_prepared = kAsk;
  for (const std::string& name : names) {
    message.Add({.action = Url(name, "do"), .payload = "{}"});
  }
  return message;
}

// "a/try 01/try", … in the order in which the calls began: whom was called, and as which branch.
inline Names Called(const World& world) {
  Names names;
  for (const RecordedCall& call : world.calls()) {
    const std::string where = call.url.starts_with("http://") ? call.url.substr(7) : call.url;
    names.push_back(where + " " + call.context.branch_id + "/" + call.context.op);
  }
  return names;
}
inline Names CalledFrom(const World& world, size_t first) {
  Names names = Called(world);
  names.erase(names.begin(),
              names.begin() + static_cast<std::ptrdiff_t>(std::min(first, names.size())));
  return names;
}

inline Tcc BeginTcc(World& world, TccOptions options = {}) {
  Result<Tcc> tcc = Tcc::Begin(world.coordinator(), options);
  REQUIRE_MESSAGE(tcc.ok(), tcc.status().ToString());
  return *std::move(tcc);
}
inline Xa BeginXa(World& world, XaOptions options = {}) {
  Result<Xa> xa = Xa::Begin(world.coordinator(), options);
  REQUIRE_MESSAGE(xa.ok(), xa.status().ToString());
  return *std::move(xa);
}

inline Outcome Wait(World& world, std::string_view gid, milliseconds timeout = 24h * 30) {
  Result<Outcome> outcome = world.coordinator().Wait(gid, timeout);
  REQUIRE_MESSAGE(outcome.ok(), outcome.status().ToString());
  return *std::move(outcome);
}
inline TransactionRecord Look(World& world, std::string_view gid) {
  Result<TransactionRecord> record = world.coordinator().Query(gid);
  REQUIRE_MESSAGE(record.ok(), record.status().ToString());
  return *std::move(record);
}
// "01/cancel=succeed", … as stored.
inline Names Branches(World& world, std::string_view gid) {
  Names names;
  for (const BranchRecord& branch : Look(world, gid).branches) {
    names.push_back(branch.branch_id + "/" + branch.op + "=" +
                    std::string(BranchStatusName(branch.status)));
  }
  return names;
}
inline TransactionStatus StatusOf(World& world, std::string_view gid) {
  return Look(world, gid).status;
}

// Calls and commits take no time, so that what is left are the waits that the rules ask for.
inline WorldOptions Instant(CoordinatorOptions coordinator = {}) {
  return {.coordinator = std::move(coordinator), .call_time = 0ms};
}

inline const Act kAnn{.author = "ann", .reason = "asked by the customer"};

}  // namespace troth::testing
