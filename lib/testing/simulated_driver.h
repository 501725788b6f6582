// Runs an engine in virtual time, on the thread that asks: whoever waits makes the world go on.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "driver/answerer.h"
#include "driver/driver.h"
#include "driver/notifier.h"
#include "driver/store_work.h"
#include "engine/engine.h"
#include "testing/fake_transport.h"
#include "testing/universe.h"

namespace troth::testing {

// SplitMix64, as in production, from a seed.
class SeededRandom : public internal::Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next() override;

 private:
  uint64_t state_;
};

class SimulatedDriver final : public internal::Driver,
                              private internal::EventSink,
                              private internal::CallSink,
                              private internal::StorePort,
                              private internal::Observer {
 public:
  struct Parts {
    Universe& universe;
    internal::Store& store;
    internal::Transport& transport;
    internal::Random& random;
    internal::Callbacks callbacks;
    internal::EngineOptions engine;
    std::chrono::milliseconds commit_time;
    std::optional<Time> highest_updated = {};  // of the store: where the clock starts (R23)
  };
  explicit SimulatedDriver(Parts parts);
  ~SimulatedDriver() override { Abandon(); }

  void Post(internal::EngineEvent&& event) override;
  bool Await(internal::PendingCall& call,
             std::optional<std::chrono::milliseconds> timeout) override;
  Time Now() const override { return universe_.now() + ahead_; }
  std::chrono::milliseconds ClockOffset() const override { return ahead_ - universe_.wall; }
  Closed Close(std::chrono::milliseconds grace) override;
  void Abandon() override;

  // One thing that happens up to `limit`; time jumps to it. False: nothing does.
  bool Step(Time limit);
  // How often time alone has made the engine or the store's housekeeping run (I34).
  uint64_t wakes() const { return wakes_; }

 private:
  void OnCallEnded(internal::CallEnded&& ended) override { Post(std::move(ended)); }
  void Commit(internal::Batch&& batch) override;
  void LoadDue(std::optional<internal::DuePosition> after, Time until, size_t max) override;
  void Load(std::string gid) override;
  void Purge(internal::PurgePass pass, Time finished_before, Time tombstones_before) override;
  void ChangeTopic(internal::TopicRequest&& request) override;
  bool wants_events() const override { return callbacks_.on_event || callbacks_.log; }
  bool wants_outcomes() const override { return static_cast<bool>(callbacks_.on_finished); }
  void OnEvent(Event&& event) override { notices_.push_back(std::move(event)); }
  void OnFinished(std::shared_ptr<const Outcome> outcome) override {
    notices_.push_back(std::move(outcome));
  }
  void OnAlert(Alert&& alert) override {
    if (callbacks_.on_alert) notices_.push_back(std::move(alert));
  }
  uint64_t dropped() const override { return 0; }

  // What Handle and NextWake say, in the universe's time.
  void Handle(std::span<internal::EngineEvent> events) { engine_->Handle(events, Now()); }
  std::optional<Time> NextWake();

  void Queue(internal::StoreWork&& work);
  void DoNextWork();
  void KeepHouse();
  void DoCommit(internal::CommitWork&& work);
  void Finish(internal::CommitWork&& work, internal::BatchResult&& result);
  void AnswerLater(internal::Answers&& answers);
  void AnswerAll();
  void RecoverLater(std::shared_ptr<internal::CommitWork> work, std::chrono::milliseconds pause);

  Universe& universe_;
  internal::Store& store_;
  internal::Transport& transport_;
  internal::Callbacks callbacks_;
  const std::chrono::milliseconds commit_time_;
  std::chrono::milliseconds ahead_{0};  // the coordinator's clock less the universe's
  std::unique_ptr<internal::Engine> engine_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<internal::EngineEvent> events_;
  std::deque<internal::StoreWork> work_;
  bool working_ = false;
  std::deque<internal::Answers> answers_;  // of commits, not told yet
  Time last_answers_{};                    // when these are all told
  bool housekeeping_ = false;              // is on the agenda
  uint64_t wakes_ = 0;
  std::deque<internal::Notice> notices_;
};

}  // namespace troth::testing
