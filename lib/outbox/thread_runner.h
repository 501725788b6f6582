// Production's runner: one thread, which sleeps until there is something to do.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "outbox/runner.h"

namespace troth::internal::outbox {

class ThreadRunner final : public Runner {
 public:
  ThreadRunner() = default;
  ~ThreadRunner() override { Stop(); }
  ThreadRunner(const ThreadRunner&) = delete;
  ThreadRunner& operator=(const ThreadRunner&) = delete;

  void Start(Work work) override;
  void Wake() override;
  void Stop() override;

 private:
  void Run();

  Work work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace troth::internal::outbox
