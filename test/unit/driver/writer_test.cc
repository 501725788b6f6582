// The writer alone, with a store that commits when it is told to.
#include "driver/writer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <latch>
#include <optional>
#include <string>
#include <thread>

#include "store/memory/memory_store.h"

namespace troth::internal {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Keeps the processor for so long: a sleep may take much longer than asked.
void Spin(Clock::duration time) {
  const auto end = Clock::now() + time;
  while (Clock::now() < end) std::this_thread::yield();
}

// A commit takes `takes`, and waits while the gate is shut.
class GatedStore final : public MemoryStore {
 public:
  GatedStore() : MemoryStore(std::make_shared<MemoryDisk>()) { REQUIRE(Open({.path = "s"}).ok()); }

  BatchResult Apply(std::span<const Write> writes) override {
    {
      std::unique_lock lock(mutex_);
      batches_.push_back(writes.size());
      if (ended_) rest_ = Clock::now() - *ended_;
      thread_ = std::this_thread::get_id();
      changed_.notify_all();
      changed_.wait(lock, [&] { return open_; });
    }
    Spin(takes);
    BatchResult result = MemoryStore::Apply(writes);
    const std::lock_guard lock(mutex_);
    ended_ = Clock::now();
    return result;
  }

  void Shut() { SetOpen(false); }
  void LetGo() { SetOpen(true); }
  std::vector<size_t> AwaitBatches(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return batches_.size() >= count; });
    return batches_;
  }
  size_t batches() {
    const std::lock_guard lock(mutex_);
    return batches_.size();
  }
  // That commits.
  std::thread::id thread() {
    const std::lock_guard lock(mutex_);
    return thread_;
  }
  // Between the first two commits.
  Clock::duration AwaitRest() {
    AwaitBatches(2);
    const std::lock_guard lock(mutex_);
    return rest_;
  }

  std::atomic<Clock::duration> takes{Clock::duration{0}};

 private:
  void SetOpen(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  std::vector<size_t> batches_;
  std::optional<Clock::time_point> ended_;  // of the last commit
  Clock::duration rest_{};                  // before the last commit
  std::thread::id thread_;
};

class Results final : public ResultSink {
 public:
  void Leave(EngineEvent&& event) override {
    const std::lock_guard lock(mutex_);
    if (const auto* done = std::get_if<BatchDone>(&event))
      done_.push_back(done->result.writes.size());
    changed_.notify_all();
  }
  void Look() override {}
  void Wake() override {}
  std::vector<size_t> Await(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_.size() >= count; });
    return done_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<size_t> done_;
};

class Desk {
 public:
  Desk() { writer.Start(); }
  // So many inserts, at once; `told` of each, when it is durable.
  void Commit(size_t writes, size_t bytes_each = 100, const std::function<void()>& told = {}) {
    Batch batch;
    for (size_t i = 0; i < writes; ++i) {
      batch.writes.emplace_back().row.gid = std::to_string(next_++);
      batch.writes.back().row.version = 1;
      batch.replies.emplace_back();
      if (told) batch.replies.back().push_back({Reply([told](Answer&&) { told(); }), Answer{}});
      batch.bytes += bytes_each;
    }
    writer.Commit(std::move(batch));
  }

  GatedStore store;
  Results results;
  Writer writer{store, results};

 private:
  size_t next_ = 1;
};

TEST_CASE("writer: what comes while a commit goes on is committed together") {
  Desk desk;
  desk.store.Shut();
  desk.Commit(1);
  desk.store.AwaitBatches(1);
  for (int i = 0; i < 3; ++i) desk.Commit(2);
  desk.store.LetGo();
  CHECK(desk.results.Await(2) == std::vector<size_t>{1, 6});
}

