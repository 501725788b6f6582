// The workflow: a function of the application, which calls its branches itself and records what
// came of each. The coordinator keeps that, and sees to it that somebody runs the function to its
// end.
//
//   prepared ──a recorded commit──────→ commit   ──submit: succeed──→ ended, commit
//       │  │                                                          ↑
//       │  └──submit──────────────────────────────────────────────────┤
//       │                                                             ↓
//       └────a recorded rollback──────→ rollback ──submit: failed───→ ended, rollback
//
// The application alone decides. The first operation of a second phase that it records fixes the
// outcome, and so does its submit: whoever else runs the function, and comes to another end, is
// refused (R30). Until the end the wire shows `prepared`.
//
// All that is planned is the call-back, the only branch: whenever nothing was heard for one wait,
// it is called, and the function is run again over what it has recorded. No answer of it is a
// result: the workflow goes on until its submit, however often that takes.

#include "plan/rules.h"

namespace troth::internal {

Plan PlanWorkflow(const GlobalTransaction& t, Time now) {
  Plan plan;
  PlanCall(t, /*branch=*/0, /*limited=*/false, now, plan);
  return plan;
}

}  // namespace troth::internal
