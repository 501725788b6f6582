// Two threads that begin at the same moment, again and again; and a coordinator whose branches
// write down how they were called.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "troth/coordinator.h"
#include "troth/tcc.h"

namespace troth {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

// How often each race is run: many thousand times, and TROTH_RACES=100000 for as long as you like.
inline int Rounds(int usual) {
  const char* wanted = std::getenv("TROTH_RACES");
  return wanted != nullptr ? std::atoi(wanted) : usual;
}

// What one side always wins is no race.
inline void CheckBothWin(int first, int rounds) {
  MESSAGE(first << " of " << rounds << " times it was first");
  CHECK(first > 0);
  CHECK(first < rounds);
}

// Between 0 and `most`, without sleeping: shifts the moment at which two things meet.
class Jitter {
 public:
  void Spin(std::chrono::microseconds most) {
    const auto until = std::chrono::steady_clock::now() +
                       std::chrono::microseconds(draw_() % static_cast<uint64_t>(most.count() + 1));
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
  }
  bool Coin() { return draw_() % 2 == 0; }

 private:
  std::mt19937_64 draw_{20'26};
};

// Runs two things at once, on this thread and on one of its own.
class Duel {
 public:
  Duel() : other_([this] { Serve(); }) {}
  ~Duel() {
    Give({});
    other_.join();
  }
  Duel(const Duel&) = delete;
  Duel& operator=(const Duel&) = delete;

  // Both threads are awake before either begins, and then one of them, whichever, waits a moment of
  // up to `most`. Both have returned when it returns.
  void Run(const std::function<void()>& here, const std::function<void()>& there,
           std::chrono::microseconds most = 100us) {
    arrived_ = 0;
    const bool here_waits = jitter_.Coin();
    Give([&] {
      Meet();
      if (!here_waits) jitter_.Spin(most);
      there();
    });
    Meet();
    if (here_waits) jitter_.Spin(most);
    here();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !given_; });
  }

 private:
  void Meet() {
    ++arrived_;
    while (arrived_ < 2) std::this_thread::yield();
  }
  void Give(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    task_ = std::move(task);
    given_ = true;
    changed_.notify_all();
  }
  void Serve() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return given_; });
      if (!task_) return;
      lock.unlock();
      task_();
      lock.lock();
      given_ = false;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> task_;
  bool given_ = false;
  std::atomic<int> arrived_{0};
  Jitter jitter_;  // one side's at a time
  std::thread other_;
};

// What each transaction's branches were called for, in order: "01/try", "01/cancel", … Thread-safe.
class CallLog {
 public:
  void Add(const BranchContext& context, std::string_view payload) {
    const std::lock_guard lock(mutex_);
    calls_[context.gid].push_back(context.branch_id + "/" + context.op + std::string(payload));
  }
  Names Of(const std::string& gid) {
    const std::lock_guard lock(mutex_);
    return calls_[gid];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Names> calls_;
};

// "local:branch" says yes to everything.
inline CoordinatorOptions OptionsOf(const std::string& store, CallLog& log) {
  CoordinatorOptions options;
  options.store = store;
  options.local.push_back(
      {"branch", [&log](const BranchContext& context, std::string_view payload, std::stop_token) {
         log.Add(context, payload);
         return BranchResult::Success();
       }});
  return options;
}
inline Coordinator Opened(CoordinatorOptions options) {
  Result<Coordinator> coordinator = Coordinator::Open(std::move(options));
  REQUIRE_MESSAGE(coordinator.ok(), coordinator.status().ToString());
  return *std::move(coordinator);
}

inline TccBranch LocalTcc() {
  return {.try_url = "local:branch", .confirm_url = "local:branch", .cancel_url = "local:branch"};
}
inline Message LocalMessage(std::string payload = {}) {
  Message message;
  message.query_prepared = "local:branch";
  message.Add({.action = "local:branch", .payload = std::move(payload)});
  return message;
}
inline Saga LocalSaga(std::string payload = {}) {
  Saga saga;
  saga.Add({.action = "local:branch", .compensate = "local:branch", .payload = std::move(payload)});
  return saga;
}

inline size_t Count(const Names& calls, std::string_view op) {
  size_t count = 0;
  for (const std::string& call : calls) count += call.find(op) != std::string::npos ? 1 : 0;
  return count;
}

inline const Act kAnn{.author = "ann", .reason = "a race"};

// The end, as Wait tells it and as the store has it.
inline Outcome Ended(Coordinator& coordinator, const std::string& gid) {
  const Result<Outcome> outcome = coordinator.Wait(gid, 30s);
  REQUIRE_MESSAGE(outcome.ok(), outcome.status().ToString());
  const Result<TransactionRecord> stored = coordinator.Query(gid);
  REQUIRE(stored.ok());
  CHECK(stored->status == outcome->status);
  return *outcome;
}

}  // namespace troth
