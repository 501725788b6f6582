#include "slow_disk.h"

#include <sqlite3.h>

#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "bench.h"

namespace troth::bench {
namespace {

// The system's methods for one kind of file, with another xSync. A file of the system's VFS has
// them in the place of its own, so that nothing else need be passed on.
struct Methods {
  sqlite3_io_methods slow;  // the first member: what a file points to
  const sqlite3_io_methods* real;
};

struct State {
  std::mutex mutex;
  std::chrono::microseconds sync{};
  sqlite3_vfs* real = nullptr;
  sqlite3_vfs vfs{};
  // Kept for ever: a file may be closed late.
  std::map<const sqlite3_io_methods*, std::unique_ptr<Methods>> methods;
};

State& TheState() {
  static auto* state = new State;
  return *state;
}

int Sync(sqlite3_file* file, int flags) {
  std::this_thread::sleep_for(TheState().sync);
  return reinterpret_cast<const Methods*>(file->pMethods)->real->xSync(file, flags);
}

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  State& state = TheState();
  const int code = state.real->xOpen(state.real, name, file, flags, out_flags);
  if (file->pMethods == nullptr) return code;
  const std::lock_guard lock(state.mutex);
  std::unique_ptr<Methods>& methods = state.methods[file->pMethods];
  if (methods == nullptr) {
    methods = std::make_unique<Methods>(Methods{*file->pMethods, file->pMethods});
    methods->slow.xSync = Sync;
  }
  file->pMethods = &methods->slow;
  return code;
}

}  // namespace

SlowDisk::SlowDisk(std::chrono::microseconds sync) {
  State& state = TheState();
  state.sync = sync;
  state.real = sqlite3_vfs_find(nullptr);
  state.vfs = *state.real;
  state.vfs.pNext = nullptr;
  state.vfs.zName = "slow-disk";
  state.vfs.xOpen = Open;
  Check(sqlite3_vfs_register(&state.vfs, /*makeDflt=*/1) == SQLITE_OK, "no slow disk");
}

SlowDisk::~SlowDisk() {
  sqlite3_vfs_register(TheState().real, /*makeDflt=*/1);
  sqlite3_vfs_unregister(&TheState().vfs);
}

}  // namespace troth::bench
