// The check-back that the coordinator answers by itself, from the application's database: did the
// local transaction of a message commit?
#pragma once

#include <string>
#include <string_view>

#include "troth/coordinator.h"
#include "troth/status.h"

struct sqlite3;

namespace troth::internal::outbox {

// "troth.outbox.<id>": the id, and not the path or a place in a list, so that never another
// database is asked: it would say no.
std::string CheckBackName(std::string_view id);
// With the path, for whoever reads it where the database is not there any more.
std::string CheckBackUrlOf(std::string_view id, std::string_view path);
// Opens the file for each call: these are rare.
LocalFunction CheckBackOn(std::string path);

// Makes the barrier's table if it is not there, without a write lock if it is.
Status EnsureBarrierTable(sqlite3* db);

}  // namespace troth::internal::outbox
