// What SQLite's result codes mean for the store: whom an error concerns, and which Status it is.
#pragma once

#include <string_view>

#include "store/sqlite/files.h"
#include "troth/status.h"

struct sqlite3;

namespace troth::internal::sqlite {

// "orders.db: can't commit: disk I/O error (SQLite 778)", under the code that tells the caller what
// to do. `database` may be null: then SQLite's text for the code is used.
Status SqliteStatus(int code, sqlite3* database, std::string_view path, const Files& files,
                    std::string_view doing);

// A value or a page is at fault, so that another write of the same batch may well succeed.
bool ConcernsOneWrite(int code);
// A transaction that has met a damaged page can't be committed any more, not even after a rollback
// to a savepoint (SQLite 3.40, measured).
bool IsCorrupt(int code);
bool IsFull(int code);
bool IsBusy(int code);

}  // namespace troth::internal::sqlite
