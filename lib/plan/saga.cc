// The saga, top to bottom: actions in order (or at once, within `orders`), and compensations in
// reverse.
//
//   undecided ──all actions done──────────────────────────────→ ended, commit
//       │ an action failed · out of retries · deadline · cancel
//       ▼
//   rollback ──compensated every step whose action may have run──→ ended, rollback
//
// Step i has its compensation at branch 2i and its action at branch 2i+1.

#include <algorithm>

#include "plan/rules.h"

namespace troth::internal {
namespace {

class SagaPlanner {
 public:
  SagaPlanner(const GlobalTransaction& t, Time now) : t_(t), now_(now) {}

  Plan Next() {
    if (t_.outcome == Decision::kUndecided) {
      if (Decide()) return std::move(plan_);
      PlanMarks();
      PlanActions();
      if (t_.deadline) WakeAt(plan_, *t_.deadline);
    } else {
      // A compensation needs the durable rollback, and so does the end: the status moves by way of
      // aborting.
      if (t_.durable_outcome == Decision::kRollback) PlanCompensations();
    }
    return std::move(plan_);
  }

 private:
  static uint16_t ActionOf(size_t step) { return static_cast<uint16_t>(2 * step + 1); }
  static uint16_t CompensationOf(size_t step) { return static_cast<uint16_t>(2 * step); }
  size_t Steps() const { return t_.definition->steps.size(); }
  const Branch& Action(size_t step) const { return t_.branches[ActionOf(step)]; }
  const Branch& Compensation(size_t step) const { return t_.branches[CompensationOf(step)]; }
  bool Concurrent() const { return t_.definition->concurrent; }

  // --- undecided ---

  bool Decide() {
    bool all_done = true;
    for (size_t i = 0; i < Steps(); ++i) {
      const Branch& action = Action(i);
      if (action.state == BranchState::kFailed) {
        return RollBack(ReasonFrom(t_, ActionOf(i), ReasonCode::kActionFailed, now_));
      }
      if (const auto code = Exhausted(t_, action, now_)) {
        return RollBack(ReasonFrom(t_, ActionOf(i), *code, now_));
      }
      all_done = all_done && action.state == BranchState::kDone;
    }
    if (all_done) {
      plan_.decision = PlannedDecision{Phase::kEnded, Decision::kCommit, {}};
      return true;
    }
    if (t_.cancel_asked) return RollBack(*t_.cancel_asked);
    if (t_.deadline && *t_.deadline <= now_) return RollBack(TimeoutReason(t_, now_));
    return false;
  }

  bool RollBack(Reason reason) {
    plan_.decision = PlannedDecision{Phase::kRunning, Decision::kRollback, std::move(reason)};
    return true;
  }

  // Whom a step waits for has succeeded.
  bool MayRun(size_t step) const {
    if (!Concurrent()) return step == 0 || Action(step - 1).state == BranchState::kDone;
    const auto& after = t_.definition->steps[step].after;
    return std::all_of(after.begin(), after.end(),
                       [&](size_t i) { return Action(i).state == BranchState::kDone; });
  }

  // It may run, and has not to wait for a retry.
  bool MayRunNow(size_t step) const { return MayRun(step) && Action(step).next <= now_; }

  // Whom a step waits for has succeeded or may run now: the step is one further along its path.
  bool MayRunNext(size_t step) const {
    const auto near = [&](size_t i) {
      return Action(i).state == BranchState::kDone || MayRunNow(i);
    };
    if (!Concurrent()) return step == 0 || near(step - 1);
    const auto& after = t_.definition->steps[step].after;
    return std::all_of(after.begin(), after.end(), near);
  }

  void PlanMarks() {
    size_t ahead = 0;
    for (size_t i = 0; i < Steps(); ++i) {
      const Branch& action = Action(i);
      const bool waiting = action.state == BranchState::kWaiting;
      if (waiting && action.started != Started::kNo && !action.called) ++ahead;
    }
    for (size_t i = 0; i < Steps() && ahead < kMarkedAheadMax; ++i) {
      const Branch& action = Action(i);
      if (action.state != BranchState::kWaiting || action.started != Started::kNo) continue;
      if (t_.UrlOf(ActionOf(i)).empty()) continue;  // never called, so nothing to mark
      if (!MayRunNext(i)) {
        if (!Concurrent()) break;
        continue;
      }
      plan_.marks.push_back(ActionOf(i));
      ++ahead;
    }
  }

  void PlanActions() {
    for (size_t i = 0; i < Steps(); ++i) {
      const Branch& action = Action(i);
      if (action.state == BranchState::kWaiting && MayRun(i)) {
        const bool allowed = action.started == Started::kYes || t_.UrlOf(ActionOf(i)).empty();
        if (allowed) PlanCall(t_, ActionOf(i), /*may_fail=*/true, now_, plan_);
      }
      if (!Concurrent() && action.state != BranchState::kDone) break;
    }
  }

  // --- rollback ---

  // Its action may have run.
  bool Owed(size_t step) const {
    return Action(step).called || Action(step).state != BranchState::kWaiting;
  }
  bool Compensated(size_t step) const { return !Owed(step) || IsSettled(Compensation(step)); }

  void PlanCompensations() {
    if (Concurrent()) {
      PlanConcurrentCompensations();
    } else {
      for (size_t i = Steps(); i-- > 0;) {
        if (Compensated(i)) continue;
        PlanCompensation(i);
        return;
      }
      End();
    }
  }

  void PlanConcurrentCompensations() {
    std::vector<bool> blocked(Steps());  // a step that depends on it is not compensated yet
    bool all = true;
    for (size_t i = 0; i < Steps(); ++i) {
      if (Compensated(i)) continue;
      all = false;
      for (const size_t before : t_.definition->steps[i].after) blocked[before] = true;
    }
    if (all) return End();
    for (size_t i = 0; i < Steps(); ++i) {
      if (!Compensated(i) && !blocked[i]) PlanCompensation(i);
    }
  }

  // R7: not while this process's call of the action can still have an effect.
  void PlanCompensation(size_t step) {
    if (Action(step).in_flight != 0) return;
    PlanCall(t_, CompensationOf(step), /*may_fail=*/false, now_, plan_);
  }

  void End() {
    for (size_t i = 0; i < Steps(); ++i) {
      if (Action(i).in_flight != 0) return;
    }
    plan_.decision = PlannedDecision{Phase::kEnded, Decision::kRollback, {}};
  }

  const GlobalTransaction& t_;
  const Time now_;
  Plan plan_;
};

}  // namespace

Plan PlanSaga(const GlobalTransaction& t, Time now) { return SagaPlanner(t, now).Next(); }

}  // namespace troth::internal
