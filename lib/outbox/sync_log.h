// Makes an application's commits durable that SQLite has not synced.
#pragma once

#include "troth/status.h"

struct sqlite3;

namespace troth::internal::outbox {

// Makes durable what is committed in the log of schema `main`: a commit at synchronous=NORMAL is
// not. Writes nothing, unless a sync of that file has failed in this process: then no sync alone is
// to be trusted any more (sqlite/log.h), and the log is written once more, which needs the write
// lock for a moment. Nothing to do where there is no log (a rollback journal, a database in
// memory).
Status SyncLog(sqlite3* db);

// From now on nothing that is in it is known to be synced, whoever has written it. Also for whoever
// has failed to commit there: the sync of that commit was one of what others had committed before.
void DoubtLog(sqlite3* db);
// The same where the disk is to blame for what has just failed on that connection, and nobody who
// was busy.
void DoubtLogAfter(const Status& status, sqlite3* db);
// Whether that is so. A transaction that means to call SyncLog is then begun as IMMEDIATE.
bool LogIsInDoubt(sqlite3* db);

}  // namespace troth::internal::outbox
