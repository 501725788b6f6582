// TCC: the application tries each branch itself, after the branch was registered; then all are
// confirmed, or all cancelled.
//
//   prepared ──submit────────────────────→ commit   ──every confirm done──→ ended
//       │ abort · cancel · deadline
//       └──────────────────────────────→ rollback ──every cancel done───→ ended
//
// Step i has its cancel at branch 2i and its confirm at branch 2i+1. Phase two goes through them in
// reverse order of registration, one at a time, unless the transaction is concurrent (R20).

#include "plan/rules.h"

namespace troth::internal {

Plan PlanTcc(const GlobalTransaction& t, Time now) {
  Plan plan;
  switch (t.outcome) {
    case Decision::kUndecided:
      PlanPrepared(t, now, plan);
      break;
    case Decision::kCommit:
      PlanPhaseTwo(t, Op::kCommit, t.definition->concurrent, now, plan);
      break;
    case Decision::kRollback:
      PlanPhaseTwo(t, Op::kRollback, t.definition->concurrent, now, plan);
      break;
  }
  return plan;
}

}  // namespace troth::internal
