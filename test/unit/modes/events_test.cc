// Every event in every status, for each mode: a transition, or a refusal with its code.
#include <doctest/doctest.h>

#include <memory>

#include "base/text.h"
#include "engine/acts.h"
#include "mode_state.h"

namespace troth::internal {
namespace {

const Act kAnn{.author = "ann", .reason = "a table"};

std::shared_ptr<const Step> NewStep(std::string id, std::string payload = {}) {
  Step step;
  step.branch_id = std::move(id);
  step.commit = "http://b.example/yes";
  step.rollback = "http://b.example/no";
  step.payload = std::move(payload);
  return std::make_shared<const Step>(std::move(step));
}

// "→aborting": changed, and in that status now; "same": OK, nothing changed; else the code.
std::string Said(const GlobalTransaction& t, TransactionStatus before, const ActResult& result) {
  if (!result.status.ok()) {
    CHECK_FALSE(result.changed);
    CHECK(WireStatus(t) == before);
    return std::string(StatusCodeName(result.status.code()));
  }
  if (!result.changed) return "same";
  if (WireStatus(t) == before) return "changed";
  return Concat("to ", StatusName(WireStatus(t)));
}

std::string ActOn(GlobalTransaction& t, std::string_view event) {
  const TransactionStatus before = WireStatus(t);
  const auto on = [&](std::string_view branch_id, std::string_view op, const auto& act) {
    const auto branch = FindBranch(t, {std::string(branch_id), std::string(op)});
    return branch.ok() ? act(*branch) : ActResult{branch.status()};
  };
  const auto edit = [&](uint16_t branch) {
    return ApplyEdit(t, branch, {.payload = "new"}, kAnn, kNow);
  };
  const auto skip = [&](uint16_t branch) { return ApplySkip(t, branch, kAnn, kNow); };
  const auto submit_again = [&](bool same) {
    const Answer answer = AnswerRepeated(before, same, t.gid);
    return ActResult{.status = answer.status, .repeated = answer.repeated};
  };
  const bool in_phase_two = t.mode() == Mode::kTcc || t.mode() == Mode::kXa;
  const std::string_view yes = OpName(t.mode(), in_phase_two ? Op::kCommit : Op::kForward);
  const std::string_view no = OpName(t.mode(), Op::kRollback);
  ActResult result;
  if (event == "submit") result = ApplySubmit(t, {}, {});
  if (event == "submit, same content") result = ApplySubmit(t, t.digest, {});
  if (event == "submit, other content") result = ApplySubmit(t, "another", {});
  if (event == "submit again") result = submit_again(true);
  if (event == "submit again, other content") result = submit_again(false);
  if (event == "abort") result = ApplyAbort(t, "no", kNow);
  if (event == "register") result = ApplyRegister(t, Mode::kTcc, NewStep("09"), kNow);
  if (event == "register, xa") result = ApplyRegister(t, Mode::kXa, NewStep("09"), kNow);
  if (event == "register, same") result = ApplyRegister(t, t.mode(), NewStep("08"), kNow);
  if (event == "register, other") result = ApplyRegister(t, t.mode(), NewStep("08", "x"), kNow);
  if (event == "cancel") result = ApplyCancel(t, kAnn, kNow);
  if (event == "retry") result = ApplyRetry(t, kAnn, kNow);
  if (event == "edit") result = on("01", yes, edit);
  if (event == "edit rollback") result = on("01", no, edit);
  if (event == "skip commit") result = on("01", yes, skip);
  if (event == "skip rollback") result = on("01", no, skip);
  if (event == "skip check-back") result = on("00", "msg", skip);
  if (event == "stop") result = ApplyStop(t, kAnn, false, kNow);
  if (event == "stop, in doubt") result = ApplyStop(t, kAnn, true, kNow);
  return Said(t, before, result);
}

struct EventRow {
  const char* event;
  std::vector<const char*> said;  // in each of the states
};

void CheckEvents(Mode mode, const std::vector<ModeState>& states,
                 const std::vector<EventRow>& rows) {
  for (const EventRow& row : rows) {
    REQUIRE(row.said.size() == states.size());
    for (size_t i = 0; i < states.size(); ++i) {
      CAPTURE(row.event);
      CAPTURE(i);
      GlobalTransaction t = TransactionOf(mode, states[i]);
      t.digest = "digest";
      if (mode == Mode::kTcc || mode == Mode::kXa) {
        t.registered.push_back(NewStep("08"));
        t.registered_parts.push_back(t.parts++);
        AddBranches(mode, t.Steps() - 1, t.branches);
      }
      CHECK(ActOn(t, row.event) == std::string(row.said[i]));
    }
  }
}

constexpr const char* kRefused = "FAILED_PRECONDITION";
constexpr const char* kAborted = "ABORTED";
constexpr const char* kOther = "ALREADY_EXISTS";

// What a person has stopped keeps the decision that it had.
constexpr ModeState Stopped(std::string_view branches) {
  return {.at = At::kEnded, .branches = branches, .forced = true};
}

TEST_CASE("events, saga: each in each status") {
  CheckEvents(
      Mode::kSaga,
      {{At::kUndecided, ".r"},
       {At::kRollback, ".f"},
       {At::kRollback, "xf"},
       {At::kEnded, ".d"},
       {At::kFailed, "df"},
       {.at = At::kFailed, .branches = ".r", .forced = true}},
      {
          //                                submitted, aborting, parked, succeed, failed, stopped
          {"submit again", {"same", kAborted, kAborted, "same", kAborted, kAborted}},
          {"submit again, other content", {kOther, kOther, kOther, kOther, kOther, kOther}},
          // SubmitPrepared: it has never been prepared, so there is nothing to decide.
          {"submit", {"same", kAborted, kAborted, "same", kAborted, kAborted}},
          {"submit, same content", {"same", kAborted, kAborted, "same", kAborted, kAborted}},
          {"submit, other content", {kOther, kOther, kOther, kOther, kOther, kOther}},
          {"abort", {kRefused, "same", "same", kRefused, "same", "same"}},
          {"register", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
          {"register, xa", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
          {"cancel", {"changed", "same", "same", kRefused, kRefused, kRefused}},
          {"retry", {"changed", "same", "changed", kRefused, kRefused, kRefused}},
          {"edit", {"changed", kRefused, kRefused, kRefused, kRefused, kRefused}},
          {"edit rollback", {"changed", "changed", "changed", kRefused, kRefused, kRefused}},
          {"skip commit", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
          {"skip rollback", {kRefused, "changed", "changed", kRefused, kRefused, kRefused}},
          {"stop", {"to failed", "to failed", "to failed", kRefused, kRefused, kRefused}},
          {"stop, in doubt", {"to failed", "to failed", "to failed", kRefused, kRefused, kRefused}},
      });
}

TEST_CASE("events, tcc and xa: each in each status") {
  for (const Mode mode : {Mode::kTcc, Mode::kXa}) {
    const auto joins = [&](Mode asked, const char* when_it_may, const char* when_failing) {
      return mode == asked ? std::vector<const char*>{when_it_may, kRefused,     when_failing,
                                                      kRefused,    when_failing, kRefused}
                           : std::vector<const char*>(6, kRefused);
    };
    CheckEvents(
        mode,
        {{.branches = ".."},
         {At::kCommit, ".."},
         {At::kRollback, ".."},
         {At::kEnded, ".d"},
         {At::kFailed, "d."},
         Stopped("..")},
        {
            //                        prepared, submitted, aborting, succeed, failed, stopped
            {"submit", {"to submitted", "same", kAborted, "same", kAborted, kAborted}},
            {"submit, same content",
             {"to submitted", "same", kAborted, "same", kAborted, kAborted}},
            {"submit, other content", {kOther, kOther, kOther, kOther, kOther, kOther}},
            {"abort", {"to aborting", kRefused, "same", kRefused, "same", kRefused}},
            {"register", joins(Mode::kTcc, "changed", kAborted)},
            {"register, xa", joins(Mode::kXa, "changed", kAborted)},
            {"register, same", {"same", kOther, kOther, kOther, kOther, kOther}},
            {"register, other", {kOther, kOther, kOther, kOther, kOther, kOther}},
            {"cancel", {"changed", kRefused, "same", kRefused, kRefused, kRefused}},
            {"retry", {"same", "same", "same", kRefused, kRefused, kRefused}},
            {"edit", {"changed", "changed", "changed", kRefused, kRefused, kRefused}},
            {"edit rollback", {"changed", "changed", "changed", kRefused, kRefused, kRefused}},
            {"skip commit", {kRefused, "changed", kRefused, kRefused, kRefused, kRefused}},
            {"skip rollback", {kRefused, kRefused, "changed", kRefused, kRefused, kRefused}},
            {"stop", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
            {"stop, in doubt",
             {"to failed", "to failed", "to failed", kRefused, kRefused, kRefused}},
        });
  }
}

TEST_CASE("events, message: each in each status") {
  CheckEvents(
      Mode::kMessage,
      {{.branches = ". ?."},
       {.at = At::kCommit, .branches = ". ?.", .start = Milliseconds{5'000}},
       {At::kCommit, "r ?."},
       {At::kEnded, "d ?."},
       {At::kFailed, ". ?f"},
       Stopped(". ?.")},
      {
          //                        prepared, delayed, begun, succeed, failed, stopped
          {"submit", {"to submitted", "same", "same", "same", kAborted, kAborted}},
          {"submit, same content", {"to submitted", "same", "same", "same", kAborted, kAborted}},
          {"submit, other content", {kOther, kOther, kOther, kOther, kOther, kOther}},
          {"abort", {"to failed", kRefused, kRefused, kRefused, "same", kRefused}},
          {"register", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
          {"register, xa", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
          {"cancel", {"changed", "changed", kRefused, kRefused, kRefused, kRefused}},
          {"retry", {"same", "same", "changed", kRefused, kRefused, kRefused}},
          {"edit", {"changed", "changed", "changed", kRefused, kRefused, kRefused}},
          {"skip commit", {kRefused, "changed", "changed", kRefused, kRefused, kRefused}},
          {"skip check-back", {kRefused, kRefused, kRefused, kRefused, kRefused, kRefused}},
          {"stop", {"to failed", "to failed", "to failed", kRefused, kRefused, kRefused}},
          {"stop, in doubt", {"to failed", "to failed", "to failed", kRefused, kRefused, kRefused}},
      });
}

TEST_CASE("events: a retry wakes what waits for one or is parked, in every mode") {
  const auto retried = [](Mode mode, const ModeState& state) {
    GlobalTransaction t = TransactionOf(mode, state);
    CHECK(PlanNext(t, kNow).calls.empty());
    CHECK(ActOn(t, "retry") == "changed");
    return Show(t, PlanNext(t, kNow));
  };
  for (const std::string_view waits : {".r", ".x"}) {
    CHECK(retried(Mode::kTcc, {At::kCommit, waits}) == "call:01/confirm");
    CHECK(retried(Mode::kXa, {At::kCommit, waits}) == "call:01/commit");
  }
  CHECK(retried(Mode::kMessage, {.branches = ". ?r", .deadline = Milliseconds{-1}}) ==
        "call:00/msg");
  CHECK(retried(Mode::kMessage, {.branches = ". ?x", .deadline = Milliseconds{-1}}) ==
        "call:00/msg");
  CHECK(retried(Mode::kWorkflow, {.branches = "?r"}) == "call:00/transfer");
  CHECK(retried(Mode::kWorkflow, {.branches = "?x"}) == "call:00/transfer");
}

TEST_CASE("events: a cancel of a prepared message wakes its check-back, and a submit answers it") {
  GlobalTransaction t = TransactionOf(Mode::kMessage, {.branches = ". ?x"});
  REQUIRE(Show(t, PlanNext(t, kNow)).empty());
  REQUIRE(ApplyCancel(t, kAnn, kNow).changed);
  CHECK(Show(t, PlanNext(t, kNow)) == "call:00/msg");
  CHECK(ActOn(t, "cancel") == "same");
  REQUIRE(ApplySubmit(t, t.digest, {}).changed);
  CHECK_FALSE(t.cancel_asked);
}

}  // namespace
}  // namespace troth::internal
