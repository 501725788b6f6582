// Production: the engine's turns, one at a time; one writer thread, one for callbacks.
//
// Whoever brings something takes the turn for it himself when nobody else is at it: a client, or
// the thread that a call has ended on. To wake a thread for each of these costs more than the turn.
// The engine's own thread sleeps until something is due, and takes over from those who have done
// their share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "driver/clock.h"
#include "driver/driver.h"
#include "driver/notifier.h"
#include "driver/writer.h"
#include "engine/engine.h"

namespace troth::internal {

class ThreadedDriver : public Driver, private ResultSink, private CallSink {
 public:
  // All outlive the driver. The store is open.
  ThreadedDriver(Store& store, Transport& transport, Callbacks callbacks, EngineOptions options,
                 std::optional<Time> highest_updated);
  ~ThreadedDriver() override { Abandon(); }
  void Start(bool restored);

  void Post(EngineEvent&& event) override;
  bool Await(PendingCall& call, std::optional<std::chrono::milliseconds> timeout) override;
  Time Now() const override { return clock_.Now(); }
  std::chrono::milliseconds ClockOffset() const override { return clock_.Offset(); }
  Closed Close(std::chrono::milliseconds grace) override;
  void Abandon() override;

 private:
  class SystemRandom : public Random {
   public:
    SystemRandom();
    uint64_t Next() override;

   private:
    uint64_t state_;
  };

  void OnCallEnded(CallEnded&& ended) override { Post(std::move(ended)); }
  void Leave(EngineEvent&& event) override;
  void Look() override;
  void Wake() override;
  void Run();
  void TakeTurns(std::unique_lock<std::mutex>& lock, size_t most) noexcept;
  void TakeTurn(std::unique_lock<std::mutex>& lock);
  bool MustTakeTurn() const;
  bool WaitQuiet(std::chrono::milliseconds timeout);
  bool IsCalling();
  void StopEngineThread();

  Transport& transport_;
  Clock clock_;
  SystemRandom random_;
  Notifier notifier_;
  Writer writer_;
  std::unique_ptr<Engine> engine_;  // gone after the end: whoever still waits is answered by that

  std::mutex mutex_;
  std::condition_variable woken_;
  std::condition_variable quiet_changed_;
  std::condition_variable free_;  // nobody is at it any more, and none may begin
  std::vector<EngineEvent> queue_;
  std::vector<EngineEvent> taken_;    // out of the queue, by whoever is at it
  bool taking_turns_ = false;         // somebody is at it
  std::optional<Time> wake_;          // when the engine wants its next turn
  std::optional<Time> sleeps_until_;  // the engine's own thread; none: until it is woken
  bool looked_at_ = false;            // a turn is due though nothing may have been brought
  bool stopping_ = false;
  bool ended_ = false;
  bool closing_ = false;
  bool quiet_ = false;
  bool calling_ = false;  // branches, after the engine's last turn
  std::thread thread_;
};

}  // namespace troth::internal
