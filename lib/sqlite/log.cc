#include "sqlite/log.h"

#include <sqlite3.h>

#include <algorithm>
#include <vector>

namespace troth::internal::session {
namespace {

constexpr sqlite3_int64 kBlockBytes = 1 << 16;

// Null: there is none.
int FindLog(sqlite3* database, sqlite3_file*& log) {
  const int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log != nullptr && log->pMethods == nullptr) log = nullptr;
  return code;
}

}  // namespace

int SyncLog(sqlite3* database) {
  sqlite3_file* log = nullptr;
  if (const int code = FindLog(database, log); code != SQLITE_OK || log == nullptr) return code;
  return log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
}

int RewriteLog(sqlite3* database) {
  sqlite3_file* log = nullptr;
  if (const int code = FindLog(database, log); code != SQLITE_OK || log == nullptr) return code;
  sqlite3_int64 size = 0;
  if (const int code = log->pMethods->xFileSize(log, &size); code != SQLITE_OK) return code;
  std::vector<char> block(static_cast<size_t>(std::min(size, kBlockBytes)));
  for (sqlite3_int64 at = 0; at < size; at += kBlockBytes) {
    const auto bytes = static_cast<int>(std::min(size - at, kBlockBytes));
    int code = log->pMethods->xRead(log, block.data(), bytes, at);
    if (code == SQLITE_OK) code = log->pMethods->xWrite(log, block.data(), bytes, at);
    if (code != SQLITE_OK) return code;
  }
  return size == 0 ? SQLITE_OK : log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
}

}  // namespace troth::internal::session
