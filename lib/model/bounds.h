// Bounds that hold whatever the options say: of what is accepted, and of what a stored row can
// hold.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troth::internal {

inline constexpr size_t kGidBytesMax = 128;
inline constexpr size_t kActBytesMax = 1024;
// Of what a branch said that is kept, whoever called it.
inline constexpr size_t kReasonTextBytesMax = 1024;
// Of every wait, time-out and deadline. A longer one is a mistake in a unit, and no sum of two may
// pass the end of the clock.
inline constexpr std::chrono::milliseconds kDurationMax = std::chrono::hours(24 * 3653);
// Of a stored time, in milliseconds from 1970: far outside any real one, and far inside what can be
// added without overflow.
inline constexpr int64_t kTimeMax = int64_t{1} << 50;
inline constexpr bool IsInRange(std::chrono::sys_time<std::chrono::milliseconds> time) {
  return time.time_since_epoch().count() >= -kTimeMax &&
         time.time_since_epoch().count() <= kTimeMax;
}
inline constexpr double kFactorMax = 100;
// Of a stored version: far above what any transaction reaches, far below where it would overflow.
inline constexpr uint64_t kVersionMax = uint64_t{1} << 50;

}  // namespace troth::internal
