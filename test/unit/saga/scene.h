// Words for saga scenarios: steps named by one word, on a host of their own each, and what was
// called.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "troth/testing/world.h"

namespace troth::testing {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Names = std::vector<std::string>;

inline std::string Do(std::string_view name) { return "http://" + std::string(name) + "/do"; }
inline std::string Undo(std::string_view name) { return "http://" + std::string(name) + "/undo"; }

inline SagaStep Step(std::string_view name) {
  return {.action = Do(name), .compensate = Undo(name), .payload = "{}"};
}
inline Saga Steps(const Names& names) {
  Saga saga;
  for (const std::string& name : names) saga.Add(Step(name));
  return saga;
}

// "a/do", "b/undo", … in the order in which the calls began.
inline Names Called(const World& world) {
  Names names;
  for (const RecordedCall& call : world.calls()) {
    names.push_back(call.url.starts_with("http://") ? call.url.substr(7) : call.url);
  }
  return names;
}

// When the calls of a branch began, in milliseconds after the first.
inline std::vector<int64_t> Starts(const FakeBranch& branch) {
  std::vector<int64_t> starts;
  const std::vector<RecordedCall> calls = branch.recorded();
  for (const RecordedCall& call : calls) starts.push_back((call.at - calls.front().at).count());
  return starts;
}

inline void Submit(World& world, const Saga& saga) {
  const Result<Accepted> accepted = world.coordinator().Submit(saga);
  REQUIRE_MESSAGE(accepted.ok(), accepted.status().ToString());
}
inline Outcome Wait(World& world, const Saga& saga, milliseconds timeout = 24h * 30) {
  Result<Outcome> outcome = world.coordinator().Wait(saga.gid, timeout);
  REQUIRE_MESSAGE(outcome.ok(), outcome.status().ToString());
  return *std::move(outcome);
}
inline Outcome End(World& world, const Saga& saga) {
  Submit(world, saga);
  return Wait(world, saga);
}
inline TransactionRecord Look(World& world, const Saga& saga) {
  Result<TransactionRecord> record = world.coordinator().Query(saga.gid);
  REQUIRE_MESSAGE(record.ok(), record.status().ToString());
  return *std::move(record);
}
inline BranchRecord Look(World& world, const Saga& saga, std::string_view branch_id,
                         std::string_view op) {
  for (const BranchRecord& branch : Look(world, saga).branches) {
    if (branch.branch_id == branch_id && branch.op == op) return branch;
  }
  FAIL("no such branch");
  return {};
}

// Calls take no time, so that what is left are the waits that the policy asks for.
inline WorldOptions Instant(CoordinatorOptions coordinator = {}) {
  return {.coordinator = std::move(coordinator), .call_time = 0ms};
}

inline const Act kAnn{.author = "ann", .reason = "asked by the bank"};

}  // namespace troth::testing
