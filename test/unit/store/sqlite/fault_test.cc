// Everything that a disk can do, at the first, second, third, … operation of each kind, until a
// whole run gets through: errors, no room, power loss. What was answered must be true, then and
// after the next open.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "../writes.h"
#include "disk.h"
#include "disk_database.h"
#include "store/sqlite/sqlite_store.h"
#include "testing/simulated_driver.h"

namespace troth::internal {
namespace {

using sim::Database;
using sim::Disk;
using sim::DiskFault;
using sim::DiskOperation;
using sim::Loss;

constexpr uint64_t kRunsMax = 3'000;
constexpr int kRounds = 14;
constexpr char kPath[] = "/s.db";

// With a log so short that the runs meet checkpoints.
std::unique_ptr<Store> NewStore(Disk& disk) {
  return NewSqliteStore({.vfs = disk.vfs(),
                         .files = &disk.files(),
                         .busy_timeout = std::chrono::milliseconds(1),
                         .checkpoint_frames = 24});
}

std::string StateOf(uint64_t version) { return std::string(700, 's') + std::to_string(version); }

// What the answers say must be in the store.
class Ledger {
 public:
  void Note(std::span<const Write> writes, const BatchResult& result) {
    for (size_t i = 0; i < writes.size(); ++i) {
      const Write& write = writes[i];
      const bool written = result.kind == BatchResult::Kind::kCommitted &&
                           result.writes[i].kind == WriteResult::Kind::kOk;
      if (written) there_[write.row.gid] = write.row.version;
      if (written) ids_[write.row.gid] = result.writes[i].id;
      if (!written && write.insert() && !there_.contains(write.row.gid)) {
        absent_.insert(write.row.gid);
      }
    }
  }

  void CheckAgainst(const Store& store) const {
    for (const auto& entry : there_) {
      const std::string& gid = entry.first;
      INFO(gid);
      const auto loaded = store.Load(gid);
      REQUIRE_MESSAGE(loaded.ok(), loaded.status().ToString());
      REQUIRE(loaded->has_value());
      CHECK((*loaded)->row.version == entry.second);
      CHECK((*loaded)->row.id == ids_.at(gid));
      CHECK(((*loaded)->state == StateOf(entry.second)));
      CHECK((*loaded)->parts.size() == 1);
    }
    for (const std::string& gid : absent_) {
      INFO(gid);
      CHECK_FALSE(store.Load(gid).value().has_value());
    }
  }

  // In doubt: nothing is said of these.
  void Forget(const std::vector<Write>& writes) {
    for (const Write& write : writes) {
      there_.erase(write.row.gid);
      absent_.erase(write.row.gid);
    }
  }

  bool Has(const std::string& gid) const { return there_.contains(gid); }
  int64_t IdOf(const std::string& gid) const { return ids_.at(gid); }
  uint64_t VersionOf(const std::string& gid) const { return there_.at(gid); }

