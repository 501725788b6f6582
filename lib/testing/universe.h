// What outlives a coordinator's crash in a simulated world: time, what is under way outside,
// branches, and the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/memory/memory_store.h"
#include "troth/testing/world.h"

namespace troth::testing {

class Universe {
 public:
  explicit Universe(Time start) : now_(start) {}

  Time now() const { return now_; }
  void JumpTo(Time to) {
    if (to > now_) now_ = to;
  }

  // Does `what` at that time; things of one time in the order in which they were asked for.
  void At(Time when, std::function<void()> what) {
    agenda_.emplace(std::pair(std::max(when, now_), next_++), std::move(what));
  }
  std::optional<Time> NextTime() const {
    if (agenda_.empty()) return std::nullopt;
    return agenda_.begin()->first.first;
  }
  // Does the next thing that is due; false if there is none.
  bool DoNext() {
    if (agenda_.empty() || agenda_.begin()->first.first > now_) return false;
    auto what = std::move(agenda_.begin()->second);
    agenda_.erase(agenda_.begin());
    what();
    return true;
  }

  // One effect has happened. Whether the coordinator is to crash right after it.
  void CountEffect() {
    ++effects_;
    if (crash_after_ != 0 && --crash_after_ == 0) crashed_ = true;
  }
  size_t effects() const { return effects_; }
  void CrashAfter(size_t n) { crash_after_ = n; }
  bool crashed() const { return crashed_; }
  void SetCrashed(bool crashed) {
    crashed_ = crashed;
    crash_after_ = 0;
  }

  std::shared_ptr<internal::MemoryDisk> disk = std::make_shared<internal::MemoryDisk>();
  std::map<std::string, std::shared_ptr<FakeBranch::State>, std::less<>> branches;
  std::vector<RecordedCall> calls;

 private:
  Time now_;
  std::map<std::pair<Time, uint64_t>, std::function<void()>> agenda_;
  uint64_t next_ = 0;
  size_t effects_ = 0;
  size_t crash_after_ = 0;
  bool crashed_ = false;
};

}  // namespace troth::testing
