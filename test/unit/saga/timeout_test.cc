// request_timeout of a call, timeout_to_fail of a transaction.
#include "scene.h"

namespace troth::testing {
namespace {

TEST_CASE("timeout: a call without an answer ends after request_timeout, 3 s by default") {
  World world(Instant());
  world.Branch(Do("a")).Hang();
  const Saga saga = Steps({"a"});
  CHECK(End(world, saga).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == std::vector<int64_t>{0, 13'000});
  const Reason failure = *Look(world, saga, "01", "action").first_failure;
  CHECK(failure.code == ReasonCode::kCallTimeout);
  CHECK(failure.http_status == 0);
}

TEST_CASE("timeout: request_timeout is the step's, else the transaction's, else all") {
  World world(Instant({.defaults = {.request_timeout = 900ms}}));
  for (const char* name : {"a", "b", "c"}) world.Branch(Do(name)).Hang();
  Saga saga = Steps({"a", "b"});
  saga.options.request_timeout = 400ms;
  saga.steps[1].options.request_timeout = 70ms;
  CHECK(End(world, saga).succeeded());
  CHECK(End(world, Steps({"c"})).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == std::vector<int64_t>{0, 10'400});
  CHECK(Starts(world.Branch(Do("b"))) == std::vector<int64_t>{0, 10'070});
  CHECK(Starts(world.Branch(Do("c"))) == std::vector<int64_t>{0, 10'900});
}

TEST_CASE("timeout: an answer within request_timeout counts, one after it does not") {
  World world(Instant());
  world.Branch(Do("a")).Succeed().Delay(2'999ms);
  CHECK(End(world, Steps({"a"})).succeeded());
  CHECK(world.Branch(Do("a")).calls() == 1);
  int ran = 0;
  world.Branch(Do("b")).Succeed().Delay(3'001ms).Do([&](const BranchContext&, std::string_view) {
    ++ran;
    return BranchResult::Success();
  });
  CHECK(End(world, Steps({"b"})).succeeded());
  CHECK(world.Branch(Do("b")).calls() == 2);
  CHECK(ran == 2);  // the first one has run too, which is why branches need a barrier
}

TEST_CASE("timeout: timeout_to_fail rolls an undecided saga back, to the millisecond") {
  World world(Instant());
  world.Branch(Do("b")).Ongoing().Always();
  Saga saga = Steps({"a", "b", "c"});
  saga.timeout_to_fail = 25'500ms;
  const Time begin = world.now();
  Submit(world, saga);
  CHECK(Look(world, saga).deadline == begin + 25'500ms);
  const Outcome outcome = Wait(world, saga);
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(outcome.reason.code == ReasonCode::kTimeout);
  CHECK((outcome.reason.at - begin) == 25'500ms);
  CHECK((world.now() - begin) == 25'500ms);
  CHECK(Called(world) == Names{"a/do", "b/do", "b/do", "b/do", "b/undo", "a/undo"});
}

TEST_CASE("timeout: it decides at once with a call in flight, whose compensation waits for it") {
  World world(Instant());
  world.Branch(Do("b")).Succeed().Delay(2'500ms);
  Saga saga = Steps({"a", "b", "c"});
  saga.timeout_to_fail = 1s;
  const Time begin = world.now();
  Submit(world, saga);
  world.Advance(1'001ms);
  CHECK(Look(world, saga).status == TransactionStatus::kAborting);
  CHECK(Look(world, saga).reason.code == ReasonCode::kTimeout);
  const Outcome outcome = Wait(world, saga);
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(Called(world) == Names{"a/do", "b/do", "b/undo", "a/undo"});
  CHECK((world.calls()[2].at - begin) == 2'500ms);
}

TEST_CASE("timeout: a hanging call in flight holds its own compensation till its time-out only") {
  World world(Instant());
  world.Branch(Do("a")).Hang();
  Saga saga = Steps({"a", "b"});
  saga.concurrent = true;
  saga.timeout_to_fail = 1s;
  CHECK(End(world, saga).reason.code == ReasonCode::kTimeout);
  CHECK(Called(world) == Names{"a/do", "b/do", "b/undo", "a/undo"});
  CHECK((world.calls()[2].at - world.calls()[0].at) == 1s);
  CHECK((world.calls()[3].at - world.calls()[0].at) == 3'500ms);  // and the host's own back-off
}

TEST_CASE("timeout: a result that comes at the very moment of the deadline comes first") {
  World world(Instant());
  world.Branch(Do("a")).Succeed().Delay(1s);
  Saga saga = Steps({"a"});
  saga.timeout_to_fail = 1s;
  CHECK(End(world, saga).succeeded());
}

TEST_CASE("timeout: the deadline means nothing once the transaction is decided") {
  World world(Instant());
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Answer(500).Times(3);
  Saga saga = Steps({"a"});
  saga.timeout_to_fail = 15s;
  const Outcome outcome = End(world, saga);
  CHECK(outcome.reason.code == ReasonCode::kActionFailed);
}

TEST_CASE("timeout: a deadline that passed while the application was down decides at once") {
  World world(Instant());
  world.Branch(Do("b")).Ongoing().Always();
  Saga saga = Steps({"a", "b"});
  saga.timeout_to_fail = 1min;
  Submit(world, saga);
  world.Advance(1s);
  world.Crash();
  world.Advance(2h);
  REQUIRE(world.Reopen().ok());
  const Outcome outcome = Wait(world, saga);
  CHECK(outcome.reason.code == ReasonCode::kTimeout);
  CHECK(world.Branch(Do("b")).calls() == 1);
  CHECK(Called(world) == Names{"a/do", "b/do", "b/undo", "a/undo"});
}

TEST_CASE("timeout: without timeout_to_fail a saga never times out") {
  World world(Instant());
  world.Branch(Do("a")).Ongoing().Always();
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(24h * 60);
  CHECK(Look(world, saga).status == TransactionStatus::kSubmitted);
  CHECK_FALSE(Look(world, saga).deadline);
}

TEST_CASE("timeout: a call that a crash cut off counts for barrier_retention all the same") {
  World world(Instant({.barrier_retention = 1h}));
  world.Branch(Do("a")).Hang();
  Saga saga = Steps({"a"});
  saga.timeout_to_fail = 10min;
  Submit(world, saga);
  world.Advance(100ms);
  REQUIRE(world.calls().size() == 1);
  world.Crash();
  world.Advance(24h * 30);
  REQUIRE(world.Reopen().ok());
  world.Advance(10s);
  CHECK(Look(world, saga).parked == ReasonCode::kParkedBarrierExpired);
  CHECK(world.calls().size() == 1);
}

TEST_CASE("timeout: actions called longer ago than barrier_retention park what they owe") {
  World world(Instant({.barrier_retention = 1h}));
  const auto check_parked = [&](const Saga& saga, size_t calls) {
    world.Advance(3h);
    CHECK(Look(world, saga).parked == ReasonCode::kParkedBarrierExpired);
    CHECK(world.calls().size() == calls);
    const size_t effects = world.effects();
    world.Advance(3h);
    CHECK(world.calls().size() == calls);
    CHECK(world.effects() <= effects + 2);  // it rests: nothing is written again and again
  };
  SUBCASE("a compensation") {
    world.Branch(Do("a")).Fail("no");
    world.Branch(Undo("a")).Answer(500).Times(11);
    const Saga saga = Steps({"a"});
    Submit(world, saga);
    check_parked(saga, 1 + 11);
    REQUIRE(world.coordinator().RetryNow(saga.gid, kAnn).ok());
    CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  }
  SUBCASE("an action") {
    world.Branch(Do("a")).Ongoing().Times(361);
    const Saga saga = Steps({"a"});
    Submit(world, saga);
    check_parked(saga, 361);
    REQUIRE(world.coordinator().RetryNow(saga.gid, kAnn).ok());
    CHECK(Wait(world, saga).succeeded());
  }
  SUBCASE("an action with a step after it, which stays unmarked") {
    world.Branch(Do("a")).Ongoing().Times(361);
    const Saga saga = Steps({"a", "b"});
    Submit(world, saga);
    check_parked(saga, 361);
    REQUIRE(world.coordinator().Cancel(saga.gid, kAnn).ok());
    CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
    CHECK(world.Branch(Undo("b")).calls() == 0);
  }
}

}  // namespace
}  // namespace troth::testing