 private:
  std::map<std::string, uint64_t> there_;
  std::map<std::string, int64_t> ids_;
  std::set<std::string> absent_;
};

Write WithState(Write write) {
  write.state = StateOf(write.row.version);
  return write;
}

// Two inserts, and an update of something older.
std::vector<Write> BatchFor(int round, const Ledger& ledger) {
  const std::string name = std::to_string(round);
  std::vector<Write> writes = {WithState(NewWrite("a" + name)), WithState(NewWrite("b" + name))};
  const std::string older = "a" + std::to_string(round / 2);
  if (round > 1 && ledger.Has(older)) {
    Write last = NewWrite(older);
    last.row.version = ledger.VersionOf(older);
    writes.push_back(WithState(NextWrite(last, ledger.IdOf(older))));
  }
  return writes;
}

BatchResult ApplyAndSettle(Store& store, Disk& disk, std::span<const Write> writes) {
  BatchResult result = store.Apply(writes);
  if (result.kind != BatchResult::Kind::kUnknown) return result;
  CHECK_FALSE(result.status.ok());
  CHECK(store.Apply(writes).kind == BatchResult::Kind::kNotWritten);
  // A fault that stays may keep it unknown; without faults it must come out.
  result = store.Recover(writes);
  if (result.kind == BatchResult::Kind::kUnknown) {
    CHECK_FALSE(store.Problem().empty());
    disk.ForgetFaults();
    result = store.Recover(writes);
  }
  CHECK(result.kind == BatchResult::Kind::kCommitted);
  return result;
}

// A reader may be told to come again; what it is told otherwise is true.
void Look(const Store& store, const Ledger& ledger, const std::string& gid) {
  const auto loaded = store.Load(gid);
  if (loaded.ok()) {
    CHECK(loaded->has_value() == ledger.Has(gid));
  } else {
    CHECK_MESSAGE((loaded.status().code() == StatusCode::kUnavailable ||
                   loaded.status().code() == StatusCode::kResourceExhausted),
                  loaded.status().ToString());
  }
}

void RunRounds(Store& store, Disk& disk, Ledger& ledger) {
  PurgePass pass;
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<Write> writes = BatchFor(round, ledger);
    ledger.Note(writes, ApplyAndSettle(store, disk, writes));
    if (round % 4 == 3) store.Idle();
    if (round % 5 == 4) Look(store, ledger, writes[0].row.gid);
    if (round == 6) (void)store.ChangeTopic({.topic = "t", .subscriber = {}, .topics_max = 9});
    if (round == 8) (void)store.ParkUnended(ReasonCode::kParkedRetries);
    if (round == 10) {
      (void)store.Purge(pass, At(0), At(0), std::chrono::milliseconds(0));
    }
  }
}

// True: the fault came before the end.
bool RunWith(const DiskFault& fault) {
  Disk disk(fault.at);
  const StoreOptions options{.path = kPath};
  Ledger ledger;
  auto store = NewStore(disk);
  REQUIRE(store->Open(options).ok());
  disk.Plan(fault);
  RunRounds(*store, disk, ledger);
  disk.ForgetFaults();
  ledger.CheckAgainst(*store);
  const Write write = WithState(NewWrite("after"));
  const BatchResult after = store->Apply({&write, 1});
  REQUIRE_MESSAGE(after.kind == BatchResult::Kind::kCommitted, after.status.ToString());
  testing::SeededRandom random(fault.at);
  disk.LosePower(Loss::kDropAll, random);
  store.reset();

  store = NewStore(disk);
  const auto info = store->Open(options);
  REQUIRE_MESSAGE(info.ok(), info.status().ToString());
  CHECK(info->unclean);
  CHECK(store->Load("after").value().has_value());
  ledger.CheckAgainst(*store);
  CHECK(Database(disk, kPath).Text("PRAGMA integrity_check") == "ok");
  return disk.failed() > 0;
}

// How many operations of that kind a run has.
uint64_t RunUntilThrough(DiskOperation operation, int code = 0) {
  uint64_t points = 0;
  for (const uint64_t count : {uint64_t{1}, uint64_t{5}, sim::kForEver}) {
    bool fired = true;
    for (uint64_t n = 1; fired; ++n) {
      CAPTURE(n);
      CAPTURE(count);
      REQUIRE(n < kRunsMax);
      fired = RunWith({.operation = operation, .at = n, .count = count, .code = code});
      points += fired ? 1 : 0;
    }
  }
  return points;
}

TEST_CASE("sqlite store: after an I/O error anywhere every answer was true") {
  SUBCASE("write") { CHECK(RunUntilThrough(DiskOperation::kWrite) > 200); }
  SUBCASE("sync") { CHECK(RunUntilThrough(DiskOperation::kSync) > 30); }
  SUBCASE("read") { CHECK(RunUntilThrough(DiskOperation::kRead) > 3); }
  SUBCASE("truncation") { CHECK(RunUntilThrough(DiskOperation::kTruncate) > 0); }
  SUBCASE("open") { CHECK(RunUntilThrough(DiskOperation::kOpen) > 3); }
  SUBCASE("lock") { CHECK(RunUntilThrough(DiskOperation::kLock) > 100); }
  SUBCASE("shared memory") { CHECK(RunUntilThrough(DiskOperation::kMap) > 0); }
}

TEST_CASE("sqlite store: after a full disk anywhere every answer was true") {
  CHECK(RunUntilThrough(DiskOperation::kWrite, SQLITE_FULL) > 200);
}

TEST_CASE("sqlite store: after a foreign lock anywhere every answer was true") {
  CHECK(RunUntilThrough(DiskOperation::kLock, SQLITE_BUSY) > 100);
}

// What of a batch is there: nothing, all, or (never) some.
enum class There { kNothing, kAll, kSome };
There WhatIsThere(const Store& store, const std::vector<Write>& writes) {
  size_t found = 0;
  for (const Write& write : writes) {
    const auto loaded = store.Load(write.row.gid).value();
    found += loaded.has_value() && loaded->row.version == write.row.version ? 1 : 0;
  }
  return found == 0 ? There::kNothing : found == writes.size() ? There::kAll : There::kSome;
}

// Rounds until one is not committed; what it would have written.
std::vector<Write> RunUntilStopped(Store& store, Ledger& ledger, BatchResult::Kind& kind) {
  kind = BatchResult::Kind::kCommitted;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Write> writes = BatchFor(round, ledger);
    const BatchResult result = store.Apply(writes);
    kind = result.kind;
    if (kind == BatchResult::Kind::kUnknown) {
      ledger.Forget(writes);
      return writes;
    }
    ledger.Note(writes, result);
    if (kind != BatchResult::Kind::kCommitted) return writes;
    if (round % 4 == 3) store.Idle();
  }
  return {};
}

