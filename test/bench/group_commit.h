// The ceiling: what SQLite itself can commit, by one writer that puts all that waits into one
// transaction.
#pragma once

#include <sqlite3.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace troth::bench {

// One of a saga's two writes: its row and its definition, or its end.
struct Work {
  bool insert = true;
  int64_t id = 0;
  std::string gid;
  std::string digest;
  std::string state;
  std::string definition;

  // A client waits on its own mutex, so that a batch's clients do not queue up for one.
  std::mutex mutex;
  bool done = false;
  std::condition_variable ready;
};

// The tables and indexes of a store, WAL, synchronous=FULL, a checkpoint past 2,048 frames: as the
// store has them.
class GroupCommit {
 public:
  explicit GroupCommit(const std::string& path);
  ~GroupCommit();

  // Returns when the write is durable.
  void Do(Work& work);

 private:
  void Run();
  void Apply(const std::vector<Work*>& batch);
  sqlite3_stmt* Prepare(const char* sql);
  void Execute(const char* sql);

  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* insert_part_ = nullptr;
  sqlite3_stmt* update_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Work*> queue_;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace troth::bench
