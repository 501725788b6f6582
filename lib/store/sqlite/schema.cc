#include "store/sqlite/schema.h"

#include <sqlite3.h>

#include <cstring>
#include <string>

#include "base/text.h"

namespace troth::internal::sqlite {
namespace {

// No AUTOINCREMENT, which would cost one more written page a commit: SQLite gives a new row the
// highest id plus one, and the row with the highest id is never deleted (purge.cc sees to it). So
// ids only grow, and a part can never come to belong to another transaction.
//
// The tables are strict, so that a person who repairs a row by hand can't give a column another
// type: a time with a fraction, or a gid that no text is equal to.
//
// `state` comes last: whoever wants only the other columns never reads its pages.
constexpr char kTables[] = R"(
CREATE TABLE troth_meta(
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE TABLE troth_transaction(
  id INTEGER PRIMARY KEY,
  gid TEXT NOT NULL,
  mode INTEGER NOT NULL,     -- 1 saga, 2 tcc, 3 xa, 4 msg, 5 workflow
  status INTEGER NOT NULL,   -- 1 prepared, 2 submitted, 3 succeed, 4 aborting, 5 failed
  due INTEGER,               -- all times: milliseconds since 1970; NULL: nothing to do
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  finished INTEGER,
  parked INTEGER NOT NULL,   -- 0, or the number of the reason
  version INTEGER NOT NULL,
  digest BLOB NOT NULL,
  state BLOB NOT NULL        -- empty: a tombstone
) STRICT;
CREATE UNIQUE INDEX troth_transaction_gid ON troth_transaction(gid);
CREATE INDEX troth_transaction_due ON troth_transaction(due) WHERE due IS NOT NULL;
CREATE INDEX troth_transaction_status ON troth_transaction(status, id) WHERE status <> 3;
CREATE INDEX troth_transaction_parked ON troth_transaction(id) WHERE parked <> 0;
CREATE TABLE troth_part(
  key INTEGER PRIMARY KEY,   -- transaction's id << 16 | part's number
  document BLOB NOT NULL
) STRICT;
CREATE TABLE troth_topic(
  name TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  subscribers BLOB NOT NULL
) WITHOUT ROWID, STRICT;
)";

Status NotOurs(const Connection& connection) {
  return Status(StatusCode::kFailedPrecondition,
                Concat(connection.path(),
                       ": is a database, but not a Troth store; give the "
                       "coordinator a file of its own"));
}

Status FillSchema(Connection& connection) {
  if (Status status = connection.Execute(kTables); !status.ok()) return status;
  const std::string id = Concat("PRAGMA application_id=", kApplicationId);
  if (Status status = connection.Execute(id.c_str()); !status.ok()) return status;
  for (const char* name : {kMetaEpoch, kMetaClock, kMetaProbe}) {
    if (Status status = WriteMeta(connection, name, 0); !status.ok()) return status;
  }
  if (Status status = WriteMeta(connection, kMetaClean, 1); !status.ok()) return status;
  return WriteMeta(connection, kMetaSchema, kSchema);
}

}  // namespace

Result<FileKind> Recognise(Connection& connection) {
  Result<int64_t> id = connection.QueryInt("PRAGMA application_id");
  if (!id.ok()) return id.status();
  Result<int64_t> tables = connection.QueryInt("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  if (*tables == 0 && *id == 0) return FileKind::kEmpty;
  if (*id != kApplicationId) return NotOurs(connection);
  Result<std::optional<int64_t>> schema = ReadMeta(connection, kMetaSchema);
  if (!schema.ok()) return schema.status();
  if (!*schema) return NotOurs(connection);
  if (**schema > kSchema) {
    return Status(
        StatusCode::kFailedPrecondition,
        Concat(connection.path(), ": has schema ", **schema, ", and this release of Troth knows ",
               kSchema, "; open it with the newer release that made it"));
  }
  return FileKind::kStore;
}

Status CreateSchema(Connection& connection) {
  if (Status status = connection.Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  Status status = FillSchema(connection);
  if (status.ok()) status = connection.Execute("COMMIT");
  if (!status.ok() && sqlite3_get_autocommit(connection.database()) == 0) {
    (void)connection.Execute("ROLLBACK");
  }
  return status;
}

Result<std::optional<int64_t>> ReadMeta(Connection& connection, const char* name) {
  Statement select;
  if (Status status = connection.Prepare("SELECT value FROM troth_meta WHERE name=?1", select);
      !status.ok()) {
    return status;
  }
  select.BindText(1, name);
  const int code = select.Step();
  if (code == SQLITE_ROW) return std::optional<int64_t>(select.Int(0));
  if (code == SQLITE_DONE) return std::optional<int64_t>();
  return connection.Error(code, "read");
}

Status WriteMeta(Connection& connection, const char* name, int64_t value) {
  Statement replace;
  if (Status status = connection.Prepare(
          "INSERT OR REPLACE INTO troth_meta(name,value) VALUES(?1,?2)", replace);
      !status.ok()) {
    return status;
  }
  replace.BindText(1, name).Bind(2, value);
  const int code = replace.Run();
  return code == SQLITE_OK ? Status() : connection.Error(code, "write");
}

}  // namespace troth::internal::sqlite
