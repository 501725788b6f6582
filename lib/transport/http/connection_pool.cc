#include "transport/http/connection_pool.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace troth::internal {

std::unique_ptr<Connection> ConnectionPool::Take(const std::string& host_key) {
  // Those that turn out to be dead are destroyed without the lock.
  std::vector<std::unique_ptr<Connection>> dead;
  const Clock::time_point now = Clock::now();
  std::lock_guard lock(mutex_);
  const auto host = hosts_.find(host_key);
  if (host == hosts_.end()) return nullptr;
  std::deque<Kept>& kept = host->second;
  std::unique_ptr<Connection> out;
  while (!kept.empty() && out == nullptr) {
    Kept last = std::move(kept.back());
    kept.pop_back();
    const bool usable = last.until > now && last.connection->IsQuiet();
    (usable ? out : dead.emplace_back()) = std::move(last.connection);
  }
  if (kept.empty()) hosts_.erase(host);
  return out;
}

void ConnectionPool::Put(const std::string& host_key, std::unique_ptr<Connection> connection,
                         Clock::time_point until) {
  std::unique_ptr<Connection> oldest;
  std::lock_guard lock(mutex_);
  if (closed_ || per_host_max_ == 0) {
    oldest = std::move(connection);
    return;
  }
  std::deque<Kept>& kept = hosts_[host_key];
  if (kept.size() >= per_host_max_) {
    oldest = std::move(kept.front().connection);
    kept.pop_front();
  }
  kept.push_back({std::move(connection), until});
}

std::optional<ConnectionPool::Clock::time_point> ConnectionPool::CloseOld(Clock::time_point now) {
  std::vector<std::unique_ptr<Connection>> old;
  std::optional<Clock::time_point> next;
  std::lock_guard lock(mutex_);
  for (auto host = hosts_.begin(); host != hosts_.end();) {
    std::deque<Kept>& kept = host->second;
    for (auto each = kept.begin(); each != kept.end();) {
      if (each->until <= now) {
        old.push_back(std::move(each->connection));
        each = kept.erase(each);
      } else {
        next = next ? std::min(*next, each->until) : each->until;
        ++each;
      }
    }
    host = kept.empty() ? hosts_.erase(host) : std::next(host);
  }
  return next;
}

void ConnectionPool::Close() {
  std::map<std::string, std::deque<Kept>> all;
  std::lock_guard lock(mutex_);
  closed_ = true;
  all.swap(hosts_);
}

size_t ConnectionPool::size() const {
  std::lock_guard lock(mutex_);
  size_t out = 0;
  for (const auto& [key, kept] : hosts_) out += kept.size();
  return out;
}

}  // namespace troth::internal
