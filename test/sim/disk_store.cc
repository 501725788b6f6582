#include "disk_store.h"

#include <malloc.h>
#include <sqlite3.h>

#include <chrono>
#include <functional>
#include <utility>

#include "store/sqlite/sqlite_store.h"

namespace troth::sim {
namespace {

// So that simulated runs, which are short, meet checkpoints.
constexpr int kCheckpointFrames = 64;

// A clock for the slices of the purge that goes on by itself, so that they end both ways: by time
// and by rows.
std::function<std::chrono::steady_clock::time_point()> TickingClock() {
  return [now = std::chrono::steady_clock::time_point{}]() mutable {
    return now += std::chrono::microseconds(400);
  };
}

}  // namespace

void TuneForOneThread() {
  sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  constexpr int kNever = 256 << 20;
  mallopt(M_TRIM_THRESHOLD, kNever);
  mallopt(M_MMAP_THRESHOLD, kNever);
}

std::unique_ptr<internal::Store> NewSqliteStoreOn(Disk& disk) {
  return NewSqliteStoreOn(disk, disk.vfs());
}

std::unique_ptr<internal::Store> NewSqliteStoreOn(Disk& disk, const std::string& vfs) {
  return internal::NewSqliteStore({.vfs = vfs,
                                   .files = &disk.files(),
                                   .checkpoint_frames = kCheckpointFrames,
                                   .now = TickingClock()});
}

Result<OpenedStore> OpenSqliteStore(Disk& disk, bool restored) {
  OpenedStore opened{.store = NewSqliteStoreOn(disk), .info = {}};
  Result<internal::StoreInfo> info = opened.store->Open({.path = kStorePath, .restored = restored});
  if (!info.ok()) return info.status();
  opened.info = *info;
  return opened;
}

}  // namespace troth::sim
