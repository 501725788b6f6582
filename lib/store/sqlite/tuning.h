// What tests and benchmarks may turn in the SQLite store; production takes the defaults.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "store/sqlite/files.h"

namespace troth::internal {

struct SqliteTuning {
  // The SQLite VFS for all that the store opens; empty: SQLite's default one. And where the same
  // files are for everything else; outlives the store.
  std::string vfs;
  const sqlite::Files* files = &sqlite::SystemFiles();
  // How long the writer waits for a foreign lock before a batch counts as not written. Short: the
  // caller repeats the batch and says so, which beats a silent stop.
  std::chrono::milliseconds busy_timeout{250};
  // Pages of the log past which it is copied into the file between two batches.
  int checkpoint_frames = 2048;
  // How many rows one List() looks at before it returns a short page.
  size_t rows_examined = 10'000;
  // What a slice of the purge is measured with.
  std::function<std::chrono::steady_clock::time_point()> now = &std::chrono::steady_clock::now;
};

}  // namespace troth::internal
