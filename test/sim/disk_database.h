// A plain SQLite connection on a simulated disk: a stranger's, or an application's.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "disk.h"

namespace troth::sim {

class Database {
 public:
  Database(const Disk& disk, const std::string& path) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE;
    code_ = sqlite3_open_v2(path.c_str(), &database_, flags, disk.vfs().c_str());
  }
  ~Database() { sqlite3_close(database_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  sqlite3* get() const { return database_; }
  // SQLite's codes.
  int opened() const { return code_; }
  int Run(const std::string& sql) {
    return sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  }
  // Of the first row's first column; empty where there is none.
  std::string Text(const std::string& sql) {
    std::string text;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
      const auto* found = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
      text = found == nullptr ? "" : found;
    }
    sqlite3_finalize(statement);
    return text;
  }
  // -1 where there is none.
  int64_t Int(const std::string& sql) {
    const std::string text = Text(sql);
    return text.empty() ? -1 : std::stoll(text);
  }

 private:
  sqlite3* database_ = nullptr;
  int code_;
};

}  // namespace troth::sim
