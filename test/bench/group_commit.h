// The ceiling: what SQLite itself can commit of the same writes, by one writer that puts all that
// waits into one transaction.
#pragma once

#include <sqlite3.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace troth::bench {

// How many bytes a transaction of some kind has in the store.
struct Shape {
  size_t digest = 0;
  size_t state = 0;
  std::vector<size_t> parts;  // the definition; then one for each registered branch
};
// Of the only transaction in a store.
Shape ShapeOf(const std::string& store);

// One client's transaction, and its write that is under way.
class RawTransaction {
 public:
  explicit RawTransaction(const Shape& shape);

 private:
  friend class GroupCommit;
  enum class Write { kInsert, kInsertEnded, kUpdate, kRegister, kEnd };

  const std::string gid_;
  const std::string digest_;
  const std::string state_;
  std::vector<std::string> parts_;
  int64_t id_ = 0;
  int64_t version_ = 0;
  int64_t registered_ = 0;
  Write write_ = Write::kInsert;

  // A client waits on its own mutex, so that a batch's clients do not queue up for one.
  std::mutex mutex_;
  std::condition_variable ready_;
  bool done_ = false;
};

// On a file that a coordinator has made, with its statements; WAL, synchronous=FULL, a checkpoint
// past 2,048 frames, as the store has it. Each method returns when its write is durable.
class GroupCommit {
 public:
  // The file must not be there.
  explicit GroupCommit(const std::string& path);
  ~GroupCommit();

  void Insert(RawTransaction& t) { Do(t, RawTransaction::Write::kInsert); }
  // One that has ended with its submit.
  void InsertEnded(RawTransaction& t) { Do(t, RawTransaction::Write::kInsertEnded); }
  void Update(RawTransaction& t) { Do(t, RawTransaction::Write::kUpdate); }
  // A branch that joins: an update, and its part.
  void Register(RawTransaction& t) { Do(t, RawTransaction::Write::kRegister); }
  void End(RawTransaction& t) { Do(t, RawTransaction::Write::kEnd); }

  // The same on the calling thread, for one client that needs no group. Not beside the others.
  void InsertAlone(RawTransaction& t) { Alone(t, RawTransaction::Write::kInsert); }
  void InsertEndedAlone(RawTransaction& t) { Alone(t, RawTransaction::Write::kInsertEnded); }
  void EndAlone(RawTransaction& t) { Alone(t, RawTransaction::Write::kEnd); }

 private:
  void Do(RawTransaction& t, RawTransaction::Write write);
  void Alone(RawTransaction& t, RawTransaction::Write write);
  void Run();
  void Apply(const std::vector<RawTransaction*>& batch);
  void Write(RawTransaction& t);
  void WriteInsert(RawTransaction& t, bool ended);
  void WriteUpdate(RawTransaction& t, bool ends);
  void WritePart(RawTransaction& t, int64_t number);
  sqlite3_stmt* Prepare(const char* sql);
  void Execute(const char* sql);
  void Step(sqlite3_stmt* statement);

  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* insert_part_ = nullptr;
  sqlite3_stmt* update_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<RawTransaction*> queue_;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace troth::bench
