// The few SQLite calls that the outbox makes: run a statement, bind and read, say what went wrong.
// Keeps nothing prepared between two calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "troth/status.h"

struct sqlite3;
struct sqlite3_stmt;

// A namespace of its own: the store and the barrier have classes with the same names.
namespace troth::internal::outbox {

// "outbox: <doing>: <SQLite's text> (SQLite <code>)", under the code that tells the caller what to
// do: kUnavailable where repeating may help (busy, I/O).
Status SqliteError(sqlite3* db, int code, std::string_view doing);

Status Execute(sqlite3* db, const char* sql, std::string_view doing);

// Makes durable what is committed in the log of schema `main`: a commit at synchronous=NORMAL is
// not. Writes nothing. Nothing to do where there is no log (a rollback journal, a database in
// memory).
Status SyncLog(sqlite3* db);

// One statement, prepared, stepped and dropped. The first error sticks and is what Step() says.
class Statement {
 public:
  Statement(sqlite3* db, const std::string& sql, std::string_view doing);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Status Prepared() const;

  // Binds the next parameter. The bytes must live until the last Step().
  Statement& BindText(std::string_view value);
  Statement& BindBlob(std::string_view value);

  // True: there is a row. False: done.
  Result<bool> Step();
  // Makes it ready to be bound and stepped once more.
  void Reset();

  // Of the current row.
  bool IsNull(int column) const;
  std::string Text(int column) const;
  std::string Blob(int column) const;

 private:
  sqlite3* const db_;
  const std::string doing_;
  sqlite3_stmt* statement_ = nullptr;
  int parameter_ = 0;
  int code_;
};

}  // namespace troth::internal::outbox
