// A slow disk: SQLite's own VFS for the system, but each sync takes so much longer.
#pragma once

#include <chrono>

namespace troth::bench {

// While it lives, whatever SQLite opens is on it. One at a time; outlives what was opened.
class SlowDisk {
 public:
  explicit SlowDisk(std::chrono::microseconds sync);
  ~SlowDisk();
  SlowDisk(const SlowDisk&) = delete;
  SlowDisk& operator=(const SlowDisk&) = delete;
};

}  // namespace troth::bench
