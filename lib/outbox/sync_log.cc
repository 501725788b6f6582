#include "outbox/sync_log.h"

#include <sqlite3.h>

#include "base/text.h"
#include "sqlite/log.h"

namespace troth::internal::outbox {

Status SyncLog(sqlite3* db) {
  const int code = session::SyncLog(db);
  if (code == SQLITE_OK) return {};
  return {StatusCode::kUnavailable,
          Concat("outbox: sync the log: ", sqlite3_errstr(code), " (SQLite ", code, ")")};
}

}  // namespace troth::internal::outbox
