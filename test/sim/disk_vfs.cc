#include "disk_vfs.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <thread>

#include "disk_inode.h"

namespace troth::sim {
namespace {

// As SQLite's VFS for Linux says of most file systems: a write harms no byte beside it.
constexpr int kSectorSize = 4096;
constexpr int kPathMax = 512;
// The same in SQLite's days since noon in Greenwich on November 24, 4714 B.C.
constexpr sqlite3_int64 k1970 = 210866760000000;

}  // namespace

DiskVfs::Handle& DiskVfs::Of(sqlite3_file* file) { return *static_cast<Handle*>(file); }

std::unique_ptr<sqlite3_vfs> DiskVfs::Make(Disk& disk) {
  auto vfs = std::make_unique<sqlite3_vfs>();
  vfs->iVersion = 2;
  vfs->szOsFile = sizeof(Handle);
  vfs->mxPathname = kPathMax;
  vfs->zName = disk.vfs().c_str();
  vfs->pAppData = &disk;
  vfs->xOpen = Open;
  vfs->xDelete = Delete;
  vfs->xAccess = Access;
  vfs->xFullPathname = FullPathname;
  vfs->xRandomness = Randomness;
  vfs->xSleep = Sleep;
  vfs->xCurrentTime = CurrentTime;
  vfs->xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
  vfs->xCurrentTimeInt64 = CurrentTimeInt64;
  return vfs;
}

const sqlite3_io_methods DiskVfs::kMethods = {
    2,
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
    [](sqlite3_file*) { return kSectorSize; },
    [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; },
    ShmMap,
    ShmLock,
    ShmBarrier,
    ShmUnmap,
    nullptr,
    nullptr};

// --- names ---

int DiskVfs::Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                  int* out_flags) {
  Disk& disk = Of(vfs);
  // Without methods SQLite does not close it.
  file->pMethods = nullptr;
  const std::lock_guard lock(disk.mutex_);
  if (const int code = disk.Count(DiskOperation::kOpen); code != 0) return code;
  const std::string path = name == nullptr ? "" : name;
  std::shared_ptr<Disk::Inode> inode = disk.Find(path);
  if (inode != nullptr && (flags & SQLITE_OPEN_EXCLUSIVE) != 0) return SQLITE_CANTOPEN;
  if (inode == nullptr) {
    if ((flags & SQLITE_OPEN_CREATE) == 0 || !disk.Change()) return SQLITE_CANTOPEN;
    inode = disk.Create(path);
  }
  auto* handle = new (file) Handle;
  handle->pMethods = &kMethods;
  handle->disk = &disk;
  handle->inode = std::move(inode);
  handle->path = path;
  handle->life = disk.life_;
  handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  const int companion = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
  handle->syncs_folder = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & companion) != 0;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int DiskVfs::Close(sqlite3_file* file) {
  Handle& handle = Of(file);
  Disk& disk = *handle.disk;
  const std::lock_guard lock(disk.mutex_);
  if (handle.life == disk.life_) UnlockTo(handle, SQLITE_LOCK_NONE);
  if (handle.alive() && handle.delete_on_close) disk.names_.erase(handle.path);
  handle.~Handle();
  return SQLITE_OK;
}

int DiskVfs::Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Disk& disk = Of(vfs);
  const std::lock_guard lock(disk.mutex_);
  if (disk.Find(name) == nullptr) return SQLITE_IOERR_DELETE_NOENT;
  if (const int code = disk.Count(DiskOperation::kDelete); code != 0) return code;
  if (!disk.Change()) return SQLITE_IOERR_DELETE;
  disk.names_.erase(name);
  if (sync_folder == 0) return SQLITE_OK;
  if (const int code = disk.Count(DiskOperation::kSyncFolder); code != 0) return code;
  if (!disk.Change()) return SQLITE_IOERR_DIR_FSYNC;
  disk.SyncFolder();
  return SQLITE_OK;
}

// As on Linux an empty file does not exist: it may be a journal that is just being made.
int DiskVfs::Access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  Disk& disk = Of(vfs);
  const std::lock_guard lock(disk.mutex_);
  const auto inode = disk.Find(name);
  const bool exists = inode != nullptr;
  *result = exists && (flags != SQLITE_ACCESS_EXISTS || !inode->file.bytes().empty()) ? 1 : 0;
  return SQLITE_OK;
}

int DiskVfs::FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
  const size_t length = std::strlen(name);
  if (length + 1 > static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, name, length + 1);
  return SQLITE_OK;
}

// --- chance and time ---

int DiskVfs::Randomness(sqlite3_vfs* vfs, int size, char* out) {
  Disk& disk = Of(vfs);
  uint64_t state = disk.seed_ + disk.life_;
  for (int i = 0; i < size; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    out[i] = static_cast<char>(state >> 56);
  }
  return size;
}

