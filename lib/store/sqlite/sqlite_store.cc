#include "store/sqlite/sqlite_store.h"

#include <mutex>
#include <utility>

#include "base/text.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/files.h"
#include "store/sqlite/list.h"
#include "store/sqlite/load.h"
#include "store/sqlite/open.h"
#include "store/sqlite/purge.h"
#include "store/sqlite/queries.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/topics.h"

namespace troth::internal {
namespace sqlite {
namespace {

Status NotOpen() { return Status(StatusCode::kFailedPrecondition, "the store is not open"); }

BatchResult Refused(Status status) {
  BatchResult result;
  result.kind = BatchResult::Kind::kNotWritten;
  result.status = std::move(status);
  return result;
}

// After a doubt that could not be settled.
BatchResult RefusedBy(const Writer& writer, Status status) {
  BatchResult result = Refused(std::move(status));
  if (writer.lost_owner()) result.kind = BatchResult::Kind::kLostOwner;
  return result;
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(SqliteTuning tuning) : tuning_(std::move(tuning)), purger_(tuning_.now) {}
  ~SqliteStore() override { Leave(); }

  Result<StoreInfo> Open(const StoreOptions& options) override;
  void Close() override;
  BatchResult Apply(std::span<const Write> writes) override;
  BatchResult Recover(std::span<const Write> writes) override;
  Result<DuePage> LoadDue(std::optional<DuePosition> after, Time until, size_t max) override;
  Result<std::optional<StoredTransaction>> LoadForWriter(std::string_view gid) override;
  Result<size_t> ParkUnended(ReasonCode reason) override;
  Status Purge(PurgePass& pass, Time finished_before, Time tombstones_before,
               std::chrono::milliseconds slice) override;
  Status ChangeTopic(const TopicChange& change) override;
  bool Idle() override;
  Result<std::optional<StoredTransaction>> Load(std::string_view gid) const override;
  Result<RowPage> List(const RowFilter& filter, int64_t before, size_t max) const override;
  Result<std::optional<Topic>> LoadTopic(std::string_view name) const override;
  Result<std::vector<Topic>> ListTopics() const override;
  Result<size_t> CountParked() const override;
  Status Backup(const std::string& path) const override;
  std::string Problem() const override;
  void StopReads() override;

 private:
  // What a failed COMMIT has left behind (R4). Until it is settled nothing else may be written.
  enum class Doubt { kNone, kBatch, kHousekeeping };

  Status WriterStatus() const;
  Status Settle();
  void Note(Writer::Outcome outcome, const Status& status);
  void Tell();
  void Leave();

  const SqliteTuning tuning_;
  // Whose turn it is on the writer's connection. Only an in-memory store ever waits for it.
  mutable std::mutex turn_;
  std::unique_ptr<Owner> owner_;
  std::unique_ptr<Writer> writer_;  // none when read-only
  std::unique_ptr<Checkpoints> checkpoints_;
  std::unique_ptr<Readers> readers_;
  std::optional<Reader> reader_;  // on the writer's connection
  DueLoader due_;
  Purger purger_;
  Doubt doubt_ = Doubt::kNone;
  std::string trouble_;  // of the last write; empty: it went well

  mutable std::mutex problem_mutex_;
  std::string problem_;
};

Result<StoreInfo> SqliteStore::Open(const StoreOptions& options) {
  if (readers_ != nullptr) {
    return Status(StatusCode::kFailedPrecondition, "the store has been opened before");
  }
  Result<OpenedFile> opened = OpenFile(options, tuning_);
  if (!opened.ok()) return opened.status();
  if (opened->writer != nullptr) {
    if (Status status = due_.Prepare(opened->writer->connection()); !status.ok()) return status;
    if (Status status = purger_.Prepare(opened->writer->connection()); !status.ok()) return status;
    reader_.emplace(opened->writer->connection());
    if (Status status = reader_->Prepare(); !status.ok()) return status;
    checkpoints_ =
        std::make_unique<Checkpoints>(opened->writer->connection(), tuning_.checkpoint_frames);
  }
  owner_ = std::move(opened->owner);
  writer_ = std::move(opened->writer);
  readers_ = options.path == kMemoryPath ? std::make_unique<Readers>(writer_->connection(), turn_)
                                         : std::make_unique<Readers>(opened->path, tuning_);
  return opened->info;
}

void SqliteStore::Close() {
  if (writer_ != nullptr && doubt_ == Doubt::kNone && !writer_->lost_owner()) {
    readers_->Close();
    const std::lock_guard turn(turn_);
    MarkClean(*writer_);
    writer_->connection().CopyLogWhenClosed(true);
  }
  Leave();
}

// The owner goes last: whoever comes next must find the file closed.
void SqliteStore::Leave() {
  if (readers_ != nullptr) readers_->Close();
  const std::lock_guard turn(turn_);
  due_ = {};
  reader_.reset();
  purger_ = Purger(tuning_.now);
  checkpoints_.reset();
  writer_.reset();
  owner_.reset();
}

Status SqliteStore::WriterStatus() const {
  if (writer_ != nullptr) return Status();
  return readers_ == nullptr
             ? NotOpen()
             : Status(StatusCode::kFailedPrecondition, "the store is closed, or open read-only");
}

BatchResult SqliteStore::Apply(std::span<const Write> writes) {
  const std::lock_guard turn(turn_);
  if (Status status = WriterStatus(); !status.ok()) return Refused(status);
  if (doubt_ == Doubt::kBatch) {
    return Refused(Status(StatusCode::kFailedPrecondition, "the last batch is in doubt: Recover"));
  }
  if (Status status = Settle(); !status.ok()) return RefusedBy(*writer_, std::move(status));
  BatchResult result = writer_->Apply(writes);
  if (result.kind == BatchResult::Kind::kUnknown) doubt_ = Doubt::kBatch;
  trouble_ = result.status.message();
  if (result.kind == BatchResult::Kind::kCommitted) checkpoints_->AfterCommit();
  Tell();
  return result;
}

// Makes what a failed COMMIT has left in the log certain: by emptying the log after an I/O error,
// and in any case by a commit that goes well. A full disk needs no more than that, and emptying the
// log would need room.
Status SqliteStore::Settle() {
  if (doubt_ == Doubt::kNone) return Status();
  Status status;
  if (!writer_->last_failure_was_full()) {
    readers_->Stop();
    status = checkpoints_->Truncate();
    readers_->Resume();
  }
  Writer::Outcome outcome = Writer::Outcome::kNotWritten;
  if (status.ok()) outcome = writer_->Probe(status);
  if (outcome == Writer::Outcome::kDone) doubt_ = Doubt::kNone;
  trouble_ = status.message();
  Tell();
  return status;
}

BatchResult SqliteStore::Recover(std::span<const Write> writes) {
  const std::lock_guard turn(turn_);
  if (Status status = WriterStatus(); !status.ok()) return Refused(status);
  const auto in_doubt = [](Status status) {
    BatchResult result;
    result.kind = BatchResult::Kind::kUnknown;
    result.status = std::move(status);
    return result;
  };
  if (Status status = Settle(); !status.ok()) {
    if (!writer_->lost_owner()) return in_doubt(std::move(status));
    return RefusedBy(*writer_, std::move(status));
  }
  BatchResult result = writer_->ReadAgain(writes);
  if (result.kind == BatchResult::Kind::kUnknown) doubt_ = Doubt::kBatch;
  return result;
}

Result<DuePage> SqliteStore::LoadDue(std::optional<DuePosition> after, Time until, size_t max) {
  const std::lock_guard turn(turn_);
  if (Status status = WriterStatus(); !status.ok()) return status;
  return due_.Load(after, until, max);
}

Result<std::optional<StoredTransaction>> SqliteStore::LoadForWriter(std::string_view gid) {
  const std::lock_guard turn(turn_);
  if (Status status = WriterStatus(); !status.ok()) return status;
  return LoadByGid(*reader_, gid);
}

// An unknown outcome of housekeeping is nobody's answer, but it must be settled before the next
// batch all the same.
void SqliteStore::Note(Writer::Outcome outcome, const Status& status) {
  if (outcome == Writer::Outcome::kUnknown) doubt_ = Doubt::kHousekeeping;
  trouble_ = status.message();
  Tell();
}

Result<size_t> SqliteStore::ParkUnended(ReasonCode reason) {
  const std::lock_guard turn(turn_);
  if (Status status = WriterStatus(); !status.ok()) return status;
  if (Status status = Settle(); !status.ok()) return status;
  Status status;
  size_t parked = 0;
  Writer::Outcome outcome = writer_->Begin(status);
  if (outcome == Writer::Outcome::kDone) {
    status = ParkAll(*writer_, reason, parked);
    outcome = Writer::Outcome::kNotWritten;
    if (status.ok()) outcome = writer_->Commit(status);
    if (outcome == Writer::Outcome::kNotWritten) writer_->Rollback();
  }
  Note(outcome, status);
  if (!status.ok()) return status;
  return parked;
}

Status SqliteStore::Purge(PurgePass& pass, Time finished_before, Time tombstones_before,
                          std::chrono::milliseconds slice) {
  const std::lock_guard turn(turn_);
  if (Status status = WriterStatus(); !status.ok()) return status;
  if (Status status = Settle(); !status.ok()) return status;
  Writer::Outcome outcome = Writer::Outcome::kDone;
  Status status = purger_.Run(*writer_, pass, finished_before, tombstones_before, slice, outcome);
  Note(outcome, status);
  if (status.ok()) checkpoints_->AfterCommit();
  return status;
}

Status SqliteStore::ChangeTopic(const TopicChange& change) {
  const std::lock_guard turn(turn_);
  if (Status status = WriterStatus(); !status.ok()) return status;
  if (Status status = Settle(); !status.ok()) return status;
  Status status;
  bool refused = false;
  Writer::Outcome outcome = writer_->Begin(status);
  if (outcome == Writer::Outcome::kDone) {
    status = ChangeOneTopic(*writer_, change, refused);
    outcome = Writer::Outcome::kNotWritten;
    if (status.ok()) outcome = writer_->Commit(status);
    if (outcome == Writer::Outcome::kNotWritten) writer_->Rollback();
  }
  if (refused) return status;
  Note(outcome, status);
  if (status.ok()) checkpoints_->AfterCommit();
  if (outcome != Writer::Outcome::kUnknown) return status;
  return Status(StatusCode::kUnavailable,
                Concat(status.message(), "; whether the topic was changed is unknown: repeat it"));
}

bool SqliteStore::Idle() {
  const std::lock_guard turn(turn_);
  if (writer_ == nullptr || doubt_ == Doubt::kBatch) return false;
  checkpoints_->WhenIdle();
  Tell();
  return false;
}

Result<std::optional<StoredTransaction>> SqliteStore::Load(std::string_view gid) const {
  if (readers_ == nullptr) return NotOpen();
  Result<Readers::Lease> reader = readers_->Acquire();
  if (!reader.ok()) return reader.status();
  return LoadByGid(**reader, gid);
}

Result<RowPage> SqliteStore::List(const RowFilter& filter, int64_t before, size_t max) const {
  if (readers_ == nullptr) return NotOpen();
  Result<Readers::Lease> reader = readers_->Acquire();
  if (!reader.ok()) return reader.status();
  return ListRows(*(*reader)->connection, filter, before, max, tuning_.rows_examined);
}

Result<std::optional<Topic>> SqliteStore::LoadTopic(std::string_view name) const {
  if (readers_ == nullptr) return NotOpen();
  Result<Readers::Lease> reader = readers_->Acquire();
  if (!reader.ok()) return reader.status();
  return ReadTopic(*(*reader)->connection, name);
}

Result<std::vector<Topic>> SqliteStore::ListTopics() const {
  if (readers_ == nullptr) return NotOpen();
  Result<Readers::Lease> reader = readers_->Acquire();
  if (!reader.ok()) return reader.status();
  return ReadTopics(*(*reader)->connection);
}

Result<size_t> SqliteStore::CountParked() const {
  if (readers_ == nullptr) return NotOpen();
  Result<Readers::Lease> reader = readers_->Acquire();
  if (!reader.ok()) return reader.status();
  const Result<int64_t> count = (*reader)->connection->QueryInt(kCountParked);
  if (!count.ok()) return count.status();
  return static_cast<size_t>(*count);
}

Status SqliteStore::Backup(const std::string& path) const {
  if (readers_ == nullptr) return NotOpen();
  Result<Readers::Lease> reader = readers_->Acquire();
  if (!reader.ok()) return reader.status();
  return BackUp(*(*reader)->connection, path, tuning_,
                [this] { return readers_->asked_to_leave(); });
}

void SqliteStore::Tell() {
  const std::string& problem = trouble_.empty() ? checkpoints_->problem() : trouble_;
  const std::lock_guard lock(problem_mutex_);
  if (problem_ != problem) problem_ = problem;
}

std::string SqliteStore::Problem() const {
  const std::lock_guard lock(problem_mutex_);
  return problem_;
}

void SqliteStore::StopReads() {
  if (readers_ != nullptr) readers_->AnnounceClose();
}

}  // namespace

}  // namespace sqlite

std::unique_ptr<Store> NewSqliteStore(SqliteTuning tuning) {
  return std::make_unique<sqlite::SqliteStore>(std::move(tuning));
}

}  // namespace troth::internal
