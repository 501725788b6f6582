// Runs seeds in processes of their own, so that one that ends its process is named and the rest go
// on.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "run.h"

namespace troth::sim {

// Which seeds: so many from the first on, but none is begun after the time.
struct SeedRange {
  uint64_t first = 1;
  uint64_t count = 0;
  std::optional<std::chrono::seconds> time;
};

// Whether a seed passed; it tells itself what did not.
using SeedRun = std::function<bool(uint64_t seed, Counts& counts)>;

// Prints the figures, and `N passed, N failed` last. The exit status.
int RunAll(const SeedRange& range, const SeedRun& run);

}  // namespace troth::sim
