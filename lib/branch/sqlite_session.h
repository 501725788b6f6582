// The few SQLite calls that the barrier makes on a connection of the caller's: run a statement,
// keep or undo a unit of work, say what went wrong. Never opens, configures or closes a connection,
// and keeps nothing prepared on it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "troth/status.h"

struct sqlite3;
struct sqlite3_stmt;

// A namespace of its own: the coordinator's store has classes with the same names.
namespace troth::internal::branch {

// "<doing>: <SQLite's text> (<code>)". kUnavailable where repeating may help (busy, I/O),
// kResourceExhausted (disk full), kPermissionDenied, kDataLoss, kCancelled (interrupted);
// kFailedPrecondition where the statement does not fit the database: no such table.
Status SqliteError(sqlite3* db, int code, std::string_view doing);

Status Execute(sqlite3* db, const char* sql, std::string_view doing);

// One statement, prepared, stepped and dropped. The first error sticks and is what Step() says.
class Statement {
 public:
  Statement(sqlite3* db, const std::string& sql, std::string_view doing);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Status Prepared() const;

  // Binds the next parameter. The text must live until the last Step().
  Statement& Bind(std::string_view value);
  Statement& Bind(int64_t value);

  // True: there is a row. False: done.
  Result<bool> Step();
  // Of the current row.
  std::string Text(int column) const;

 private:
  sqlite3* const db_;
  const std::string doing_;
  sqlite3_stmt* statement_ = nullptr;
  int parameter_ = 0;
  int code_;
};

// Work that is kept whole or leaves nothing: a transaction of its own, or a savepoint inside one
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
