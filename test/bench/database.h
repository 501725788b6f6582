// A business database of a branch or of the application: WAL, synchronous=FULL, one connection.
#pragma once

#include <sqlite3.h>

#include <string>

#include "store/sqlite/statement.h"

namespace troth::bench {

class Database {
 public:
  explicit Database(const std::string& path);
  ~Database() { sqlite3_close_v2(database_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  sqlite3* get() const { return database_; }
  void Execute(const std::string& sql);
  internal::sqlite::Statement Prepare(const char* sql);
  // Of a statement that has one row with one number.
  int64_t Number(const char* sql);
  // Fails with what SQLite says.
  void Check(int code) const;

 private:
  sqlite3* database_ = nullptr;
};

}  // namespace troth::bench
