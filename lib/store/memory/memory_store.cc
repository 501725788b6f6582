#include "store/memory/memory_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "model/bounds.h"

namespace troth::internal {
namespace {

Status NotOpen() {
  return Status(StatusCode::kFailedPrecondition, "the store is closed, or open read-only");
}

Status TakenOver() {
  return Status(StatusCode::kFailedPrecondition, "another owner has taken the store over");
}

BatchResult Refused(BatchResult::Kind kind, Status status) {
  BatchResult result;
  result.kind = kind;
  result.status = std::move(status);
  return result;
}

bool Matches(const TransactionRow& row, const RowFilter& filter) {
  return (!filter.status || row.status == *filter.status) &&
         (!filter.mode || row.mode == *filter.mode) &&
         (!filter.created_from || row.created >= *filter.created_from) &&
         (!filter.created_to || row.created < *filter.created_to) &&
         (!filter.parked || row.parked != ReasonCode::kNone) &&
         (!filter.unended || !HasEnded(row.status));
}

// Adds parts by number; false if one of them is there already.
bool AddParts(std::vector<Part>& parts, const std::vector<Part>& more) {
  for (const Part& part : more) {
    const auto place =
        std::lower_bound(parts.begin(), parts.end(), part.number,
                         [](const Part& p, uint16_t number) { return p.number < number; });
    if (place != parts.end() && place->number == part.number) return false;
    parts.insert(place, part);
  }
  return true;
}

WriteResult BadParts() {
  return {.kind = WriteResult::Kind::kNotWritten,
          .status = Status(StatusCode::kDataLoss, "a part with this number is there already")};
}

// As SQLite's store says it.
WriteResult NotThere() {
  return {.kind = WriteResult::Kind::kNotWritten,
          .status = Status(StatusCode::kResourceExhausted,
                           "the commit failed and nothing of it was written; try again")};
}

}  // namespace

MemoryStore::~MemoryStore() {
  const std::lock_guard lock(disk_->mutex_);
  if (access_ == Access::kOwner && !Lost()) disk_->owned_ = false;
}

Result<StoreInfo> MemoryStore::Open(const StoreOptions& options) {
  const std::lock_guard lock(disk_->mutex_);
  // A commit that failed, and that its owner did not live to ask about, comes back.
  if (!disk_->owned_) {
    for (const Write& write : std::exchange(disk_->in_doubt_, {})) WriteOne(write);
  }
  StoreInfo info{.epoch = disk_->epoch_, .unclean = !disk_->clean_};
  for (const auto& [id, stored] : disk_->rows_) {
    info.highest_updated = std::max(info.highest_updated.value_or(Time{}), stored.row.updated);
  }
  if (options.read_only) {
    access_ = Access::kReadOnly;
    return info;
  }
  if (disk_->owned_) return Status(StatusCode::kFailedPrecondition, "another owner has it open");
  if (disk_->backup_ && !options.restored) {
    return Status(StatusCode::kFailedPrecondition, "is a backup; open it with .restored = true");
  }
  disk_->owned_ = true;
  disk_->clean_ = false;
  epoch_ = ++disk_->epoch_;
  access_ = Access::kOwner;
  info.epoch = epoch_;
  info.restored = options.restored;
  return info;
}

void MemoryStore::Close() {
  const std::lock_guard lock(disk_->mutex_);
  if (access_ == Access::kOwner && !Lost()) {
    disk_->owned_ = false;
    if (!in_doubt_) disk_->clean_ = true;
  }
  access_ = Access::kClosed;
}

Status MemoryStore::Readable() const { return access_ == Access::kClosed ? NotOpen() : Status(); }

Status MemoryStore::Writable() const {
  if (access_ != Access::kOwner) return NotOpen();
  return Lost() ? TakenOver() : Status();
}

BatchResult MemoryStore::Apply(std::span<const Write> writes) {
  const std::lock_guard lock(disk_->mutex_);
  MemoryDisk& disk = *disk_;
  if (access_ != Access::kOwner || in_doubt_) {
    return Refused(BatchResult::Kind::kNotWritten, NotOpen());
  }
  if (Lost()) return Refused(BatchResult::Kind::kLostOwner, TakenOver());
  ++disk.batches_;
  if (disk.good_before_failures_ > 0) {
    --disk.good_before_failures_;
  } else if (disk.failures_left_ > 0) {
    --disk.failures_left_;
    return Refused(BatchResult::Kind::kNotWritten, disk.failure_);
  }
  const auto fault = std::find_if(disk.unknown_.begin(), disk.unknown_.end(),
                                  [&](const auto& u) { return u.batch == disk.batches_; });
  const bool unknown = fault != disk.unknown_.end();
  if (!unknown) {
    BatchResult result;
    for (const Write& write : writes) result.writes.push_back(WriteOne(write));
    return result;
  }
  // As in SQLite no reader sees it before it is certain.
  in_doubt_ = true;
  committed_ = fault->committed;
  if (committed_) disk.in_doubt_.assign(writes.begin(), writes.end());
  recoveries_fail_ = fault->recoveries_fail;
  disk.unknown_.erase(fault);
  return Refused(BatchResult::Kind::kUnknown,
                 Status(StatusCode::kUnavailable, "the commit failed"));
}

BatchResult MemoryStore::Recover(std::span<const Write> writes) {
  const std::lock_guard lock(disk_->mutex_);
  if (access_ != Access::kOwner) return Refused(BatchResult::Kind::kNotWritten, NotOpen());
  if (Lost()) return Refused(BatchResult::Kind::kLostOwner, TakenOver());
  if (recoveries_fail_ > 0) {
    --recoveries_fail_;
    return Refused(BatchResult::Kind::kUnknown,
                   Status(StatusCode::kUnavailable, "the store can't tell yet"));
  }
  in_doubt_ = false;
  disk_->in_doubt_.clear();
  BatchResult result;
  for (const Write& write : writes) {
    result.writes.push_back(committed_ ? WriteOne(write) : NotThere());
  }
  return result;
}

WriteResult MemoryStore::WriteOne(const Write& write) {
  return write.insert() ? Insert(write) : Update(write);
}

WriteResult MemoryStore::Insert(const Write& write) {
  if (const auto found = disk_->ids_.find(write.row.gid); found != disk_->ids_.end()) {
    return {.kind = WriteResult::Kind::kGidExists, .existing = disk_->rows_.at(found->second).row};
  }
  StoredTransaction stored{.row = write.row, .state = write.state, .parts = {}};
  if (!AddParts(stored.parts, write.parts)) return BadParts();
  stored.row.id = disk_->next_id_++;
  const int64_t id = stored.row.id;
  disk_->Put(std::move(stored));
  return {.kind = WriteResult::Kind::kOk, .id = id};
}

WriteResult MemoryStore::Update(const Write& write) {
  const auto found = disk_->rows_.find(write.row.id);
  if (found == disk_->rows_.end() || found->second.row.version + 1 != write.row.version ||
      found->second.state.empty()) {
    return {.kind = WriteResult::Kind::kStale};
  }
  StoredTransaction stored = found->second;
  if (!AddParts(stored.parts, write.parts)) return BadParts();
  stored.state = write.state;
  TransactionRow& row = stored.row;
  row.status = write.row.status;
  row.due = write.row.due;
  row.updated = write.row.updated;
  row.finished = write.row.finished;
  row.parked = write.row.parked;
  row.version = write.row.version;
  disk_->Put(std::move(stored));
  return {.kind = WriteResult::Kind::kOk, .id = write.row.id};
}

Result<DuePage> MemoryStore::LoadDue(std::optional<DuePosition> after, Time until, size_t max) {
  const std::lock_guard lock(disk_->mutex_);
  if (Status status = Writable(); !status.ok()) return status;
  auto next = after ? disk_->due_.upper_bound({after->due, after->id}) : disk_->due_.begin();
  DuePage page;
  for (; next != disk_->due_.end() && next->first <= until; ++next) {
    if (page.transactions.size() == max) {
      page.more = true;
      return page;
    }
    page.transactions.push_back(disk_->rows_.at(next->second));
  }
  const auto later = disk_->due_.upper_bound({until, INT64_MAX});
  if (later != disk_->due_.end()) page.next_due = later->first;
  return page;
}

Result<size_t> MemoryStore::ParkUnended(ReasonCode reason) {
  const std::lock_guard lock(disk_->mutex_);
  if (Status status = Writable(); !status.ok()) return status;
  size_t parked = 0;
  for (auto& [id, stored] : disk_->rows_) {
    if (HasEnded(stored.row.status)) continue;
    stored.row.parked = reason;
    if (stored.row.due) disk_->due_.erase({*stored.row.due, id});
    stored.row.due.reset();
    ++parked;
  }
  disk_->backup_ = false;
  return parked;
}

Status MemoryStore::Purge(PurgePass& pass, Time finished_before, Time tombstones_before,
                          std::chrono::milliseconds) {
  const std::lock_guard lock(disk_->mutex_);
  if (Status status = Writable(); !status.ok()) return status;
  const bool for_ever = tombstones_before < Time{};
  const auto remember = [&pass](Time old_enough) {
    pass.next = std::min(pass.next.value_or(Time::max()), old_enough);
  };
  auto next = disk_->rows_.upper_bound(pass.position);
  while (next != disk_->rows_.end()) {
    const auto current = next++;
    StoredTransaction& stored = current->second;
    pass.position = current->first;
    ++pass.examined;
    if (!stored.row.finished || !IsInRange(*stored.row.finished)) continue;
    const Time finished = *stored.row.finished;
    const bool old_tombstone = stored.state.empty() && finished < tombstones_before;
    if (!stored.state.empty() && finished >= finished_before) {
      remember(finished);
    } else if (old_tombstone && next == disk_->rows_.end()) {
      continue;  // as SQLite must, so that ids only grow
    } else if (old_tombstone) {
      disk_->ids_.erase(stored.row.gid);
      disk_->rows_.erase(current);
      ++pass.deleted;
    } else {
      if (!stored.state.empty()) ++pass.purged;
      if (stored.row.due) disk_->due_.erase({*stored.row.due, stored.row.id});
      stored.row.due.reset();
      stored.row.parked = ReasonCode::kNone;
      stored.state.clear();
      stored.parts.clear();
      if (!for_ever) remember(finished + (finished_before - tombstones_before));
    }
  }
  pass.finished = true;
  return Status();
}

Result<std::optional<StoredTransaction>> MemoryStore::Load(std::string_view gid) const {
  const std::lock_guard lock(disk_->mutex_);
  if (Status status = Readable(); !status.ok()) return status;
  const auto found = disk_->ids_.find(gid);
  if (found == disk_->ids_.end()) return std::optional<StoredTransaction>();
  return std::optional<StoredTransaction>(disk_->rows_.at(found->second));
}

Result<RowPage> MemoryStore::List(const RowFilter& filter, int64_t before, size_t max) const {
  const std::lock_guard lock(disk_->mutex_);
  if (Status status = Readable(); !status.ok()) return status;
  RowPage page;
  const auto end = before > 0 ? disk_->rows_.lower_bound(before) : disk_->rows_.end();
  for (auto next = std::make_reverse_iterator(end); next != disk_->rows_.rend(); ++next) {
    if (!Matches(next->second.row, filter)) continue;
    if (page.rows.size() == max) {
      page.next_before = max > 0 ? page.rows.back().id : 0;
      return page;
    }
    page.rows.push_back(next->second.row);
  }
  return page;
}

Status MemoryStore::Backup(const std::string& path) const {
  const std::lock_guard lock(disk_->mutex_);
  if (Status status = Readable(); !status.ok()) return status;
  if (disk_->backups_.contains(path)) {
    return Status(StatusCode::kAlreadyExists, Concat(path, ": is there already"));
  }
  disk_->backups_[path] = disk_->Copy();
  return Status();
}

std::string MemoryStore::Problem() const {
  const std::lock_guard lock(disk_->mutex_);
  return disk_->problem_;
}

}  // namespace troth::internal
