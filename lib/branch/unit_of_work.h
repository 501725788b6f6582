// Work on a connection of the caller's that is kept whole or leaves nothing.
#pragma once

#include "troth/status.h"

struct sqlite3;

namespace troth::internal::branch {

// A transaction of its own, or a savepoint inside one
// that is open. What is not kept is undone by the destructor.
class UnitOfWork {
 public:
  enum class Kind { kTransaction, kSavepoint };

  UnitOfWork(sqlite3* db, Kind kind);
  ~UnitOfWork();
  UnitOfWork(const UnitOfWork&) = delete;
  UnitOfWork& operator=(const UnitOfWork&) = delete;

  // Not OK: nothing was begun.
  const Status& begun() const { return begun_; }
  // Not OK: all of it was undone, as far as SQLite lets itself be told.
  Status Keep();
  // Not OK: it is still there.
  Status Undo();

 private:
  Status Commit();
  Status Release();

  sqlite3* const db_;
  const Kind kind_;
  Status begun_;
  bool open_;
};

}  // namespace troth::internal::branch