// The process dies at the first answer that is not "committed". True: there was one.
bool CrashAtFault(const DiskFault& fault, bool& came_back) {
  Disk disk(fault.at);
  Ledger ledger;
  auto store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  disk.Plan(fault);
  BatchResult::Kind kind{};
  const std::vector<Write> stopped = RunUntilStopped(*store, ledger, kind);
  disk.Crash();
  disk.ForgetFaults();
  store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  ledger.CheckAgainst(*store);
  if (kind != BatchResult::Kind::kUnknown) return kind != BatchResult::Kind::kCommitted;
  const There there = WhatIsThere(*store, stopped);
  CHECK(there != There::kSome);
  came_back = came_back || there == There::kAll;
  return true;
}

TEST_CASE("sqlite store: a batch in doubt comes back whole or not at all, a refused one never") {
  bool came_back = false;
  const DiskFault faults[] = {{.operation = DiskOperation::kWrite},
                              {.operation = DiskOperation::kWrite, .code = SQLITE_FULL},
                              {.operation = DiskOperation::kSync}};
  for (DiskFault fault : faults) {
    fault.count = sim::kForEver;
    bool fired = true;
    for (uint64_t n = 1; fired; ++n) {
      CAPTURE(n);
      REQUIRE(n < kRunsMax);
      fault.at = n;
      fired = CrashAtFault(fault, came_back);
    }
  }
  // Why a failed COMMIT is no "no": after a failed sync the batch is there all the same.
  CHECK(came_back);
}

// True: power was lost before the end.
bool LosePowerAt(uint64_t n, Loss loss, uint64_t seed, std::set<There>& seen) {
  Disk disk(seed);
  testing::SeededRandom random(seed);
  Ledger ledger;
  auto store = NewStore(disk);
  disk.CutPowerAt(n);
  BatchResult::Kind kind = BatchResult::Kind::kCommitted;
  std::vector<Write> stopped;
  if (store->Open({.path = kPath}).ok()) stopped = RunUntilStopped(*store, ledger, kind);
  const bool cut = disk.off();
  disk.CutPowerAt(0);
  disk.LosePower(loss, random);
  store = NewStore(disk);
  const auto info = store->Open({.path = kPath});
  REQUIRE_MESSAGE(info.ok(), info.status().ToString());
  ledger.CheckAgainst(*store);
  CHECK(Database(disk, kPath).Text("PRAGMA integrity_check") == "ok");
  if (kind == BatchResult::Kind::kUnknown) {
    const There there = WhatIsThere(*store, stopped);
    CHECK(there != There::kSome);
    seen.insert(there);
  }
  return cut;
}

