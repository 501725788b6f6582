// What holds for the plan of every TCC, XA transaction and message with two branches, whatever has
// become of them: the chosen rows are in the files beside this one, here are all the others.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "mode_state.h"
#include "plan/rules.h"

namespace troth::internal {
namespace {

constexpr Milliseconds kPast{-1};
constexpr Milliseconds kLater{5'000};
constexpr Milliseconds kExpired{-100'001};  // of the barrier's rows

bool Contains(const std::vector<uint16_t>& branches, uint16_t branch) {
  return std::count(branches.begin(), branches.end(), branch) > 0;
}

// Where it is called, done without a call, marked or parked.
bool Names(const Plan& plan, uint16_t branch) {
  return Contains(plan.calls, branch) || Contains(plan.done, branch) ||
         Contains(plan.marks, branch) ||
         std::any_of(plan.parked.begin(), plan.parked.end(),
                     [&](const PlannedParking& parked) { return parked.branch == branch; });
}

// A branch that nothing but its turn keeps from being called. `expired`: its barrier's rows may be
// gone.
bool IsCallable(const GlobalTransaction& t, uint16_t branch, bool expired) {
  const Branch& b = t.branches[branch];
  return b.state == BranchState::kWaiting && b.in_flight == 0 && b.next <= kNow &&
         b.unknowns <= 5 && !expired && !t.UrlOf(branch).empty();
}

// What holds in every mode.
void CheckPlan(const GlobalTransaction& t, const Plan& plan, bool expired) {
  if (plan.decision || t.phase == Phase::kEnded) {
    CHECK(plan.calls.empty());
    CHECK(plan.marks.empty());
    CHECK(plan.done.empty());
    CHECK(plan.parked.empty());
    CHECK_FALSE(plan.wake);
  }
  if (t.phase == Phase::kEnded) CHECK_FALSE(plan.decision);
  for (const uint16_t branch : plan.calls) CHECK(IsCallable(t, branch, expired));
  for (const uint16_t branch : plan.done) CHECK(t.UrlOf(branch).empty());
  if (plan.wake) CHECK(*plan.wake > kNow);
}

// --- tcc and xa ---

constexpr At kPhases[] = {At::kPrepared, At::kCommitPending, At::kCommit, At::kRollbackPending,
                          At::kRollback, At::kEnded,         At::kFailed};

bool IsHeld(const GlobalTransaction& t, uint16_t step) {
  return std::any_of(t.branches.begin(), t.branches.end(),
                     [&](const Branch& b) { return b.step == step && b.held_by != 0; });
}

void CheckUndecided(const GlobalTransaction& t, const Plan& plan) {
  CHECK(plan.calls.empty());
  CHECK(plan.done.empty());
  const bool late = t.deadline && *t.deadline <= kNow;
  CHECK(plan.decision.has_value() == (late || t.cancel_asked));
  if (plan.decision) {
    CHECK(plan.decision->outcome == Decision::kRollback);
    CHECK(plan.decision->phase == Phase::kRunning);
  }
}

// `in_turn`: strictly in reverse, one at a time (R20).
void CheckPhaseTwo(const GlobalTransaction& t, const Plan& plan, bool in_turn, bool expired) {
  const Op owed = t.outcome == Decision::kCommit ? Op::kCommit : Op::kRollback;
  bool all_settled = true;
  bool turn_taken = false;
  for (uint16_t i = static_cast<uint16_t>(t.branches.size()); i-- > 0;) {
    const Branch& b = t.branches[i];
    if (b.held_by != 0) all_settled = false;
    if (b.op != owed) {
      CHECK_FALSE(Names(plan, i));  // never the other phase's
      continue;
    }
    if (IsSettled(b)) {
      CHECK_FALSE(Names(plan, i));
      continue;
    }
    all_settled = false;
    const bool its_turn = !in_turn || !turn_taken;
    const bool called = its_turn && !IsHeld(t, b.step) && IsCallable(t, i, expired);
    CHECK(Contains(plan.calls, i) == called);
    if (!its_turn || IsHeld(t, b.step)) CHECK_FALSE(Names(plan, i));
    turn_taken = true;
  }
  CHECK(plan.decision.has_value() == all_settled);
  if (plan.decision) {
    CHECK(plan.decision->phase == Phase::kEnded);
    CHECK(plan.decision->outcome == t.outcome);
  }
}

void CheckTwoPhases(Mode mode, const ModeState& state) {
  const GlobalTransaction t = TransactionOf(mode, state);
  const Plan plan = PlanNext(t, kNow);
  CAPTURE(Show(t, plan));
  const bool expired = state.first_action == kExpired;
  CheckPlan(t, plan, expired);
  CHECK(plan.marks.empty());  // no action is called by the coordinator
  if (t.phase == Phase::kEnded) return;
  if (t.outcome == Decision::kUndecided) return CheckUndecided(t, plan);
  if (t.durable_outcome != t.outcome) {
    CHECK(Show(t, plan).empty());
    return;
  }
  CheckPhaseTwo(t, plan, mode == Mode::kTcc && !state.concurrent, expired);
  // Whoever waits, waits for something that comes: a call, a time, a person.
  const bool waits = std::any_of(t.branches.begin(), t.branches.end(), [](const Branch& b) {
    return b.in_flight != 0 || b.held_by != 0;
  });
  CHECK((waits || !Show(t, plan).empty()));
}

// Calls `check` with each way in which deadline, cancel and the barrier's time may stand.
void InEachWay(ModeState state, const std::function<void(const ModeState&)>& check) {
  for (const std::optional<Milliseconds> deadline :
       {std::optional<Milliseconds>(), std::optional(kPast), std::optional(kLater)}) {
    for (const bool cancel : {false, true}) {
      for (const bool expired : {false, true}) {
        state.deadline = deadline;
        state.cancel = cancel;
        state.first_action = expired ? std::optional(kExpired) : std::nullopt;
        check(state);
      }
    }
  }
}

TEST_CASE("plan, tcc and xa: in every mixture of states") {
  constexpr std::string_view kLetters = ".irdsxe";
  std::vector<std::string>
      steps;  // what is owed in each state, with and without the session's call
  for (const char letter : kLetters) {
    for (const std::string_view held : {"", "h"}) steps.push_back(letter + std::string(held));
  }
  for (const Mode mode : {Mode::kTcc, Mode::kXa}) {
    for (const At at : kPhases) {
      const bool rollback = at == At::kRollback || at == At::kRollbackPending || at == At::kFailed;
      const auto branch = [&](const std::string& step) {
        return rollback ? std::string{step[0], '.'} + step.substr(1) : "." + step;
      };
      for (const std::string& first : steps) {
        for (const std::string& second : steps) {
          const std::string branches = branch(first) + " " + branch(second);
          CAPTURE(branches);
          CAPTURE(static_cast<int>(at));
          for (const bool concurrent : {false, true}) {
            InEachWay({.at = at, .branches = branches, .concurrent = concurrent},
                      [&](const ModeState& state) { CheckTwoPhases(mode, state); });
          }
        }
      }
    }
  }
}

// --- messages ---

// The check-back is the last branch.
void CheckPreparedMessage(const GlobalTransaction& t, const Plan& plan, bool expired) {
  const auto check_back = static_cast<uint16_t>(t.branches.size() - 1);
  for (uint16_t i = 0; i < check_back; ++i) CHECK_FALSE(Names(plan, i));
  const BranchState said = t.branches[check_back].state;
  CHECK(plan.decision.has_value() == (said != BranchState::kWaiting));
  if (said == BranchState::kDone) CHECK(Show(t, plan) == "commit");
  if (said == BranchState::kFailed) CHECK(Show(t, plan) == "fail(failure)");
  const bool asked = t.cancel_asked || (t.deadline && *t.deadline <= kNow);
  CHECK(Contains(plan.calls, check_back) == (asked && IsCallable(t, check_back, expired)));
  if (!asked) CHECK_FALSE(Names(plan, check_back));
}

void CheckCommittedMessage(const GlobalTransaction& t, const Plan& plan, bool expired) {
  const auto check_back = static_cast<uint16_t>(t.branches.size() - 1);
  CHECK_FALSE(Names(plan, check_back));
  bool all_settled = true;
  bool any_started = false;
  for (uint16_t i = 0; i < check_back; ++i) {
    const Branch& b = t.branches[i];
    const bool its_turn = t.definition->concurrent || all_settled;
    if (!plan.decision && t.start <= kNow) {
      CHECK(Contains(plan.calls, i) ==
            (its_turn && b.started == Started::kYes && IsCallable(t, i, expired)));
    } else {
      CHECK_FALSE(Names(plan, i));
    }
    // R1: written ahead, once, and never of what needs no call.
    if (Contains(plan.marks, i)) CHECK((b.started == Started::kNo && IsCallable(t, i, expired)));
    if (!its_turn) CHECK_FALSE(Contains(plan.done, i));
    any_started = any_started || b.started != Started::kNo || IsSettled(b);
    all_settled = all_settled && IsSettled(b);
  }
  const bool durable = t.durable_outcome == Decision::kCommit;
  const bool taken_back = t.cancel_asked && !any_started;
  CHECK(plan.decision.has_value() == (taken_back || (all_settled && durable)));
  if (plan.decision) CHECK(Show(t, plan) == (taken_back ? "fail(cancelled)" : "end"));
}

void CheckMessage(const ModeState& state) {
  const GlobalTransaction t = TransactionOf(Mode::kMessage, state);
  const Plan plan = PlanNext(t, kNow);
  CAPTURE(Show(t, plan));
  const bool expired = state.first_action == kExpired;
  CheckPlan(t, plan, expired);
  if (t.phase == Phase::kEnded) return;
  if (t.outcome == Decision::kUndecided) return CheckPreparedMessage(t, plan, expired);
  CheckCommittedMessage(t, plan, expired);
}

TEST_CASE("plan, message: in every mixture of states") {
  constexpr std::string_view kActions = ".pmirdsxe";
  constexpr std::string_view kCheckBacks = ".irdfx";
  // What is called has a durable mark, and so a durable commit; an empty one is done before that.
  const auto can_be = [](At at, char action) {
    return at == At::kCommit || at == At::kEnded ||
           std::string_view(".peds").find(action) != std::string_view::npos;
  };
  for (const At at : {At::kPrepared, At::kCommitPending, At::kCommit, At::kEnded, At::kFailed}) {
    for (const char first : kActions) {
      for (const char second : kActions) {
        for (const char check_back : kCheckBacks) {
          if (!can_be(at, first) || !can_be(at, second)) continue;
          const std::string branches = {first, ' ', second, ' ', '?', check_back};
          CAPTURE(branches);
          CAPTURE(static_cast<int>(at));
          for (const bool concurrent : {false, true}) {
            for (const std::optional<Milliseconds> start :
                 {std::optional<Milliseconds>(), std::optional(kLater)}) {
              InEachWay({.at = at, .branches = branches, .concurrent = concurrent, .start = start},
                        CheckMessage);
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace troth::internal
