#include "transport/http/deadline_timer.h"

#include "transport/threads/thread.h"

namespace troth::internal {
namespace {

constexpr size_t kStackBytes = 512u << 10;

}  // namespace

DeadlineTimer::DeadlineTimer(std::function<void(uint64_t id)> due) : due_(std::move(due)) {}

DeadlineTimer::~DeadlineTimer() { Stop(); }

bool DeadlineTimer::Add(uint64_t id, Clock::time_point at) {
  std::lock_guard lock(mutex_);
  if (stopping_) return false;
  if (!thread_) {
    thread_ = StartThread({.stack_bytes = kStackBytes, .block_sigpipe = true}, [this] { Run(); });
    if (!thread_) return false;
  }
  const auto [place, added] = moments_.emplace(at, id);
  if (added && place == moments_.begin()) changed_.notify_one();
  return true;
}

void DeadlineTimer::Remove(uint64_t id, Clock::time_point at) {
  std::lock_guard lock(mutex_);
  moments_.erase({at, id});
}

void DeadlineTimer::Stop() {
  std::optional<pthread_t> thread;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
    thread = std::exchange(thread_, std::nullopt);
  }
  if (thread) pthread_join(*thread, nullptr);
}

void DeadlineTimer::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (moments_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto [at, id] = *moments_.begin();
    if (Clock::now() < at) {
      changed_.wait_until(lock, at);
      continue;
    }
    moments_.erase(moments_.begin());
    lock.unlock();
    due_(id);
    lock.lock();
  }
}

}  // namespace troth::internal
