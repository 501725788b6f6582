// What BranchContext::FromQuery makes of a query.
#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <string>

#include "troth/branch.h"

namespace troth {
namespace {

using Query = std::map<std::string, std::string, std::less<>>;

Result<BranchContext> Read(const Query& query) {
  return BranchContext::FromQuery([&](std::string_view name) -> std::optional<std::string> {
    const auto at = query.find(name);
    return at == query.end() ? std::nullopt : std::optional(at->second);
  });
}

Query Whole() {
  return {{"gid", "g 1"}, {"trans_type", "saga"}, {"branch_id", "0102"}, {"op", "action"}};
}

// The message of the refusal when `name` has `value`.
std::string Refusal(const std::string& name, const std::string& value) {
  Query query = Whole();
  query[name] = value;
  const Result<BranchContext> context = Read(query);
  REQUIRE_FALSE(context.ok());
  CHECK(context.status().code() == StatusCode::kInvalidArgument);
  return context.status().message();
}

}  // namespace

TEST_CASE("a query with the four parameters is read as it stands") {
  const Result<BranchContext> context = Read(Whole());
  REQUIRE(context.ok());
  CHECK(context->gid == "g 1");
  CHECK(context->trans_type == "saga");
  CHECK(context->branch_id == "0102");
  CHECK(context->op == "action");
  CHECK(context->coordinator.empty());
  CHECK(context->phase2_url.empty());
  CHECK(context->headers.empty());
}

TEST_CASE("the coordinator's address and the second phase's URL are read where they are given") {
  Query query = Whole();
  query["dtm"] = "http://tm:36789/api/dtmsvr";
  query["phase2_url"] = "http://bank/xa?a=" + std::string(1000, 'x');
  const Result<BranchContext> context = Read(query);
  REQUIRE(context.ok());
  CHECK(context->coordinator == query["dtm"]);
  CHECK(context->phase2_url == query["phase2_url"]);
}

TEST_CASE("each required parameter is named when it is missing or empty") {
  for (const std::string name : {"gid", "trans_type", "branch_id", "op"}) {
    CAPTURE(name);
    Query query = Whole();
    query.erase(name);
    const Result<BranchContext> context = Read(query);
    REQUIRE_FALSE(context.ok());
    CHECK(context.status().code() == StatusCode::kInvalidArgument);
    CHECK(context.status().message() == "query parameter " + name + ": missing");
    CHECK(Refusal(name, "") == "query parameter " + name + ": missing");
  }
}

TEST_CASE("a parameter that is too long or has control characters is named") {
  for (const std::string name : {"gid", "trans_type", "branch_id", "op"}) {
    CAPTURE(name);
    CHECK(Refusal(name, std::string(129, 'x')) ==
          "query parameter " + name + ": longer than 128 bytes");
    CHECK(Refusal(name, "a\r\nb") == "query parameter " + name + ": has control characters");
    Query query = Whole();
    query[name] = std::string(128, 'x');
    CHECK(Read(query).ok());
  }
  for (const std::string name : {"dtm", "phase2_url"}) {
    CAPTURE(name);
    CHECK(Refusal(name, std::string(4097, 'x')) ==
          "query parameter " + name + ": longer than 4096 bytes");
    CHECK(Refusal(name, std::string("a\0b", 3)) ==
          "query parameter " + name + ": has control characters");
  }
}

TEST_CASE("a call without op but with branch_type is read as older SDKs mean it") {
  Query query = Whole();
  query.erase("op");
  query["branch_type"] = "try";
  CHECK(Read(query).value().op == "try");
  query["op"] = "confirm";
  CHECK(Read(query).value().op == "confirm");
  query["op"] = "";
  query["branch_type"] = "a\nb";
  CHECK(Read(query).status().message() == "query parameter branch_type: has control characters");
}

TEST_CASE("an exception of the getter, and no getter at all, are answered and not passed on") {
  const Result<BranchContext> thrown = BranchContext::FromQuery(
      [](std::string_view) -> std::optional<std::string> { throw std::runtime_error("torn"); });
  CHECK(thrown.status() == Status(StatusCode::kUnknown, "reading the query: torn"));
  const Result<BranchContext> odd =
      BranchContext::FromQuery([](std::string_view) -> std::optional<std::string> { throw 7; });
  CHECK(odd.status().code() == StatusCode::kUnknown);
  CHECK(BranchContext::FromQuery(nullptr).status().code() == StatusCode::kUnknown);
}

}  // namespace troth
