// The coordinator's clock (R23): starts at the wall clock, not before the newest stored time, and
// then follows the time since boot, suspend included. It never jumps within a life.
#pragma once

#include <chrono>
#include <optional>

#include "troth/transaction.h"

namespace troth::internal {

class Clock {
 public:
  // The store's newest time is believed up to a day ahead of the wall clock.
  explicit Clock(std::optional<Time> highest_updated);

  Time Now() const;
  // This clock less the wall clock.
  std::chrono::milliseconds Offset() const;
  // The store's newest time was too far ahead: the wall clock won.
  bool store_was_ahead() const { return store_was_ahead_; }

 private:
  Time start_;
  std::chrono::nanoseconds boot_start_;
  bool store_was_ahead_ = false;
};

}  // namespace troth::internal
