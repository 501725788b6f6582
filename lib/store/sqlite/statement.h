// One prepared SQL statement, bound and stepped without copies.
//
// Bound texts and blobs are not copied: they must live until the next Reset(). Errors of Bind are
// kept and come out of Step, so that a caller looks at one place.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "troth/transaction.h"

struct sqlite3;
struct sqlite3_stmt;

namespace troth::internal::sqlite {

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // A SQLite code. `sql` is kept prepared for many uses.
  int Prepare(sqlite3* database, const char* sql);

  // Parameters count from 1.
  Statement& Bind(int parameter, int64_t value);
  Statement& Bind(int parameter, std::optional<Time> value);
  Statement& BindText(int parameter, std::string_view value);
  Statement& BindBlob(int parameter, std::string_view value);

  // SQLITE_ROW, SQLITE_DONE or an error.
  int Step();
  // Steps a statement that gives no rows and resets it; SQLITE_OK or an error.
  int Run();
  void Reset();

  // Columns count from 0; views live until the next Step or Reset.
  bool IsInt(int column) const;
  bool IsText(int column) const;
  bool IsBlob(int column) const;
  bool IsNull(int column) const;
  int64_t Int(int column) const;
  std::string_view Bytes(int column) const;
  std::optional<Time> OptionalTime(int column) const;

 private:
  void Keep(int code);

  sqlite3_stmt* statement_ = nullptr;
  int bind_error_ = 0;
};

// Resets a statement at the end of a scope, so that no early return leaves a read open.
class StatementUse {
 public:
  explicit StatementUse(Statement& statement) : statement_(statement) {}
  ~StatementUse() { statement_.Reset(); }
  StatementUse(const StatementUse&) = delete;
  StatementUse& operator=(const StatementUse&) = delete;

 private:
  Statement& statement_;
};

inline int64_t MillisecondsOf(Time time) { return time.time_since_epoch().count(); }
inline Time TimeOf(int64_t milliseconds) { return Time(std::chrono::milliseconds(milliseconds)); }

}  // namespace troth::internal::sqlite
