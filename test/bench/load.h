// Many clients at once.
#pragma once

#include <chrono>
#include <functional>

namespace troth::bench {

struct Load {
  int clients = 64;
  std::chrono::milliseconds time{500};
  // Before that, not counted: threads start, caches fill.
  std::chrono::milliseconds warm_up{100};
};

// How often a second `once` is done by all clients together, each on a thread of its own and each
// again as soon as it is done. What `once` throws ends the load, and is thrown on.
double Rate(const Load& load, const std::function<void(int client)>& once);

}  // namespace troth::bench
