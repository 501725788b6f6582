#include "outbox/check_back.h"

#include <sqlite3.h>

#include <memory>
#include <utility>

#include "base/text.h"
#include "outbox/sync_log.h"
#include "sqlite/session.h"
#include "troth/sqlite.h"

namespace troth::internal::outbox {

using session::Execute;
using session::SqliteError;
using session::Statement;
namespace {

constexpr int kPatienceMs = 2'000;

struct CloseConnection {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};

BranchResult AnswerFrom(const std::string& path, const BranchContext& context) {
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                    SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  const std::unique_ptr<sqlite3, CloseConnection> db(opened);
  if (code != SQLITE_OK)
    return BranchResult::Unknown(SqliteError(opened, code, "outbox: open").message());
  sqlite3_busy_timeout(opened, kPatienceMs);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  Status ready =
      Execute(opened, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0", "outbox: set up");
  if (ready.ok()) ready = EnsureBarrierTable(opened);
  if (!ready.ok()) return BranchResult::Unknown(ready.message());
  BranchResult result = SqliteBarrier(context).QueryPrepared(opened);
  if (result.verdict() == BranchResult::Verdict::kUnknown) DoubtLog(opened);  // it may be the disk
  if (result.verdict() != BranchResult::Verdict::kSuccess) return result;
  // What says yes was found, not written: it may never have been synced.
  if (Status synced = SyncLog(opened); !synced.ok()) return BranchResult::Unknown(synced.message());
  return result;
}

}  // namespace

std::string CheckBackName(std::string_view id) { return Concat("troth.outbox.", id); }

std::string CheckBackUrlOf(std::string_view id, std::string_view path) {
  return Concat("local:", CheckBackName(id), "?", PercentEncoded(path));
}

LocalFunction CheckBackOn(std::string path) {
  return [path = std::move(path)](const BranchContext& context, std::string_view, std::stop_token) {
    return AnswerFrom(path, context);
  };
}

Status EnsureBarrierTable(sqlite3* db) {
  {
    Statement there(db,
                    "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND "
                    "name = 'troth_barrier'",
                    "outbox: look for the barrier's table");
    const Result<bool> row = there.Step();
    if (!row.ok()) return row.status();
    if (*row) return {};
  }
  Status made = SqliteBarrier::CreateTable(db);
  if (!made.ok()) DoubtLog(db);
  return made;
}

}  // namespace troth::internal::outbox
