// Idle kept-alive connections, by host; the last one put back is taken first. It opens none, and
// has no thread: its owner asks it to close what is too old.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "transport/http/connection.h"

namespace troth::internal {

class ConnectionPool {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ConnectionPool(size_t per_host_max) : per_host_max_(per_host_max) {}

  // A connection that is still open, or none.
  std::unique_ptr<Connection> Take(const std::string& host_key);
  void Put(const std::string& host_key, std::unique_ptr<Connection> connection,
           Clock::time_point until);
  // Closes what is too old at `now`; says when the next will be.
  std::optional<Clock::time_point> CloseOld(Clock::time_point now);
  // Closes all, and keeps none from now on.
  void Close();
  size_t size() const;

 private:
  struct Kept {
    std::unique_ptr<Connection> connection;
    Clock::time_point until;
  };

  const size_t per_host_max_;
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Kept>> hosts_;  // the newest last
  bool closed_ = false;
};

}  // namespace troth::internal
