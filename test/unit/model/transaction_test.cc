#include "model/transaction.h"

#include <doctest/doctest.h>

#include "sample.h"

namespace troth::internal {
namespace {

Definition TwoSteps(Mode mode) {
  Definition out;
  out.mode = mode;
  out.query_prepared = "http://a.example/query";
  out.steps.resize(2);
  for (int i = 0; i < 2; ++i) {
    Step& step = out.steps[i];
    step.branch_id = i == 0 ? "01" : "02";
    step.forward = "forward";
    step.commit = "commit";
    step.rollback = "rollback";
    step.payload = "payload";
    step.headers = {{"a", "b"}};
  }
  return out;
}

std::string NamesOf(Mode mode) {
  const GlobalTransaction t =
      NewTransaction("g", std::make_shared<const Definition>(TwoSteps(mode)), Time{});
  std::string out;
  for (size_t i = 0; i < t.branches.size(); ++i) {
    out += t.BranchName(static_cast<uint16_t>(i)) + "=" + t.UrlOf(static_cast<uint16_t>(i)) + " ";
  }
  return out;
}

TEST_CASE("transaction: branches come in the protocol's order") {
  CHECK(NamesOf(Mode::kSaga) ==
        "01/compensate=rollback 01/action=forward 02/compensate=rollback 02/action=forward ");
  CHECK(NamesOf(Mode::kTcc) ==
        "01/cancel=rollback 01/confirm=commit 02/cancel=rollback 02/confirm=commit ");
  CHECK(NamesOf(Mode::kXa) ==
        "01/rollback=rollback 01/commit=commit 02/rollback=rollback 02/commit=commit ");
  CHECK(NamesOf(Mode::kMessage) ==
        "01/action=forward 02/action=forward 00/msg=http://a.example/query ");
}

TEST_CASE("transaction: a new one begins as its mode says, with the deadline from its creation") {
  Definition definition = TwoSteps(Mode::kSaga);
  definition.timeout_to_fail = Milliseconds(500);
  const Time now{Milliseconds(1000)};
  GlobalTransaction t = NewTransaction("g", std::make_shared<const Definition>(definition), now);
  CHECK(t.phase == Phase::kRunning);
  CHECK(t.outcome == Decision::kUndecided);
  CHECK(t.created == now);
  CHECK(t.updated == now);
  CHECK(t.deadline == now + Milliseconds(500));
  CHECK(WireStatus(t) == TransactionStatus::kSubmitted);

  definition.mode = Mode::kMessage;
  definition.timeout_to_fail.reset();
  t = NewTransaction("g", std::make_shared<const Definition>(definition), now);
  CHECK(t.outcome == Decision::kCommit);
  CHECK_FALSE(t.deadline);
  definition.mode = Mode::kWorkflow;
  t = NewTransaction("g", std::make_shared<const Definition>(definition), now);
  CHECK(WireStatus(t) == TransactionStatus::kPrepared);
}

TEST_CASE("transaction: the status follows from phase and outcome") {
  using S = TransactionStatus;
  const auto status = [](Phase phase, Decision outcome) {
    return WireStatus(Mode::kTcc, phase, outcome);
  };
  CHECK(status(Phase::kPrepared, Decision::kUndecided) == S::kPrepared);
  CHECK(status(Phase::kPrepared, Decision::kRollback) == S::kAborting);
  CHECK(status(Phase::kRunning, Decision::kUndecided) == S::kSubmitted);
  CHECK(status(Phase::kRunning, Decision::kCommit) == S::kSubmitted);
  CHECK(status(Phase::kRunning, Decision::kRollback) == S::kAborting);
  CHECK(status(Phase::kEnded, Decision::kCommit) == S::kSucceed);
  CHECK(status(Phase::kEnded, Decision::kRollback) == S::kFailed);
  CHECK(WireStatus(Mode::kWorkflow, Phase::kRunning, Decision::kCommit) == S::kPrepared);

  GlobalTransaction t = PlainSaga(1);
  t.phase = Phase::kEnded;
  t.outcome = Decision::kCommit;
  t.forced = true;
  CHECK(WireStatus(t) == S::kFailed);
}

TEST_CASE("transaction: an edit in force wins, of its own operation alone") {
  GlobalTransaction t = PlainSaga(1);
  Edit edit;
  edit.branch = 0;
  edit.url = "local:other";
  edit.payload = "new";
  edit.headers = {{"x", "y"}};
  t.edits[0] = std::make_shared<const Edit>(edit);
  CHECK(t.UrlOf(0) == "local:other");
  CHECK(t.PayloadOf(0) == "new");
  CHECK(t.HeadersOf(0) == edit.headers);
  CHECK(t.UrlOf(1) == "http://bank.example/out");
  CHECK(t.PayloadOf(1) == R"({"amount":30})");
  CHECK(t.HeadersOf(1).empty());
}

TEST_CASE("transaction: a check-back is branch 00 with the message's URL") {
  GlobalTransaction t =
      NewTransaction("g", std::make_shared<const Definition>(TwoSteps(Mode::kMessage)), Time{});
  REQUIRE(t.branches.size() == 3);
  CHECK(t.BranchName(2) == "00/msg");
  CHECK(t.UrlOf(2) == "http://a.example/query");
  CHECK(t.PayloadOf(2).empty());
  CHECK(ToRecord(t).branches.size() == 2);
  t.branches[2].calls = 1;  // it is a row only once it was asked
  CHECK(ToRecord(t).branches[2].branch_id == "00");
}

TEST_CASE("transaction: a record tells what happened to each branch") {
  GlobalTransaction t = PlainSaga(2);
  Branch& action = t.branches[1];
  action.started = Started::kYes;
  action.calls = 5;
  action.first_call = t.created;
  action.next = t.created + Milliseconds(9);
  for (uint32_t attempt : {1u, 3u, 4u, 5u}) {
    action.failures.emplace_back().attempt = attempt;
  }
  const TransactionRecord record = ToRecord(t);
  CHECK(record.gid == "saga");
  REQUIRE(record.branches.size() == 4);
  const BranchRecord& seen = record.branches[1];
  CHECK(seen.op == "action");
  CHECK(seen.status == BranchStatus::kPrepared);
  CHECK(seen.may_have_run);
  CHECK(seen.attempts == 5);
  CHECK(seen.next_call == action.next);
  CHECK(seen.first_failure->attempt == 1);
  REQUIRE(seen.newest_failures.size() == 3);
  CHECK(seen.newest_failures[0].attempt == 3);
  CHECK(seen.newest_failures[2].attempt == 5);
  CHECK_FALSE(record.branches[0].may_have_run);
  CHECK_FALSE(record.branches[0].first_call);
}

TEST_CASE("transaction: record and outcome name what was skipped and what is in doubt") {
  GlobalTransaction t = PlainSaga(2);
  t.phase = Phase::kRunning;
  t.outcome = Decision::kRollback;
  t.branches[2].state = BranchState::kSkipped;
  CHECK(ToRecord(t).skipped == std::vector<std::string>{"2/compensate"});  // before the end too
  t.phase = Phase::kEnded;
  t.forced = true;
  t.in_doubt = {"1/compensate"};
  const Outcome outcome = ToOutcome(t);
  CHECK_FALSE(outcome.succeeded());
  CHECK(outcome.forced);
  CHECK(outcome.in_doubt == t.in_doubt);
  CHECK(outcome.skipped == std::vector<std::string>{"2/compensate"});
  CHECK(outcome.branches[2].status == BranchStatus::kSkipped);
}

}  // namespace
}  // namespace troth::internal
