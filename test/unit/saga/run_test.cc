// What runs, in which order, and what is undone.
#include <algorithm>
#include <map>

#include "scene.h"

namespace troth::testing {
namespace {

TEST_CASE("saga: every action runs once, in order, and nothing is compensated") {
  World world;
  const Saga saga = Steps({"a", "b", "c"});
  const Outcome outcome = End(world, saga);
  CHECK(outcome.succeeded());
  CHECK(outcome.gid == saga.gid);
  CHECK(outcome.reason.code == ReasonCode::kNone);
  CHECK_FALSE(outcome.forced);
  CHECK(Called(world) == Names{"a/do", "b/do", "c/do"});
  REQUIRE(outcome.branches.size() == 6);
  for (const BranchRecord& branch : outcome.branches) {
    const bool action = branch.op == "action";
    CHECK(branch.status == (action ? BranchStatus::kSucceed : BranchStatus::kPrepared));
    CHECK(branch.attempts == (action ? 1 : 0));
  }
}

TEST_CASE("saga: each call carries gid, mode, branch and operation, and the step's payload") {
  World world;
  Saga saga = Steps({"a", "b"});
  saga.steps[0].payload = std::string("\0any bytes\xff", 11);
  saga.steps[1].payload = "";
  world.Branch(Do("b")).Fail("no");
  End(world, saga);
  REQUIRE(world.calls().size() == 4);
  const Names ids{"01", "02", "02", "01"};
  const Names ops{"action", "action", "compensate", "compensate"};
  for (size_t i = 0; i < 4; ++i) {
    const RecordedCall& call = world.calls()[i];
    CHECK(call.context.gid == saga.gid);
    CHECK(call.context.trans_type == "saga");
    CHECK(call.context.branch_id == ids[i]);
    CHECK(call.context.op == ops[i]);
    CHECK(call.payload == saga.steps[ids[i] == "01" ? 0 : 1].payload);
    CHECK(call.method == (call.payload.empty() ? "GET" : "POST"));
  }
}

TEST_CASE("saga: a failure at any step compensates it and all before it, in reverse") {
  const Names names{"a", "b", "c", "d"};
  for (size_t failing = 0; failing < names.size(); ++failing) {
    CAPTURE(failing);
    World world;
    world.Branch(Do(names[failing])).Fail("no money");
    const Outcome outcome = End(world, Steps(names));
    CHECK(outcome.status == TransactionStatus::kFailed);
    Names expected;
    for (size_t i = 0; i <= failing; ++i) expected.push_back(names[i] + "/do");
    for (size_t i = failing + 1; i-- > 0;) expected.push_back(names[i] + "/undo");
    CHECK(Called(world) == expected);
  }
}

TEST_CASE("saga: a compensation starts only after the one before it has succeeded") {
  World world(Instant());
  world.Branch(Do("c")).Fail("no");
  world.Branch(Undo("b")).Answer(500).Times(2);
  const Outcome outcome = End(world, Steps({"a", "b", "c"}));
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(Called(world) ==
        Names{"a/do", "b/do", "c/do", "c/undo", "b/undo", "b/undo", "b/undo", "a/undo"});
  CHECK(Starts(world.Branch(Undo("b"))) == std::vector<int64_t>{0, 10'000, 30'000});
}

TEST_CASE("saga: the status is aborting while compensations are owed, and failed after them") {
  World world;
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Hang();
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(1s);
  CHECK(Look(world, saga).status == TransactionStatus::kAborting);
  CHECK_FALSE(Look(world, saga).finished);
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  CHECK(Look(world, saga).status == TransactionStatus::kFailed);
  CHECK(Look(world, saga).finished);
}

TEST_CASE("saga: a failure from a compensation is retried like any unknown result") {
  World world(Instant());
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Fail("I would rather not").Times(2);
  const Saga saga = Steps({"a"});
  const Outcome outcome = End(world, saga);
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(Starts(world.Branch(Undo("a"))) == std::vector<int64_t>{0, 10'000, 30'000});
  CHECK(outcome.branches[0].first_failure->code == ReasonCode::kFailureNotAllowed);
}

TEST_CASE("saga: the steps of a concurrent one start together") {
  World world;
  for (const char* name : {"a", "b", "c"}) world.Branch(Do(name)).Succeed().Delay(1s);
  Saga saga = Steps({"a", "b", "c"});
  saga.concurrent = true;
  const Time begin = world.now();
  CHECK(End(world, saga).succeeded());
  CHECK((world.now() - begin) < 1100ms);
  for (const RecordedCall& call : world.calls()) CHECK(call.at == begin);
}

TEST_CASE("saga: one ongoing step of a concurrent one holds up no other") {
  World world;
  world.Branch(Do("a")).Ongoing().Times(3);
  Saga saga = Steps({"a", "b"});
  saga.concurrent = true;
  Submit(world, saga);
  world.Advance(1s);
  CHECK(Called(world) == Names{"a/do", "b/do"});
  CHECK(Wait(world, saga).succeeded());
}

Saga Diamond() {
  Saga saga = Steps({"top", "left", "right", "bottom"});
  saga.concurrent = true;
  saga.orders = {{1, {0}}, {2, {0}}, {3, {1, 2}}};
  return saga;
}

TEST_CASE("saga: with orders a step starts when all that it waits for have succeeded") {
  World world;
  world.Branch(Do("left")).Succeed().Delay(100ms);
  world.Branch(Do("right")).Succeed().Delay(900ms);
  CHECK(End(world, Diamond()).succeeded());
  CHECK(Called(world) == Names{"top/do", "left/do", "right/do", "bottom/do"});
  const auto& calls = world.calls();
  CHECK(calls[1].at == calls[2].at);
  CHECK((calls[3].at - calls[2].at) == 900ms);
}

TEST_CASE("saga: with orders a compensation waits for those of all that depend on its step") {
  World world;
  world.Branch(Do("bottom")).Fail("no");
  world.Branch(Undo("left")).Succeed().Delay(100ms);
  world.Branch(Undo("right")).Succeed().Delay(900ms);
  CHECK(End(world, Diamond()).status == TransactionStatus::kFailed);
  CHECK(Called(world) == Names{"top/do", "left/do", "right/do", "bottom/do", "bottom/undo",
                               "left/undo", "right/undo", "top/undo"});
  CHECK((world.calls()[7].at - world.calls()[6].at) == 900ms);
}

TEST_CASE("saga: a step that never started is not compensated") {
  World world;
  world.Branch(Do("top")).Fail("no");
  CHECK(End(world, Diamond()).status == TransactionStatus::kFailed);
  CHECK(Called(world) == Names{"top/do", "top/undo"});
}

TEST_CASE("saga: the compensation of a step whose action is in flight waits for its end") {
  World world;
  world.Branch(Do("fast")).Fail("no");
  world.Branch(Do("slow")).Succeed().Delay(2s);
  Saga saga = Steps({"fast", "slow"});
  saga.concurrent = true;
  CHECK(End(world, saga).status == TransactionStatus::kFailed);
  CHECK(Called(world) == Names{"fast/do", "slow/do", "fast/undo", "slow/undo"});
  CHECK((world.calls()[2].at - world.calls()[0].at) < 10ms);  // others do not wait for it
  CHECK((world.calls()[3].at - world.calls()[1].at) == 2s);
}

TEST_CASE("saga: once a failure is known no further action and no retry of one starts") {
  World world(Instant());
  world.Branch(Do("failing")).Fail("no").Delay(5s);
  world.Branch(Do("flaky")).Answer(500).Always();
  Saga saga = Steps({"failing", "flaky", "after"});
  saga.concurrent = true;
  saga.orders = {{2, {1}}};
  saga.options.request_timeout = 10s;
  CHECK(End(world, saga).status == TransactionStatus::kFailed);
  world.Advance(1h);
  CHECK(world.Branch(Do("flaky")).calls() == 1);
  CHECK(world.Branch(Do("after")).calls() == 0);
  CHECK(world.Branch(Undo("after")).calls() == 0);
}

TEST_CASE("saga: an empty URL is done at once, without a call") {
  World world;
  Saga saga;
  saga.Add({.action = "", .compensate = "", .payload = "{}"});
  saga.Add({.action = Do("b"), .compensate = "", .payload = "{}"});
  saga.Add({.action = "", .compensate = Undo("c"), .payload = "{}"});
  SUBCASE("all goes well") {
    CHECK(End(world, saga).succeeded());
    CHECK(Called(world) == Names{"b/do"});
  }
  SUBCASE("rolled back: what is done is undone, where there is something to call") {
    saga.Add(Step("d"));
    world.Branch(Do("d")).Fail("no");
    CHECK(End(world, saga).status == TransactionStatus::kFailed);
    CHECK(Called(world) == Names{"b/do", "d/do", "d/undo", "c/undo"});
  }
  SUBCASE("nothing but empty ones") {
    Saga empty;
    empty.Add({});
    empty.Add({});
    CHECK(End(world, empty).succeeded());
    CHECK(world.calls().empty());
  }
}

TEST_CASE("saga: a thousand steps, one after another, and back") {
  World world;
  Names names;
  for (int i = 0; i < 1000; ++i) names.push_back("s" + std::to_string(i));
  Saga saga = Steps(names);
  SUBCASE("to the end") {
    CHECK(End(world, saga).succeeded());
    REQUIRE(world.calls().size() == 1000);
    CHECK(world.calls()[999].url == Do("s999"));
    CHECK(world.calls()[999].context.branch_id == "1000");
  }
  SUBCASE("the last one fails") {
    world.Branch(Do("s999")).Fail("no");
    CHECK(End(world, saga).status == TransactionStatus::kFailed);
    REQUIRE(world.calls().size() == 2000);
    CHECK(world.calls()[1000].url == Undo("s999"));
    CHECK(world.calls()[1999].url == Undo("s0"));
  }
}

TEST_CASE("saga: a thousand concurrent steps keep to the cap of calls in flight per host") {
  World world({.coordinator = {.limits = {.calls_per_host = 100}}, .call_time = 10ms});
  Saga saga;
  for (int i = 0; i < 1000; ++i) {
    saga.Add({.action = "http://one/do/" + std::to_string(i), .compensate = {}, .payload = "{}"});
  }
  saga.concurrent = true;
  CHECK(End(world, saga).succeeded());
  std::map<Time, size_t> started;
  for (const RecordedCall& call : world.calls()) ++started[call.at];
  CHECK(started.size() == 10);
  for (const auto& [at, count] : started) CHECK(count == 100);
}

TEST_CASE("saga: the cap of all calls in flight holds across hosts") {
  World world({.coordinator = {.limits = {.calls = 3}}, .call_time = 10ms});
  std::vector<Saga> sagas;
  for (int i = 0; i < 9; ++i) {
    sagas.push_back(Steps({"h" + std::to_string(i)}));
    Submit(world, sagas.back());
  }
  for (const Saga& saga : sagas) CHECK(Wait(world, saga).succeeded());
  std::map<Time, size_t> started;
  for (const RecordedCall& call : world.calls()) ++started[call.at];
  for (const auto& [at, count] : started) CHECK(count <= 3);
  CHECK(world.calls().size() == 9);
}

}  // namespace
}  // namespace troth::testing
