// Where all chance of a run comes from: SplitMix64, whose draws are the same everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/random.h"

namespace troth::sim {

class Dice final : public internal::Random {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t Next() override {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // True `percent` times in a hundred.
  bool Chance(uint32_t percent) { return Next() % 100 < percent; }
  // One of those given.
  template <class T>
  const T& Of(const std::vector<T>& all) {
    return all[Next() % all.size()];
  }
  template <class T>
  T Of(std::initializer_list<T> all) {
    return all.begin()[Next() % all.size()];
  }
  // In [low, high], small ones far more often: each power of two is as likely as the next.
  int64_t Skewed(int64_t low, int64_t high) {
    int64_t span = high - low;
    while (span > 1 && Chance(50)) span /= 2;
    return low + Between(0, span);
  }
  // A stream of its own, so that drawing more in one place changes nothing in another.
  Dice Fork() { return Dice(Next()); }

 private:
  uint64_t state_;
};

}  // namespace troth::sim
