// The first look at a run, which needs no invariant's exact words: it has come to its end, and the
// books of branches that have a barrier agree with it (I32).
#pragma once

#include <vector>

#include "log.h"

namespace troth::sim {

std::vector<Violation> FirstChecks(const Log& log);

}  // namespace troth::sim