int DiskVfs::Sleep(sqlite3_vfs* vfs, int microseconds) {
  Disk& disk = Of(vfs);
  bool shared = false;
  {
    const std::lock_guard lock(disk.mutex_);
    shared = disk.shared_;
  }
  if (shared) std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
  return microseconds;
}

int DiskVfs::CurrentTimeInt64(sqlite3_vfs* vfs, sqlite3_int64* milliseconds) {
  Disk& disk = Of(vfs);
  const std::lock_guard lock(disk.mutex_);
  *milliseconds = k1970 + disk.time_ms_;
  return SQLITE_OK;
}

int DiskVfs::CurrentTime(sqlite3_vfs* vfs, double* days) {
  sqlite3_int64 milliseconds = 0;
  CurrentTimeInt64(vfs, &milliseconds);
  *days = static_cast<double>(milliseconds) / 86'400'000.0;
  return SQLITE_OK;
}

// --- bytes ---

int DiskVfs::Read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  if (!handle.alive()) return SQLITE_IOERR_READ;
  if (const int code = handle.disk->Count(DiskOperation::kRead); code != 0) return code;
  const std::string& bytes = handle.inode->file.bytes();
  const auto wanted = static_cast<size_t>(size);
  const auto from = static_cast<size_t>(offset);
  const size_t there = from < bytes.size() ? std::min(wanted, bytes.size() - from) : 0;
  std::memcpy(out, bytes.data() + (there == 0 ? 0 : from), there);
  if (there == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + there, 0, wanted - there);
  return SQLITE_IOERR_SHORT_READ;
}

int DiskVfs::Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  if (!handle.alive()) return SQLITE_IOERR_WRITE;
  const std::string_view all(static_cast<const char*>(bytes), static_cast<size_t>(size));
  const auto at = static_cast<size_t>(offset);
  const int code = handle.disk->Count(DiskOperation::kWrite);
  const bool on = handle.disk->Change();
  handle.inode->file.Write(code == 0 ? all : all.substr(0, all.size() / 2), at);
  return on ? code : SQLITE_IOERR_WRITE;
}

int DiskVfs::Truncate(sqlite3_file* file, sqlite3_int64 size) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  if (!handle.alive()) return SQLITE_IOERR_TRUNCATE;
  if (const int code = handle.disk->Count(DiskOperation::kTruncate); code != 0) return code;
  const bool on = handle.disk->Change();
  handle.inode->file.Truncate(static_cast<size_t>(size));
  return on ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

int DiskVfs::Sync(sqlite3_file* file, int) {
  Handle& handle = Of(file);
  Disk& disk = *handle.disk;
  const std::lock_guard lock(disk.mutex_);
  if (!handle.alive()) return SQLITE_IOERR_FSYNC;
  if (const int code = disk.Count(DiskOperation::kSync); code != 0) {
    handle.inode->file.FailSync();
    return code;
  }
  if (!disk.Change()) return SQLITE_IOERR_FSYNC;
  handle.inode->file.Sync();
  if (!handle.syncs_folder) return SQLITE_OK;
  handle.syncs_folder = false;
  if (const int code = disk.Count(DiskOperation::kSyncFolder); code != 0) return code;
  if (!disk.Change()) return SQLITE_IOERR_DIR_FSYNC;
  disk.SyncFolder();
  return SQLITE_OK;
}

int DiskVfs::FileSize(sqlite3_file* file, sqlite3_int64* size) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  if (!handle.alive()) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(handle.inode->file.bytes().size());
  return SQLITE_OK;
}

int DiskVfs::FileControl(sqlite3_file* file, int operation, void* argument) {
  if (operation != SQLITE_FCNTL_HAS_MOVED) return SQLITE_NOTFOUND;
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  *static_cast<int*>(argument) = handle.disk->Find(handle.path) == handle.inode ? 0 : 1;
  return SQLITE_OK;
}

// --- locks ---

int DiskVfs::Lock(sqlite3_file* file, int level) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  if (!handle.alive()) return SQLITE_IOERR_LOCK;
  if (handle.lock >= level) return SQLITE_OK;
  if (const int code = handle.disk->Count(DiskOperation::kLock); code != 0) return code;
  return LockLevel(handle, level);
}

int DiskVfs::LockLevel(Handle& handle, int level) {
  Disk::Locks& locks = handle.inode->locks;
  if (level == SQLITE_LOCK_SHARED) {
    if (locks.pending != nullptr || locks.exclusive != nullptr) return SQLITE_BUSY;
    ++locks.shared;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (locks.reserved != nullptr) return SQLITE_BUSY;
    locks.reserved = &handle;
  } else {
    if (locks.reserved != nullptr && locks.reserved != &handle) return SQLITE_BUSY;
    if (locks.pending != nullptr && locks.pending != &handle) return SQLITE_BUSY;
    locks.pending = &handle;
    handle.lock = SQLITE_LOCK_PENDING;
    if (locks.shared > 1) return SQLITE_BUSY;
    locks.exclusive = &handle;
  }
  handle.lock = level;
  return SQLITE_OK;
}

