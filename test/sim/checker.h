// The checker: reads the log of one simulated run and says which invariants it breaks.
//
// It is a second opinion, so it shares no code with plan/ or engine/: of the library it uses the
// plain structs of model/ and nothing that decides anything. invariants.md says what each check
// looks at, and what no check can see.
#pragma once

#include <string_view>
#include <vector>

#include "log.h"

namespace troth::sim {

// All that the log shows to be wrong, in order of invariants; empty: nothing.
std::vector<Violation> CheckLog(const Log& log);

// I35: two runs of one seed are the same, record by record; the first that differs is told.
std::vector<Violation> CheckSameRun(const Log& one, const Log& other);

// I31: what branches saw of two runs that differ in their wall clock alone.
std::vector<Violation> CheckSameCalls(const Log& one, const Log& other);

}  // namespace troth::sim
