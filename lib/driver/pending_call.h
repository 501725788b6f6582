// One blocking call of the API: somebody answers it once, somebody waits for that.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "engine/reply.h"

namespace troth::internal {

// Whoever answers owns a share of it meanwhile.
//
// The sleep is a semaphore's. A condition variable would leave its mutex marked as contended, and
// each sleep would cost one more system call.
class PendingCall final : public Asker {
 public:
  PendingCall() { sem_init(&woken_, /*pshared=*/0, 0); }
  ~PendingCall() override { sem_destroy(&woken_); }
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;

  // The first answer counts.
  void Set(Answer&& answer);
  void OnAnswer(Answer&& answer) override { Set(std::move(answer)); }
  void OnDropped() override;
  // Either the engine claims what it begins, or the waiter does, who gives up: the first has it.
  bool Claim() override { return !claimed_.exchange(true); }
  bool claimed() const { return claimed_; }

  // False: the time was up first. For one thread at a time.
  bool WaitFor(std::optional<std::chrono::milliseconds> timeout);
  bool done() const { return done_.load(std::memory_order_acquire); }
  // After it is done.
  Answer Take() { return std::move(answer_); }
  // Instead of whatever it was answered, where nobody answers meanwhile: to a process that has
  // crashed there is no answer.
  void Replace(Answer&& answer);

 private:
  sem_t woken_;
  std::atomic<bool> answered_{false};  // by whom `answer_` is written
  std::atomic<bool> done_{false};      // it may be read
  std::atomic<bool> claimed_{false};
  Answer answer_;
};

}  // namespace troth::internal
