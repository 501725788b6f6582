// When which transaction is to be looked at again. A heap; an entry that was overtaken by a later
// one is passed over.
#pragma once

#include <algorithm>
#include <functional>
#include <memory_resource>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/hosts.h"

namespace troth::internal {

class Timers {
 public:
  explicit Timers(std::pmr::memory_resource* entries = std::pmr::get_default_resource())
      : at_(entries) {}

  // Replaces the timer of `id`; none removes it.
  void Set(LiveId id, std::optional<Time> at) {
    const auto it = at_.find(id);
    if (!at) {
      if (it != at_.end()) at_.erase(it);
      return;
    }
    if (it != at_.end()) {
      if (it->second == *at) return;
      it->second = *at;
    } else {
      at_.emplace(id, *at);
    }
    heap_.emplace_back(*at, id);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    // What was overtaken or removed is dropped before it is the larger part.
    if (heap_.size() > 2 * at_.size() + 64) Rebuild();
  }

  // The earliest that is set.
  std::optional<Time> Next() {
    DropOvertaken();
    if (heap_.empty()) return std::nullopt;
    return heap_.front().first;
  }

  // Takes out one that is due.
  std::optional<LiveId> TakeDue(Time now) {
    DropOvertaken();
    if (heap_.empty() || heap_.front().first > now) return std::nullopt;
    const LiveId id = heap_.front().second;
    Pop();
    at_.erase(id);
    return id;
  }

 private:
  void Rebuild() {
    heap_.clear();
    for (const auto& [id, at] : at_) heap_.emplace_back(at, id);
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
  void Pop() {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
  }
  void DropOvertaken() {
    while (!heap_.empty()) {
      const auto it = at_.find(heap_.front().second);
      if (it != at_.end() && it->second == heap_.front().first) return;
      Pop();
    }
  }

  std::vector<std::pair<Time, LiveId>> heap_;
  std::pmr::unordered_map<LiveId, Time> at_;
};

}  // namespace troth::internal
