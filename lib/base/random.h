// Where chance comes from: one seam, so that a simulation can replay it.
#pragma once

#include <cstdint>

namespace troth::internal {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;  // 64 uniform bits
  // Uniform in [low, high].
  int64_t Between(int64_t low, int64_t high) {
    if (high <= low) return low;
    return low + static_cast<int64_t>(Next() % (static_cast<uint64_t>(high - low) + 1));
  }
};

}  // namespace troth::internal