void DiskVfs::UnlockTo(Handle& handle, int level) {
  if (handle.lock <= level) return;
  Disk::Locks& locks = handle.inode->locks;
  for (const Handle** holder : {&locks.reserved, &locks.pending, &locks.exclusive}) {
    if (*holder == &handle) *holder = nullptr;
  }
  if (level == SQLITE_LOCK_NONE) --locks.shared;
  handle.lock = level;
}

int DiskVfs::Unlock(sqlite3_file* file, int level) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  if (handle.life == handle.disk->life_) UnlockTo(handle, level);
  return SQLITE_OK;
}

int DiskVfs::CheckReservedLock(sqlite3_file* file, int* held) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  *held = handle.inode->locks.reserved != nullptr ? 1 : 0;
  return SQLITE_OK;
}

// --- shared memory ---

int DiskVfs::ShmMap(sqlite3_file* file, int region, int size, int extend, void volatile** memory) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  *memory = nullptr;
  if (!handle.alive()) return SQLITE_IOERR_SHMMAP;
  if (const int code = handle.disk->Count(DiskOperation::kMap); code != 0) return code;
  if (handle.memory == nullptr) {
    handle.memory = handle.inode->memory.lock();
    if (handle.memory == nullptr) handle.memory = std::make_shared<Disk::SharedMemory>();
    handle.inode->memory = handle.memory;
  }
  auto& regions = handle.memory->regions;
  while (regions.size() <= static_cast<size_t>(region)) {
    if (extend == 0) return SQLITE_OK;
    regions.push_back(std::make_unique<unsigned char[]>(static_cast<size_t>(size)));
  }
  *memory = regions[static_cast<size_t>(region)].get();
  return SQLITE_OK;
}

bool DiskVfs::SlotsAreFree(const Handle& handle, int offset, int count, bool exclusive) {
  for (auto slot = static_cast<size_t>(offset); slot < static_cast<size_t>(offset + count);
       ++slot) {
    const Handle* holder = handle.memory->exclusive[slot];
    if (holder != nullptr && holder != &handle) return false;
    const int mine = (handle.shared_slots >> slot & 1u) != 0 ? 1 : 0;
    if (exclusive && handle.memory->shared[slot] > mine) return false;
  }
  return true;
}

void DiskVfs::UnlockSlots(Handle& handle, unsigned slots) {
  if (handle.memory == nullptr) return;
  for (size_t slot = 0; slot < SQLITE_SHM_NLOCK; ++slot) {
    const unsigned bit = 1u << slot;
    if ((slots & bit) == 0) continue;
    if ((handle.shared_slots & bit) != 0) --handle.memory->shared[slot];
    if ((handle.exclusive_slots & bit) != 0) handle.memory->exclusive[slot] = nullptr;
  }
  handle.shared_slots &= ~slots;
  handle.exclusive_slots &= ~slots;
}

int DiskVfs::ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  const unsigned slots = ((1u << count) - 1u) << offset;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    UnlockSlots(handle, slots);
    return SQLITE_OK;
  }
  if (!handle.alive() || handle.memory == nullptr) return SQLITE_IOERR_SHMLOCK;
  if (const int code = handle.disk->Count(DiskOperation::kLock); code != 0) {
    return code == SQLITE_IOERR_LOCK ? SQLITE_IOERR_SHMLOCK : code;
  }
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  if (!SlotsAreFree(handle, offset, count, exclusive)) return SQLITE_BUSY;
  for (auto slot = static_cast<size_t>(offset); slot < static_cast<size_t>(offset + count);
       ++slot) {
    const unsigned bit = 1u << slot;
    if (exclusive) {
      handle.memory->exclusive[slot] = &handle;
      handle.exclusive_slots |= bit;
    } else if ((handle.shared_slots & bit) == 0) {
      ++handle.memory->shared[slot];
      handle.shared_slots |= bit;
    }
  }
  return SQLITE_OK;
}

// The disk's mutex orders what one thread writes before what another one reads.
void DiskVfs::ShmBarrier(sqlite3_file* file) { const std::lock_guard lock(Of(file).disk->mutex_); }

int DiskVfs::ShmUnmap(sqlite3_file* file, int) {
  Handle& handle = Of(file);
  const std::lock_guard lock(handle.disk->mutex_);
  UnlockSlots(handle, ~0u);
  handle.memory.reset();
  return SQLITE_OK;
}

}  // namespace troth::sim
