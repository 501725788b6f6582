#include "engine/hosts.h"

#include <algorithm>

#include "base/check.h"

namespace troth::internal {
namespace {

constexpr size_t kSufferersMax = 100'000;
constexpr size_t kIdleHostsMax = 64;
constexpr size_t kDownHostsMax = 1'024;

}  // namespace

Hosts::Host& Hosts::Get(const std::string& key) {
  Host& host = hosts_[key];
  if (host.key.empty()) {
    host.key = key;
    host.local = key == "local:";
  }
  return host;
}

size_t Hosts::FreeSlots(const Host& host, Time now) const {
  const auto left = [](size_t cap, size_t used) { return cap > used ? cap - used : 0; };
  const size_t used = host.in_flight + host.offered.size();
  if (host.local) return left(limits_.local_calls, used);
  const size_t in_all = left(limits_.calls, in_flight_ + offered_);
  if (host.down) return used == 0 && now >= host.next_probe ? std::min<size_t>(1, in_all) : 0;
  return std::min(left(limits_.calls_per_host, used), in_all);
}

bool Hosts::UseOffer(Host& host, LiveId waiter) {
  if (host.offered.erase(waiter) == 0) return false;
  if (!host.local) --offered_;
  return true;
}

bool Hosts::Admit(const std::string& key, LiveId waiter, Time now) {
  Host& host = Get(key);
  const bool offered = UseOffer(host, waiter);
  // Nobody passes those that wait: with more to do than there is room for they would wait for ever.
  if ((offered || host.waiting.empty()) && FreeSlots(host, now) > 0) return true;
  if (host.queued.insert(waiter).second) {
    if (host.waiting.empty()) crowded_.push_back(&host);
    host.waiting.push_back(waiter);
  }
  return false;
}

void Hosts::Started(const std::string& key) {
  Host& host = Get(key);
  ++host.in_flight;
  ++(host.local ? local_in_flight_ : in_flight_);
}

Hosts::Change Hosts::Ended(const std::string& key, News news, std::string_view problem,
                           LiveId sufferer, Time now) {
  Host& host = Get(key);
  TROTH_CHECK(host.in_flight > 0);
  --host.in_flight;
  --(host.local ? local_in_flight_ : in_flight_);
  Change change;
  if (news == News::kDown) {
    change.went_down = !host.down;
    // Calls that were under way when the host went down say nothing new: only a probe makes the
    // back-off grow.
    if (!host.down || now >= host.next_probe) {
      const auto& [first, cap] = limits_.probe;
      host.backoff = host.down ? std::min(host.backoff * 2, cap) : first;
      host.next_probe = now + host.backoff;
    }
    host.down = true;
    host.problem = problem;
    if (host.sufferers.size() < kSufferersMax) host.sufferers.insert(sufferer);
  } else if (news == News::kUp && host.down) {
    change.came_up = true;
    change.relieved.assign(host.sufferers.begin(), host.sufferers.end());
    host.sufferers.clear();
    host.down = false;
    host.problem.clear();
  }
  DropIfIdle(key);
  return change;
}

std::vector<LiveId> Hosts::Ready(Time now) {
  for (Host* host : offering_) host->offered.clear();
  offering_.clear();
  offered_ = 0;
  std::vector<LiveId> ready;
  // One of each host in turn. The turn is kept, so that single slots go round as well.
  for (size_t passed = 0; passed < crowded_.size();) {
    Host& host = *crowded_.front();
    crowded_.pop_front();
    if (FreeSlots(host, now) == 0) {
      ++passed;
      crowded_.push_back(&host);
      continue;
    }
    passed = 0;
    const LiveId id = host.waiting.front();
    host.waiting.pop_front();
    host.queued.erase(id);
    if (host.offered.empty()) offering_.push_back(&host);
    host.offered.insert(id);
    if (!host.local) ++offered_;
    ready.push_back(id);
    if (!host.waiting.empty()) crowded_.push_back(&host);
  }
  return ready;
}

std::optional<Time> Hosts::NextWake() const {
  std::optional<Time> wake;
  if (in_flight_ >= limits_.calls) return wake;  // the end of a call comes first
  for (const Host* host : crowded_) {
    // A host that is not down, or is being probed, is woken by the end of a call.
    if (!host->down || host->in_flight > 0) continue;
    if (!wake || host->next_probe < *wake) wake = host->next_probe;
  }
  return wake;
}

void Hosts::Forget(LiveId waiter) {
  for (auto& [key, host] : hosts_) {
    host.sufferers.erase(waiter);
    UseOffer(host, waiter);
    if (host.queued.erase(waiter) == 0) continue;
    std::erase(host.waiting, waiter);
    if (host.waiting.empty()) std::erase(crowded_, &host);
  }
}

void Hosts::DropIfIdle(const std::string& key) {
  const auto it = hosts_.find(key);
  const Host& host = it->second;
  const bool idle = host.in_flight == 0 && host.waiting.empty() && host.offered.empty();
  // A few are kept: most programs call the same hosts again and again. One that is down is
  // forgotten late: its next call is the probe then.
  if (!idle || hosts_.size() <= (host.down ? kDownHostsMax : kIdleHostsMax)) return;
  std::erase(offering_, &it->second);
  hosts_.erase(it);
}

std::vector<HostHealth> Hosts::Health() const {
  std::vector<HostHealth> health;
  for (const auto& [key, host] : hosts_) {
    if (!host.down && host.waiting.empty()) continue;
    health.push_back({.host = key,
                      .in_flight = host.in_flight,
                      .waiting = host.waiting.size(),
                      .down = host.down,
                      .next_probe = host.next_probe,
                      .problem = host.problem});
  }
  return health;
}

}  // namespace troth::internal
