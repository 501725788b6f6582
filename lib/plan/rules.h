// The rules that modes share: retries, limits, when a branch may be called, and in which order
// actions run.
#pragma once

#include <optional>

#include "plan/plan.h"

namespace troth::internal {

// Done, or skipped by a person.
inline bool IsSettled(const Branch& branch) {
  return branch.state == BranchState::kDone || branch.state == BranchState::kSkipped;
}

// Why an operation that may fail has had its chances; nothing while it still has some, or while a
// call is in flight (R12, R14: a branch's own deadline is looked at between calls).
std::optional<ReasonCode> Exhausted(const GlobalTransaction& t, const Branch& branch, Time now);

// The reason of a decision that `branch` brought about: its newest failure, under `code` (I14).
Reason ReasonFrom(const GlobalTransaction& t, uint16_t branch, ReasonCode code, Time now);
Reason TimeoutReason(const GlobalTransaction& t, Time now);

// Why an operation whose turn it is waits for a person, if it does.
std::optional<ReasonCode> WaitsForPerson(const GlobalTransaction& t, const Branch& branch,
                                         bool limited, Time now);

// Plans the call of a branch whose turn it is: at once, later (wake), not at all while one is in
// flight, or never (parked). An empty URL is done at once. `limited` says that retry limits decide
// (then the caller has looked at Exhausted); else they park.
void PlanCall(const GlobalTransaction& t, uint16_t branch, bool limited, Time now, Plan& plan);

// The actions of a saga or a message, in order or at once, each only after those it waits for are
// settled: marks ahead (R1), then the calls that durable marks allow.
void PlanActions(const GlobalTransaction& t, bool limited, Time now, Plan& plan);
// Where a step's action is among the branches of a saga or a message.
uint16_t ActionOf(const GlobalTransaction& t, size_t step);

// Phase two of tcc and xa: every registered branch's `op`, in reverse order one at a time, or all
// at once. Ends the transaction when all are settled.
void PlanPhaseTwo(const GlobalTransaction& t, Op op, bool at_once, Time now, Plan& plan);

// While prepared, what tcc and xa decide by themselves: a cancel, then the time-out.
void PlanPrepared(const GlobalTransaction& t, Time now, Plan& plan);

void WakeAt(Plan& plan, Time at);

// Each mode, on its own page.
Plan PlanSaga(const GlobalTransaction& t, Time now);
Plan PlanTcc(const GlobalTransaction& t, Time now);
Plan PlanXa(const GlobalTransaction& t, Time now);
Plan PlanMessage(const GlobalTransaction& t, Time now);
Plan PlanWorkflow(const GlobalTransaction& t, Time now);

}  // namespace troth::internal
