// One thread that says when moments have come. It sleeps while there is nothing to time, and never
// polls: adding a later moment than the next one does not wake it either.
#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

namespace troth::internal {

class DeadlineTimer {
 public:
  using Clock = std::chrono::steady_clock;

  // `due` is called on the timer's thread, with no lock held; it may use the timer.
  explicit DeadlineTimer(std::function<void(uint64_t id)> due);
  ~DeadlineTimer();

  // False: the thread, which the first moment needs, could not be started.
  bool Add(uint64_t id, Clock::time_point at);
  void Remove(uint64_t id, Clock::time_point at);
  // Joins the thread. Nothing is due from then on.
  void Stop();

 private:
  void Run();

  const std::function<void(uint64_t id)> due_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::pair<Clock::time_point, uint64_t>> moments_;
  std::optional<pthread_t> thread_;
  bool stopping_ = false;
};

}  // namespace troth::internal
