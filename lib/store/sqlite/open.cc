#include "store/sqlite/open.h"

#include <sqlite3.h>

#include "base/text.h"
#include "sqlite/log.h"
#include "store/sqlite/files.h"
#include "store/sqlite/queries.h"
#include "store/sqlite/schema.h"

namespace troth::internal::sqlite {
namespace {

// What a new file is made with; must come before its first page is written.
constexpr char kNewFile[] = "PRAGMA page_size=4096; PRAGMA encoding='UTF-8'; PRAGMA auto_vacuum=0;";

Result<int64_t> MetaOrZero(Connection& connection, const char* name) {
  Result<std::optional<int64_t>> value = ReadMeta(connection, name);
  if (!value.ok()) return value.status();
  return (*value).value_or(0);
}

Status UseLog(Connection& connection) {
  Result<std::string> mode = connection.QueryText("PRAGMA journal_mode=WAL");
  if (!mode.ok()) return mode.status();
  if (*mode == (connection.path() == kMemoryPath ? "memory" : "wal")) return Status();
  return Status(StatusCode::kFailedPrecondition,
                Concat(connection.path(), ": can't keep a write-ahead log (WAL) here"));
}

Status RefuseBackup(Connection& connection, bool restored) {
  Result<int64_t> backup = MetaOrZero(connection, kMetaBackup);
  if (!backup.ok()) return backup.status();
  if (*backup == 0 || restored) return Status();
  return Status(StatusCode::kFailedPrecondition,
                Concat(connection.path(),
                       ": is a backup; if the original is gone for good, open "
                       "it with .restored = true, and each transaction that it "
                       "holds as unended waits for a person"));
}

// R4, for a former life: what it could not sync is read back as if it were on the disk. Neither may
// anything be added behind it, nor may it be copied into the file: after a power loss the one would
// be lost with it, and the other be half of a transaction.
Status TrustLog(Connection& connection) {
  if (Status status = connection.Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  const int code = session::RewriteLog(connection.database());
  Status status = code == SQLITE_OK ? Status() : connection.Error(code, "write the log again");
  const Status ended = connection.Execute("ROLLBACK");
  return status.ok() ? ended : status;
}

Status FindTables(Connection& connection, bool restored) {
  Result<FileKind> kind = Recognise(connection);
  if (!kind.ok()) return kind.status();
  const bool is_new = *kind == FileKind::kEmpty;
  if (is_new) {
    if (Status status = connection.Execute(kNewFile); !status.ok()) return status;
  } else if (Status status = RefuseBackup(connection, restored); !status.ok()) {
    return status;
  }
  if (Status status = UseLog(connection); !status.ok()) return status;
  return is_new ? CreateSchema(connection) : TrustLog(connection);
}

Status ReadInfo(Connection& connection, StoreInfo& info) {
  Result<int64_t> epoch = MetaOrZero(connection, kMetaEpoch);
  if (!epoch.ok()) return epoch.status();
  Result<int64_t> clean = MetaOrZero(connection, kMetaClean);
  if (!clean.ok()) return clean.status();
  Result<int64_t> clock = MetaOrZero(connection, kMetaClock);
  if (!clock.ok()) return clock.status();
  info.epoch = static_cast<uint64_t>(*epoch);
  info.unclean = *clean == 0;
  if (*clock > 0) info.highest_updated = TimeOf(*clock);
  return Status();
}

// One commit: from here on every other owner's batches fail (R25).
Status RaiseEpoch(Connection& connection, StoreInfo& info) {
  if (Status status = connection.Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  Status status = ReadInfo(connection, info);
  ++info.epoch;
  if (status.ok()) {
    status = WriteMeta(connection, kMetaEpoch, static_cast<int64_t>(info.epoch));
  }
  if (status.ok()) status = WriteMeta(connection, kMetaClean, 0);
  if (status.ok()) status = connection.Execute("COMMIT");
  if (!status.ok() && sqlite3_get_autocommit(connection.database()) == 0) {
    (void)connection.Execute("ROLLBACK");
  }
  return status;
}

Status OpenWriter(OpenedFile& file, const StoreOptions& options, const SqliteTuning& tuning) {
  auto connection = Connection::Open(file.path, Connection::Access::kReadWrite, tuning);
  if (!connection.ok()) return connection.status();
  if (Status status = FindTables(**connection, options.restored); !status.ok()) return status;
  if (Status status = RaiseEpoch(**connection, file.info); !status.ok()) return status;
  file.info.restored = options.restored;
  file.writer = std::make_unique<Writer>(*std::move(connection));
  return file.writer->Prepare(file.info.epoch, file.info.highest_updated.value_or(Time{}));
}

Status OpenOwned(OpenedFile& file, const StoreOptions& options, const SqliteTuning& tuning) {
  const Files& files = *tuning.files;
  if (Status status = files.CheckLocalDisk(file.path); !status.ok()) return status;
  Result<std::unique_ptr<Owner>> owner = Owner::Claim(file.path, tuning);
  if (!owner.ok()) return owner.status();
  file.owner = *std::move(owner);
  Status created = files.CreatePrivate(file.path);
  if (created.ok()) created = files.SyncFolderOf(file.path);
  if (!created.ok() && created.code() != StatusCode::kAlreadyExists) return created;
  return OpenWriter(file, options, tuning);
}

// Looks at the file once, so that what is wrong with it is said now.
Status OpenReadOnly(OpenedFile& file, const SqliteTuning& tuning) {
  auto connection = Connection::Open(file.path, Connection::Access::kReadOnly, tuning);
  if (!connection.ok()) return connection.status();
  Result<FileKind> kind = Recognise(**connection);
  if (!kind.ok()) return kind.status();
  if (*kind == FileKind::kEmpty) {
    return Status(StatusCode::kFailedPrecondition, Concat(file.path, ": holds no store yet"));
  }
  return ReadInfo(**connection, file.info);
}

}  // namespace

Result<OpenedFile> OpenFile(const StoreOptions& options, const SqliteTuning& tuning) {
  OpenedFile file;
  if (options.path == kMemoryPath) {
    if (options.read_only) {
      return Status(StatusCode::kInvalidArgument, "options.store: \":memory:\" can't be read-only");
    }
    file.path = kMemoryPath;
    if (Status status = OpenWriter(file, options, tuning); !status.ok()) return status;
    return file;
  }
  Result<std::string> path = tuning.files->Resolve(options.path);
  if (!path.ok()) return path.status();
  file.path = *std::move(path);
  Status status = options.read_only ? OpenReadOnly(file, tuning) : OpenOwned(file, options, tuning);
  if (!status.ok()) return status;
  return file;
}

void MarkClean(Writer& writer) {
  Status status;
  if (writer.Begin(status) != Writer::Outcome::kDone) return;
  Connection& connection = writer.connection();
  status = WriteMeta(connection, kMetaClean, 1);
  if (status.ok()) status = WriteMeta(connection, kMetaClock, MillisecondsOf(writer.latest()));
  if (status.ok()) {
    (void)writer.Commit(status);
  } else {
    writer.Rollback();
  }
}

Status ParkAll(Writer& writer, ReasonCode reason, size_t& parked) {
  Connection& connection = writer.connection();
  Statement park;
  if (Status status = connection.Prepare(kParkUnended, park); !status.ok()) return status;
  park.Bind(1, static_cast<int64_t>(reason));
  if (Status status = writer.Run(park, "park"); !status.ok()) return status;
  parked = static_cast<size_t>(sqlite3_changes(connection.database()));
  return WriteMeta(connection, kMetaBackup, 0);
}

}  // namespace troth::internal::sqlite
