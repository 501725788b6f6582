#include "store/sqlite/writer.h"

#include <sqlite3.h>

#include <utility>

#include "base/text.h"
#include "store/sqlite/error.h"
#include "store/sqlite/queries.h"

namespace troth::internal::sqlite {

Status Writer::Prepare(uint64_t epoch, Time clock) {
  epoch_ = epoch;
  latest_ = clock_ = clock;
  const std::pair<const char*, Statement*> all[] = {
      {"BEGIN IMMEDIATE", &begin_},
      {"COMMIT", &commit_},
      {"ROLLBACK", &rollback_},
      {"SAVEPOINT one", &savepoint_},
      {"RELEASE one", &release_},
      {"ROLLBACK TO one", &rollback_to_},
      {"SELECT value FROM troth_meta WHERE name='epoch'", &select_epoch_},
      {"UPDATE troth_meta SET value=?1 WHERE name='clock'", &set_clock_},
      {"UPDATE troth_meta SET value=value+1 WHERE name='probe'", &probe_},
      {kSelectByGid, &select_by_gid_},
      {kSelectVersion, &select_version_},
      {kInsert, &insert_},
      {kUpdate, &update_},
      {kInsertPart, &insert_part_},
  };
  for (const auto& [sql, statement] : all) {
    if (Status status = connection_->Prepare(sql, *statement); !status.ok()) return status;
  }
  return Status();
}

Writer::Outcome Writer::NotWritten(int code, std::string_view doing, Status& status) {
  status = connection_->Error(code, doing);
  Rollback();
  return Outcome::kNotWritten;
}

Writer::Outcome Writer::Begin(Status& status) {
  if (const int code = begin_.Run(); code != SQLITE_OK) return NotWritten(code, "begin", status);
  const StatementUse use(select_epoch_);
  const int code = select_epoch_.Step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    select_epoch_.Reset();
    return NotWritten(code, "read the epoch", status);
  }
  if (code == SQLITE_ROW && select_epoch_.Int(0) == static_cast<int64_t>(epoch_)) {
    return Outcome::kDone;
  }
  select_epoch_.Reset();
  Rollback();
  lost_owner_ = true;
  status = Status(StatusCode::kFailedPrecondition,
                  Concat(connection_->path(),
                         ": another process has taken the store over; this "
                         "one starts nothing any more, close it"));
  return Outcome::kLostOwner;
}

// SQLite ends the transaction by itself after some errors, and not after others.
void Writer::Rollback() {
  if (sqlite3_get_autocommit(connection_->database()) == 0) rollback_.Run();
}

Writer::Outcome Writer::Commit(Status& status) {
  const int code = commit_.Run();
  if (code == SQLITE_OK) return Outcome::kDone;
  status = connection_->Error(code, "commit");
  // A lock is met before anything is written, and leaves the transaction open. Of everything else
  // SQLite says only that it failed: the bytes may be there (R4).
  if (IsBusy(code) && sqlite3_get_autocommit(connection_->database()) == 0) {
    Rollback();
    return Outcome::kNotWritten;
  }
  Rollback();
  full_ = IsFull(code);
  return Outcome::kUnknown;
}

Status Writer::Run(Statement& statement, std::string_view doing) {
  const int code = statement.Run();
  return code == SQLITE_OK ? Status() : connection_->Error(code, doing);
}

Writer::Outcome Writer::Probe(Status& status) {
  if (const Outcome outcome = Begin(status); outcome != Outcome::kDone) return outcome;
  if (const int code = probe_.Run(); code != SQLITE_OK) return NotWritten(code, "write", status);
  return Commit(status);
}

}  // namespace troth::internal::sqlite
