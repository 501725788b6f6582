#include "outbox/caller.h"

#include <sqlite3.h>

#include "base/text.h"
#include "sqlite/session.h"

namespace troth::internal::outbox {

using session::Execute;
using session::Statement;
namespace {

Status InsertAndDelete(sqlite3* db, const Row& row, const std::vector<std::string>& done) {
  Statement insert(db,
                   "INSERT INTO main.troth_outbox(gid, document) VALUES(?, ?)"
                   " ON CONFLICT(gid) DO NOTHING",
                   "outbox: insert");
  const Result<bool> inserted = insert.Bind(row.gid).BindBlob(row.document).Step();
  if (!inserted.ok()) return inserted.status();
  if (sqlite3_changes(db) != 1) {
    return {StatusCode::kAlreadyExists,
            Concat(row.gid, " is in the outbox already: it was submitted before")};
  }
  Statement drop(db, "DELETE FROM main.troth_outbox WHERE gid = ? AND refused IS NULL",
                 "outbox: delete what is done");
  for (const std::string& gid : done) {
    const Result<bool> dropped = drop.Bind(gid).Step();
    if (!dropped.ok()) return dropped.status();
    drop.Reset();
  }
  return {};
}

// An interrupted RELEASE may have taken effect all the same; then there is nothing to go back to.
Status Undo(sqlite3* db, const Status& why) {
  const Status undone =
      Execute(db, "ROLLBACK TO troth_outbox; RELEASE troth_outbox", "outbox: undo the insert");
  if (sqlite3_get_autocommit(db) != 0) {
    return {why.code(), Concat(why.message(), "; SQLite has rolled the whole transaction back")};
  }
  if (!undone.ok()) {
    return {why.code(), Concat(why.message(), "; ", undone.message(), ": roll back")};
  }
  return why;
}

}  // namespace

Result<FileIdentity> MainFileOf(sqlite3* db) {
  if (db == nullptr) return Status(StatusCode::kInvalidArgument, "outbox: no connection");
  sqlite3_vfs* vfs = nullptr;
  const int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
  if (code != SQLITE_OK || vfs != sqlite3_vfs_find(nullptr)) {
    return Status(StatusCode::kInvalidArgument,
                  "outbox: the connection does not use SQLite's default VFS");
  }
  const char* path = sqlite3_db_filename(db, "main");
  if (path == nullptr || *path == '\0') {
    return Status(StatusCode::kInvalidArgument,
                  "outbox: the connection's schema main is no file; attached files can't be used");
  }
  return IdentityOf(path);
}

Status InsertRow(sqlite3* db, const Row& row, const std::vector<std::string>& done) {
  const sqlite3_int64 last = sqlite3_last_insert_rowid(db);
  Status status = Execute(db, "SAVEPOINT troth_outbox", "outbox: begin");
  if (!status.ok()) return status;
  status = InsertAndDelete(db, row, done);
  if (status.ok()) status = Execute(db, "RELEASE troth_outbox", "outbox: keep");
  // The application may be about to ask for its own.
  sqlite3_set_last_insert_rowid(db, last);
  return status.ok() ? status : Undo(db, status);
}

}  // namespace troth::internal::outbox
