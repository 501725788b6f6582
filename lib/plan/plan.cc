#include "plan/plan.h"

#include "base/check.h"
#include "plan/rules.h"

namespace troth::internal {

Plan PlanNext(const GlobalTransaction& t, Time now) {
  if (t.phase == Phase::kEnded) return {};
  if (t.restored) return Plan{.parked = {{kWholeTransaction, ReasonCode::kParkedRestored}}};
  switch (t.mode()) {
    case Mode::kSaga:
      return PlanSaga(t, now);
    case Mode::kTcc:
      return PlanTcc(t, now);
    case Mode::kXa:
      return PlanXa(t, now);
    case Mode::kMessage:
      return PlanMessage(t, now);
    case Mode::kWorkflow:
      return PlanWorkflow(t, now);
  }
  TROTH_CHECK(false && "FromStored refuses modes that there are not");
  return {};
}

}  // namespace troth::internal
