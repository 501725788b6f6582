// What makes an engine run: the seam between the public classes and either production's threads or
// the simulator's pump.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "engine/event.h"

namespace troth::internal {

// Longer waits are as good as for ever, and overflow nothing.
inline constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours(24 * 3650);

// One blocking call of the API: somebody answers it once, somebody waits for that.
class PendingCall final : public Asker {
 public:
  void OnAnswer(Answer&& answer) override { Set(std::move(answer)); }
  void OnDropped() override {
    Set(Answer{.status = {StatusCode::kCancelled, "the coordinator was closed"}});
  }
  // Either the engine claims what it begins, or the waiter does, who gives up: the first has it.
  bool Claim() override { return !claimed_.exchange(true); }
  bool claimed() const { return claimed_; }
  void Set(Answer&& answer) {
    {
      const std::lock_guard lock(mutex_);
      if (done_) return;
      answer_ = std::move(answer);
      done_ = true;
    }
    // Without the lock, for which the waiter would have to sleep again.
    changed_.notify_one();
  }
  // Instead of whatever it was answered: to a process that has crashed there is no answer.
  void Replace(Answer&& answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    done_ = true;
  }
  // False: the time was up first.
  bool WaitFor(std::optional<std::chrono::milliseconds> timeout) {
    std::unique_lock lock(mutex_);
    if (!timeout) {
      changed_.wait(lock, [&] { return done_; });
      return true;
    }
    return changed_.wait_for(lock, *timeout, [&] { return done_; });
  }
  bool done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }
  Answer Take() {
    const std::lock_guard lock(mutex_);
    return std::move(answer_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  Answer answer_;
  std::atomic<bool> claimed_{false};
};

class Driver {
 public:
  virtual ~Driver() = default;

  // Any thread. After the end of the driver the event is dropped, and its reply says kCancelled.
  virtual void Post(EngineEvent&& event) = 0;
  // Until the call is answered, or the time is up (false). Production sleeps; the simulator pumps
  // and jumps time.
  virtual bool Await(PendingCall& call, std::optional<std::chrono::milliseconds> timeout) = 0;
  virtual Time Now() const = 0;
  // The driver's clock less the wall clock.
  virtual std::chrono::milliseconds ClockOffset() const = 0;

  struct Closed {
    bool in_time = true;  // else calls were cut off
    bool written = true;  // else the store could not take the last results
  };
  // Ends in order: no new calls, `grace` for those in flight, everything known is written.
  virtual Closed Close(std::chrono::milliseconds grace) = 0;
  // Ends as a crash does.
  virtual void Abandon() = 0;
};

}  // namespace troth::internal