TEST_CASE("sqlite store: power lost anywhere: what was answered is there, a batch whole or not") {
  std::set<There> seen;
  const auto through = [&](Loss loss, uint64_t seed) {
    bool cut = true;
    for (uint64_t n = 1; cut; ++n) {
      CAPTURE(n);
      CAPTURE(seed);
      REQUIRE(n < kRunsMax);
      cut = LosePowerAt(n, loss, seed * kRunsMax + n, seen);
    }
  };
  SUBCASE("what was not synced is gone") {
    through(Loss::kDropAll, 1);
    CHECK(seen == std::set<There>{There::kNothing});
  }
  SUBCASE("it is there") {
    through(Loss::kKeepAll, 1);
    CHECK(seen == std::set<There>{There::kNothing, There::kAll});
  }
  SUBCASE("parts of it are") {
    for (uint64_t seed = 1; seed <= 5; ++seed) through(Loss::kRandom, seed);
    CHECK(seen == std::set<There>{There::kNothing, There::kAll});
  }
}

TEST_CASE("sqlite store: an open that fails anywhere says so and leaves a file that opens") {
  const std::pair<DiskOperation, int> kinds[] = {
      {DiskOperation::kOpen, 0},       {DiskOperation::kRead, 0},
      {DiskOperation::kWrite, 0},      {DiskOperation::kSync, 0},
      {DiskOperation::kTruncate, 0},   {DiskOperation::kLock, 0},
      {DiskOperation::kMap, 0},        {DiskOperation::kDelete, 0},
      {DiskOperation::kSyncFolder, 0}, {DiskOperation::kWrite, SQLITE_FULL}};
  const auto fails = [](const DiskFault& fault) {
    Disk disk(fault.at);
    disk.Plan(fault);
    auto store = NewStore(disk);
    const auto failed = store->Open({.path = kPath});
    const bool fired = disk.failed() > 0;
    disk.ForgetFaults();
    if (!fired) CHECK(failed.ok());
    if (fault.code == SQLITE_FULL && !failed.ok()) {
      CHECK(failed.status().code() == StatusCode::kResourceExhausted);
    }
    // A pragma that could not commit has said "wal" before.
    if (failed.ok()) CHECK(Database(disk, kPath).Text("PRAGMA journal_mode") == "wal");
    store = NewStore(disk);
    const auto opened = store->Open({.path = kPath});
    REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    CHECK(Database(disk, kPath).Text("PRAGMA journal_mode") == "wal");
    return fired;
  };
  for (const auto& kind : kinds) {
    const DiskOperation operation = kind.first;
    for (const uint64_t count : {uint64_t{1}, sim::kForEver}) {
      bool fired = true;
      for (uint64_t n = 1; fired; ++n) {
        CAPTURE(static_cast<int>(operation));
        CAPTURE(n);
        REQUIRE(n < kRunsMax);
        fired = fails({.operation = operation, .at = n, .count = count, .code = kind.second});
      }
    }
  }
}

TEST_CASE("sqlite store: a reader that can't open the file is told to come again") {
  Disk disk(1);
  const auto store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  disk.Plan({.operation = DiskOperation::kOpen});
  CHECK(store->Load("g").status().code() == StatusCode::kUnavailable);
  CHECK(store->Load("g").ok());

  const auto other = NewStore(disk);
  REQUIRE(other->Open({.path = "/other.db"}).ok());
  disk.files().Remove("/other.db");
  CHECK(other->Load("g").status().code() == StatusCode::kUnavailable);
}

TEST_CASE("sqlite store: a backup that fails anywhere says so and leaves nothing behind") {
  Disk disk(1);
  const auto store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  const Write write = NewWrite("g");
  REQUIRE(store->Apply({&write, 1}).kind == BatchResult::Kind::kCommitted);
  bool fired = true;
  for (uint64_t n = 1; fired; ++n) {
    CAPTURE(n);
    REQUIRE(n < kRunsMax);
    const uint64_t before = disk.failed();
    disk.Plan(
        {.operation = DiskOperation::kWrite, .at = n, .count = sim::kForEver, .code = SQLITE_FULL});
    const Status status = store->Backup("/b.db");
    fired = disk.failed() > before;
    disk.ForgetFaults();
    CHECK(status.ok() == !fired);
    CHECK(disk.files().Exists("/b.db") == !fired);
    CHECK_FALSE(disk.files().Exists("/b.db-unfinished"));
  }
}

