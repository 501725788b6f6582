// What results and acts do to a value, without an engine (R11–R13, R17–R19, R22, R23).
#include <doctest/doctest.h>

#include <memory>

#include "desk.h"
#include "engine/acts.h"
#include "engine/results.h"

namespace troth::internal {
namespace {

struct Zeros : Random {
  uint64_t Next() override { return 0; }
};

const Act kAct{"ann", "why"};

GlobalTransaction Saga(const Definition& definition = SagaOf(2)) {
  auto t = NewTransaction("g", std::make_shared<const Definition>(definition), kStart);
  t.branches[1].started = Started::kYes;
  return t;
}

void Call(GlobalTransaction& t, uint16_t branch, CallEnded how, Time now = kStart) {
  Zeros random;
  const bool before = t.branches[branch].called;
  RecordStart(t, branch, 9, now);
  how.id = 9;
  RecordResult(t, branch, how, before, now, random);
}

TEST_CASE("results: success and failure of an action are its end") {
  GlobalTransaction t = Saga();
  Call(t, 1, Success());
  CHECK(t.branches[1].state == BranchState::kDone);
  CHECK(t.first_action == kStart);
  Call(t, 3, Failure());
  CHECK(t.branches[3].state == BranchState::kFailed);
  REQUIRE(t.branches[3].failures.size() == 1);
  CHECK(t.branches[3].failures[0].text == "no money");
  CHECK(t.branches[3].failures[0].attempt == 1);
}

TEST_CASE("results: a compensation can't fail, it is tried again") {
  GlobalTransaction t = Saga();
  Call(t, 0, Failure());
  CHECK(t.branches[0].state == BranchState::kWaiting);
  CHECK(t.branches[0].unknowns == 1);
  CHECK(t.branches[0].failures.at(0).code == ReasonCode::kFailureNotAllowed);
}

TEST_CASE("results: the wait after an unknown result grows by its factor up to the cap") {
  GlobalTransaction t = Saga();
  Time now = kStart;
  for (const int64_t wait : {10, 20, 40, 80, 160, 320, 600, 600}) {
    Call(t, 1, Unknown(), now);
    CHECK(t.branches[1].next == now + Milliseconds{wait * 1000});
    now = t.branches[1].next;
  }
  CHECK(t.branches[1].unknowns == 8);
  CHECK(t.branches[1].calls == 8);
  // The first failure is kept, and the newest three.
  REQUIRE(t.branches[1].failures.size() == 4);
  CHECK(t.branches[1].failures[0].attempt == 1);
  CHECK(t.branches[1].failures[1].attempt == 6);
}

TEST_CASE("results: ongoing waits the base interval, starts the back-off over and never counts") {
  GlobalTransaction t = Saga();
  Call(t, 1, Unknown());
  Call(t, 1, Unknown());
  Call(t, 1, Ongoing());
  CHECK(t.branches[1].next == kStart + 10_sec);
  CHECK(t.branches[1].unknowns == 2);
  Call(t, 1, Unknown());
  CHECK(t.branches[1].next == kStart + 10_sec);
}

TEST_CASE("results: a call of which nothing was sent has not been made") {
  GlobalTransaction t = Saga();
  Call(t, 1, NotSent());
  CHECK_FALSE(t.branches[1].called);
  CHECK(t.branches[1].calls == 0);
  CHECK(t.branches[1].unknowns == 0);
  CHECK(t.branches[1].first_call == Time{});
  // Refused connections count against the limit, and nothing has run.
  Call(t, 1, HostDown());
  CHECK_FALSE(t.branches[1].called);
  CHECK(t.branches[1].unknowns == 1);
  // But what an earlier call may have done stays.
  Call(t, 1, Unknown());
  Call(t, 1, HostDown());
  CHECK(t.branches[1].called);
}

TEST_CASE("results: jitter is drawn when the result is recorded") {
  Definition definition = SagaOf(1);
  definition.policies[0].jitter = true;
  GlobalTransaction t = Saga(definition);
  Call(t, 1, Unknown());
  CHECK(t.branches[1].next == kStart);
  CHECK(t.branches[1].interval == 10_sec);
}

TEST_CASE("loads: a retry too far ahead is moved to its interval, a past one stays") {
  GlobalTransaction t = Saga();
  t.branches[1].interval = 20_sec;
  t.branches[1].next = kStart + std::chrono::hours(5);
  t.branches[3].next = kStart - 5_sec;
  CHECK(RecordLoad(t, false, kStart));
  CHECK(t.branches[1].next == kStart + 20_sec);
  CHECK(t.branches[3].next == kStart - 5_sec);
  CHECK_FALSE(RecordLoad(t, false, kStart));
}

TEST_CASE("loads: first calls that lie in the future count from now on") {
  GlobalTransaction t = Saga();
  t.first_action = t.branches[1].first_call = kStart + std::chrono::hours(5);
  CHECK(RecordLoad(t, false, kStart));
  CHECK(t.first_action == kStart);
  CHECK(t.branches[1].first_call == kStart);
}

TEST_CASE("acts: retry and edit make what waits as if it had never been tried") {
  for (const bool edit : {false, true}) {
    GlobalTransaction t = Saga();
    Call(t, 1, Unknown());
    const ActResult result =
        edit ? ApplyEdit(t, 1, {.payload = "new"}, kAct, kStart) : ApplyRetry(t, kAct, kStart);
    CHECK(result.changed);
    CHECK(t.branches[1].unknowns == 0);
    CHECK(t.branches[1].next == Time{});
    CHECK(t.branches[1].interval == 0_ms);
    CHECK(t.branches[1].called);  // it may have run all the same
    CHECK(t.branches[1].calls == 1);
    REQUIRE(t.history.size() == 1);
    CHECK(t.history[0].author == "ann");
  }
}

TEST_CASE("acts: an edit changes what it names, and its part is new each time") {
  GlobalTransaction t = Saga();
  CHECK(ApplyEdit(t, 1, {.url = "http://new.example/"}, kAct, kStart).changed);
  CHECK(t.UrlOf(1) == "http://new.example/");
  CHECK(t.PayloadOf(1) == "{}");
  CHECK(ApplyEdit(t, 1, {.payload = "x"}, kAct, kStart).changed);
  CHECK(t.UrlOf(1) == "http://new.example/");
  CHECK(t.PayloadOf(1) == "x");
  CHECK(t.edit_parts.at(1) == 2);
  CHECK(t.parts == 3);
  Call(t, 1, Success());
  CHECK(ApplyEdit(t, 1, {.payload = "y"}, kAct, kStart).status.code() ==
        StatusCode::kFailedPrecondition);
}

TEST_CASE("acts: a restored transaction goes on after any of them, and barrier time starts anew") {
  GlobalTransaction t = Saga();
  t.restored = true;
  t.first_action = kStart - std::chrono::hours(5'000);
  CHECK(ApplyRetry(t, kAct, kStart).changed);
  CHECK_FALSE(t.restored);
  CHECK(t.first_action == kStart);
}

TEST_CASE("acts: nothing is done to what has ended") {
  GlobalTransaction t = Saga();
  CHECK(ApplyStop(t, kAct, false, kStart).changed);
  CHECK(t.forced);
  CHECK(t.finished == kStart);
  const BranchKey key{"01", "compensate"};
  for (const ActResult& result :
       {ApplyStop(t, kAct, true, kStart), ApplyCancel(t, kAct, kStart), ApplyRetry(t, kAct, kStart),
        ApplyEdit(t, 0, {}, kAct, kStart), ApplySkip(t, 0, kAct, kStart)}) {
    CHECK_FALSE(result.changed);
    CHECK(result.status.code() == StatusCode::kFailedPrecondition);
  }
  CHECK(t.history.size() == 1);
}

TEST_CASE("acts: a force stop names what is in doubt, and nothing else") {
  GlobalTransaction t = Saga(SagaOf(4));
  t.outcome = Decision::kRollback;
  Call(t, 1, Success());
  Call(t, 3, Unknown());
  Call(t, 5, Failure());
  Call(t, 4, Success());  // the compensation of step 3
  ApplyStop(t, kAct, false, kStart);
  CHECK(t.in_doubt == std::vector<std::string>{"01/compensate", "02/compensate", "02/action"});
}

}  // namespace
}  // namespace troth::internal
