#include "group_commit.h"

#include <cstdio>
#include <cstdlib>

#include "bench.h"
#include "store/sqlite/queries.h"
#include "troth/coordinator.h"
#include "troth/saga.h"

namespace troth::bench {
namespace {

constexpr char kSetUp[] =
    "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=2048; PRAGMA cache_size=-16384;";
constexpr int64_t kTime = 1'600'000'000'000;

// On the writer's own thread there is nobody to catch.
void CheckDatabase(bool ok, sqlite3* database) {
  if (ok) return;
  std::fprintf(stderr, "group commit: %s\n", sqlite3_errmsg(database));
  std::abort();
}

void BindText(sqlite3_stmt* statement, int at, const std::string& text) {
  sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}
void BindBlob(sqlite3_stmt* statement, int at, const std::string& bytes) {
  sqlite3_bind_blob(statement, at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
}

}  // namespace

Shape ShapeOf(const std::string& store) {
  sqlite3* database = nullptr;
  sqlite3_open_v2(store.c_str(), &database, SQLITE_OPEN_READONLY, nullptr);
  const auto numbers = [&](const char* sql) {
    std::vector<size_t> out;
    sqlite3_stmt* select = nullptr;
    if (sqlite3_prepare_v2(database, sql, -1, &select, nullptr) != SQLITE_OK) return out;
    while (sqlite3_step(select) == SQLITE_ROW) {
      for (int i = 0; i < sqlite3_column_count(select); ++i) {
        out.push_back(static_cast<size_t>(sqlite3_column_int64(select, i)));
      }
    }
    sqlite3_finalize(select);
    return out;
  };
  const auto row = numbers("SELECT length(digest),length(state) FROM troth_transaction");
  const auto parts = numbers("SELECT length(document) FROM troth_part ORDER BY key");
  sqlite3_close(database);
  Check(row.size() == 2 && !parts.empty(), store + " does not hold one transaction");
  return {.digest = row[0], .state = row[1], .parts = parts};
}

RawTransaction::RawTransaction(const Shape& shape)
    : gid_(NewGid()), digest_(shape.digest, 'd'), state_(shape.state, 's') {
  for (const size_t bytes : shape.parts) parts_.emplace_back(bytes, 'p');
}

GroupCommit::GroupCommit(const std::string& path) {
  Check(Take(Coordinator::Open({.store = path}), "open").Close(), "close");
  CheckDatabase(sqlite3_open(path.c_str(), &database_) == SQLITE_OK, database_);
  Execute(kSetUp);
  insert_ = Prepare(internal::sqlite::kInsert);
  insert_part_ = Prepare(internal::sqlite::kInsertPart);
  update_ = Prepare(internal::sqlite::kUpdate);
  writer_ = std::thread([this] { Run(); });
}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  writer_.join();
  for (sqlite3_stmt* statement : {insert_, insert_part_, update_}) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

void GroupCommit::Do(RawTransaction& t, RawTransaction::Write write) {
  t.write_ = write;
  t.done_ = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&t);
    if (queue_.size() == 1) changed_.notify_one();
  }
  std::unique_lock lock(t.mutex_);
  t.ready_.wait(lock, [&] { return t.done_; });
}

void GroupCommit::Alone(RawTransaction& t, RawTransaction::Write write) {
  t.write_ = write;
  Apply({&t});
}

void GroupCommit::Run() {
  std::vector<RawTransaction*> batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::swap(batch, queue_);
    lock.unlock();
    Apply(batch);
    for (RawTransaction* t : batch) {
      const std::lock_guard done(t->mutex_);
      t->done_ = true;
      t->ready_.notify_one();
    }
    batch.clear();
    lock.lock();
  }
}

void GroupCommit::Apply(const std::vector<RawTransaction*>& batch) {
  Execute("BEGIN IMMEDIATE");
  for (RawTransaction* t : batch) Write(*t);
  Execute("COMMIT");
}

void GroupCommit::Write(RawTransaction& t) {
  ++t.version_;
  const bool ended = t.write_ == RawTransaction::Write::kInsertEnded;
  if (ended || t.write_ == RawTransaction::Write::kInsert) {
    WriteInsert(t, ended);
    WritePart(t, 0);
    return;
  }
  WriteUpdate(t, t.write_ == RawTransaction::Write::kEnd);
  if (t.write_ == RawTransaction::Write::kRegister) WritePart(t, ++t.registered_);
}

void GroupCommit::WriteInsert(RawTransaction& t, bool ended) {
  const auto status = ended ? TransactionStatus::kSucceed : TransactionStatus::kSubmitted;
  BindText(insert_, 1, t.gid_);
  sqlite3_bind_int(insert_, 2, static_cast<int>(Mode::kSaga));
  sqlite3_bind_int(insert_, 3, static_cast<int>(status));
  // Due while it goes on, finished when it has ended.
  for (const int time : {ended ? 7 : 4, 5, 6}) sqlite3_bind_int64(insert_, time, kTime);
  sqlite3_bind_null(insert_, ended ? 4 : 7);
  sqlite3_bind_int(insert_, 8, 0);
  sqlite3_bind_int64(insert_, 9, t.version_);
  BindBlob(insert_, 10, t.digest_);
  BindBlob(insert_, 11, t.state_);
  Step(insert_);
  t.id_ = sqlite3_last_insert_rowid(database_);
}

void GroupCommit::WriteUpdate(RawTransaction& t, bool ends) {
  const auto status = ends ? TransactionStatus::kSucceed : TransactionStatus::kSubmitted;
  sqlite3_bind_int64(update_, 1, t.id_);
  sqlite3_bind_int(update_, 2, static_cast<int>(status));
  sqlite3_bind_int64(update_, 4, kTime);
  // Due while it goes on, finished when it has ended.
  sqlite3_bind_null(update_, ends ? 3 : 5);
  sqlite3_bind_int64(update_, ends ? 5 : 3, kTime);
  sqlite3_bind_int(update_, 6, 0);
  sqlite3_bind_int64(update_, 7, t.version_);
  BindBlob(update_, 8, t.state_);
  sqlite3_bind_int64(update_, 9, t.version_ - 1);
  Step(update_);
  CheckDatabase(sqlite3_changes(database_) == 1, database_);
}

void GroupCommit::WritePart(RawTransaction& t, int64_t number) {
  sqlite3_bind_int64(insert_part_, 1, (t.id_ << 16) | number);
  BindBlob(insert_part_, 2, t.parts_.at(static_cast<size_t>(number)));
  Step(insert_part_);
}

sqlite3_stmt* GroupCommit::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  CheckDatabase(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr) == SQLITE_OK,
                database_);
  return statement;
}

void GroupCommit::Execute(const char* sql) {
  CheckDatabase(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, database_);
}

void GroupCommit::Step(sqlite3_stmt* statement) {
  CheckDatabase(sqlite3_step(statement) == SQLITE_DONE, database_);
  sqlite3_reset(statement);
}

}  // namespace troth::bench
