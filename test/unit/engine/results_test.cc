// What each result of a call does to each operation, in time, after the decision and after the end
// (R8, R11, R12, R18): the whole table.
#include "engine/results.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/text.h"
#include "desk.h"
#include "engine/acts.h"

namespace troth::internal {
namespace {

using Kind = CallEnded::Kind;

struct Zeros : Random {
  uint64_t Next() override { return 0; }
};

CallEnded Lost() { return {.kind = Kind::kLost, .code = ReasonCode::kNoAnswer, .text = "reset"}; }
CallEnded TimedOut() { return {.kind = Kind::kLost, .code = ReasonCode::kCallTimeout}; }
CallEnded NotCallable() { return {.kind = Kind::kNotSent, .code = ReasonCode::kNotCallable}; }

struct Operation {
  Mode mode;
  Op op;
  Decision outcome;  // under which it is called
  bool may_fail;
  const char* failure;  // the rule that a failure meets
};

const Operation kOperations[] = {
    {Mode::kSaga, Op::kForward, Decision::kUndecided, true,
     "409 from action: the transaction rolls"},
    {Mode::kSaga, Op::kRollback, Decision::kRollback, false,
     "409 from compensate: a compensation may not fail"},
    {Mode::kTcc, Op::kCommit, Decision::kCommit, false,
     "409 from confirm: a phase-two branch may not fail"},
    {Mode::kTcc, Op::kRollback, Decision::kRollback, false,
     "409 from cancel: a phase-two branch may not fail"},
    {Mode::kXa, Op::kCommit, Decision::kCommit, false,
     "409 from commit: a phase-two branch may not fail"},
    {Mode::kXa, Op::kRollback, Decision::kRollback, false,
     "409 from rollback: a phase-two branch may not fail"},
    {Mode::kMessage, Op::kForward, Decision::kCommit, false,
     "409 from action: a message's action may not fail"},
    {Mode::kMessage, Op::kCheckBack, Decision::kUndecided, true,
     "409 from msg: the message was never committed"},
};

// One step, with that operation in flight.
GlobalTransaction InFlight(const Operation& operation) {
  Definition definition = SagaOf(1);
  definition.mode = operation.mode;
  definition.steps[0].commit = "http://bank.example/yes";
  if (operation.mode == Mode::kMessage) definition.query_prepared = "http://shop.example/ask";
  GlobalTransaction t = NewTransaction("g", std::make_shared<const Definition>(definition), kStart);
  t.outcome = t.durable_outcome = operation.outcome;
  t.phase = t.durable_phase = operation.op == Op::kCheckBack ? Phase::kPrepared : Phase::kRunning;
  return t;
}

uint16_t Find(const GlobalTransaction& t, Op op) {
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    if (t.branches[i].op == op) return i;
  }
  FAIL("no such operation");
  return 0;
}

// "again in 10 s, counted: no answer", "not called, again in 1 s", "nothing", …
std::string Said(const Branch& b) {
  if (b.state == BranchState::kDone) return "done";
  if (b.state == BranchState::kFailed) return Concat("failed: ", ReasonText(b.failures.at(0).code));
  std::string said = b.called ? "" : "not called, ";
  if (b.next == Time{}) return said + "nothing";
  said += Concat("again in ", (b.next - kStart).count() / 1000, " s");
  if (b.unknowns > 0) said += Concat(", counted: ", ReasonText(b.failures.at(0).code));
  return said;
}

enum class When { kInTime, kAfterTheDecision, kAfterTheEnd };

// What a call has brought that had never been made before.
std::string After(const Operation& operation, CallEnded ended, When when, std::string* rule) {
  GlobalTransaction t = InFlight(operation);
  const uint16_t branch = Find(t, operation.op);
  RecordStart(t, branch, 9, kStart);
  if (when == When::kAfterTheDecision && t.outcome == Decision::kUndecided) {
    // By the submit of the message, or by the deadline of the saga.
    t.outcome = operation.op == Op::kCheckBack ? Decision::kCommit : Decision::kRollback;
    t.phase = Phase::kRunning;
  }
  if (when == When::kAfterTheEnd) {
    REQUIRE(ApplyStop(t, {"ann", "why"}, true, kStart).changed);
  }
  Zeros random;
  ended.id = 9;
  *rule = RecordResult(t, branch, ended, /*called_before=*/false, kStart, random);
  const Branch& b = t.branches[branch];
  CHECK(b.in_flight == 0);
  CHECK(b.failures.size() == (b.unknowns > 0 || b.state == BranchState::kFailed ? 1 : 0));
  for (uint16_t i = 0; i < t.branches.size(); ++i) {  // nobody else is touched
    if (i != branch) CHECK(Said(t.branches[i]) == "not called, nothing");
  }
  return Said(b);
}

struct ResultRow {
  CallEnded ended;
  std::string may_fail;      // what it does to an operation that may fail
  std::string may_not_fail;  // and to one that may not
};

const ResultRow kResults[] = {
    {Success(), "done", "done"},
    {Failure(), "failed: action failed", "again in 10 s, counted: failure where none is allowed"},
    {Ongoing(), "again in 10 s", "again in 10 s"},
    {Unknown(), "again in 10 s, counted: unexpected HTTP status",
     "again in 10 s, counted: unexpected HTTP status"},
    {Lost(), "again in 10 s, counted: no answer", "again in 10 s, counted: no answer"},
    {TimedOut(), "again in 10 s, counted: call timed out",
     "again in 10 s, counted: call timed out"},
    {HostDown(), "not called, again in 10 s, counted: no answer",
     "not called, again in 10 s, counted: no answer"},
    {NotSent(), "not called, again in 1 s", "not called, again in 1 s"},
    {NotCallable(), "not called, again in 1 s", "not called, again in 1 s"},
};

TEST_CASE("results: each one of each operation, in time, after the decision and after the end") {
  for (const Operation& operation : kOperations) {
    CAPTURE(ModeName(operation.mode));
    CAPTURE(OpName(operation.mode, operation.op));
    for (const ResultRow& row : kResults) {
      const std::string& expected = operation.may_fail ? row.may_fail : row.may_not_fail;
      CAPTURE(expected);
      std::string rule;
      CHECK(After(operation, row.ended, When::kInTime, &rule) == expected);
      const bool is_failure = row.ended.verdict == BranchResult::Verdict::kFailure;
      if (is_failure) CHECK_MESSAGE(rule.starts_with(operation.failure), rule);

      // An action's late result says what has run: its compensation wants to know. A check-back's
      // says nothing any more.
      const bool is_check_back = operation.op == Op::kCheckBack;
      const std::string late = After(operation, row.ended, When::kAfterTheDecision, &rule);
      CHECK(late == (is_check_back ? "nothing" : expected));
      CHECK(rule.ends_with(", after the decision") == is_check_back);

      CHECK(After(operation, row.ended, When::kAfterTheEnd, &rule) == "nothing");
      CHECK(rule.ends_with(", after the end"));
    }
  }
}

TEST_CASE("results: a late check-back is reported where it says the opposite of what was decided") {
  const Operation& ask = kOperations[std::size(kOperations) - 1];
  for (const Decision decided : {Decision::kUndecided, Decision::kCommit, Decision::kRollback}) {
    for (const bool forced : {false, true}) {
      if (forced && decided == Decision::kUndecided) continue;
      GlobalTransaction t = InFlight(ask);
      t.outcome = decided;
      t.phase = forced ? Phase::kEnded : Phase::kRunning;
      t.forced = forced;
      const Branch& branch = t.branches[Find(t, ask.op)];
      const bool commits = decided == Decision::kCommit && !forced;
      const bool fails = !commits && decided != Decision::kUndecided;
      CHECK(Contradicts(t, branch, Failure()) == commits);
      CHECK(Contradicts(t, branch, Success()) == fails);
      for (const CallEnded& nothing : {Ongoing(), Unknown(), Lost(), HostDown(), NotSent()}) {
        CHECK_FALSE(Contradicts(t, branch, nothing));
      }
    }
  }
}

}  // namespace
}  // namespace troth::internal
