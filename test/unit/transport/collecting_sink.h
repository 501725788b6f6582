// A CallSink that keeps what it gets, and says so to who waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "model/transport.h"

namespace troth::internal {

class CollectingSink final : public CallSink {
 public:
  void OnCallEnded(CallEnded&& ended) override {
    std::lock_guard lock(mutex_);
    ended_[ended.id].push_back(std::move(ended));
    ++count_;
    changed_.notify_all();
  }

  // Generous, for slow machines: a test that comes to this limit fails.
  bool WaitFor(size_t count, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return count_ >= count; });
  }

  size_t count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }
  // How often the call has ended.
  size_t Times(uint64_t id) const {
    std::lock_guard lock(mutex_);
    const auto found = ended_.find(id);
    return found == ended_.end() ? 0 : found->second.size();
  }
  CallEnded Last(uint64_t id) const {
    std::lock_guard lock(mutex_);
    const auto found = ended_.find(id);
    return found == ended_.end() ? CallEnded{} : found->second.back();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, std::vector<CallEnded>> ended_;
  size_t count_ = 0;
};

}  // namespace troth::internal
