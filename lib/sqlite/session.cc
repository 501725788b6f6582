#include "sqlite/session.h"

#include <sqlite3.h>

#include "base/text.h"

namespace troth::internal::session {
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

// A null pointer would bind NULL; an empty text is not that.
Statement& Statement::Bind(std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  if (code_ == SQLITE_OK) {
    code_ = sqlite3_bind_text64(statement_, ++parameter_, data, value.size(), SQLITE_STATIC,
                                SQLITE_UTF8);
  }
  return *this;
}

Statement& Statement::BindBlob(std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  if (code_ == SQLITE_OK) {
    code_ = sqlite3_bind_blob64(statement_, ++parameter_, data, value.size(), SQLITE_STATIC);
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

void Statement::Reset() {
  sqlite3_reset(statement_);
  parameter_ = 0;
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr ? std::string()
                         : std::string(text, sqlite3_column_bytes(statement_, column));
}

std::string Statement::Blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return bytes == nullptr ? std::string()
                          : std::string(bytes, sqlite3_column_bytes(statement_, column));
}

}  // namespace troth::internal::session
