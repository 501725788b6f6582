// What tests and benchmarks may turn in the SQLite store; production takes the defaults.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace troth::internal {

struct SqliteTuning {
  // The SQLite VFS for the store's own file, its log and its backups; empty: SQLite's default one.
  std::string vfs;
  // How long the writer waits for a foreign lock before a batch counts as not written. Short: the
  // caller repeats the batch and says so, which beats a silent stop.
  std::chrono::milliseconds busy_timeout{250};
  // Pages of the log past which it is copied into the file between two batches.
  int checkpoint_frames = 2048;
  // How many rows one List() looks at before it returns a short page.
  size_t rows_examined = 10'000;
};

}  // namespace troth::internal
