#include "driver/clock.h"

#include <time.h>

#include <algorithm>

namespace troth::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kBelievedAhead = std::chrono::hours(24);

nanoseconds Read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

Time WallClock() { return Time(std::chrono::floor<milliseconds>(Read(CLOCK_REALTIME))); }

#ifdef CLOCK_BOOTTIME
constexpr clockid_t kElapsed = CLOCK_BOOTTIME;
#else
constexpr clockid_t kElapsed = CLOCK_MONOTONIC;
#endif

}  // namespace

Clock::Clock(std::optional<Time> highest_updated)
    : start_(WallClock()), boot_start_(Read(kElapsed)) {
  if (!highest_updated) return;
  store_was_ahead_ = *highest_updated > start_ + kBelievedAhead;
  if (!store_was_ahead_) start_ = std::max(start_, *highest_updated);
}

Time Clock::Now() const {
  return start_ + std::chrono::floor<milliseconds>(Read(kElapsed) - boot_start_);
}

milliseconds Clock::Offset() const { return Now() - WallClock(); }

}  // namespace troth::internal
