// What a workflow does next, and what each report of its caller does to it: from every state.
#include <doctest/doctest.h>

#include "base/text.h"
#include "engine/acts.h"
#include "engine/results.h"
#include "mode_state.h"

namespace troth::internal {
namespace {

const Act kAnn{.author = "ann", .reason = "asked by the customer"};

std::shared_ptr<const Progress> Of(std::string id, std::string op, std::string data = "",
                                   bool failed = false) {
  return std::make_shared<const Progress>(Progress{
      .branch_id = std::move(id), .op = std::move(op), .failed = failed, .data = std::move(data)});
}

FinishRequest Finish(bool succeeded, std::string words = "") {
  FinishRequest finish{.succeeded = succeeded};
  if (!succeeded) finish.reason = words;
  if (succeeded && !words.empty()) finish.result = std::make_shared<const std::string>(words);
  return finish;
}

// One step is done in all of them.
struct States {
  std::vector<GlobalTransaction> all;
  States() {
    for (const At at : {At::kPrepared, At::kCommit, At::kRollback, At::kEnded, At::kFailed}) {
      Add(TransactionOf(Mode::kWorkflow, {at, "?."}), at);
    }
    Add(TransactionOf(Mode::kWorkflow, {.at = At::kEnded, .branches = "?.", .forced = true}),
        At::kEnded);
  }
  void Add(GlobalTransaction t, At at) {
    t.progress.push_back(Of("01", "action", "out"));
    t.registered_parts.push_back(t.parts++);
    if (at == At::kEnded) {
      t.result = std::make_shared<const std::string>("done");
      t.result_part = t.parts++;
    }
    if (at == At::kFailed) t.reason = {.code = ReasonCode::kRolledBack, .text = "no money"};
    all.push_back(std::move(t));
  }
};

std::string Said(const GlobalTransaction& t, const GlobalTransaction& before,
                 const ActResult& result) {
  if (!result.status.ok()) {
    CHECK_FALSE(result.changed);
    return std::string(StatusCodeName(result.status.code()));
  }
  if (!result.changed) return "same";
  std::string said;
  if (WireStatus(t) != WireStatus(before)) said = Concat("to ", StatusName(WireStatus(t)));
  if (t.outcome != before.outcome && t.phase != Phase::kEnded) {
    said = t.outcome == Decision::kCommit ? "fixes commit" : "fixes rollback";
  }
  return said.empty() ? "changed" : said;
}

ActResult Do(GlobalTransaction& t, std::string_view event) {
  if (event == "step") return ApplyRecord(t, Of("02", "action"), kNow);
  if (event == "failed step") return ApplyRecord(t, Of("02", "action", "no", true), kNow);
  if (event == "business") return ApplyRecord(t, Of("02", "business"), kNow);
  if (event == "same step") return ApplyRecord(t, Of("01", "action", "out"), kNow);
  if (event == "other result") return ApplyRecord(t, Of("01", "action", "in"), kNow);
  if (event == "commit") return ApplyRecord(t, Of("01", "commit"), kNow);
  if (event == "rollback") return ApplyRecord(t, Of("01", "rollback"), kNow);
  if (event == "succeed") return ApplyFinish(t, Finish(true, "done"), kNow);
  if (event == "succeed, other result") return ApplyFinish(t, Finish(true, "more"), kNow);
  if (event == "succeed, no result") return ApplyFinish(t, Finish(true), kNow);
  if (event == "fail") return ApplyFinish(t, Finish(false, "no money"), kNow);
  if (event == "fail, other reason") return ApplyFinish(t, Finish(false, "no time"), kNow);
  if (event == "submit") return ApplySubmit(t, {}, {});
  if (event == "abort") return ApplyAbort(t, "no", kNow);
  if (event == "cancel") return ApplyCancel(t, kAnn, kNow);
  if (event == "skip") return ApplySkip(t, 0, kAnn, kNow);
  if (event == "retry") return ApplyRetry(t, kAnn, kNow);
  if (event == "edit") return ApplyEdit(t, 0, {.url = "http://other.example/"}, kAnn, kNow);
  if (event == "edit, other data") return ApplyEdit(t, 0, {.payload = "new"}, kAnn, kNow);
  if (event == "stop") return ApplyStop(t, kAnn, false, kNow);
  if (event == "stop, in doubt") return ApplyStop(t, kAnn, true, kNow);
  FAIL("no such event");
  return {};
}

constexpr const char* kRefused = "FAILED_PRECONDITION";
constexpr const char* kAborted = "ABORTED";
constexpr const char* kOther = "ALREADY_EXISTS";

TEST_CASE("plan, workflow: it is called back when its time has come, whatever is decided") {
  for (const At at : {At::kPrepared, At::kCommit, At::kCommitPending, At::kRollback}) {
    Check(Mode::kWorkflow,
          {
              {"it is due", {at, "?."}, "call:00/transfer"},
              {"it is being called", {at, "?i"}, ""},
              {"it is called again", {at, "?r"}, "wake:+10000"},
              {"it is parked", {at, "?x"}, "park:00/transfer(retries)"},
              {"late is parked: the barrier's rows are gone",
               {.at = at, .branches = "?.", .first_action = Milliseconds{-100'001}},
               "park:00/transfer(barrier)"},
              {"restored", {.at = at, .branches = "?.", .restored = true}, "park:all(restored)"},
          });
  }
  Check(Mode::kWorkflow, {{"ended", {At::kEnded, "?."}, ""}, {"ended", {At::kFailed, "?."}, ""}});
}

TEST_CASE("events, workflow: each in each status") {
  const struct {
    const char* event;
    std::vector<const char*> said;
  } rows[] = {
      //        undecided, commit fixed, rollback fixed, succeed, failed, stopped
      {"step", {"changed", kRefused, kRefused, kRefused, kAborted, kAborted}},
      {"failed step", {"changed", kRefused, kRefused, kRefused, kAborted, kAborted}},
      {"business", {"changed", kRefused, kRefused, kRefused, kAborted, kAborted}},
      {"same step", {"same", "same", "same", kRefused, kAborted, kAborted}},
      {"other result", {kOther, kOther, kOther, kRefused, kAborted, kAborted}},
      {"commit", {"fixes commit", "changed", kRefused, kRefused, kAborted, kAborted}},
      {"rollback", {"fixes rollback", kRefused, "changed", kRefused, kAborted, kAborted}},
      {"succeed", {"to succeed", "to succeed", kRefused, "same", kRefused, kRefused}},
      {"succeed, other result",
       {"to succeed", "to succeed", kRefused, kRefused, kRefused, kRefused}},
      {"succeed, no result", {"to succeed", "to succeed", kRefused, kRefused, kRefused, kRefused}},
      {"fail", {"to failed", kRefused, "to failed", kRefused, "same", kRefused}},
      {"fail, other reason", {"to failed", kRefused, "to failed", kRefused, kRefused, kRefused}},
      {"submit", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
      {"abort", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
      {"cancel", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
      {"skip", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
      {"retry", {"same", "same", "same", kRefused, kRefused, kRefused}},
      {"edit", {"changed", "changed", "changed", kRefused, kRefused, kRefused}},
      {"edit, other data", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
      {"stop", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
      {"stop, in doubt", {"to failed", "to failed", "to failed", kRefused, kRefused, kRefused}},
  };
  for (const auto& row : rows) {
    const std::vector<GlobalTransaction> states = States().all;
    REQUIRE(row.said.size() == states.size());
    for (size_t i = 0; i < states.size(); ++i) {
      CAPTURE(row.event);
      CAPTURE(i);
      GlobalTransaction t = states[i];
      CHECK(Said(t, states[i], Do(t, row.event)) == std::string(row.said[i]));
    }
  }
}

TEST_CASE("events, workflow: nothing of it is for a transaction of another mode") {
  GlobalTransaction saga = TransactionOf(Mode::kSaga, {At::kUndecided, ".."});
  CHECK(Do(saga, "step").status.code() == StatusCode::kFailedPrecondition);
  CHECK(Do(saga, "succeed").status.code() == StatusCode::kFailedPrecondition);
  const TransactionStatus before = WireStatus(saga);
  PutOffCallBack(saga, kNow);
  CHECK(WireStatus(saga) == before);
  CHECK(saga.branches[0].next == Time{});
}

TEST_CASE("events, workflow: a new result starts the call-back over, a sign of life puts it off") {
  GlobalTransaction t = TransactionOf(Mode::kWorkflow, {.branches = "?r"});
  Branch& call_back = t.branches[0];
  call_back.interval = Milliseconds{80'000};
  call_back.next = kNow + Milliseconds{70'000};
  PutOffCallBack(t, kNow);
  CHECK(call_back.next == kNow + Milliseconds{70'000});
  CHECK(call_back.interval == Milliseconds{80'000});
  call_back.next = kNow + Milliseconds{1};
  PutOffCallBack(t, kNow);
  CHECK(call_back.next == kNow + Milliseconds{10'000});
  REQUIRE(Do(t, "step").changed);
  CHECK(call_back.next == kNow + Milliseconds{10'000});
  CHECK(call_back.interval == Milliseconds{0});
  CHECK(call_back.unknowns == 0);
  CHECK(t.first_action == kNow);
}

TEST_CASE("events, workflow: the end is told again as it was stored, or as a tombstone knows it") {
  for (const bool succeeded : {true, false}) {
    const TransactionStatus status =
        succeeded ? TransactionStatus::kSucceed : TransactionStatus::kFailed;
    CHECK(AnswerFinished(status, Finish(succeeded, "any"), nullptr, "g").repeated);
    CHECK_FALSE(AnswerFinished(status, Finish(!succeeded, "any"), nullptr, "g").status.ok());
  }
  GlobalTransaction t = TransactionOf(Mode::kWorkflow, {.branches = "?."});
  const std::string long_reason(5'000, 'x');
  REQUIRE(ApplyFinish(t, Finish(false, long_reason), kNow).changed);
  CHECK(t.reason.text.size() == 1'024);
  CHECK(ApplyFinish(t, Finish(false, long_reason), kNow).repeated);
}

TEST_CASE("results, workflow: no answer of the call-back is its end") {
  struct Zeros : Random {
    uint64_t Next() override { return 0; }
  };
  const struct {
    BranchResult::Verdict verdict;
    bool counted;
    ReasonCode code;
  } rows[] = {
      {BranchResult::Verdict::kSuccess, true, ReasonCode::kNotEnded},
      {BranchResult::Verdict::kFailure, true, ReasonCode::kFailureNotAllowed},
      {BranchResult::Verdict::kOngoing, false, ReasonCode::kNone},
      {BranchResult::Verdict::kUnknown, true, ReasonCode::kHttpStatus},
  };
  for (const At at : {At::kPrepared, At::kCommit, At::kRollback, At::kEnded}) {
    for (const auto& row : rows) {
      GlobalTransaction t = TransactionOf(Mode::kWorkflow, {at, "?i"});
      Branch& call_back = t.branches[0];
      Zeros random;
      CallEnded ended{.id = 1, .verdict = row.verdict, .http_status = 200};
      if (row.code == ReasonCode::kHttpStatus) ended.code = row.code;
      CHECK_FALSE(Contradicts(t, call_back, ended));
      RecordResult(t, 0, ended, /*called_before=*/false, kNow, random);
      CHECK(call_back.in_flight == 0);
      CHECK(call_back.state == BranchState::kWaiting);
      if (at == At::kEnded) {
        CHECK(call_back.failures.empty());
        continue;
      }
      CHECK(call_back.next == kNow + Milliseconds{10'000});
      CHECK(call_back.unknowns == (row.counted ? 1 : 0));
      if (row.counted) CHECK(call_back.failures.back().code == row.code);
    }
  }
}

}  // namespace
}  // namespace troth::internal
