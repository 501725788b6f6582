// The coordinator's clock (R23): starts at the wall clock, not before the newest stored time, and
// then follows the time since boot, suspend included. It never jumps within a life.
#pragma once

#include <chrono>
#include <optional>

#include "troth/transaction.h"

namespace troth::internal {

// Where a clock starts.
struct ClockStart {
  Time at{};
  bool store_was_ahead = false;  // by more than is believed: the wall clock won
};
// The store's newest time is believed up to a day ahead of the wall clock.
ClockStart StartClock(Time wall, std::optional<Time> highest_updated);

class Clock {
 public:
  explicit Clock(std::optional<Time> highest_updated);

  Time Now() const;
  // This clock less the wall clock.
  std::chrono::milliseconds Offset() const;
  // The store's newest time was too far ahead: the wall clock won.
  bool store_was_ahead() const { return start_.store_was_ahead; }

 private:
  ClockStart start_;
  std::chrono::nanoseconds boot_start_;
};

}  // namespace troth::internal
