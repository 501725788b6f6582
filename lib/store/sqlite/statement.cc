#include "store/sqlite/statement.h"

#include <sqlite3.h>

#include <utility>

namespace troth::internal::sqlite {

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), bind_error_(other.bind_error_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(bind_error_, other.bind_error_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

int Statement::Prepare(sqlite3* database, const char* sql) {
  sqlite3_finalize(std::exchange(statement_, nullptr));
  return sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
}

void Statement::Keep(int code) {
  if (bind_error_ == SQLITE_OK) bind_error_ = code;
}

Statement& Statement::Bind(int parameter, int64_t value) {
  Keep(sqlite3_bind_int64(statement_, parameter, value));
  return *this;
}

Statement& Statement::Bind(int parameter, std::optional<Time> value) {
  Keep(value ? sqlite3_bind_int64(statement_, parameter, MillisecondsOf(*value))
             : sqlite3_bind_null(statement_, parameter));
  return *this;
}

// A null pointer would bind NULL, and an empty view may have one.
Statement& Statement::BindText(int parameter, std::string_view value) {
  Keep(sqlite3_bind_text64(statement_, parameter, value.empty() ? "" : value.data(), value.size(),
                           SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::BindBlob(int parameter, std::string_view value) {
  Keep(sqlite3_bind_blob64(statement_, parameter, value.empty() ? "" : value.data(), value.size(),
                           SQLITE_STATIC));
  return *this;
}

int Statement::Step() { return bind_error_ != SQLITE_OK ? bind_error_ : sqlite3_step(statement_); }

int Statement::Run() {
  const int code = Step();
  Reset();
  return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  bind_error_ = SQLITE_OK;
}

bool Statement::IsInt(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_INTEGER;
}
bool Statement::IsText(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_TEXT;
}
bool Statement::IsBlob(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_BLOB;
}
bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::Bytes(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string_view()
                          : std::string_view(static_cast<const char*>(bytes), size);
}

std::optional<Time> Statement::OptionalTime(int column) const {
  if (IsNull(column)) return std::nullopt;
  return TimeOf(Int(column));
}

}  // namespace troth::internal::sqlite
