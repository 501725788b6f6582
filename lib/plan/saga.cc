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
      PlanActions(t_, /*limited=*/true, now_, plan_);
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
    PlanCall(t_, CompensationOf(step), /*limited=*/false, now_, plan_);
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
