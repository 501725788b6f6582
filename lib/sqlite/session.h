// The few SQLite calls that are made on a connection of the application's: run a statement, bind
// and read, say what went wrong. Never opens, configures or closes a connection, and keeps nothing
// prepared on it. The coordinator's own store has statements that stay prepared (store/sqlite/).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "troth/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace troth::internal::session {

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

  // Binds the next parameter. The bytes must live until the last Step().
  Statement& Bind(std::string_view value);
  Statement& BindBlob(std::string_view value);
  Statement& Bind(int64_t value);

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

}  // namespace troth::internal::session
