// The two-phase message: actions that run after the application's own local transaction, and never
// roll back.
//
//   prepared ──submit · check-back says success──→ commit ──every action done──→ ended, commit
//       │ abort · check-back says failure            │ cancelled before any action was marked
//       └────────────────────────────────────────────┴──→ ended, rollback
//
// Step i has its action at branch i; the check-back, where there is one, is the last branch. Only
// an explicit failure of the check-back fails a message: used-up retries park it (R8).

#include <algorithm>

#include "plan/rules.h"

namespace troth::internal {
namespace {

class MessagePlanner {
 public:
  MessagePlanner(const GlobalTransaction& t, Time now) : t_(t), now_(now) {}

  Plan Next() {
    if (t_.outcome == Decision::kUndecided) {
      PlanPreparedMessage();
    } else if (t_.cancel_asked && !AnyStarted()) {
      End(Decision::kRollback, *t_.cancel_asked);
    } else if (!AllSettled()) {
      PlanDelayedActions();
    } else if (t_.durable_outcome == Decision::kCommit) {
      End(Decision::kCommit, {});
    }
    return std::move(plan_);
  }

 private:
  // A cancel of a prepared message asks the check-back, as its time-out does: the application may
  // have committed (R17).
  void PlanPreparedMessage() {
    const auto check_back = static_cast<uint16_t>(t_.branches.size() - 1);
    switch (t_.branches[check_back].state) {
      case BranchState::kDone:
        plan_.decision = PlannedDecision{Phase::kRunning, Decision::kCommit, {}};
        return;
      case BranchState::kFailed:
        End(Decision::kRollback, ReasonFrom(t_, check_back, ReasonCode::kActionFailed, now_));
        return;
      case BranchState::kWaiting:
      case BranchState::kSkipped:
        break;
    }
    if (t_.cancel_asked || (t_.deadline && *t_.deadline <= now_)) {
      PlanCall(t_, check_back, /*limited=*/false, now_, plan_);
    } else if (t_.deadline) {
      WakeAt(plan_, *t_.deadline);
    }
  }

  // Nothing is marked before its time, so that a delayed message can be cancelled (R1, R17).
  void PlanDelayedActions() {
    if (t_.start > now_) {
      WakeAt(plan_, t_.start);
    } else {
      PlanActions(t_, /*limited=*/false, now_, plan_);
    }
  }

  bool AnyStarted() const {
    return std::any_of(t_.branches.begin(), t_.branches.end(), [](const Branch& branch) {
      return branch.op == Op::kForward && (branch.started != Started::kNo || IsSettled(branch));
    });
  }
  bool AllSettled() const {
    return std::all_of(t_.branches.begin(), t_.branches.end(), [](const Branch& branch) {
      return branch.op != Op::kForward || IsSettled(branch);
    });
  }
  void End(Decision outcome, Reason reason) {
    plan_.decision = PlannedDecision{Phase::kEnded, outcome, std::move(reason)};
  }

  const GlobalTransaction& t_;
  const Time now_;
  Plan plan_;
};

}  // namespace

Plan PlanMessage(const GlobalTransaction& t, Time now) { return MessagePlanner(t, now).Next(); }

}  // namespace troth::internal
