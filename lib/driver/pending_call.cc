#include "driver/pending_call.h"

#include <cerrno>
#include <ctime>

namespace troth::internal {
namespace {

// By the monotonic clock.
timespec In(std::chrono::milliseconds time) {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  const auto nanoseconds = std::chrono::nanoseconds(at.tv_nsec) + time;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(nanoseconds);
  at.tv_sec += seconds.count();
  at.tv_nsec = (nanoseconds - seconds).count();
  return at;
}

}  // namespace

void PendingCall::Set(Answer&& answer) {
  if (answered_.exchange(true)) return;
  answer_ = std::move(answer);
  done_.store(true, std::memory_order_release);
  sem_post(&woken_);
}

void PendingCall::OnDropped() {
  Set(Answer{.status = {StatusCode::kCancelled, "the coordinator was closed"}});
}

bool PendingCall::WaitFor(std::optional<std::chrono::milliseconds> timeout) {
  const timespec until = timeout ? In(*timeout) : timespec{};
  while (!done()) {
    // A signal ends the sleep too.
    const int woken = timeout ? sem_clockwait(&woken_, CLOCK_MONOTONIC, &until) : sem_wait(&woken_);
    if (woken != 0 && errno != EINTR) return done();
  }
  return true;
}

void PendingCall::Replace(Answer&& answer) {
  answered_ = true;
  answer_ = std::move(answer);
  done_ = true;
}

}  // namespace troth::internal
