#include "outbox/schedule.h"

#include <algorithm>
#include <utility>

namespace troth::internal::outbox {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kRetryFirst{100};

}  // namespace

void Schedule::Expect(std::string gid, Time now) {
  expected_[std::move(gid)] = now + kPatience;
  looks_left_ = kLooksMax;
  interval_ = kFirst;
  // Those who come one after the other must not put the look off for ever.
  next_look_ = std::min(next_look_.value_or(Time::max()), now + interval_);
}

bool Schedule::LookIsDue(Time now) const {
  return look_now_ || (next_look_ && *next_look_ <= now) || (retry_ && *retry_ <= now);
}

std::optional<Time> Schedule::Next() const {
  if (look_now_) return Time{};
  std::optional<Time> next;
  for (const auto& one : {next_look_, retry_, sweep_}) {
    if (one && (!next || *one < *next)) next = one;
  }
  return next;
}

void Schedule::EndLook(const std::unordered_set<std::string>& seen, bool again, Time now) {
  std::erase_if(expected_, [&](const auto& one) {
    return seen.contains(one.first) || one.second < now;  // the latter was rolled back
  });
  if (next_look_ && *next_look_ <= now) {
    --looks_left_;
    interval_ = std::min(interval_ * 2, kCap);
    next_look_ = now + interval_;
  }
  if (expected_.empty() || looks_left_ <= 0) {
    expected_.clear();
    next_look_.reset();
  }
  retry_.reset();
  retry_interval_ = again ? std::clamp(retry_interval_ * 2, kRetryFirst, kCap) : milliseconds{0};
  if (again) retry_ = now + retry_interval_;
}

void Schedule::Quieten(bool left, Time now) {
  sweep_.reset();
  if (left) sweep_ = now + kQuiet;
}

}  // namespace troth::internal::outbox
