// What does not return until the test lets it.
#pragma once

#include <condition_variable>
#include <mutex>

#include "model/transport.h"

namespace troth::internal {

// Ends when the test does; holds who waits until then.
class Hang {
 public:
  ~Hang() { Release(); }
  void Wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return released_; });
    --waiting_;
    changed_.notify_all();
  }
  void AwaitWaiter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  void Release() {
    std::unique_lock lock(mutex_);
    released_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return waiting_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
  int waiting_ = 0;
};

// Holds whoever tells it of an end.
class HoldingSink final : public CallSink {
 public:
  void OnCallEnded(CallEnded&&) override { hang.Wait(); }
  Hang hang;
};

}  // namespace troth::internal
