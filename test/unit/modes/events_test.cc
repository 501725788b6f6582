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
  const bool message = t.mode() == Mode::kMessage;
  const std::string_view yes = message ? "action" : t.mode() == Mode::kXa ? "commit" : "confirm";
  const std::string_view no = t.mode() == Mode::kXa ? "rollback" : "cancel";
  ActResult result;
  if (event == "submit") result = ApplySubmit(t, {}, {});
  if (event == "submit, same content") result = ApplySubmit(t, t.digest, {});
  if (event == "submit, other content") result = ApplySubmit(t, "another", {});
  if (event == "abort") result = ApplyAbort(t, "no", kNow);
  if (event == "register") result = ApplyRegister(t, Mode::kTcc, NewStep("09"), kNow);
  if (event == "register, xa") result = ApplyRegister(t, Mode::kXa, NewStep("09"), kNow);
  if (event == "register, same") result = ApplyRegister(t, t.mode(), NewStep("08"), kNow);
  if (event == "register, other") result = ApplyRegister(t, t.mode(), NewStep("08", "x"), kNow);
  if (event == "cancel") result = ApplyCancel(t, kAnn, kNow);
  if (event == "retry") result = ApplyRetry(t, kAnn, kNow);
  if (event == "edit") result = on("01", yes, edit);
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
      if (mode != Mode::kMessage) {
        t.registered.push_back(NewStep("08"));
        t.registered_parts.push_back(t.parts++);
        AddBranches(mode, t.Steps() - 1, t.branches);
      }
      CHECK(ActOn(t, row.event) == row.said[i]);
    }
  }
}

constexpr const char* kRefused = "FAILED_PRECONDITION";
constexpr const char* kAborted = "ABORTED";
constexpr const char* kOther = "ALREADY_EXISTS";

// An ended rollback is told apart from an ended commit by its outcome alone.
ModeState Failed(std::string_view branches) { return {At::kRollback, branches}; }

TEST_CASE("events, tcc and xa: each in each status") {
  for (const Mode mode : {Mode::kTcc, Mode::kXa}) {
    const char* tcc_only = mode == Mode::kTcc ? "changed" : kRefused;
    const char* xa_only = mode == Mode::kXa ? "changed" : kRefused;
    const char* late_tcc = mode == Mode::kTcc ? kAborted : kRefused;
    const char* late_xa = mode == Mode::kXa ? kAborted : kRefused;
    CheckEvents(mode, {{.branches = ".."}, {At::kCommit, ".."}, Failed(".."), {At::kEnded, ".d"}},
                {
                    //                        prepared, submitted, aborting, succeed
                    {"submit", {"to submitted", "same", kAborted, "same"}},
                    {"submit, same content", {"to submitted", "same", kAborted, "same"}},
                    {"submit, other content", {kOther, kOther, kOther, kOther}},
                    {"abort", {"to aborting", kRefused, "same", kRefused}},
                    {"register", {tcc_only, kRefused, late_tcc, kRefused}},
                    {"register, xa", {xa_only, kRefused, late_xa, kRefused}},
                    {"register, same", {"same", kOther, kOther, kOther}},
                    {"register, other", {kOther, kOther, kOther, kOther}},
                    {"cancel", {"changed", kRefused, "same", kRefused}},
                    {"retry", {"changed", "changed", "changed", kRefused}},
                    {"edit", {"changed", "changed", "changed", kRefused}},
                    {"skip commit", {kRefused, "changed", kRefused, kRefused}},
                    {"skip rollback", {kRefused, kRefused, "changed", kRefused}},
                    {"stop", {kRefused, kRefused, kRefused, kRefused}},
                    {"stop, in doubt", {"to failed", "to failed", "to failed", kRefused}},
                });
  }
}

TEST_CASE("events, message: each in each status") {
  CheckEvents(Mode::kMessage,
              {{.branches = ". ?."},
               {.at = At::kCommit, .branches = ". ?.", .start = Milliseconds{5'000}},
               {At::kCommit, "r ?."},
               {At::kEnded, "d ?."}},
              {
                  //                        prepared, delayed, begun, succeed
                  {"submit", {"to submitted", "same", "same", "same"}},
                  {"submit, same content", {"to submitted", "same", "same", "same"}},
                  {"submit, other content", {kOther, kOther, kOther, kOther}},
                  {"abort", {"to failed", kRefused, kRefused, kRefused}},
                  {"register", {kRefused, kRefused, kRefused, kRefused}},
                  {"cancel", {"changed", "changed", kRefused, kRefused}},
                  {"retry", {"changed", "changed", "changed", kRefused}},
                  {"edit", {"changed", "changed", "changed", kRefused}},
                  {"skip commit", {kRefused, "changed", "changed", kRefused}},
                  {"skip check-back", {kRefused, kRefused, kRefused, kRefused}},
                  {"stop", {"to failed", "to failed", "to failed", kRefused}},
              });
}

TEST_CASE("events: what has failed, by a rollback or by force, takes no event but a repetition") {
  for (const Mode mode : {Mode::kTcc, Mode::kXa, Mode::kMessage}) {
    for (const bool forced : {false, true}) {
      const auto failed = [&] {
        GlobalTransaction t = TransactionOf(
            mode, {forced ? At::kCommit : At::kRollback, mode == Mode::kMessage ? ". ?f" : "d."});
        t.digest = "digest";
        t.phase = t.durable_phase = Phase::kEnded;
        t.forced = forced;
        REQUIRE(WireStatus(t) == TransactionStatus::kFailed);
        return t;
      };
      const auto said = [&](std::string_view event) {
        GlobalTransaction t = failed();
        return ActOn(t, event);
      };
      CAPTURE(forced);
      CHECK(said("submit") == kAborted);
      CHECK(said("submit, other content") == kOther);
      CHECK(said("abort") == (forced ? kRefused : "same"));
      for (const char* event : {"cancel", "retry", "edit", "skip commit", "stop, in doubt"}) {
        CHECK(said(event) == kRefused);
      }
    }
  }
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
