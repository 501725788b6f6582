#include "crash_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <new>
#include <system_error>

namespace troth::internal {
namespace {

namespace fs = std::filesystem;

std::atomic<int> left{0};

std::string DurableOf(const std::string& path) { return path + ".durable"; }

void Count() {
  if (left > 0 && --left == 0) ::kill(::getpid(), SIGKILL);
}

// SQLite's file comes first; behind it lies the file of the VFS below.
struct CrashFile {
  sqlite3_file base;
  sqlite3_io_methods methods;
  const char* path;
  sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_file* Below(sqlite3_file* file) { return reinterpret_cast<CrashFile*>(file)->below(); }

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  Count();
  return Below(file)->pMethods->xWrite(Below(file), bytes, size, offset);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  Count();
  return Below(file)->pMethods->xTruncate(Below(file), size);
}

// The disk has it when the sync has ended, and not when it began.
int Sync(sqlite3_file* file, int) {
  Count();
  const char* path = reinterpret_cast<CrashFile*>(file)->path;
  if (path == nullptr) return SQLITE_OK;
  // One at a time: two threads may sync one file, and no sync takes back what another has made
  // durable.
  static std::mutex& syncs = *new std::mutex;
  const std::lock_guard lock(syncs);
  sqlite3_file* below = Below(file);
  sqlite3_int64 size = 0;
  if (below->pMethods->xFileSize(below, &size) != SQLITE_OK) return SQLITE_IOERR_FSYNC;
  std::string bytes(static_cast<size_t>(size), '\0');
  if (size > 0 &&
      below->pMethods->xRead(below, bytes.data(), static_cast<int>(size), 0) != SQLITE_OK) {
    return SQLITE_IOERR_FSYNC;
  }
  const std::string temporary = DurableOf(path) + ".new";
  std::ofstream(temporary, std::ios::binary) << bytes;
  std::error_code ignored;
  fs::rename(temporary, DurableOf(path), ignored);
  return SQLITE_OK;
}

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* below = static_cast<sqlite3_vfs*>(vfs->pAppData);
  auto* crash = new (file) CrashFile{};
  crash->path = name;  // lives as long as the file
  const int code = below->xOpen(below, name, crash->below(), flags, out_flags);
  if (crash->below()->pMethods == nullptr) return code;
  sqlite3_io_methods& m = crash->methods;
  m.iVersion = 2;
  m.xWrite = Write;
  m.xTruncate = Truncate;
  m.xSync = Sync;
  m.xClose = [](sqlite3_file* f) { return Below(f)->pMethods->xClose(Below(f)); };
  m.xRead = [](sqlite3_file* f, void* bytes, int size, sqlite3_int64 offset) {
    return Below(f)->pMethods->xRead(Below(f), bytes, size, offset);
  };
  m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
    return Below(f)->pMethods->xFileSize(Below(f), size);
  };
  m.xLock = [](sqlite3_file* f, int level) { return Below(f)->pMethods->xLock(Below(f), level); };
  m.xUnlock = [](sqlite3_file* f, int level) {
    return Below(f)->pMethods->xUnlock(Below(f), level);
  };
  m.xCheckReservedLock = [](sqlite3_file* f, int* held) {
    return Below(f)->pMethods->xCheckReservedLock(Below(f), held);
  };
  m.xFileControl = [](sqlite3_file* f, int operation, void* argument) {
    return Below(f)->pMethods->xFileControl(Below(f), operation, argument);
  };
  m.xSectorSize = [](sqlite3_file* f) { return Below(f)->pMethods->xSectorSize(Below(f)); };
  m.xDeviceCharacteristics = [](sqlite3_file* f) {
    return Below(f)->pMethods->xDeviceCharacteristics(Below(f));
  };
  m.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** memory) {
    return Below(f)->pMethods->xShmMap(Below(f), page, size, extend, memory);
  };
  m.xShmLock = [](sqlite3_file* f, int offset, int count, int shm_flags) {
    return Below(f)->pMethods->xShmLock(Below(f), offset, count, shm_flags);
  };
  m.xShmBarrier = [](sqlite3_file* f) { Below(f)->pMethods->xShmBarrier(Below(f)); };
  m.xShmUnmap = [](sqlite3_file* f, int remove) {
    return Below(f)->pMethods->xShmUnmap(Below(f), remove);
  };
  crash->base.pMethods = &m;
  return code;
}

}  // namespace

void InstallCrashVfs(int at) {
  left = at;
  static sqlite3_vfs vfs;
  sqlite3_vfs* below = sqlite3_vfs_find(nullptr);
  vfs = *below;
  vfs.zName = "troth-crash";
  vfs.pAppData = below;
  vfs.szOsFile += static_cast<int>(sizeof(CrashFile));
  vfs.xOpen = Open;
  sqlite3_vfs_register(&vfs, 1);
}

void MakeAllDurable(const std::vector<std::string>& files) {
  std::error_code ignored;
  for (const std::string& file : files) {
    fs::remove(DurableOf(file), ignored);
    if (fs::exists(file)) fs::copy_file(file, DurableOf(file), ignored);
  }
}

void LosePower(const std::vector<std::string>& files) {
  std::error_code ignored;
  for (const std::string& file : files) {
    fs::remove(file, ignored);
    if (fs::exists(DurableOf(file))) fs::copy_file(DurableOf(file), file, ignored);
  }
}

}  // namespace troth::internal
