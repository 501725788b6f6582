// A production coordinator on a file of the test's own, and words for what tests do with it.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "../store/temporary_folder.h"
#include "troth/coordinator.h"

namespace troth {

using namespace std::chrono_literals;
using internal::TemporaryFolder;
using std::chrono::milliseconds;

inline const Act kAnn{.author = "ann", .reason = "a test"};

inline Coordinator MustOpen(CoordinatorOptions options) {
  Result<Coordinator> opened = Coordinator::Open(std::move(options));
  REQUIRE_MESSAGE(opened.ok(), opened.status());
  return *std::move(opened);
}

inline LocalBranch Local(std::string name, BranchResult result = BranchResult::Success()) {
  return {std::move(name),
          [result](const BranchContext&, std::string_view, std::stop_token) { return result; }};
}

inline Saga LocalSaga(const std::string& action = "yes", const std::string& compensate = "yes") {
  Saga saga;
  saga.Add({.action = "local:" + action,
            .compensate = compensate.empty() ? "" : "local:" + compensate,
            .payload = "{}"});
  return saga;
}

// A door that calls wait at until the test opens it.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void AwaitArrival(int count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int arrived_ = 0;
};

}  // namespace troth
