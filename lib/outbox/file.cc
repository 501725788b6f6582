#include "outbox/file.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "base/text.h"
#include "outbox/sync_log.h"
#include "sqlite/session.h"
#include "troth/saga.h"

namespace troth::internal::outbox {

using session::Execute;
using session::SqliteError;
using session::Statement;
namespace {

constexpr int kOpenPatienceMs = 5'000;
constexpr size_t kRowsMax = 256;
constexpr size_t kBytesMax = 4u << 20;

// The row with the empty gid holds the outbox's id; no transaction has an empty gid.
constexpr char kIdRow[] = "SELECT document FROM main.troth_outbox WHERE gid = ''";

// What closes a transaction, or leaves none open after an error.
class Scope {
 public:
  explicit Scope(sqlite3* db) : db_(db) {}
  ~Scope() {
    if (sqlite3_get_autocommit(db_) == 0) (void)Execute(db_, "ROLLBACK", "outbox: roll back");
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  sqlite3* const db_;
};

Status AtPath(const std::string& path, const Status& status) {
  return {status.code(), Concat(path, ": ", status.message())};
}

}  // namespace

Result<FileIdentity> IdentityOf(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    return Status(StatusCode::kNotFound,
                  Concat(path,
                         ": is not there; the application makes its database, in WAL mode, "
                         "before it opens the coordinator"));
  }
  if (!S_ISREG(found.st_mode)) {
    return Status(StatusCode::kInvalidArgument, Concat(path, ": is no file"));
  }
  return FileIdentity{found.st_dev, found.st_ino};
}

Result<std::unique_ptr<File>> File::Open(const std::string& path) {
  const Result<FileIdentity> identity = IdentityOf(path);
  if (!identity.ok()) return identity.status();
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::canonical(path, error);
  std::unique_ptr<File> file(new File(error ? path : resolved.string()));
  file->identity_ = *identity;
  // No mutex inside SQLite: one thread at a time. The default VFS, so that its locks are shared
  // with the application's connections.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                    SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(file->path_.c_str(), &file->db_, flags, nullptr);
  if (code != SQLITE_OK) return AtPath(path, SqliteError(file->db_, code, "outbox: open"));
  for (const auto step : {&File::Configure, &File::RefuseStore, &File::MakeTable, &File::ReadId}) {
    if (Status done = (file.get()->*step)(); !done.ok()) return AtPath(path, done);
  }
  // From here on whoever writes comes first.
  sqlite3_busy_timeout(file->db_, 0);
  // What a former process could not sync is read back as if it were on the disk (R4).
  DoubtLog(file->db_);
  (void)SyncLog(file->db_);  // else the first row that is read will
  return file;
}

File::~File() { sqlite3_close_v2(db_); }

// Checkpoints are the application's: it may have reasons for when. An open connection keeps the
// file in WAL mode, so this is not looked at again.
Status File::Configure() {
  sqlite3_busy_timeout(db_, kOpenPatienceMs);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  Status set = Execute(db_,
                       "PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=FULL;"
                       "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2048",
                       "outbox: set up");
  if (!set.ok()) return set;
  Statement mode(db_, "PRAGMA main.journal_mode", "outbox: read the journal mode");
  const Result<bool> row = mode.Step();
  if (!row.ok()) return row.status();
  if (const std::string found = mode.Text(0); found != "wal") {
    return {StatusCode::kFailedPrecondition,
            Concat("outbox: the database is in journal mode ", found,
                   "; it must be in WAL mode: PRAGMA journal_mode=WAL")};
  }
  return {};
}

// The coordinator's own file, or another one's, named by mistake: rows of both would go astray
// together.
Status File::RefuseStore() {
  Statement there(db_,
                  "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND "
                  "name = 'troth_transaction'",
                  "outbox: look for a store");
  const Result<bool> row = there.Step();
  if (!row.ok()) return row.status();
  if (!*row) return {};
  return {StatusCode::kInvalidArgument,
          "is a coordinator's store; an outbox is in the application's own database"};
}

Status File::MakeTable() {
  {
    Statement there(db_,
                    "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND "
                    "name = 'troth_outbox'",
                    "outbox: look for the table");
    const Result<bool> row = there.Step();
    if (!row.ok()) return row.status();
    if (*row) return {};
  }
  const Scope scope(db_);
  Status made = Execute(db_,
                        "BEGIN IMMEDIATE;"
                        "CREATE TABLE IF NOT EXISTS main.troth_outbox("
                        "gid TEXT PRIMARY KEY NOT NULL, document BLOB NOT NULL, refused TEXT)",
                        "outbox: make the table troth_outbox");
  if (!made.ok()) return made;
  const std::string id = NewGid();
  {
    Statement insert(db_,
                     "INSERT INTO main.troth_outbox(gid, document) VALUES('', ?)"
                     " ON CONFLICT(gid) DO NOTHING",
                     "outbox: make the table troth_outbox");
    const Result<bool> done = insert.Bind(id).Step();
    if (!done.ok()) return done.status();
  }
  return Execute(db_, "COMMIT", "outbox: make the table troth_outbox");
}

Status File::ReadId() {
  const Status other_shape{StatusCode::kFailedPrecondition,
                           "outbox: the table troth_outbox has another shape"};
  Statement shape(db_,
                  "INSERT INTO main.troth_outbox(gid, document, refused) VALUES('', '', NULL)"
                  " ON CONFLICT(gid) DO NOTHING",
                  "outbox: look at the table");
  if (!shape.Prepared().ok()) return other_shape;
  Statement read(db_, kIdRow, "outbox: read the outbox's id");
  const Result<bool> row = read.Step();
  if (!row.ok()) return row.status();
  id_ = *row ? read.Text(0) : std::string();
  if (id_.empty() || id_.size() > 32) return other_shape;
  return {};
}

Result<View> File::Read(const std::function<bool(const std::string&)>& known) {
  const Scope scope(db_);
  const char* begin = LogIsInDoubt(db_) ? "BEGIN IMMEDIATE" : "BEGIN";
  if (Status begun = Execute(db_, begin, "outbox: begin to read"); !begun.ok()) return begun;
  Result<View> view = ReadRows(known);
  if (!view.ok()) return view;
  // An application at synchronous=NORMAL has committed without a sync: a power loss would take that
  // back, and not the transaction that came of it. While this read is open nobody can start the log
  // over, so what was read is in the log that is synced, or was in the file and synced before.
  if (!view->fresh.empty()) {
    if (Status synced = SyncLog(db_); !synced.ok()) return synced;
  }
  if (Status ended = Execute(db_, "COMMIT", "outbox: end the read"); !ended.ok()) return ended;
  return view;
}

Result<View> File::ReadRows(const std::function<bool(const std::string&)>& known) {
  View view;
  std::vector<std::string> fresh;
  Statement rows(db_, "SELECT gid, refused FROM main.troth_outbox WHERE gid <> '' ORDER BY rowid",
                 "outbox: read");
  for (;;) {
    const Result<bool> row = rows.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    const std::string gid = rows.Text(0);
    if (!rows.IsNull(1)) {
      view.refused.emplace_back(gid, rows.Text(1));
    } else if (!known(gid)) {
      fresh.push_back(gid);
    }
    view.gids.insert(gid);
  }
  if (Status read = ReadDocuments(fresh, view); !read.ok()) return read;
  return view;
}

Status File::ReadDocuments(const std::vector<std::string>& gids, View& view) {
  Statement document(db_, "SELECT document FROM main.troth_outbox WHERE gid = ?", "outbox: read");
  size_t bytes = 0;
  for (const std::string& gid : gids) {
    if (view.fresh.size() == kRowsMax || bytes > kBytesMax) {
      view.more = true;
      break;
    }
    const Result<bool> row = document.Bind(gid).Step();
    if (!row.ok()) return row.status();
    if (*row) view.fresh.push_back({gid, document.Blob(0)});
    bytes += view.fresh.empty() ? 0 : view.fresh.back().document.size();
    document.Reset();
  }
  return {};
}

Status File::MarkRefused(std::string_view gid, std::string_view why) {
  Statement mark(db_, "UPDATE main.troth_outbox SET refused = ? WHERE gid = ?",
                 "outbox: mark as refused");
  const Status done = mark.Bind(why).Bind(gid).Step().status();
  DoubtLogAfter(done, db_);
  return done;
}

Status File::Delete(const std::vector<std::string>& gids) {
  const Scope scope(db_);
  if (Status begun = Execute(db_, "BEGIN IMMEDIATE", "outbox: sweep"); !begun.ok()) return begun;
  {
    Statement drop(db_, "DELETE FROM main.troth_outbox WHERE gid = ? AND refused IS NULL",
                   "outbox: sweep");
    for (const std::string& gid : gids) {
      const Result<bool> done = drop.Bind(gid).Step();
      if (!done.ok()) return done.status();
      drop.Reset();
    }
  }
  const Status done = Execute(db_, "COMMIT", "outbox: sweep");
  DoubtLogAfter(done, db_);
  return done;
}

}  // namespace troth::internal::outbox
