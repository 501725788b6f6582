// What outlives a coordinator's crash in a simulated world: time, what is under way outside,
// branches, and the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/transport.h"
#include "store/memory/memory_store.h"
#include "troth/testing/world.h"

namespace troth::testing {

// What the network does to one call.
struct Fate {
  bool refused = false;  // no connection: nothing is sent
  bool arrives = true;   // else it vanishes: nothing runs, and only the time-out ends it
  std::chrono::milliseconds there{1};            // until it arrives; of a local function, it runs
  std::vector<std::chrono::milliseconds> again;  // when it arrives once more, from the send
  bool reply_lost = false;                       // cut once the branch has answered
  std::chrono::milliseconds back{0};             // until the answer arrives
  bool heeds_stop = false;                       // a local function: ends when it is asked to stop
};

// What a branch answers: over HTTP, or as a function of this process.
struct OutsideAnswer {
  BranchResult result = BranchResult::Success();
  std::optional<HttpAnswer> http;  // in place of `result`
};

// All that is outside of the process, in place of what FakeBranches say: the network, and the
// services behind it. `index` counts calls as Universe::calls does.
class Outside {
 public:
  virtual ~Outside() = default;
  // Whether it stands for what is behind this URL.
  virtual bool Takes(std::string_view) const { return true; }
  virtual Fate Send(size_t index, const internal::Call& call) = 0;
  // A branch runs it, at once or taking its time; `done` is called at most once.
  virtual void Arrive(size_t index, const internal::Call& call, bool again,
                      std::function<void(OutsideAnswer)> done) = 0;
  // The coordinator gets to know how it ended.
  virtual void End(size_t index, const internal::CallEnded& ended) = 0;
};

// Lets several callers block at once, each on a stack of its own. Without one, whoever blocks makes
// the world go on itself.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  // Whether the code that runs now is one of its callers.
  virtual bool Inside() const = 0;
  // Of a caller: lets the world go on until `ready`, or until `limit`.
  virtual void Block(const std::function<bool()>& ready, Time limit) = 0;
  // Lets a caller go on that is ready; false: there is none, or (unless `must`) others come first.
  virtual bool RunReady(bool must) = 0;
};

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
  // None of these: as a World has it.
  Outside* outside = nullptr;
  Scheduler* scheduler = nullptr;
  std::function<std::chrono::milliseconds()> store_time;  // how long each write of the store takes
  // How long after a commit those who waited for it are told, in order: it may be after what
  // follows from it.
  std::function<std::chrono::milliseconds()> answer_time;
  bool housekeeping = false;          // the store gets its idle moments, as in production
  std::chrono::milliseconds wall{0};  // the wall clock less now()

 private:
  Time now_;
  std::map<std::pair<Time, uint64_t>, std::function<void()>> agenda_;
  uint64_t next_ = 0;
  size_t effects_ = 0;
  size_t crash_after_ = 0;
  bool crashed_ = false;
};

}  // namespace troth::testing
