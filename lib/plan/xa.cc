// XA: each branch has prepared a local transaction; then all commit, or all roll back.
//
//   prepared ──submit────────────────────→ commit   ──every commit done────→ ended
//       │ abort · cancel · deadline
//       └──────────────────────────────→ rollback ──every rollback done──→ ended
//
// Step i has its rollback at branch 2i and its commit at branch 2i+1. All are called at once: one
// dead branch must not hold the locks of the others (R20).

#include "plan/rules.h"

namespace troth::internal {

Plan PlanXa(const GlobalTransaction& t, Time now) {
  Plan plan;
  switch (t.outcome) {
    case Decision::kUndecided:
      PlanPrepared(t, now, plan);
      break;
    case Decision::kCommit:
      PlanPhaseTwo(t, Op::kCommit, /*at_once=*/true, now, plan);
      break;
    case Decision::kRollback:
      PlanPhaseTwo(t, Op::kRollback, /*at_once=*/true, now, plan);
      break;
  }
  return plan;
}

}  // namespace troth::internal
