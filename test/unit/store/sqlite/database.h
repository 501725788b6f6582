// The file as a stranger sees it: a plain SQLite connection for tests, beside the store's own.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cstdint>
#include <string>

namespace troth::internal {

class Database {
 public:
  explicit Database(const std::string& path) {
    REQUIRE(sqlite3_open(path.c_str(), &database_) == SQLITE_OK);
  }
  ~Database() { sqlite3_close(database_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void Execute(const std::string& sql) {
    const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
    REQUIRE_MESSAGE(code == SQLITE_OK, sqlite3_errmsg(database_));
  }
  // Whether SQLite does not let that happen.
  bool Refuses(const std::string& sql) {
    return sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK;
  }
  // One column of all rows, a line each.
  std::string Query(const std::string& sql, int column = 0) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr);
    REQUIRE_MESSAGE(code == SQLITE_OK, sqlite3_errmsg(database_));
    std::string text;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const auto* value = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      text += (text.empty() ? "" : "\n") + std::string(value == nullptr ? "NULL" : value);
    }
    sqlite3_finalize(statement);
    return text;
  }

 private:
  sqlite3* database_ = nullptr;
};

}  // namespace troth::internal
