#include "store/sqlite/backup.h"

#include <sqlite3.h>

#include "base/text.h"
#include "store/sqlite/files.h"
#include "store/sqlite/readers.h"
#include "store/sqlite/schema.h"

namespace troth::internal::sqlite {
namespace {

constexpr int kPagesPerStep = 256;

Status CopyPages(Connection& source, Connection& target, const std::function<bool()>& give_up) {
  // One view of the source for all steps: without it every commit would start the copy over.
  const ReadTransaction transaction(source);
  if (Result<std::optional<int64_t>> view = ReadMeta(source, kMetaSchema); !view.ok()) {
    return view.status();
  }
  sqlite3_backup* backup =
      sqlite3_backup_init(target.database(), "main", source.database(), "main");
  if (backup == nullptr) {
    return target.Error(sqlite3_extended_errcode(target.database()), "start a backup");
  }
  int code = SQLITE_OK;
  bool left = false;
  while (code == SQLITE_OK && !left) {
    code = sqlite3_backup_step(backup, kPagesPerStep);
    left = code == SQLITE_OK && give_up();
  }
  const int finished = sqlite3_backup_finish(backup);
  if (left) {
    return Status(StatusCode::kUnavailable,
                  Concat(source.path(),
                         ": the backup made way for the store's recovery or close; "
                         "try again"));
  }
  return finished == SQLITE_OK ? Status() : target.Error(finished, "copy");
}

// One file that needs no companions, marked as a copy.
Status Stamp(Connection& target) {
  if (Status status = target.Execute("PRAGMA journal_mode=DELETE"); !status.ok()) return status;
  return WriteMeta(target, kMetaBackup, 1);
}

Status Fill(Connection& source, const std::string& unfinished, const SqliteTuning& tuning,
            const std::function<bool()>& give_up) {
  auto target = Connection::Open(unfinished, Connection::Access::kReadWrite, tuning);
  if (!target.ok()) return target.status();
  if (Status status = CopyPages(source, **target, give_up); !status.ok()) return status;
  return Stamp(**target);
}

}  // namespace

Status BackUp(Connection& source, const std::string& path, const SqliteTuning& tuning,
              const std::function<bool()>& give_up) {
  const Files& files = *tuning.files;
  Result<std::string> resolved = files.Resolve(path);
  if (!resolved.ok()) return resolved.status();
  if (files.Exists(*resolved)) {
    return Status(StatusCode::kAlreadyExists, Concat(*resolved, ": is there already"));
  }
  // Under another name until it is marked: a copy without its mark could be opened and run.
  const std::string unfinished = *resolved + "-unfinished";
  if (Status status = files.CreatePrivate(unfinished); !status.ok()) return status;
  Status status = Fill(source, unfinished, tuning, give_up);
  if (status.ok()) status = files.Rename(unfinished, *resolved);
  if (!status.ok()) {
    for (const char* suffix : {"", "-journal", "-wal", "-shm"}) files.Remove(unfinished + suffix);
  }
  return status;
}

}  // namespace troth::internal::sqlite
