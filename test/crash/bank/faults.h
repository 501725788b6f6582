// How a bank misbehaves, drawn anew for each call.
#pragma once

#include <mutex>
#include <random>
#include <utility>

enum class Fault {
  kNone,
  kSlow,
  kRefuses,      // 409, nothing done
  kDoesRefuses,  // done, then 409
  kFails,        // 500, nothing done
  kDoesFails,    // done, then 500
  kDoesCuts,     // done, then the connection ends within the answer
  kLate,         // nobody waits any more when it is done
  kDoesLate,     // done at once, and nobody waits any more for the answer
  kOngoing,      // 425, nothing done
  kDoesOngoing,  // done, then 425
};

// Thread-safe.
class Faults {
 public:
  explicit Faults(unsigned seed) : random_(seed) {}

  Fault Draw() {
    // Percent of all calls; the rest is done as it should be.
    static constexpr std::pair<Fault, unsigned> kShares[] = {
        {Fault::kSlow, 10},      {Fault::kRefuses, 3},   {Fault::kDoesRefuses, 2},
        {Fault::kFails, 3},      {Fault::kDoesFails, 4}, {Fault::kDoesCuts, 4},
        {Fault::kLate, 3},       {Fault::kDoesLate, 3},  {Fault::kOngoing, 2},
        {Fault::kDoesOngoing, 2}};
    unsigned drawn = Below(100);
    for (const auto& [fault, share] : kShares) {
      if (drawn < share) return fault;
      drawn -= share;
    }
    return Fault::kNone;
  }

  unsigned Below(unsigned end) {
    const std::lock_guard lock(mutex_);
    return static_cast<unsigned>(random_() % end);
  }

 private:
  std::mutex mutex_;
  std::mt19937 random_;
};
