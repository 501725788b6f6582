// An elastic pool of threads for work that blocks: none at first, the last to become idle works
// first, idle ones end.
//
// It wakes as few threads as it can: at most one is on its way at a time, and a thread that comes
// and still finds work behind its own sends for the next one. Where jobs are short, it first waits
// for a moment whether it is needed at all. It never runs a job twice, and never waits for a job
// inside Submit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "transport/threads/thread.h"

namespace troth::internal {

struct ThreadPoolOptions {
  size_t threads_max = 1;
  std::chrono::milliseconds idle{5'000};  // an idle thread ends after this time
  // While the jobs at hand are shorter than this, a thread that was sent for lets the others do
  // them, unless one has waited for so long. Zero: it always takes part at once.
  std::chrono::microseconds short_job{0};
  ThreadOptions thread;
};

class ThreadPool {
 public:
  class Job {
   public:
    virtual ~Job() = default;
    virtual void Run() = 0;
  };

  explicit ThreadPool(const ThreadPoolOptions& options);
  // As Stop(0).
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // False if the job can't run: the pool is stopped, or has no thread and the system gives none.
  bool Submit(std::shared_ptr<Job> job);
  bool Submit(std::function<void()> job);

  // For the last act of a job: the thread looks for work right after it, so that the first job
  // which is submitted inside needs no other thread.
  class LastAct {
   public:
    explicit LastAct(const ThreadPool& pool);
    ~LastAct();
    LastAct(const LastAct&) = delete;
    LastAct& operator=(const LastAct&) = delete;
  };

  // Drops the jobs that have not begun, waits up to `patience` for the others, and joins the
  // threads. False if some did not end: they are detached, and must own what they use.
  bool Stop(std::chrono::milliseconds patience);

  size_t threads() const;
  // How often a thread was woken or started, in all.
  uint64_t wake_ups() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace troth::internal
