// The write-ahead log of a connection's schema `main`, made durable where SQLite itself would not
// do so, or could not. Both answer SQLite's code; nothing to do where there is no log (a rollback
// journal, a database in memory).
#pragma once

struct sqlite3;

namespace troth::internal::session {

// Makes durable what is committed in it: a commit at synchronous=NORMAL is not. Writes nothing.
int SyncLog(sqlite3* database);

// The same after a sync that failed, here or in a process that is no more. Linux tells of a failed
// sync once; then the pages count as written, are read back from memory, and no sync writes them
// again. So the log is written onto itself, and synced. Only inside a write transaction that has
// written nothing yet: nobody else may write the log meanwhile.
int RewriteLog(sqlite3* database);

}  // namespace troth::internal::session
