// Makes an application's commits durable that SQLite has not synced.
#pragma once

#include "troth/status.h"

struct sqlite3;

namespace troth::internal::outbox {

// Makes durable what is committed in the log of schema `main`: a commit at synchronous=NORMAL is
// not. Writes nothing. Nothing to do where there is no log (a rollback journal, a database in
// memory).
Status SyncLog(sqlite3* db);

}  // namespace troth::internal::outbox
