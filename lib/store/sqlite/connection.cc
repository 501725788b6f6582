#include "store/sqlite/connection.h"

#include <sqlite3.h>

#include "base/text.h"
#include "store/sqlite/error.h"

namespace troth::internal::sqlite {
namespace {

// Before any statement reads the file. The cache is in KiB when negative. Readers look at pages
// that the kernel has cached too; mmap is off because a bad disk would then be a SIGBUS.
constexpr char kPragmas[] =
    "PRAGMA mmap_size=0;"
    "PRAGMA cache_size=-16384;"
    "PRAGMA cache_spill=ON;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON;"
    "PRAGMA foreign_keys=OFF;"
    "PRAGMA recursive_triggers=OFF;"
    "PRAGMA automatic_index=OFF;"
    "PRAGMA secure_delete=OFF;"
    "PRAGMA locking_mode=NORMAL;"
    "PRAGMA read_uncommitted=OFF;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=0;"
    "PRAGMA journal_size_limit=67108864;";

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path, Access access,
                                                     const SqliteTuning& tuning) {
  if (sqlite3_threadsafe() == 0) {
    return Status(StatusCode::kFailedPrecondition, "this SQLite was built without thread safety");
  }
  std::unique_ptr<Connection> connection(new Connection(path, *tuning.files));
  // No mutex inside SQLite: whoever owns the connection uses it from one thread at a time.
  const int flags = (access == Access::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  const char* vfs = tuning.vfs.empty() ? nullptr : tuning.vfs.c_str();
  const int code = sqlite3_open_v2(path.c_str(), &connection->database_, flags, vfs);
  if (code != SQLITE_OK) return connection->Error(code, "open");
  if (Status status = connection->Configure(access, tuning); !status.ok()) return status;
  return connection;
}

Status Connection::Configure(Access access, const SqliteTuning& tuning) {
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, static_cast<int>(tuning.busy_timeout.count()));
  sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  CopyLogWhenClosed(false);
  if (Status status = Execute(kPragmas); !status.ok()) return status;
  return Execute(access == Access::kReadOnly ? "PRAGMA query_only=ON" : "PRAGMA query_only=OFF");
}

Connection::~Connection() { sqlite3_close_v2(database_); }

void Connection::CopyLogWhenClosed(bool copy) {
  sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, copy ? 0 : 1, nullptr);
}

Status Connection::Execute(const char* sql) {
  const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : Error(code, "set up");
}

Status Connection::Prepare(const char* sql, Statement& statement) {
  const int code = statement.Prepare(database_, sql);
  return code == SQLITE_OK ? Status() : Error(code, "read the schema");
}

Result<int64_t> Connection::QueryInt(const char* sql) {
  Statement statement;
  if (Status status = Prepare(sql, statement); !status.ok()) return status;
  int code = statement.Step();
  if (code != SQLITE_ROW) return Error(code, "read");
  const int64_t value = statement.Int(0);
  code = statement.Step();
  if (code != SQLITE_DONE) return Error(code, "read");
  return value;
}

Result<std::string> Connection::QueryText(const char* sql) {
  Statement statement;
  if (Status status = Prepare(sql, statement); !status.ok()) return status;
  int code = statement.Step();
  if (code != SQLITE_ROW) return Error(code, "read");
  std::string text(statement.Bytes(0));
  // To its end: a pragma that writes has its row first, and commits after that.
  code = statement.Step();
  if (code != SQLITE_DONE) return Error(code, "read");
  return text;
}

Status Connection::Error(int code, std::string_view doing) const {
  return SqliteStatus(code, database_, path_, files_, doing);
}

}  // namespace troth::internal::sqlite
