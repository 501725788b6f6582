#include "branch/sqlite_session.h"

#include <sqlite3.h>

#include "base/text.h"

namespace troth::internal::branch {
namespace {

// By what the caller can do next.
StatusCode CodeOf(int code) {
  switch (code & 0xFF) {
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
      return StatusCode::kFailedPrecondition;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return StatusCode::kResourceExhausted;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      return StatusCode::kPermissionDenied;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return StatusCode::kDataLoss;
    case SQLITE_INTERRUPT:
      return StatusCode::kCancelled;
    default:
      return StatusCode::kUnavailable;
  }
}

}  // namespace

Status SqliteError(sqlite3* db, int code, std::string_view doing) {
  return {CodeOf(code), Concat(doing, ": ", sqlite3_errmsg(db), " (SQLite ", code, ")")};
}

Status Execute(sqlite3* db, const char* sql, std::string_view doing) {
  const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : SqliteError(db, code, doing);
}

Statement::Statement(sqlite3* db, const std::string& sql, std::string_view doing)
    : db_(db),
      doing_(doing),
      code_(sqlite3_prepare_v2(db, sql.c_str(), static_cast<int>(sql.size() + 1), &statement_,
                               nullptr)) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Status Statement::Prepared() const {
  return code_ == SQLITE_OK ? Status() : SqliteError(db_, code_, doing_);
}

Statement& Statement::Bind(std::string_view value) {
  // A null pointer would bind NULL; an empty text is not that.
  const char* data = value.data() == nullptr ? "" : value.data();
  if (code_ == SQLITE_OK) {
    code_ = sqlite3_bind_text64(statement_, ++parameter_, data, value.size(), SQLITE_STATIC,
                                SQLITE_UTF8);
  }
  return *this;
}

Statement& Statement::Bind(int64_t value) {
  if (code_ == SQLITE_OK) code_ = sqlite3_bind_int64(statement_, ++parameter_, value);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = code_ == SQLITE_OK ? sqlite3_step(statement_) : code_;
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  code_ = code;
  return SqliteError(db_, code, doing_);
}

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr ? std::string()
                         : std::string(text, sqlite3_column_bytes(statement_, column));
}

// A transaction takes the write lock at once: one that begins with a read would have to be repeated
// whenever another connection writes in between.
//
// An interrupted BEGIN or SAVEPOINT may have taken effect all the same, so it is undone too.
UnitOfWork::UnitOfWork(sqlite3* db, Kind kind)
    : db_(db),
      kind_(kind),
      begun_(kind == Kind::kTransaction
                 ? Execute(db, "BEGIN IMMEDIATE", "barrier: begin")
                 : Execute(db, "SAVEPOINT troth_barrier", "barrier: savepoint")),
      open_(true) {
  if (!begun_.ok()) (void)Undo();
}

UnitOfWork::~UnitOfWork() { (void)Undo(); }

Status UnitOfWork::Keep() {
  // Whoever ended the transaction in the meantime ended this too: SQLite does so by itself after
  // some errors (disk full, I/O, interrupt).
  if (!open_ || sqlite3_get_autocommit(db_) != 0) {
    open_ = false;
    return {StatusCode::kFailedPrecondition,
            "barrier: the transaction was ended before the barrier could commit it"};
  }
  return kind_ == Kind::kTransaction ? Commit() : Release();
}

Status UnitOfWork::Commit() {
  Status committed = Execute(db_, "COMMIT", "barrier: commit");
  if (!committed.ok()) {
    (void)Undo();
  } else {
    open_ = false;
  }
  return committed;
}

Status UnitOfWork::Release() {
  Status released = Execute(db_, "RELEASE troth_barrier", "barrier: release");
  if (released.ok()) {
    open_ = false;
    return released;
  }
  // An interrupted RELEASE may have taken effect; then there is no savepoint to go back to, and
  // what was done is kept.
  const Status undone = Undo();
  const bool kept =
      undone.code() == StatusCode::kFailedPrecondition && sqlite3_get_autocommit(db_) == 0;
  return kept ? Status() : released;
}

Status UnitOfWork::Undo() {
  if (!open_) return {};
  open_ = false;
  if (sqlite3_get_autocommit(db_) != 0) return {};
  if (kind_ == Kind::kTransaction) return Execute(db_, "ROLLBACK", "barrier: rollback");
  return Execute(db_, "ROLLBACK TO troth_barrier; RELEASE troth_barrier", "barrier: rollback");
}

}  // namespace troth::internal::branch
