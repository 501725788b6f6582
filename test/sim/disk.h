// A disk in memory under SQLite, for simulated lives of one process after another.
//
// Files are bytes with what is synced and what is not; names are durable when their folder is
// synced (there is one folder). A crash takes the process: open handles, locks and shared memory.
// A power loss takes also what was not synced, or parts of it. Every operation is counted, so that
// one can be made to fail, or power be cut at it. The same seed and the same calls give the same
// bytes. Nothing real is touched, and nothing sleeps unless it is told that threads share it.
//
// Handles of a life that is over do nothing and fail, so a store may be destroyed after the crash
// that ended it; it must be destroyed before its disk. Connections may be used from several
// threads. SQLite has one source of random numbers for a process: the disk made, crashed or copied
// last has seeded it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"
#include "disk_file.h"
#include "store/sqlite/files.h"

struct sqlite3_vfs;

namespace troth::sim {

enum class DiskOperation : uint8_t {
  kOpen,  // and creation
  kRead,
  kWrite,
  kTruncate,
  kSync,
  kLock,
  kMap,  // of shared memory
  kDelete,
  kSyncFolder,
};
inline constexpr size_t kDiskOperations = 9;

// From the `at`-th operation of its kind on (1: the next), `count` of them fail.
struct DiskFault {
  DiskOperation operation = DiskOperation::kWrite;
  uint64_t at = 1;
  uint64_t count = 1;
  // SQLite's code, such as SQLITE_FULL or SQLITE_BUSY; 0: the I/O error of that operation. A write
  // that fails has written its first half.
  int code = 0;
};
inline constexpr uint64_t kForEver = UINT64_MAX;

class Disk {
 public:
  explicit Disk(uint64_t seed);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // For sqlite3_open_v2, while the disk lives.
  const std::string& vfs() const { return vfs_name_; }
  // The same disk, for what stands for another process at the same time.
  const std::string& other_vfs() const { return other_vfs_name_; }
  // For SqliteTuning.
  const internal::sqlite::Files& files() const { return *files_; }
  // SQLite's default VFS, too, until the disk is gone.
  void MakeDefault();
  // Connections of several threads use it: a wait of SQLite for another connection sleeps, so that
  // the other one can go on. Otherwise whoever would free what is waited for runs on the same
  // thread.
  void ShareAmongThreads();
  // What SQL's date functions tell; a constant until it is set.
  void SetTime(int64_t milliseconds_since_1970);

  // The process dies. All that was written stays.
  void Crash();
  // The machine does. Power is back at once.
  void LosePower(Loss loss, internal::Random& random);
  // Another disk with the same files, as after a crash.
  std::unique_ptr<Disk> Copy() const;

  // At the `n`-th change from now (1: the next) power is cut: the change does not happen, or as a
  // write that no sync followed; then everything fails, until LosePower or Crash. A change is a
  // write, truncation, sync, creation, deletion or sync of the folder. 0: never.
  void CutPowerAt(uint64_t n);
  // The same, so many changes after the first operation that fails.
  void CutPowerAfterFailure(uint64_t n);
  // Power is cut at the next operation that fails, so that nobody can do anything about it.
  void CutPowerAtFailure(bool cut);
  bool off() const;
  // Called at that moment, from inside the operation: must not use the disk.
  void WhenCut(std::function<void()> tell);

  // All that are planned count from their own planning.
  void Plan(const DiskFault& fault);
  void ForgetFaults();
  // How many operations have failed since the disk was made.
  uint64_t failed() const;

  uint64_t changes() const;
  uint64_t count(DiskOperation operation) const;
  // Of one file; empty where there is none.
  std::string BytesOf(const std::string& path) const;

 private:
  friend class DiskVfs;
  friend class DiskFiles;
  struct Handle;
  struct Locks;
  struct SharedMemory;
  struct Inode;
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  struct Planned {
    DiskFault fault;
    uint64_t from = 0;  // the operation's count when it was planned
  };

  // All below: under mutex_.
  // What an operation answers: 0, or SQLite's code. Counts it.
  int Count(DiskOperation operation);
  // One change; false: power is off, or has been cut at it.
  bool Change();
  void Cut();
  void NextLife();
  void SyncFolder() { durable_names_ = names_; }
  std::shared_ptr<Inode> Find(const std::string& path) const;
  std::shared_ptr<Inode> Create(const std::string& path);

  std::string vfs_name_;
  std::string other_vfs_name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  std::unique_ptr<sqlite3_vfs> other_vfs_;
  std::unique_ptr<internal::sqlite::Files> files_;
  uint64_t seed_;

  mutable std::mutex mutex_;
  Names names_;
  Names durable_names_;
  uint64_t life_ = 1;
  bool shared_ = false;  // among threads
  int64_t time_ms_ = 0;
  bool off_ = false;
  uint64_t cut_at_ = 0;
  uint64_t cut_after_failure_ = 0;
  bool cut_at_failure_ = false;
  std::function<void()> when_cut_;
  uint64_t changes_ = 0;
  uint64_t failed_ = 0;
  std::array<uint64_t, kDiskOperations> counts_{};
  std::vector<Planned> faults_;
};

}  // namespace troth::sim
