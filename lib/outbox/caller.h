// What is done on the application's own connection, inside its own transaction.
//
// Never begins, commits or rolls back that transaction; on an error everything of ours is undone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "outbox/file.h"
#include "troth/status.h"

struct sqlite3;

namespace troth::internal::outbox {

// The file that is open as schema `main`. kInvalidArgument: no connection, in memory, or not
// through the default VFS, whose locks ours are.
Result<FileIdentity> MainFileOf(sqlite3* db);

// Inserts the row and deletes those of `done`, under a savepoint. kAlreadyExists: there is a row
// with that gid.
Status InsertRow(sqlite3* db, const Row& row, const std::vector<std::string>& done);

}  // namespace troth::internal::outbox
