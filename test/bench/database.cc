#include "database.h"

#include "bench.h"

namespace troth::bench {

Database::Database(const std::string& path) {
  Check(sqlite3_open(path.c_str(), &database_));
  sqlite3_busy_timeout(database_, 5'000);
  Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
}

void Database::Execute(const std::string& sql) {
  Check(sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr));
}

internal::sqlite::Statement Database::Prepare(const char* sql) {
  internal::sqlite::Statement statement;
  Check(statement.Prepare(database_, sql));
  return statement;
}

int64_t Database::Number(const char* sql) {
  internal::sqlite::Statement statement = Prepare(sql);
  bench::Check(statement.Step() == SQLITE_ROW, sqlite3_errmsg(database_));
  return statement.Int(0);
}

void Database::Check(int code) const { bench::Check(code == SQLITE_OK, sqlite3_errmsg(database_)); }

}  // namespace troth::bench
