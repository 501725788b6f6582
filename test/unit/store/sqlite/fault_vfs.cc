#include "fault_vfs.h"

#include <sqlite3.h>

#include <new>

namespace troth::internal {
namespace {

FaultPlan plan;
int operations = 0;
bool fired = false;

bool Fails(bool sync) {
  if (plan.at == 0 || (plan.fault == Fault::kSyncError) != sync) return false;
  ++operations;
  const bool fails = plan.stays ? operations >= plan.at : operations == plan.at;
  fired = fired || fails;
  return fails;
}

// SQLite's file comes first; behind it lies the file of the VFS below.
struct FaultFile {
  sqlite3_file base;
  sqlite3_io_methods methods;
  sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

FaultFile* Of(sqlite3_file* file) { return reinterpret_cast<FaultFile*>(file); }
sqlite3_file* Below(sqlite3_file* file) { return Of(file)->below(); }

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  if (!Fails(false)) return Below(file)->pMethods->xWrite(Below(file), bytes, size, offset);
  if (plan.fault == Fault::kDiskFull) return SQLITE_FULL;
  Below(file)->pMethods->xWrite(Below(file), bytes, size / 2, offset);
  return SQLITE_IOERR_WRITE;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (plan.fault == Fault::kWriteError && Fails(false)) return SQLITE_IOERR_TRUNCATE;
  return Below(file)->pMethods->xTruncate(Below(file), size);
}

int Sync(sqlite3_file*, int) { return Fails(true) ? SQLITE_IOERR_FSYNC : SQLITE_OK; }

int Close(sqlite3_file* file) { return Below(file)->pMethods->xClose(Below(file)); }
int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  return Below(file)->pMethods->xRead(Below(file), bytes, size, offset);
}
int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Below(file)->pMethods->xFileSize(Below(file), size);
}
int Lock(sqlite3_file* file, int level) { return Below(file)->pMethods->xLock(Below(file), level); }
int Unlock(sqlite3_file* file, int level) {
  return Below(file)->pMethods->xUnlock(Below(file), level);
}
int CheckReservedLock(sqlite3_file* file, int* held) {
  return Below(file)->pMethods->xCheckReservedLock(Below(file), held);
}
int FileControl(sqlite3_file* file, int operation, void* argument) {
  return Below(file)->pMethods->xFileControl(Below(file), operation, argument);
}
int SectorSize(sqlite3_file* file) { return Below(file)->pMethods->xSectorSize(Below(file)); }
int DeviceCharacteristics(sqlite3_file* file) {
  return Below(file)->pMethods->xDeviceCharacteristics(Below(file));
}
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return Below(file)->pMethods->xShmMap(Below(file), page, size, extend, memory);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return Below(file)->pMethods->xShmLock(Below(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { Below(file)->pMethods->xShmBarrier(Below(file)); }
int ShmUnmap(sqlite3_file* file, int remove) {
  return Below(file)->pMethods->xShmUnmap(Below(file), remove);
}

constexpr sqlite3_io_methods kMethods = {2,
                                         Close,
                                         Read,
                                         Write,
                                         Truncate,
                                         Sync,
                                         FileSize,
                                         Lock,
                                         Unlock,
                                         CheckReservedLock,
                                         FileControl,
                                         SectorSize,
                                         DeviceCharacteristics,
                                         ShmMap,
                                         ShmLock,
                                         ShmBarrier,
                                         ShmUnmap,
                                         nullptr,
                                         nullptr};

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* below = static_cast<sqlite3_vfs*>(vfs->pAppData);
  auto* fault = new (file) FaultFile{};
  const int code = below->xOpen(below, name, fault->below(), flags, out_flags);
  // Whether Close is called afterwards depends on the methods, and not on the code.
  fault->methods = kMethods;
  fault->base.pMethods = fault->below()->pMethods != nullptr ? &fault->methods : nullptr;
  return code;
}

}  // namespace

const char* FaultVfsName() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs* below = sqlite3_vfs_find(nullptr);
    sqlite3_vfs copy = *below;
    copy.zName = "troth-fault";
    copy.pAppData = below;
    copy.szOsFile += static_cast<int>(sizeof(FaultFile));
    copy.xOpen = Open;
    return copy;
  }();
  sqlite3_vfs_register(&vfs, 0);
  return vfs.zName;
}

void Arm(FaultPlan next) {
  plan = next;
  operations = 0;
  fired = false;
}

bool Disarm() {
  plan = {};
  return fired;
}

}  // namespace troth::internal
