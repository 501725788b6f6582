// The writer thread: owns the store's writing side. Does what the engine asks in the order of
// asking, posts the results to the engine first, and then answers whoever waits for a write itself.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "driver/store_work.h"
#include "engine/event.h"
#include "model/store.h"

namespace troth::internal {

// Where a writer leaves its results, for the engine to look at.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  virtual void Leave(EngineEvent&& event) = 0;
  virtual void Look() = 0;  // after Leave; the engine may take its turn inside
};

class Writer : public StorePort {
 public:
  // Both outlive the writer.
  Writer(Store& store, ResultSink& sink) : store_(store), sink_(sink) {}
  ~Writer() override { Stop(); }
  void Start();
  // Ends after the work in hand; what is still queued is dropped. A commit whose outcome is unknown
  // is left so.
  void Stop();

  void Commit(Batch&& batch) override;
  bool Free() const override { return free_; }
  void LoadDue(std::optional<DuePosition> after, Time until, size_t max) override;
  void Load(std::string gid) override;
  void Purge(PurgePass pass, Time finished_before, Time tombstones_before) override;
  void ChangeTopic(TopicRequest&& request) override;

 private:
  void Queue(StoreWork&& work);
  void Run();
  std::optional<StoreWork> NextWork(bool& idle_work);
  void Post(EngineEvent&& event);
  void DoCommit(CommitWork&& work);
  BatchResult Settle(const std::vector<Write>& writes);
  bool Pause(std::chrono::milliseconds time);

  Store& store_;
  ResultSink& sink_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<StoreWork> queue_;
  bool stopping_ = false;
  std::atomic<bool> free_{true};  // false: it tells the clients of a batch that it is done
  std::thread thread_;
};

}  // namespace troth::internal
