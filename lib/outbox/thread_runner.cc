#include "outbox/thread_runner.h"

#include <utility>

namespace troth::internal::outbox {

void ThreadRunner::Start(Work work) {
  work_ = std::move(work);
  thread_ = std::thread([this] { Run(); });
}

void ThreadRunner::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

void ThreadRunner::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void ThreadRunner::Run() {
  const auto changed = [this] { return woken_ || stopping_; };
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    woken_ = false;
    lock.unlock();
    const auto pause = work_();
    lock.lock();
    pause ? (void)changed_.wait_for(lock, *pause, changed) : changed_.wait(lock, changed);
  }
}

}  // namespace troth::internal::outbox
