#include "outbox/sync_log.h"

#include <sqlite3.h>

#include "base/text.h"
#include "sqlite/session.h"

namespace troth::internal::outbox {

Status SyncLog(sqlite3* db) {
  sqlite3_file* log = nullptr;
  int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (code != SQLITE_OK) return session::SqliteError(db, code, "outbox: find the log");
  if (log == nullptr || log->pMethods == nullptr) return {};
  code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  if (code == SQLITE_OK) return {};
  return {StatusCode::kUnavailable,
          Concat("outbox: sync the log: ", sqlite3_errstr(code), " (SQLite ", code, ")")};
}

}  // namespace troth::internal::outbox
