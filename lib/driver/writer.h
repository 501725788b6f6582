// The writer thread: owns the store's writing side. Does what the engine asks in the order of
// asking, and posts the results to the engine first. Whoever waits for a write is told by this
// thread too, or by one beside it where the next batch is there already: to wake somebody takes as
// long as to write a row.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "driver/answerer.h"
#include "driver/store_work.h"
#include "engine/event.h"
#include "model/store.h"

namespace troth::internal {

// Where a writer leaves its results, for the engine to look at.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  virtual void Leave(EngineEvent&& event) = 0;
  // After Leave.
  virtual void Look() = 0;  // the engine may take its turn inside
  virtual void Wake() = 0;  // it does so elsewhere
};

class Writer : public StorePort {
 public:
  // Both outlive the writer.
  Writer(Store& store, ResultSink& sink) : store_(store), sink_(sink) {}
  ~Writer() override { Stop(); }
  void Start();
  // Ends after the work in hand, and when what is durable has been told; what is still queued is
  // dropped. A commit whose outcome is unknown is left so.
  void Stop();

  void Commit(Batch&& batch) override;
  void LoadDue(std::optional<DuePosition> after, Time until, size_t max) override;
  void Load(std::string gid) override;
  void Purge(PurgePass pass, Time finished_before, Time tombstones_before) override;
  void ChangeTopic(TopicRequest&& request) override;

 private:
  using Clock = std::chrono::steady_clock;

  void Queue(StoreWork&& work);
  void WakeIfReady();
  bool Ready() const;
  bool MayGoOn();
  bool HasWork();
  void Run();
  std::optional<StoreWork> NextWork(bool& idle_work);
  void Hold(std::unique_lock<std::mutex>& lock);
  void Post(EngineEvent&& event);
  void DoCommit(CommitWork&& work);
  BatchResult Settle(const std::vector<Write>& writes);
  bool Pause(std::chrono::milliseconds time);

  Store& store_;
  ResultSink& sink_;
  Answerer answerer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<StoreWork> queue_;
  bool stopping_ = false;
  bool sleeping_ = false;  // until it is Ready()
  size_t wanted_ = 1;      // writes, before it begins with a batch
  // Of the last batch.
  size_t last_writes_ = 0;
  Clock::time_point last_end_{};
  Clock::duration last_took_{};
  std::thread thread_;
};

}  // namespace troth::internal
