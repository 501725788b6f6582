// What a person may do to a transaction: when it is allowed, what it does, and that it is kept.
#include <algorithm>

#include "scene.h"

namespace troth::testing {
namespace {

const BranchKey kUndo1{"01", "compensate"};
const BranchKey kDo1{"01", "action"};

bool Kept(const TransactionRecord& record, std::string_view what) {
  return std::any_of(record.history.begin(), record.history.end(), [&](const HistoryRecord& one) {
    return one.what == what && one.author == kAnn.author && one.reason == kAnn.reason &&
           one.at != Time{};
  });
}

// A saga whose rollback is stuck at its first compensation.
Saga Stuck(World& world) {
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Answer(500).Always();
  Saga saga = Steps({"a"});
  saga.options.retry.park_after = 0;
  Submit(world, saga);
  world.RunUntilIdle();
  REQUIRE(Look(world, saga).parked == ReasonCode::kParkedRetries);
  return saga;
}

TEST_CASE("acts: cancel rolls an undecided saga back, and its reason says who and why") {
  World world(Instant());
  world.Branch(Do("b")).Ongoing().Always();
  const Saga saga = Steps({"a", "b", "c"});
  Submit(world, saga);
  world.Advance(15s);
  REQUIRE(world.coordinator().Cancel(saga.gid, kAnn).ok());
  CHECK(Look(world, saga).status == TransactionStatus::kAborting);  // durable when it answers
  const Outcome outcome = Wait(world, saga);
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(outcome.reason.code == ReasonCode::kCancelled);
  CHECK(outcome.reason.author == "ann");
  CHECK(outcome.reason.text == kAnn.reason);
  CHECK(Kept(Look(world, saga), "cancel"));
  CHECK(Called(world) == Names{"a/do", "b/do", "b/do", "b/undo", "a/undo"});
}

TEST_CASE("acts: a saga is neither prepared nor aborted by the application") {
  World world(Instant());
  world.Branch(Do("a")).Ongoing();
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  Message message{.gid = saga.gid, .query_prepared = Do("ask")};
  message.Add({.action = Do("a"), .payload = "{}"});
  Coordinator& coordinator = world.coordinator();
  for (int ended = 0; ended < 2; ++ended) {
    CHECK(coordinator.Prepare(message).status().code() == StatusCode::kAlreadyExists);
    CHECK(coordinator.SubmitPrepared(message).status().code() == StatusCode::kAlreadyExists);
    CHECK(coordinator.Abort(saga.gid, "no").code() == StatusCode::kFailedPrecondition);
    CHECK(Wait(world, saga).succeeded());
  }
  CHECK(Called(world) == Names{"a/do", "a/do"});
}

TEST_CASE("acts: cancel again is OK while it rolls back, and refused once it has ended") {
  World world(Instant());
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Answer(500).Times(2);
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(5s);
  CHECK(world.coordinator().Cancel(saga.gid, kAnn).ok());
  CHECK(Wait(world, saga).reason.code == ReasonCode::kActionFailed);  // the first one stands
  CHECK(world.coordinator().Cancel(saga.gid, kAnn).code() == StatusCode::kFailedPrecondition);
  const Saga done = Steps({"x"});
  CHECK(End(world, done).succeeded());
  CHECK(world.coordinator().Cancel(done.gid, kAnn).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("acts: cancel with a call in flight waits for nothing but that call's compensation") {
  World world(Instant());
  world.Branch(Do("a")).Succeed().Delay(2s);
  const Saga saga = Steps({"a", "b"});
  Submit(world, saga);
  world.Advance(1s);
  const Time begin = world.now();
  REQUIRE(world.coordinator().Cancel(saga.gid, kAnn).ok());
  CHECK(world.now() == begin);
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  CHECK((world.now() - begin) == 1s);
  CHECK(Called(world) == Names{"a/do", "a/undo"});
}

TEST_CASE("acts: the first of cancel and result wins, whichever is durable first") {
  World world({.commit_time = 10ms, .call_time = 0ms});
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(5ms);  // the action has succeeded, and that is being written
  const Status cancelled = world.coordinator().Cancel(saga.gid, kAnn);
  CHECK(cancelled.code() == StatusCode::kFailedPrecondition);
  CHECK(Wait(world, saga).succeeded());
  CHECK(world.Branch(Undo("a")).calls() == 0);
}

TEST_CASE("acts: retry now calls at once and resets the counts") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Times(6);
  Saga saga = Steps({"a"});
  saga.options.retry.limit = 3;
  Submit(world, saga);
  world.Advance(35s);
  CHECK(world.Branch(Do("a")).calls() == 3);
  const Time act = world.now();
  REQUIRE(world.coordinator().RetryNow(saga.gid, kAnn).ok());
  world.Advance(0ms);
  CHECK(world.Branch(Do("a")).calls() == 4);
  CHECK(world.Branch(Do("a")).recorded()[3].at == act);
  CHECK(Wait(world, saga).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) ==
        std::vector<int64_t>{0, 10'000, 30'000, 35'000, 45'000, 65'000, 105'000});
  CHECK(Kept(Look(world, saga), "retry now"));
}

TEST_CASE("acts: retry now wakes what is parked, and is refused once it has ended") {
  World world(Instant());
  const Saga saga = Stuck(world);
  REQUIRE(world.coordinator().RetryNow(saga.gid, kAnn).ok());
  world.RunUntilIdle();
  CHECK(world.Branch(Undo("a")).calls() == 2);
  CHECK(Look(world, saga).parked == ReasonCode::kParkedRetries);
  REQUIRE(world.coordinator().SkipBranch(saga.gid, kUndo1, kAnn).ok());
  Wait(world, saga);
  CHECK(world.coordinator().RetryNow(saga.gid, kAnn).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("acts: an edit changes URL, payload and headers for all later calls, and wakes") {
  World world(Instant());
  const Saga saga = Stuck(world);
  const BranchEdit edit{.url = "http://new/undo", .payload = "new", .headers = Headers{{"X", "1"}}};
  world.Branch("http://new/undo").Answer(500);
  REQUIRE(world.coordinator().EditBranch(saga.gid, kUndo1, edit, kAnn).ok());
  CHECK(Kept(Look(world, saga), "edit 01/compensate"));
  world.RunUntilIdle();
  REQUIRE(world.Reopen().ok());  // the edit is as durable as the rest
  REQUIRE(world.coordinator().RetryNow(saga.gid, kAnn).ok());
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  CHECK(world.Branch(Undo("a")).calls() == 1);
  const auto calls = world.Branch("http://new/undo").recorded();
  REQUIRE(calls.size() == 2);
  for (const RecordedCall& call : calls) {
    CHECK(call.payload == "new");
    CHECK(call.context.headers == Headers{{"X", "1"}});
    CHECK(call.context.op == "compensate");
  }
  CHECK(Look(world, saga, "01", "compensate").url == "http://new/undo");
}

TEST_CASE("acts: an edit of one thing leaves the others, and the other operation, as they were") {
  World world(Instant());
  const Saga saga = Stuck(world);
  REQUIRE(world.coordinator().EditBranch(saga.gid, kUndo1, {.url = "http://new/undo"}, kAnn).ok());
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  CHECK(world.calls().back().payload == saga.steps[0].payload);
  CHECK(Look(world, saga, "01", "action").url == Do("a"));
}

TEST_CASE("acts: an action that has no result yet can be edited too") {
  World world(Instant());
  world.Branch(Do("a")).Answer(404).Always();
  const Saga saga = Steps({"a", "b"});
  Submit(world, saga);
  world.Advance(1s);
  REQUIRE(world.coordinator().EditBranch(saga.gid, kDo1, {.url = "http://right/do"}, kAnn).ok());
  CHECK(Wait(world, saga).succeeded());
  CHECK(Called(world) == Names{"a/do", "right/do", "b/do"});
}

TEST_CASE("acts: what has had its result can't be edited, and nothing else changes") {
  World world(Instant());
  const Saga saga = Stuck(world);
  const BranchEdit edit{.payload = "new"};
  CHECK(world.coordinator().EditBranch(saga.gid, kDo1, edit, kAnn).code() ==
        StatusCode::kFailedPrecondition);
  CHECK(Look(world, saga).history.empty());
}

TEST_CASE("acts: an edit is checked as a submit is, and names the field") {
  World world(Instant());
  const Saga saga = Stuck(world);
  const auto message = [&](const BranchEdit& edit) {
    const Status status = world.coordinator().EditBranch(saga.gid, kUndo1, edit, kAnn);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    return status.message();
  };
  CHECK(message({}).starts_with("edit"));
  CHECK(message({.url = ""}).starts_with("edit.url"));
  CHECK(message({.url = "ftp://x/"}).starts_with("edit.url"));
  CHECK(message({.url = "http://x/\r\nHost: y"}).starts_with("edit.url"));
  CHECK(message({.payload = std::string((4u << 20) + 1, 'x')}).starts_with("edit.payload"));
  CHECK(message({.headers = Headers{{"X", "a\nb"}}}).starts_with("edit.headers[0].value"));
  CHECK(Look(world, saga).history.empty());
}

TEST_CASE("acts: a compensation can be skipped, and the outcome names it") {
  World world(Instant());
  const Saga saga = Stuck(world);
  REQUIRE(world.coordinator().SkipBranch(saga.gid, kUndo1, kAnn).ok());
  const Outcome outcome = Wait(world, saga);
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(outcome.skipped == Names{"01/compensate"});
  CHECK_FALSE(outcome.forced);
  CHECK(Kept(Look(world, saga), "skip 01/compensate"));
  CHECK(Look(world, saga, "01", "compensate").status == BranchStatus::kSkipped);
  CHECK(Look(world, saga).skipped == Names{"01/compensate"});
  REQUIRE(world.Reopen().ok());
  CHECK(Wait(world, saga).skipped == Names{"01/compensate"});
}

TEST_CASE("acts: an action can't be skipped, for it may fail") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Always();
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(1s);
  CHECK(world.coordinator().SkipBranch(saga.gid, kDo1, kAnn).code() ==
        StatusCode::kFailedPrecondition);
}

TEST_CASE("acts: edit and skip wait for a call in flight, and change nothing if that takes 5 s") {
  World world(Instant());
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Answer(500).Delay(4s).Answer(500).Delay(9s);
  Saga saga = Steps({"a"});
  saga.options.request_timeout = 20s;
  Submit(world, saga);
  world.Advance(1s);
  const Time begin = world.now();
  REQUIRE(world.coordinator().EditBranch(saga.gid, kUndo1, {.payload = "x"}, kAnn).ok());
  CHECK((world.now() - begin) == 3s);
  world.Advance(1s);
  REQUIRE(world.Branch(Undo("a")).calls() == 2);
  const Time second = world.now();
  const Status late = world.coordinator().SkipBranch(saga.gid, kUndo1, kAnn);
  CHECK(late.code() == StatusCode::kDeadlineExceeded);
  CHECK((world.now() - second) == 5s);
  CHECK(Look(world, saga).history.size() == 1);
  CHECK(Wait(world, saga).skipped.empty());
}

TEST_CASE("acts: an edit that waits behind a write gets its turn before the next call") {
  WorldOptions options;
  options.commit_time = 1200ms;
  options.call_time = 50ms;
  World world(options);
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Answer(500).Always();
  Saga saga = Steps({"a"});
  // A write is pending nearly always, and so is a call.
  saga.options.retry = {.first = 1ms, .factor = 1, .cap = 1ms};
  Submit(world, saga);
  for (int i = 0; i < 20; ++i) {
    world.Advance(milliseconds(3'000 + 13 * i));
    const Time begin = world.now();
    const Status edited = world.coordinator().EditBranch(saga.gid, kUndo1, {.payload = "x"}, kAnn);
    CHECK_MESSAGE(edited.ok(), edited);
    CHECK((world.now() - begin) <= 2'500ms);
  }
}

TEST_CASE("acts: stop ends at once as failed and forced, and names what is in doubt") {
  World world(Instant());
  world.Branch(Do("b")).Hang().Always();
  const Saga saga = Steps({"a", "b", "c"});
  Submit(world, saga);
  world.Advance(1s);
  const Time begin = world.now();
  REQUIRE(world.coordinator().Stop(saga.gid, kAnn).ok());
  CHECK(world.now() == begin);
  const Outcome outcome = Wait(world, saga);
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(outcome.forced);
  CHECK(outcome.reason.code == ReasonCode::kStopped);
  CHECK(outcome.reason.author == "ann");
  CHECK(outcome.in_doubt == Names{"01/compensate", "02/compensate", "02/action"});
  CHECK(Kept(Look(world, saga), "stop"));
  world.Advance(24h);
  CHECK(world.calls().size() == 2);  // nothing is called any more
}

TEST_CASE("acts: after a stop a late result goes to the history and changes nothing else") {
  World world(Instant());
  world.Branch(Do("a")).Succeed().Delay(2s);
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(1s);
  REQUIRE(world.coordinator().Stop(saga.gid, kAnn).ok());
  const BranchRecord before = Look(world, saga, "01", "action");
  const Names in_doubt = Look(world, saga).in_doubt;
  world.Advance(10s);
  const TransactionRecord after = Look(world, saga);
  CHECK(after.status == TransactionStatus::kFailed);
  CHECK(after.in_doubt == in_doubt);
  CHECK(Look(world, saga, "01", "action").status == before.status);
  REQUIRE(after.history.size() == 2);
  CHECK(after.history[1].what.find("01/action") != std::string::npos);
  CHECK(after.history[1].reason.find("success") != std::string::npos);
  CHECK(world.Branch(Undo("a")).calls() == 0);
}

TEST_CASE("acts: stop ends what is parked too, and is refused once it has ended") {
  World world(Instant());
  const Saga saga = Stuck(world);
  REQUIRE(world.coordinator().Stop(saga.gid, kAnn).ok());
  CHECK(Wait(world, saga).in_doubt == Names{"01/compensate"});
  CHECK(world.coordinator().Stop(saga.gid, kAnn).code() == StatusCode::kFailedPrecondition);
  CHECK(world.coordinator().List({.parked = true})->transactions.empty());
}

TEST_CASE("acts: an unknown gid or branch is not found, and an act without author is refused") {
  World world(Instant());
  const Saga saga = Stuck(world);
  Coordinator& coordinator = world.coordinator();
  const BranchEdit edit{.payload = "x"};
  CHECK(coordinator.Cancel("nobody", kAnn).code() == StatusCode::kNotFound);
  CHECK(coordinator.RetryNow("nobody", kAnn).code() == StatusCode::kNotFound);
  CHECK(coordinator.Stop("nobody", kAnn).code() == StatusCode::kNotFound);
  CHECK(coordinator.SkipBranch("nobody", kUndo1, kAnn).code() == StatusCode::kNotFound);
  CHECK(coordinator.EditBranch("nobody", kUndo1, edit, kAnn).code() == StatusCode::kNotFound);
  CHECK(coordinator.SkipBranch(saga.gid, {"02", "compensate"}, kAnn).code() ==
        StatusCode::kNotFound);
  CHECK(coordinator.EditBranch(saga.gid, {"01", "confirm"}, edit, kAnn).code() ==
        StatusCode::kNotFound);
  for (const Act& act : {Act{"", "why"}, Act{"ann", ""}, Act{"ann\n", "why"}}) {
    CHECK(coordinator.Cancel(saga.gid, act).code() == StatusCode::kInvalidArgument);
    CHECK(coordinator.RetryNow(saga.gid, act).code() == StatusCode::kInvalidArgument);
    CHECK(coordinator.Stop(saga.gid, act).code() == StatusCode::kInvalidArgument);
    CHECK(coordinator.SkipBranch(saga.gid, kUndo1, act).code() == StatusCode::kInvalidArgument);
    CHECK(coordinator.EditBranch(saga.gid, kUndo1, edit, act).code() ==
          StatusCode::kInvalidArgument);
  }
  CHECK(Look(world, saga).history.empty());
  CHECK(Look(world, saga).status == TransactionStatus::kAborting);
}

TEST_CASE("acts: they reach what is not in memory") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500);
  Saga saga = Steps({"a"});
  saga.options.retry = {.first = 5h, .cap = 5h};
  Submit(world, saga);
  world.Advance(1min);
  REQUIRE(world.coordinator().GetHealth().live == 0);
  SUBCASE("cancel") {
    REQUIRE(world.coordinator().Cancel(saga.gid, kAnn).ok());
    world.Advance(1s);
    CHECK(Look(world, saga).status == TransactionStatus::kFailed);
  }
  SUBCASE("retry now") {
    REQUIRE(world.coordinator().RetryNow(saga.gid, kAnn).ok());
    world.Advance(1s);
    CHECK(Look(world, saga).status == TransactionStatus::kSucceed);
  }
  SUBCASE("stop") {
    REQUIRE(world.coordinator().Stop(saga.gid, kAnn).ok());
    CHECK(Look(world, saga).forced);
  }
  SUBCASE("edit") {
    REQUIRE(world.coordinator().EditBranch(saga.gid, kDo1, {.payload = "x"}, kAnn).ok());
    world.Advance(1s);
    CHECK(world.calls().back().payload == "x");
  }
}

TEST_CASE("acts: paused, a coordinator accepts and calls nothing; resumed, it goes on") {
  World world(Instant());
  world.Branch(Do("a")).Succeed().Delay(1s);
  const Saga before = Steps({"a", "b"});
  Submit(world, before);
  world.Advance(500ms);
  REQUIRE(world.coordinator().Pause().ok());
  CHECK(world.coordinator().GetHealth().paused);
  const Saga during = Steps({"c"});
  Submit(world, during);
  world.Advance(1h);
  CHECK(Called(world) == Names{"a/do"});  // what was in flight has ended, nothing has begun
  CHECK(Look(world, before, "01", "action").status == BranchStatus::kSucceed);
  SUBCASE("resume") { REQUIRE(world.coordinator().Resume().ok()); }
  SUBCASE("a new life is not paused") { REQUIRE(world.Reopen().ok()); }
  CHECK_FALSE(world.coordinator().GetHealth().paused);
  CHECK(Wait(world, before).succeeded());
  CHECK(Wait(world, during).succeeded());
}

}  // namespace
}  // namespace troth::testing
