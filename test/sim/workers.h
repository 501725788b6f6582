// Runs seeds in processes of their own, so that one that ends its process is named and the rest go
// on.
#pragma once

#include <cstdint>
#include <functional>

#include "run.h"

namespace troth::sim {

// Whether a seed passed; it tells itself what did not.
using SeedRun = std::function<bool(uint64_t seed, Counts& counts)>;

// Prints the figures, and `N passed, N failed` last. The exit status.
int RunAll(uint64_t first, uint64_t seeds, const SeedRun& run);

}  // namespace troth::sim
