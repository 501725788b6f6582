// The store of production on a simulated disk.
#pragma once

#include <memory>
#include <string>

#include "disk.h"
#include "model/store.h"

namespace troth::sim {

// Where the store lies; its log and the owner's lock are beside it.
inline constexpr char kStorePath[] = "/troth.db";

struct OpenedStore {
  std::unique_ptr<internal::Store> store;  // destroyed before the disk; without Close it is a crash
  internal::StoreInfo info;
};

// For programs that simulate on one thread, before anything of SQLite is used: leaves out what
// threads and statistics cost there, and keeps freed memory. A third faster (measured).
void TuneForOneThread();

// Not open yet: for kStorePath.
std::unique_ptr<internal::Store> NewSqliteStoreOn(Disk& disk);
// Through one of its VFSs.
std::unique_ptr<internal::Store> NewSqliteStoreOn(Disk& disk, const std::string& vfs);
// Opens the store that is on the disk, or makes one.
Result<OpenedStore> OpenSqliteStore(Disk& disk, bool restored = false);

}  // namespace troth::sim
