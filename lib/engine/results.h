// What a call's result does to the value of its transaction (R11–R13). Pure.
#pragma once

#include "base/random.h"
#include "model/transaction.h"
#include "model/transport.h"

namespace troth::internal {

// Whether a result that comes now changes no branch: after the end (R18), and a check-back's after
// the decision (R8).
bool IsLate(const GlobalTransaction& t, const Branch& branch);
// A check-back that comes late, and says the opposite of what was decided.
bool Contradicts(const GlobalTransaction& t, const Branch& branch, const CallEnded& ended);

// Whether the branch waits to be called again because its host gave no HTTP answer, or 502, 503,
// 504: then it may go on as soon as that host is back (R21).
bool WaitsForHost(const Branch& branch);

// Begins a call in the value: in flight, and called.
void RecordStart(GlobalTransaction& t, uint16_t branch, uint64_t call_id, Time now);

// Ends it: the branch's new state, and when it may be called again. `called_before`: what `called`
// was before the start; a call of which nothing was sent puts it back. Returns the rule that
// applied, for the log.
std::string RecordResult(GlobalTransaction& t, uint16_t branch, const CallEnded& ended,
                         bool called_before, Time now, Random& random);

// Whether the result that says nothing, which `branch` has just had, is worth an alert: the
// `after`-th, and then each with which the wait has grown from `interval`.
bool IsWorthAnAlert(const Branch& branch, Milliseconds interval, uint32_t after);

// A loaded transaction on its way into memory: R22, R23. True: it held times that are later than
// they can be by this life's clock, and they were cut.
bool RecordLoad(GlobalTransaction& t, bool local_calls_wait, Time now);

}  // namespace troth::internal
