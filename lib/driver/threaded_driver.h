// Production: one engine thread that sleeps until something happens or is due, one writer thread,
// one for callbacks.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "driver/clock.h"
#include "driver/driver.h"
#include "driver/notifier.h"
#include "driver/writer.h"
#include "engine/engine.h"

namespace troth::internal {

class ThreadedDriver : public Driver, private EventSink, private CallSink {
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
  void Run();
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
  std::vector<EngineEvent> queue_;
  bool sleeping_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  bool closing_ = false;
  bool quiet_ = false;
  bool calling_ = false;  // branches, after the engine's last turn
  std::thread thread_;
};

}  // namespace troth::internal
