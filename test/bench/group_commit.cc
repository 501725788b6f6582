#include "group_commit.h"

#include <cstdio>
#include <cstdlib>

namespace troth::bench {
namespace {

constexpr char kSetUp[] = R"(
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA wal_autocheckpoint=2048;
PRAGMA cache_size=-16384;
CREATE TABLE troth_transaction(
  id INTEGER PRIMARY KEY, gid TEXT NOT NULL, mode INTEGER NOT NULL, status INTEGER NOT NULL, due INTEGER,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, finished INTEGER, parked INTEGER NOT NULL,
  version INTEGER NOT NULL, digest BLOB NOT NULL, state BLOB NOT NULL);
CREATE UNIQUE INDEX troth_transaction_gid ON troth_transaction(gid);
CREATE INDEX troth_transaction_due ON troth_transaction(due) WHERE due IS NOT NULL;
CREATE INDEX troth_transaction_status ON troth_transaction(status, id) WHERE status <> 3;
CREATE INDEX troth_transaction_parked ON troth_transaction(id) WHERE parked <> 0;
CREATE TABLE troth_part(key INTEGER PRIMARY KEY, document BLOB NOT NULL);
)";

void Check(bool ok, sqlite3* database) {
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

GroupCommit::GroupCommit(const std::string& path) {
  Check(sqlite3_open(path.c_str(), &database_) == SQLITE_OK, database_);
  Execute(kSetUp);
  insert_ = Prepare(
      "INSERT INTO "
      "troth_transaction(gid,mode,status,due,created,updated,finished,parked,version,digest,state) "
      "VALUES(?1,1,2,?2,?2,?2,NULL,0,1,?3,?4) ON CONFLICT(gid) DO NOTHING");
  insert_part_ = Prepare("INSERT INTO troth_part(key,document) VALUES(?1,?2)");
  update_ = Prepare(
      "UPDATE troth_transaction SET "
      "status=3,due=NULL,updated=?2,finished=?2,parked=0,version=2,state=?3 "
      "WHERE id=?1 AND version=1");
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

void GroupCommit::Do(Work& work) {
  work.done = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&work);
    if (queue_.size() == 1) changed_.notify_one();
  }
  std::unique_lock lock(work.mutex);
  work.ready.wait(lock, [&] { return work.done; });
}

void GroupCommit::Run() {
  std::vector<Work*> batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::swap(batch, queue_);
    lock.unlock();
    Apply(batch);
    for (Work* work : batch) {
      const std::lock_guard done(work->mutex);
      work->done = true;
      work->ready.notify_one();
    }
    batch.clear();
    lock.lock();
  }
}

void GroupCommit::Apply(const std::vector<Work*>& batch) {
  Execute("BEGIN IMMEDIATE");
  for (Work* work : batch) {
    sqlite3_stmt* statement = work->insert ? insert_ : update_;
    if (work->insert) {
      BindText(statement, 1, work->gid);
      sqlite3_bind_int64(statement, 2, 1'600'000'000'000);
      BindBlob(statement, 3, work->digest);
      BindBlob(statement, 4, work->state);
    } else {
      sqlite3_bind_int64(statement, 1, work->id);
      sqlite3_bind_int64(statement, 2, 1'600'000'000'000);
      BindBlob(statement, 3, work->state);
    }
    Check(sqlite3_step(statement) == SQLITE_DONE, database_);
    sqlite3_reset(statement);
    if (!work->insert) continue;
    work->id = sqlite3_last_insert_rowid(database_);
    sqlite3_bind_int64(insert_part_, 1, work->id << 16);
    BindBlob(insert_part_, 2, work->definition);
    Check(sqlite3_step(insert_part_) == SQLITE_DONE, database_);
    sqlite3_reset(insert_part_);
  }
  Execute("COMMIT");
}

sqlite3_stmt* GroupCommit::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  Check(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr) == SQLITE_OK, database_);
  return statement;
}

void GroupCommit::Execute(const char* sql) {
  Check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, database_);
}

}  // namespace troth::bench
