// Which stored transactions should be in memory: those due within the horizon, as far as there is
// room. Pure bookkeeping; the engine asks the store.
//
// `position_` is the due time up to which everything stored is in memory. A pass reads on from
// there in pages. Whoever leaves memory is due past the horizon, hence past `position_`, so nothing
// is read twice and nothing is missed.
//
// After the clock went back (R23) what is stored is due in a future that was never meant. Then one
// pass reads all of it, so that each wait is cut to its length; it is due anew when it leaves, and
// the pass after that begins at the beginning.
//
// What was read, and is not in memory for want of a second reading that failed, lies behind
// `position_`: for its sake the pass begins anew. Who is in memory then is read twice, and passed
// over.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "engine/event.h"

namespace troth::internal {

inline constexpr Milliseconds kHorizon{60'000};

class Loader {
 public:
  struct Ask {
    std::optional<DuePosition> after;
    Time until;
  };

  // Before anything else: the first pass is to read everything that is due at any time.
  void ReadAllOnce() { all_ = true; }

  // What to ask the store now, if anything; the caller asks exactly that.
  std::optional<Ask> Next(Time now, bool room) {
    if (asked_ || !room || !at_ || *at_ > now) return std::nullopt;
    asked_ = true;
    if (std::exchange(starts_over_, false)) {
      position_.reset();
      left_.reset();
      passing_ = false;
    }
    if (!passing_) {
      passing_ = true;
      until_ = all_ ? Time::max() : now + kHorizon;
    }
    return Ask{position_, until_};
  }

  void OnLoaded(const DueLoaded& loaded, Time now) {
    asked_ = false;
    if (!loaded.status.ok()) {
      at_ = now + kRetry;
      return;
    }
    if (starts_over_) return;  // what this page says will be read again
    if (loaded.more && loaded.last) {
      position_ = loaded.last;
      at_ = now;
      return;
    }
    passing_ = false;
    if (std::exchange(all_, false)) {
      position_.reset();
      left_.reset();
      at_ = now;
      return;
    }
    position_ = DuePosition{until_, std::numeric_limits<int64_t>::max()};
    at_.reset();
    if (loaded.next_due) at_ = *loaded.next_due - kHorizon / 2;
    if (left_) at_ = std::min(at_.value_or(*left_), *left_);
    left_.reset();
  }

  // A transaction left memory and is due then.
  void OnLeft(Time due) {
    const Time at = due - kHorizon / 2;
    std::optional<Time>& slot = passing_ ? left_ : at_;
    slot = std::min(slot.value_or(at), at);
  }

  // Something that was read has to be read once more. After a pause: the store has trouble.
  void StartOver(Time now) {
    starts_over_ = true;
    at_ = now + kRetry;
  }

  // When Next has something, given room.
  std::optional<Time> wake() const { return asked_ ? std::nullopt : at_; }

 private:
  static constexpr Milliseconds kRetry{1'000};

  std::optional<Time> at_ = Time{};  // when the next page is to be read; at once in the beginning
  std::optional<DuePosition> position_;  // everything up to here is in memory
  std::optional<Time> left_;             // due to be read after the pass under way
  Time until_{};
  bool all_ = false;  // until the first pass is over: it has no horizon
  bool passing_ = false;
  bool starts_over_ = false;  // with the next question
  bool asked_ = false;
};

}  // namespace troth::internal
