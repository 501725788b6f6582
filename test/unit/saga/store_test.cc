// What a store that fails does to sagas: nothing is lost, nothing runs twice, all go on by
// themselves.
#include <algorithm>

#include "scene.h"

namespace troth::testing {
namespace {

const Status kFull{StatusCode::kResourceExhausted, "the disk is full"};

TEST_CASE("store: a submit whose commit fails is refused with what the store says, and not there") {
  World world(Instant());
  world.FailCommits(1, kFull);
  const Saga saga = Steps({"a"});
  const Status status = world.coordinator().Submit(saga).status();
  CHECK(status.code() == StatusCode::kResourceExhausted);
  CHECK(world.coordinator().Query(saga.gid).status().code() == StatusCode::kNotFound);
  world.RunUntilIdle();
  CHECK(world.calls().empty());
  CHECK(End(world, saga).succeeded());
}

TEST_CASE("store: while it fails calls go on as far as is durable, and it resumes by itself") {
  std::vector<EventKind> events;
  World world(Instant({.on_event = [&](const Event& event) {
    if (event.kind != EventKind::kCallEnded) events.push_back(event.kind);
  }}));
  world.Branch(Do("a")).Succeed().Delay(1s);
  const Saga saga = Steps({"a", "b", "c"});
  Submit(world, saga);
  world.FailCommits(20, kFull);
  world.Advance(3s);
  CHECK(world.Branch(Do("b")).calls() == 1);  // was marked ahead
  CHECK(world.Branch(Do("c")).calls() == 0);
  CHECK(world.coordinator().GetHealth().store_problem == "the disk is full");
  CHECK(Wait(world, saga).succeeded());
  world.RunUntilIdle();
  CHECK(world.coordinator().GetHealth().store_problem.empty());
  CHECK(std::count(events.begin(), events.end(), EventKind::kStoreTrouble) == 1);
  CHECK(std::count(events.begin(), events.end(), EventKind::kStoreRecovered) == 1);
  CHECK(Called(world) == Names{"a/do", "b/do", "c/do"});
}

TEST_CASE("store: while it fails no deadline decides, and afterwards the first decision stands") {
  World world(Instant());
  world.Branch(Do("a")).Ongoing().Always();
  Saga saga = Steps({"a"});
  saga.timeout_to_fail = 15s;
  Submit(world, saga);
  world.Advance(5s);
  world.FailCommits(8, kFull);  // the last one at 21.3 s
  world.Advance(11s);
  CHECK(Look(world, saga).status == TransactionStatus::kSubmitted);
  CHECK(world.Branch(Undo("a")).calls() == 0);
  CHECK(Wait(world, saga).reason.code == ReasonCode::kTimeout);
}

TEST_CASE("store: a cancel whose commit fails is answered when it is durable, or by patience") {
  World world(Instant({.patience = 2s}));
  world.Branch(Do("a")).Ongoing().Always();
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(1s);
  SUBCASE("durable in time") {
    world.FailCommits(2, kFull);
    CHECK(world.coordinator().Cancel(saga.gid, kAnn).ok());
    CHECK(Look(world, saga).status == TransactionStatus::kAborting);
  }
  SUBCASE("not in time") {
    world.FailCommits(30, kFull);
    const Time begin = world.now();
    CHECK(world.coordinator().Cancel(saga.gid, kAnn).code() == StatusCode::kUnavailable);
    CHECK((world.now() - begin) == 2s);
    CHECK(Look(world, saga).status == TransactionStatus::kSubmitted);
  }
  CHECK(Wait(world, saga).reason.code == ReasonCode::kCancelled);
}

TEST_CASE("store: an unknown commit of a submit answers the truth once that is known") {
  for (const bool committed : {true, false}) {
    CAPTURE(committed);
    World world(Instant());
    world.MakeCommitUnknown(1, committed);
    const Saga saga = Steps({"a"});
    const Result<Accepted> accepted = world.coordinator().Submit(saga);
    const bool stored = world.coordinator().Query(saga.gid).ok();
    CHECK(stored == committed);
    CHECK(accepted.ok() == committed);
    if (!committed) CHECK(accepted.status().code() == StatusCode::kResourceExhausted);
    CHECK(End(world, saga).succeeded());
    CHECK(world.calls().size() == 1);
  }
}

TEST_CASE("store: nothing of a transaction is decided or answered while a commit is unknown") {
  World world({.coordinator = {}, .commit_time = 5ms, .call_time = 0ms});
  world.Branch(Do("a")).Fail("no").Delay(100ms);
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.MakeCommitUnknown(1, true);
  world.Advance(110ms);
  CHECK(world.Branch(Undo("a")).calls() == 0);  // the rollback is with a store that can't tell
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  CHECK(world.Branch(Undo("a")).calls() == 1);
}

TEST_CASE("store: an act whose commit is unknown is carried out once, whatever the truth is") {
  for (const bool committed : {true, false}) {
    CAPTURE(committed);
    World world(Instant());
    world.Branch(Do("a")).Ongoing().Always();
    const Saga saga = Steps({"a"});
    Submit(world, saga);
    world.Advance(1s);
    world.MakeCommitUnknown(1, committed);
    CHECK(world.coordinator().Cancel(saga.gid, kAnn).ok());
    CHECK(Look(world, saga).status == TransactionStatus::kAborting);
    CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
    CHECK(Look(world, saga).history.size() == 1);
    CHECK(world.Branch(Undo("a")).calls() == 1);
  }
}

TEST_CASE("store: a slow store delays, and changes no order") {
  World world({.coordinator = {}, .commit_time = 700ms, .call_time = 10ms});
  world.Branch(Do("c")).Fail("no");
  CHECK(End(world, Steps({"a", "b", "c", "d"})).status == TransactionStatus::kFailed);
  CHECK(Called(world) == Names{"a/do", "b/do", "c/do", "c/undo", "b/undo", "a/undo"});
}

}  // namespace
}  // namespace troth::testing