TEST_CASE("writer: together, up to 512 writes and 4 MB, and not past other work") {
  Desk desk;
  desk.store.Shut();
  desk.Commit(1);
  desk.store.AwaitBatches(1);
  desk.Commit(300);
  desk.Commit(212);
  desk.Commit(1);
  desk.writer.Load("gid");
  desk.Commit(1, 3u << 20);
  desk.Commit(1, 1u << 20);
  desk.Commit(1, 1u << 20);
  desk.store.LetGo();
  CHECK(desk.results.Await(5) == std::vector<size_t>{1, 512, 1, 2, 1});
}

// Ten times, as a loaded machine may take a processor away for longer than a batch is held.
constexpr int kRounds = 10;

TEST_CASE("writer: after a long commit the next one is held until as many wait for it") {
  int together = 0;
  for (int round = 0; round < kRounds; ++round) {
    Desk desk;
    desk.store.takes = 40ms;
    desk.Commit(2);
    desk.results.Await(1);
    desk.Commit(1);
    Spin(2ms);  // in which it would have begun
    desk.Commit(1);
    together += desk.results.Await(2)[1] == 2 ? 1 : 0;
  }
  CHECK(together > kRounds / 2);
}

// How long the second commit, of one write, is put off after the first; the least of all rounds.
Clock::duration ShortestRest(size_t writes, std::chrono::milliseconds takes) {
  Clock::duration shortest = 1h;
  for (int round = 0; round < kRounds; ++round) {
    Desk desk;
    desk.store.takes = takes;
    desk.Commit(writes);
    desk.results.Await(1);
    desk.store.takes = 0ms;
    desk.Commit(1);
    shortest = std::min(shortest, desk.store.AwaitRest());
  }
  return shortest;
}

TEST_CASE("writer: a batch is held for half of what the last one took, and for 20 ms at most") {
  const auto half = ShortestRest(2, 20ms);
  CHECK(half >= 10ms);
  CHECK(half < 19ms);
  const auto most = ShortestRest(2, 100ms);
  CHECK(most >= 20ms);
  CHECK(most < 45ms);
}

TEST_CASE("writer: it goes on while those who waited for the last commit are told") {
  Desk desk;
  std::latch go_on(1);
  std::atomic<int> told{0};
  const auto tell = [&] {
    go_on.wait();
    ++told;
  };
  desk.store.Shut();
  desk.Commit(2, 100, tell);
  desk.store.AwaitBatches(1);
  desk.Commit(2, 100, tell);
  desk.store.LetGo();
  desk.store.AwaitBatches(2);  // though nobody has been told of the first one yet
  desk.results.Await(1);
  CHECK(told == 0);
  go_on.count_down();
  desk.results.Await(2);
  desk.writer.Stop();  // not before everybody was told of what is durable
  CHECK(told == 4);
}

TEST_CASE("writer: it tells by itself where nothing else is to be written, or one alone waits") {
  for (const bool busy : {false, true}) {
    Desk desk;
    std::latch told(1);
    std::thread::id by;
    desk.store.Shut();
    desk.Commit(1, 100, [&] {
      by = std::this_thread::get_id();
      told.count_down();
    });
    desk.store.AwaitBatches(1);
    if (busy) desk.Commit(1);
    desk.store.LetGo();
    told.wait();
    desk.results.Await(busy ? 2 : 1);
    CHECK(by == desk.store.thread());
  }
}

TEST_CASE("writer: who is alone is never held") { CHECK(ShortestRest(1, 40ms) < 10ms); }

TEST_CASE("writer: a stop does not wait for a batch that is held, and does not commit it") {
  int dropped = 0;
  for (int round = 0; round < kRounds; ++round) {
    Desk desk;
    desk.store.takes = 40ms;
    desk.Commit(2);
    desk.results.Await(1);
    desk.Commit(1);
    desk.writer.Stop();
    dropped += desk.store.batches() == 1 ? 1 : 0;
  }
  CHECK(dropped > kRounds / 2);
}

}  // namespace
}  // namespace troth::internal
