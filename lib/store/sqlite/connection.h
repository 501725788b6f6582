// One connection to an SQLite file, with everything set that SQLite leaves to a default.
//
// Used by one thread at a time. Knows nothing of Troth's tables.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "store/sqlite/statement.h"
#include "store/sqlite/tuning.h"
#include "troth/status.h"

namespace troth::internal::sqlite {

class Connection {
 public:
  enum class Access { kReadOnly, kReadWrite };

  // Opens the file that is there (it creates none), or ":memory:".
  static Result<std::unique_ptr<Connection>> Open(const std::string& path, Access access,
                                                  const SqliteTuning& tuning);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* database() const { return database_; }
  const std::string& path() const { return path_; }

  // A constant text of one or more statements without parameters.
  Status Execute(const char* sql);
  Status Prepare(const char* sql, Statement& statement);
  // The first column of the only row, as a whole number or as text; kInternal without a row.
  Result<int64_t> QueryInt(const char* sql);
  Result<std::string> QueryText(const char* sql);

  Status Error(int code, std::string_view doing) const;

  // SQLite copies the log into the file when the last connection closes. Only a clean close wants
  // that: anything else is to look like a crash, and to be as quick.
  void CopyLogWhenClosed(bool copy);

 private:
  Connection(std::string path, const Files& files) : path_(std::move(path)), files_(files) {}
  Status Configure(Access access, const SqliteTuning& tuning);

  std::string path_;
  const Files& files_;
  sqlite3* database_ = nullptr;
};

}  // namespace troth::internal::sqlite
