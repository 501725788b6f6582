// Calls the application's callbacks, on a thread of its own that the coordinator does not depend
// on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>

#include "engine/event.h"
#include "troth/coordinator.h"

namespace troth::internal {

// What an application wants to be told; any of them may be empty.
struct Callbacks {
  std::function<void(const Outcome&)> on_finished;
  std::function<void(const Event&)> on_event;
  std::function<void(LogLevel, std::string_view)> log;
  std::function<void(const Alert&)> on_alert = {};
  bool any() const { return on_finished || on_event || log || on_alert; }
};

// The line that the log sink gets for an event, and its level.
std::string LogLine(const Event& event);
LogLevel LogLevelOf(const Event& event);

// Calls what of `callbacks` the notice is for. What a callback throws is dropped.
using Notice = std::variant<Event, std::shared_ptr<const Outcome>, Alert>;
void Notify(const Callbacks& callbacks, const Notice& notice);

class Notifier : public Observer {
 public:
  explicit Notifier(Callbacks callbacks);
  ~Notifier() override { Stop(std::chrono::milliseconds{0}); }
  // Tells what is queued for so long; drops the rest. Waits for the callback in hand.
  void Stop(std::chrono::milliseconds drain);

  bool wants_events() const override { return callbacks_.on_event || callbacks_.log; }
  bool wants_outcomes() const override { return static_cast<bool>(callbacks_.on_finished); }
  void OnEvent(Event&& event) override;
  void OnFinished(std::shared_ptr<const Outcome> outcome) override;
  void OnAlert(Alert&& alert) override;
  uint64_t dropped() const override;

 private:
  using Clock = std::chrono::steady_clock;

  void Queue(Notice&& notice);
  void Run();
  void TellDropped(size_t count);

  const Callbacks callbacks_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Notice> queue_;
  size_t dropped_ = 0;  // and not told of yet
  uint64_t dropped_in_all_ = 0;
  bool stopping_ = false;
  bool draining_ = false;
  Clock::time_point drain_until_{};
  std::thread thread_;
};

}  // namespace troth::internal
