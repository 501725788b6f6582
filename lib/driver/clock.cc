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

ClockStart StartClock(Time wall, std::optional<Time> highest_updated) {
  if (!highest_updated) return {.at = wall};
  if (*highest_updated > wall + kBelievedAhead) return {.at = wall, .store_was_ahead = true};
  return {.at = std::max(wall, *highest_updated)};
}

Clock::Clock(std::optional<Time> highest_updated)
    : start_(StartClock(WallClock(), highest_updated)), boot_start_(Read(kElapsed)) {}

Time Clock::Now() const {
  return start_.at + std::chrono::floor<milliseconds>(Read(kElapsed) - boot_start_);
}

milliseconds Clock::Offset() const { return Now() - WallClock(); }

}  // namespace troth::internal
