// Batches: the writer's hot path, and what is found out about one whose COMMIT failed.
#include <sqlite3.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "store/sqlite/error.h"
#include "store/sqlite/queries.h"
#include "store/sqlite/row.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/writer.h"

namespace troth::internal::sqlite {
namespace {

// How far ahead of the rows the stored clock is set, so that it need not be written with each
// batch: after a crash `highest_updated` is at most this much too late, never too early. What waits
// for its time comes earlier by as much, after each crash.
constexpr std::chrono::milliseconds kClockAhead{50};

BatchResult Failed(Writer::Outcome outcome, Status status) {
  BatchResult result;
  result.kind = outcome == Writer::Outcome::kUnknown     ? BatchResult::Kind::kUnknown
                : outcome == Writer::Outcome::kLostOwner ? BatchResult::Kind::kLostOwner
                                                         : BatchResult::Kind::kNotWritten;
  result.status = std::move(status);
  return result;
}

WriteResult NotThere() {
  return {.kind = WriteResult::Kind::kNotWritten,
          .status = Status(StatusCode::kResourceExhausted,
                           "the commit failed and nothing of it was written; try again")};
}

}  // namespace

BatchResult Writer::Apply(std::span<const Write> writes) {
  BatchResult result;
  Status status;
  Outcome outcome = Begin(status);
  if (outcome != Outcome::kDone) return Failed(outcome, std::move(status));
  int code = WriteAll(writes, result.writes);
  // R24: the whole batch once more, each write by itself; this is rare, and savepoints are not
  // free. Again without each write that meets a damaged page.
  std::vector<bool> left_out(writes.size());
  for (size_t again = 0; ConcernsOneWrite(code) && again <= writes.size(); ++again) {
    Rollback();
    outcome = Begin(status);
    if (outcome != Outcome::kDone) return Failed(outcome, std::move(status));
    code = WriteEach(writes, result.writes, left_out);
  }
  if (code == SQLITE_OK) code = KeepClock(writes);
  outcome = code == SQLITE_OK ? Commit(status) : NotWritten(code, "write", status);
  if (outcome == Outcome::kDone) return result;
  clock_ = Time::min();  // what is stored is not certain: write it with the next batch
  if (outcome == Outcome::kUnknown) tentative_ = std::move(result.writes);
  return Failed(outcome, std::move(status));
}

int Writer::WriteAll(std::span<const Write> writes, std::vector<WriteResult>& results) {
  results.clear();
  results.resize(writes.size());
  for (size_t i = 0; i < writes.size(); ++i) {
    if (const int code = WriteOne(writes[i], results[i]); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int Writer::WriteEach(std::span<const Write> writes, std::vector<WriteResult>& results,
                      std::vector<bool>& left_out) {
  for (size_t i = 0; i < writes.size(); ++i) {
    if (left_out[i]) continue;
    if (const int code = savepoint_.Run(); code != SQLITE_OK) return code;
    const int code = WriteOne(writes[i], results[i]);
    if (code != SQLITE_OK && !ConcernsOneWrite(code)) return code;
    if (code != SQLITE_OK) {
      results[i] = {.kind = WriteResult::Kind::kNotWritten,
                    .status = connection_->Error(code, "write one transaction")};
    }
    if (IsCorrupt(code)) {
      left_out[i] = true;
      return code;
    }
    if (code != SQLITE_OK) {
      if (const int undone = rollback_to_.Run(); undone != SQLITE_OK) return undone;
    }
    if (const int released = release_.Run(); released != SQLITE_OK) return released;
  }
  return SQLITE_OK;
}

int Writer::WriteOne(const Write& write, WriteResult& result) {
  result = {};
  const int code = write.insert() ? Insert(write, result) : Update(write, result);
  if (code != SQLITE_OK || result.kind != WriteResult::Kind::kOk) return code;
  return InsertParts(result.id, write.parts);
}

int Writer::Insert(const Write& write, WriteResult& result) {
  BindInsert(insert_, write.row, write.state);
  if (const int code = insert_.Run(); code != SQLITE_OK) return code;
  if (sqlite3_changes(connection_->database()) == 0) {
    result.kind = WriteResult::Kind::kGidExists;
    return FindByGid(write.row.gid, result.existing);
  }
  result.id = sqlite3_last_insert_rowid(connection_->database());
  return result.id <= kIdMax ? SQLITE_OK : SQLITE_TOOBIG;
}

int Writer::Update(const Write& write, WriteResult& result) {
  BindUpdate(update_, write.row, write.state);
  if (const int code = update_.Run(); code != SQLITE_OK) return code;
  const int changed = sqlite3_changes(connection_->database());
  TROTH_CHECK(changed == 0 || changed == 1);
  if (changed == 0) result.kind = WriteResult::Kind::kStale;
  if (changed == 1) result.id = write.row.id;
  return SQLITE_OK;
}

int Writer::InsertParts(int64_t id, std::span<const Part> parts) {
  for (const Part& part : parts) {
    insert_part_.Bind(1, PartKey(id, part.number)).BindBlob(2, *part.document);
    if (const int code = insert_part_.Run(); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int Writer::FindByGid(std::string_view gid, std::optional<TransactionRow>& row) {
  const StatementUse use(select_by_gid_);
  select_by_gid_.BindText(1, gid);
  const int code = select_by_gid_.Step();
  if (code == SQLITE_ROW) row = RowFrom(select_by_gid_);
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int Writer::KeepClock(std::span<const Write> writes) {
  for (const Write& write : writes) latest_ = std::max(latest_, write.row.updated);
  if (latest_ <= clock_) return SQLITE_OK;
  const Time ahead = latest_ + kClockAhead;
  const int code = set_clock_.Bind(1, MillisecondsOf(ahead)).Run();
  if (code == SQLITE_OK) clock_ = ahead;
  return code;
}

BatchResult Writer::ReadAgain(std::span<const Write> writes) {
  TROTH_CHECK(writes.size() == tentative_.size());
  BatchResult result;
  result.writes.resize(writes.size());
  for (size_t i = 0; i < writes.size(); ++i) {
    const int code = ReadOneAgain(writes[i], tentative_[i], result.writes[i]);
    if (code == SQLITE_OK) continue;
    return Failed(Outcome::kUnknown, connection_->Error(code, "read again"));
  }
  tentative_.clear();
  return result;
}

// What the batch would have answered is known; whether it is there, the row's version tells.
int Writer::ReadOneAgain(const Write& write, const WriteResult& tentative, WriteResult& result) {
  result = tentative;
  if (tentative.kind == WriteResult::Kind::kGidExists) {
    // The row that was in the way may have been of the same batch.
    result.existing.reset();
    const int code = FindByGid(write.row.gid, result.existing);
    if (!result.existing) result = NotThere();
    return code;
  }
  if (tentative.kind != WriteResult::Kind::kOk) return SQLITE_OK;
  const StatementUse use(select_version_);
  const int code = select_version_.Bind(1, tentative.id).Step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return code;
  const bool there = code == SQLITE_ROW &&
                     select_version_.Int(0) == static_cast<int64_t>(write.row.version) &&
                     (!write.insert() || select_version_.Bytes(1) == write.row.gid);
  if (!there) result = NotThere();
  return SQLITE_OK;
}

}  // namespace troth::internal::sqlite
