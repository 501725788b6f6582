// Headers, and that every attempt carries the same bytes.
#include <algorithm>
#include <map>

#include "scene.h"

namespace troth::testing {
namespace {

std::string Value(const RecordedCall& call, std::string_view name) {
  std::string value;
  for (const Header& header : call.context.headers) {
    if (header.name == name) value += (value.empty() ? "" : "|") + header.value;
  }
  return value;
}

TEST_CASE("headers: the transaction's go with every call, the step's with both of its own") {
  World world;
  world.Branch(Do("b")).Fail("no");
  Saga saga = Steps({"a", "b"});
  saga.headers = {{"X-Tenant", "7"}};
  saga.steps[0].headers = {{"X-Step", "one"}};
  End(world, saga);
  REQUIRE(world.calls().size() == 4);
  for (const RecordedCall& call : world.calls()) {
    CHECK(Value(call, "X-Tenant") == "7");
    CHECK(Value(call, "X-Step") == (call.context.branch_id == "01" ? "one" : ""));
  }
}

TEST_CASE("headers: the step's win over the transaction's of the same name, without case") {
  World world;
  Saga saga = Steps({"a", "b"});
  saga.headers = {{"X-Tenant", "7"}, {"X-Other", "kept"}};
  saga.steps[0].headers = {{"x-tenant", "8"}};
  CHECK(End(world, saga).succeeded());
  const auto& calls = world.calls();
  CHECK(Value(calls[0], "X-Tenant").empty());
  CHECK(Value(calls[0], "x-tenant") == "8");
  CHECK(Value(calls[0], "X-Other") == "kept");
  CHECK(Value(calls[1], "X-Tenant") == "7");
}

TEST_CASE("headers: local functions see them in the context") {
  Headers seen;
  World world({.coordinator = {.local = {{"f", [&](const BranchContext& context, std::string_view,
                                                   std::stop_token) {
                                            seen = context.headers;
                                            return BranchResult::Success();
                                          }}}}});
  Saga saga;
  saga.Add({.action = "local:f", .compensate = {}, .payload = "x", .headers = {{"X-A", "1"}}});
  saga.headers = {{"X-B", "2"}};
  CHECK(End(world, saga).succeeded());
  CHECK(seen.size() == 2);
}

TEST_CASE("headers: every attempt of a call is the same to the byte, across crashes too") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).RunButLoseReply().Ongoing().Hang().Refuse().Answer(500);
  world.Branch(Do("b")).Fail("no");
  world.Branch(Undo("a")).Answer(500).Times(5);
  Saga saga = Steps({"a", "b"});
  saga.headers = {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}};
  saga.steps[0].payload = std::string("\x01\x00\xff{}", 5);
  saga.steps[0].headers = {{"Content-Type", "application/octet-stream"}};
  Submit(world, saga);
  for (int i = 0; i < 10; ++i) {
    world.Advance(11s);
    REQUIRE(world.Reopen().ok());
  }
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  std::map<std::string, RecordedCall> first;
  for (const RecordedCall& call : world.calls()) {
    const RecordedCall& same = first.try_emplace(call.url, call).first->second;
    CHECK(call.payload == same.payload);
    CHECK(call.context.headers == same.context.headers);
    CHECK(call.context.branch_id == same.context.branch_id);
    CHECK(call.context.op == same.context.op);
  }
  CHECK(world.Branch(Do("a")).calls() >= 7);
  CHECK(world.Branch(Undo("a")).calls() >= 6);
}

}  // namespace
}  // namespace troth::testing
