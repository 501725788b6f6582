// When each outbox is looked into. Pure: a clock goes in, the next time comes out; it has no thread
// and touches no file.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "troth/transaction.h"

namespace troth::internal::outbox {

class Schedule {
 public:
  static constexpr int kLooksMax = 20;
  static constexpr std::chrono::milliseconds kFirst{1};
  static constexpr std::chrono::milliseconds kCap = std::chrono::minutes(1);
  static constexpr std::chrono::milliseconds kQuiet = std::chrono::minutes(10);
  // How long the looks after one ticket take together.
  static constexpr std::chrono::milliseconds kPatience = [] {
    std::chrono::milliseconds sum{0};
    std::chrono::milliseconds interval = kFirst;
    for (int look = 0; look < kLooksMax; ++look) {
      sum += interval;
      interval = interval * 2 < kCap ? interval * 2 : kCap;
    }
    return sum;
  }();

  // Something may have been committed.
  void LookNow() { look_now_ = true; }
  // A ticket was dropped inside an open transaction: its row may come.
  void Expect(std::string gid, Time now);

  // What is due: whether to look, whether to sweep.
  bool LookIsDue(Time now) const;
  bool SweepIsDue(Time now) const { return sweep_ && *sweep_ <= now; }
  // Nothing: sleep until somebody asks.
  std::optional<Time> Next() const;

  void BeginLook() { look_now_ = false; }
  // `seen`: what the look found. `again`: something is left that must be tried again.
  void EndLook(const std::unordered_set<std::string>& seen, bool again, Time now);
  // `left`: rows that a sweep would delete.
  void Quieten(bool left, Time now);

 private:
  bool look_now_ = false;
  std::unordered_map<std::string, Time> expected_;  // until when
  int looks_left_ = 0;
  std::chrono::milliseconds interval_{};
  std::optional<Time> next_look_;
  std::chrono::milliseconds retry_interval_{};
  std::optional<Time> retry_;
  std::optional<Time> sweep_;
};

}  // namespace troth::internal::outbox