// Linux reports a failed sync once; then the pages count as written, and no later sync writes them.
// They are read back from memory all the same: the next life finds frames in the log that no disk
// has, and would add its own behind them.
TEST_CASE("sqlite store: what a failed sync left in the log is not built upon by the next life") {
  Disk disk(1);
  testing::SeededRandom random(1);
  auto store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  const Write doubtful = NewWrite("doubtful");
  disk.Plan({.operation = DiskOperation::kSync});
  CHECK(store->Apply({&doubtful, 1}).kind == BatchResult::Kind::kUnknown);
  store.reset();

  store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  const bool came_back = store->Load("doubtful").value().has_value();
  const Write write = NewWrite("g");
  REQUIRE(store->Apply({&write, 1}).kind == BatchResult::Kind::kCommitted);
  disk.LosePower(Loss::kDropAll, random);
  store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  CHECK(store->Load("g").value().has_value());
  CHECK(store->Load("doubtful").value().has_value() == came_back);
}

TEST_CASE("sqlite store: a failed sync stays in doubt while a foreign reader needs the log") {
  Disk disk(1);
  const auto store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  const Write first = NewWrite("first");
  REQUIRE(store->Apply({&first, 1}).kind == BatchResult::Kind::kCommitted);
  Database reader(disk, kPath);
  reader.Run("BEGIN");
  CHECK(reader.Text("SELECT count(*) FROM troth_transaction") == "1");

  const Write write = NewWrite("g");
  disk.Plan({.operation = DiskOperation::kSync});
  CHECK(store->Apply({&write, 1}).kind == BatchResult::Kind::kUnknown);
  CHECK(disk.failed() == 1);
  CHECK(store->Recover({&write, 1}).kind == BatchResult::Kind::kUnknown);
  CHECK(store->Problem().find("another process") != std::string::npos);
  CHECK(store->Load("first").value().has_value());
  reader.Run("COMMIT");
  const BatchResult settled = store->Recover({&write, 1});
  REQUIRE(settled.kind == BatchResult::Kind::kCommitted);
  const bool there = settled.writes[0].kind == WriteResult::Kind::kOk;
  CHECK(store->Load("g").value().has_value() == there);
  CHECK(store->Problem().empty());
}

TEST_CASE(
    "sqlite store: what the writer loads is read on its own connection, not at the readers'") {
  Disk disk(1);
  const auto store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  const Write write = WithState(NewWrite("g"));
  REQUIRE(store->Apply({&write, 1}).kind == BatchResult::Kind::kCommitted);
  disk.Plan({.operation = DiskOperation::kOpen, .count = sim::kForEver});
  REQUIRE_FALSE(store->Load("g").ok());  // no reader can be had
  const auto loaded = store->LoadForWriter("g");
  REQUIRE_MESSAGE(loaded.ok(), loaded.status().ToString());
  REQUIRE(loaded->has_value());
  CHECK((*loaded)->state == write.state);
  CHECK((*loaded)->parts.size() == 1);
  CHECK_FALSE(store->LoadForWriter("none").value().has_value());
}

TEST_CASE("sqlite store: an owner that is lost while housekeeping is in doubt is said to be lost") {
  Disk disk(1);
  const auto store = NewStore(disk);
  REQUIRE(store->Open({.path = kPath}).ok());
  disk.Plan({.operation = DiskOperation::kSync});
  const Status topic = store->ChangeTopic(
      {.topic = "t", .subscriber = {.url = "http://a"}, .topics_max = 9, .subscribers_max = 9});
  REQUIRE(topic.code() == StatusCode::kUnavailable);
  Database other(disk, kPath);
  REQUIRE(other.Run("UPDATE troth_meta SET value=value+1 WHERE name='epoch'") == SQLITE_OK);
  const Write write = NewWrite("g");
  CHECK(store->Apply({&write, 1}).kind == BatchResult::Kind::kLostOwner);
  CHECK(store->Apply({&write, 1}).kind == BatchResult::Kind::kLostOwner);
}

}  // namespace
}  // namespace troth::internal
