// The rules that all modes share: retries, limits, when a branch may be called.
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

// Plans the call of a branch whose turn it is: at once, later (wake), not at all while one is in
// flight, or never (parked). An empty URL is done at once. `may_fail` says whether retry limits
// decide (then the caller has looked at Exhausted) or park.
void PlanCall(const GlobalTransaction& t, uint16_t branch, bool may_fail, Time now, Plan& plan);

void WakeAt(Plan& plan, Time at);

// Each mode, on its own page.
Plan PlanSaga(const GlobalTransaction& t, Time now);

}  // namespace troth::internal
