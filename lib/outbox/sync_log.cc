#include "outbox/sync_log.h"

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/text.h"
#include "sqlite/log.h"

namespace troth::internal::outbox {
namespace {

// How many syncs have failed since a file's log was last made certain. Of the process, because any
// connection's failure concerns all of them.
struct Doubts {
  std::mutex mutex;
  std::map<std::string, uint64_t> failures;
};

Doubts& TheDoubts() {
  static auto* doubts = new Doubts;  // never destroyed: coordinators may outlive static objects
  return *doubts;
}

std::string FileOf(sqlite3* db) {
  const char* path = sqlite3_db_filename(db, "main");
  return path == nullptr ? "" : path;
}

uint64_t FailuresOf(const std::string& file) {
  const std::lock_guard lock(TheDoubts().mutex);
  const auto found = TheDoubts().failures.find(file);
  return found == TheDoubts().failures.end() ? 0 : found->second;
}

void NoteFailure(const std::string& file) {
  const std::lock_guard lock(TheDoubts().mutex);
  ++TheDoubts().failures[file];
}

// Not if another one has failed meanwhile.
void Settle(const std::string& file, uint64_t failures) {
  const std::lock_guard lock(TheDoubts().mutex);
  const auto found = TheDoubts().failures.find(file);
  if (found != TheDoubts().failures.end() && found->second == failures) {
    TheDoubts().failures.erase(found);
  }
}

int WriteAgain(sqlite3* db) {
  const bool outside = sqlite3_get_autocommit(db) != 0;
  if (!outside && sqlite3_txn_state(db, "main") != SQLITE_TXN_WRITE) return SQLITE_BUSY;
  int code = SQLITE_OK;
  if (outside) code = sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) code = session::RewriteLog(db);
  if (outside && sqlite3_get_autocommit(db) == 0) {
    sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return code;
}

}  // namespace

void DoubtLog(sqlite3* db) { NoteFailure(FileOf(db)); }

void DoubtLogAfter(const Status& status, sqlite3* db) {
  if (!status.ok() && (sqlite3_errcode(db) & 0xFF) == SQLITE_IOERR) DoubtLog(db);
}

bool LogIsInDoubt(sqlite3* db) { return FailuresOf(FileOf(db)) != 0; }

Status SyncLog(sqlite3* db) {
  const std::string file = FileOf(db);
  const uint64_t failures = FailuresOf(file);
  const int code = failures == 0 ? session::SyncLog(db) : WriteAgain(db);
  if (code == SQLITE_OK) {
    if (failures != 0) Settle(file, failures);
    return {};
  }
  NoteFailure(file);
  return {StatusCode::kUnavailable,
          Concat("outbox: sync the log: ", sqlite3_errstr(code), " (SQLite ", code, ")")};
}

}  // namespace troth::internal::outbox
