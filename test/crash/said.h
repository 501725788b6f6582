// What the lives of the application have said, kept while they die.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

class Said {
 public:
  using ByGid = std::map<std::string, std::set<std::string>>;

  void Hear(std::string_view line) {
    const std::lock_guard lock(mutex_);
    std::istringstream words{std::string(line)};
    std::string what, gid, status;
    words >> what >> gid >> status;
    if (what == "accepted") accepted_.insert(gid);
    if (what == "promised") promised_[gid].insert(status);
    if (what == "ended") ended_[gid].insert(status);
    if (what == "submitted") submitted_ = true;
    words_ += what == "accepted" || what == "promised";
    changed_.notify_all();
  }

  // Waits until this life has begun all that it was asked for, or the time has passed.
  void WaitUntilSubmitted(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [this] { return submitted_; });
    submitted_ = false;
  }

  // Waits until the next promise is heard, but no longer than this: of an acceptance, or of an end.
  void WaitForWord(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    const size_t heard = words_;
    changed_.wait_for(lock, timeout, [&] { return words_ != heard; });
  }

  size_t AcceptedCount() {
    const std::lock_guard lock(mutex_);
    return accepted_.size();
  }

  // For when all processes have ended.
  const std::set<std::string>& accepted() const { return accepted_; }
  const ByGid& promised() const { return promised_; }
  const ByGid& ended() const { return ended_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> accepted_;
  ByGid promised_;
  ByGid ended_;
  bool submitted_ = false;
  size_t words_ = 0;
};
