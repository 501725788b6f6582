// SQLite's side of a simulated disk: the functions that SQLite calls.
#pragma once

#include <sqlite3.h>

#include <memory>

#include "disk.h"

namespace troth::sim {

class DiskVfs {
 public:
  // Not registered yet; its name and its disk must outlive it.
  static std::unique_ptr<sqlite3_vfs> Make(Disk& disk);

 private:
  using Handle = Disk::Handle;

  static Disk& Of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }
  static Handle& Of(sqlite3_file* file);

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                  int* out_flags);
  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder);
  static int Access(sqlite3_vfs* vfs, const char* name, int flags, int* result);
  static int FullPathname(sqlite3_vfs* vfs, const char* name, int size, char* out);
  static int Randomness(sqlite3_vfs* vfs, int size, char* out);
  static int Sleep(sqlite3_vfs* vfs, int microseconds);
  static int CurrentTime(sqlite3_vfs* vfs, double* days);
  static int CurrentTimeInt64(sqlite3_vfs* vfs, sqlite3_int64* milliseconds);

  static int Close(sqlite3_file* file);
  static int Read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset);
  static int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset);
  static int Truncate(sqlite3_file* file, sqlite3_int64 size);
  static int Sync(sqlite3_file* file, int flags);
  static int FileSize(sqlite3_file* file, sqlite3_int64* size);
  static int Lock(sqlite3_file* file, int level);
  static int Unlock(sqlite3_file* file, int level);
  static int CheckReservedLock(sqlite3_file* file, int* held);
  static int FileControl(sqlite3_file* file, int operation, void* argument);
  static int ShmMap(sqlite3_file* file, int region, int size, int extend, void volatile** memory);
  static int ShmLock(sqlite3_file* file, int offset, int count, int flags);
  static void ShmBarrier(sqlite3_file* file);
  static int ShmUnmap(sqlite3_file* file, int remove);

  static int LockLevel(Handle& handle, int level);
  static void UnlockTo(Handle& handle, int level);
  static void UnlockSlots(Handle& handle, unsigned slots);
  static bool SlotsAreFree(const Handle& handle, int offset, int count, bool exclusive);

  static const sqlite3_io_methods kMethods;
};

}  // namespace troth::sim
