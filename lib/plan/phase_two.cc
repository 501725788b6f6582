// What tcc and xa share: a prepared time, and a second phase over all registered branches.
#include <algorithm>

#include "plan/rules.h"

namespace troth::internal {

void PlanPrepared(const GlobalTransaction& t, Time now, Plan& plan) {
  const auto roll_back = [&](Reason reason) {
    plan.decision = PlannedDecision{Phase::kRunning, Decision::kRollback, std::move(reason)};
  };
  if (t.cancel_asked) return roll_back(*t.cancel_asked);
  if (t.deadline && *t.deadline <= now) return roll_back(TimeoutReason(t, now));
  if (t.deadline) WakeAt(plan, *t.deadline);
}

void PlanPhaseTwo(const GlobalTransaction& t, Op op, bool at_once, Time now, Plan& plan) {
  if (t.durable_outcome != t.outcome) return;
  bool all_settled = true;
  for (size_t i = t.branches.size(); i-- > 0;) {
    const Branch& branch = t.branches[i];
    // R7: not while the session's own call of this branch can still have an effect.
    if (branch.held_by != 0) all_settled = false;
    if (branch.op != op || IsSettled(branch)) continue;
    all_settled = false;
    const auto mate = std::find_if(t.branches.begin(), t.branches.end(), [&](const Branch& other) {
      return other.step == branch.step && other.held_by != 0;
    });
    if (mate == t.branches.end()) {
      PlanCall(t, static_cast<uint16_t>(i), /*limited=*/false, now, plan);
    }
    if (!at_once) return;
  }
  if (all_settled) plan.decision = PlannedDecision{Phase::kEnded, t.outcome, {}};
}

}  // namespace troth::internal
