// What a simulated disk keeps for each file and each open handle: for disk.cc and disk_vfs.cc
// alone.
#pragma once

#include <sqlite3.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "disk.h"

namespace troth::sim {

// SQLite's locks on a database file, for the connections of one process.
struct Disk::Locks {
  int shared = 0;
  const Handle* reserved = nullptr;
  const Handle* pending = nullptr;
  const Handle* exclusive = nullptr;
};

// The index of a log. Gone with the last connection, and with the process.
struct Disk::SharedMemory {
  std::vector<std::unique_ptr<unsigned char[]>> regions;
  std::array<int, SQLITE_SHM_NLOCK> shared{};
  std::array<const Handle*, SQLITE_SHM_NLOCK> exclusive{};
};

struct Disk::Inode {
  DiskFile file;
  Locks locks;
  std::weak_ptr<SharedMemory> memory;
};

struct Disk::Handle : sqlite3_file {
  Disk* disk = nullptr;
  std::shared_ptr<Inode> inode;
  std::shared_ptr<SharedMemory> memory;
  std::string path;  // empty: a temporary file
  uint64_t life = 0;
  int lock = SQLITE_LOCK_NONE;
  unsigned shared_slots = 0;
  unsigned exclusive_slots = 0;
  bool delete_on_close = false;
  bool syncs_folder = false;  // with its first sync, as SQLite does for a new log or journal

  bool alive() const { return life == disk->life_ && !disk->off_; }
};

}  // namespace troth::sim
