#include "plan/rules.h"

#include <algorithm>

#include "base/text.h"

namespace troth::internal {
namespace {

bool HasGiveUpTime(const Policy& policy, const Branch& branch) {
  return policy.give_up_after != kNoTimeLimit && branch.first_call != Time{};
}

// R10: a late compensation would look like one whose action never ran once the barrier's rows are
// gone.
bool BarrierExpired(const GlobalTransaction& t, Time now) {
  return t.first_action != Time{} && now - t.first_action > t.definition->barrier_retention;
}

}  // namespace

std::optional<ReasonCode> Exhausted(const GlobalTransaction& t, const Branch& branch, Time now) {
  if (branch.state != BranchState::kWaiting || branch.in_flight != 0) return std::nullopt;
  const Policy& policy = t.PolicyOf(branch);
  if (policy.limit != kNoLimit && branch.unknowns > static_cast<uint32_t>(policy.limit)) {
    return ReasonCode::kRetriesExhausted;
  }
  if (HasGiveUpTime(policy, branch) && now >= branch.first_call + policy.give_up_after) {
    return ReasonCode::kGaveUp;
  }
  return std::nullopt;
}

Reason ReasonFrom(const GlobalTransaction& t, uint16_t branch, ReasonCode code, Time now) {
  const Branch& b = t.branches[branch];
  Reason reason = b.failures.empty() ? Reason{} : b.failures.back();
  reason.code = code;
  reason.branch_id = t.BranchIdOf(b);
  reason.op = t.OpNameOf(b);
  if (reason.at == Time{}) reason.at = now;
  return reason;
}

Reason TimeoutReason(const GlobalTransaction& t, Time now) {
  const Milliseconds limit = t.definition->timeout_to_fail.value_or(*t.deadline - t.created);
  const bool whole = limit.count() % 1000 == 0;
  std::string text = Concat("Timeout after ", whole ? limit.count() / 1000 : limit.count(),
                            whole ? " seconds" : " milliseconds");
  return Reason{.code = ReasonCode::kTimeout, .text = std::move(text), .at = now};
}

void WakeAt(Plan& plan, Time at) {
  if (!plan.wake || at < *plan.wake) plan.wake = at;
}

std::optional<ReasonCode> WaitsForPerson(const GlobalTransaction& t, const Branch& branch,
                                         bool limited, Time now) {
  const Policy& policy = t.PolicyOf(branch);
  if (!limited && policy.park_after != kNoLimit &&
      branch.unknowns > static_cast<uint32_t>(policy.park_after)) {
    return ReasonCode::kParkedRetries;
  }
  if (BarrierExpired(t, now)) return ReasonCode::kParkedBarrierExpired;
  return std::nullopt;
}

void PlanCall(const GlobalTransaction& t, uint16_t branch, bool limited, Time now, Plan& plan) {
  const Branch& b = t.branches[branch];
  if (b.state != BranchState::kWaiting || b.in_flight != 0) return;
  if (t.UrlOf(branch).empty()) {
    plan.done.push_back(branch);
    return;
  }
  if (const auto code = WaitsForPerson(t, b, limited, now)) {
    plan.parked.push_back({branch, *code});
    return;
  }
  // Also of a call that is due: it may have to wait for room at its host.
  const Policy& policy = t.PolicyOf(b);
  if (limited && HasGiveUpTime(policy, b)) WakeAt(plan, b.first_call + policy.give_up_after);
  if (b.next <= now) {
    plan.calls.push_back(branch);
  } else {
    WakeAt(plan, b.next);
  }
}

}  // namespace troth::internal
