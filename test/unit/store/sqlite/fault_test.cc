// Full disks and I/O errors at the first, second, third, … write or sync, until a whole run gets
// through. What was answered must be true, then and after the next open.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "../temporary_folder.h"
#include "../writes.h"
#include "database.h"
#include "fault_vfs.h"
#include "store/sqlite/sqlite_store.h"

namespace troth::internal {
namespace {

constexpr int kRunsMax = 2'000;

// With a log so short that the runs meet checkpoints.
std::unique_ptr<Store> NewStore() {
  return NewSqliteStore({.vfs = FaultVfsName(),
                         .busy_timeout = std::chrono::milliseconds(1),
                         .checkpoint_frames = 24});
}

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
      CHECK((*loaded)->state == std::string(700, 's') + std::to_string(entry.second));
      CHECK((*loaded)->parts.size() == 1);
    }
    for (const std::string& gid : absent_) {
      INFO(gid);
      CHECK_FALSE(store.Load(gid).value().has_value());
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
  write.state = std::string(700, 's') + std::to_string(write.row.version);
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

BatchResult ApplyAndSettle(Store& store, std::span<const Write> writes) {
  BatchResult result = store.Apply(writes);
  if (result.kind != BatchResult::Kind::kUnknown) return result;
  CHECK_FALSE(result.status.ok());
  CHECK(store.Apply(writes).kind == BatchResult::Kind::kNotWritten);
  // A fault that stays may keep it unknown; without faults it must come out.
  result = store.Recover(writes);
  if (result.kind == BatchResult::Kind::kUnknown) {
    CHECK_FALSE(store.Problem().empty());
    Disarm();
    result = store.Recover(writes);
  }
  CHECK(result.kind == BatchResult::Kind::kCommitted);
  return result;
}

void RunRounds(Store& store, Ledger& ledger) {
  PurgePass pass;
  for (int round = 0; round < 14; ++round) {
    const std::vector<Write> writes = BatchFor(round, ledger);
    ledger.Note(writes, ApplyAndSettle(store, writes));
    if (round % 4 == 3) store.Idle();
    if (round == 8) (void)store.ParkUnended(ReasonCode::kParkedRetries);
    if (round == 10) {
      (void)store.Purge(pass, At(0), At(0), std::chrono::milliseconds(0));
    }
  }
}

// True: the fault came before the end.
bool RunWith(FaultPlan plan) {
  TemporaryFolder folder;
  const StoreOptions options{.path = folder.File("s.db")};
  Ledger ledger;
  auto store = NewStore();
  REQUIRE(store->Open(options).ok());
  Arm(plan);
  RunRounds(*store, ledger);
  const bool fired = Disarm();
  ledger.CheckAgainst(*store);
  const Write write = WithState(NewWrite("after"));
  const BatchResult after = store->Apply({&write, 1});
  REQUIRE_MESSAGE(after.kind == BatchResult::Kind::kCommitted, after.status.ToString());
  store.reset();

  store = NewStore();
  const auto info = store->Open(options);
  REQUIRE_MESSAGE(info.ok(), info.status().ToString());
  CHECK(info->unclean);
  CHECK(store->Load("after").value().has_value());
  ledger.CheckAgainst(*store);
  CHECK(Database(options.path).Query("PRAGMA integrity_check") == "ok");
  return fired;
}

void RunUntilThrough(Fault fault, bool stays) {
  bool fired = true;
  for (int n = 1; fired; ++n) {
    CAPTURE(n);
    REQUIRE(n < kRunsMax);
    fired = RunWith({.fault = fault, .at = n, .stays = stays});
  }
}

TEST_CASE("sqlite store: after a write error anywhere every answer was true") {
  SUBCASE("once") { RunUntilThrough(Fault::kWriteError, false); }
  SUBCASE("from then on") { RunUntilThrough(Fault::kWriteError, true); }
}

TEST_CASE("sqlite store: after a failed sync anywhere every answer was true") {
  SUBCASE("once") { RunUntilThrough(Fault::kSyncError, false); }
  SUBCASE("from then on") { RunUntilThrough(Fault::kSyncError, true); }
}

TEST_CASE("sqlite store: after a full disk anywhere every answer was true") {
  SUBCASE("once") { RunUntilThrough(Fault::kDiskFull, false); }
  SUBCASE("from then on") { RunUntilThrough(Fault::kDiskFull, true); }
}

// Crashes at the first answer that is not "committed". True: there was one.
bool CrashAtFault(FaultPlan plan, bool& came_back) {
  TemporaryFolder folder;
  const StoreOptions options{.path = folder.File("s.db")};
  Ledger ledger;
  auto store = NewStore();
  REQUIRE(store->Open(options).ok());
  Arm(plan);
  std::vector<Write> writes;
  BatchResult result;
  for (int round = 0; round < 14 && result.kind == BatchResult::Kind::kCommitted; ++round) {
    writes = BatchFor(round, ledger);
    result = store->Apply(writes);
    if (result.kind != BatchResult::Kind::kUnknown) ledger.Note(writes, result);
  }
  store.reset();
  Disarm();

  store = NewStore();
  REQUIRE(store->Open(options).ok());
  if (result.kind != BatchResult::Kind::kUnknown) {
    ledger.CheckAgainst(*store);
    return result.kind != BatchResult::Kind::kCommitted;
  }
  // In doubt: all of it or nothing.
  const bool there = store->Load(writes[0].row.gid).value().has_value();
  came_back = came_back || there;
  for (const Write& write : writes) {
    const auto loaded = store->Load(write.row.gid).value();
    CHECK((loaded.has_value() && loaded->row.version == write.row.version) == there);
  }
  return true;
}

TEST_CASE("sqlite store: a batch in doubt comes back whole or not at all, a refused one never") {
  bool came_back = false;
  for (const Fault fault : {Fault::kWriteError, Fault::kSyncError, Fault::kDiskFull}) {
    bool fired = true;
    for (int n = 1; fired; ++n) {
      CAPTURE(n);
      REQUIRE(n < kRunsMax);
      fired = CrashAtFault({.fault = fault, .at = n, .stays = true}, came_back);
    }
  }
  // Why a failed COMMIT is no "no": after a failed sync the batch is there all the same.
  CHECK(came_back);
}

TEST_CASE("sqlite store: an open that fails anywhere says so and leaves a file that opens") {
  for (const Fault fault : {Fault::kWriteError, Fault::kSyncError, Fault::kDiskFull}) {
    bool fired = true;
    for (int n = 1; fired; ++n) {
      CAPTURE(n);
      REQUIRE(n < kRunsMax);
      TemporaryFolder folder;
      Arm({.fault = fault, .at = n, .stays = true});
      const auto failed = NewStore()->Open({.path = folder.File("s.db")});
      fired = Disarm();
      CHECK(failed.ok() == !fired);
      if (fault == Fault::kDiskFull && fired) {
        CHECK(failed.status().code() == StatusCode::kResourceExhausted);
      }
      const auto opened = NewStore()->Open({.path = folder.File("s.db")});
      REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    }
  }
}

TEST_CASE("sqlite store: a backup that fails anywhere says so and leaves nothing behind") {
  TemporaryFolder folder;
  const auto store = NewStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  const Write write = NewWrite("g");
  REQUIRE(store->Apply({&write, 1}).kind == BatchResult::Kind::kCommitted);
  bool fired = true;
  for (int n = 1; fired; ++n) {
    CAPTURE(n);
    REQUIRE(n < kRunsMax);
    Arm({.fault = Fault::kDiskFull, .at = n, .stays = true});
    const Status status = store->Backup(folder.File("b.db"));
    fired = Disarm();
    CHECK(status.ok() == !fired);
    CHECK(std::filesystem::exists(folder.File("b.db")) == !fired);
    CHECK_FALSE(std::filesystem::exists(folder.File("b.db-unfinished")));
  }
}

TEST_CASE("sqlite store: a failed sync stays in doubt while a foreign reader needs the log") {
  TemporaryFolder folder;
  const std::string path = folder.File("s.db");
  const auto store = NewStore();
  REQUIRE(store->Open({.path = path}).ok());
  const Write first = NewWrite("first");
  REQUIRE(store->Apply({&first, 1}).kind == BatchResult::Kind::kCommitted);
  Database reader(path);
  reader.Execute("BEGIN");
  CHECK(reader.Query("SELECT count(*) FROM troth_transaction") == "1");

  const Write write = NewWrite("g");
  Arm({.fault = Fault::kSyncError, .at = 1});
  CHECK(store->Apply({&write, 1}).kind == BatchResult::Kind::kUnknown);
  CHECK(Disarm());
  CHECK(store->Recover({&write, 1}).kind == BatchResult::Kind::kUnknown);
  CHECK(store->Problem().find("another process") != std::string::npos);
  CHECK(store->Load("first").value().has_value());
  reader.Execute("COMMIT");
  const BatchResult settled = store->Recover({&write, 1});
  REQUIRE(settled.kind == BatchResult::Kind::kCommitted);
  const bool there = settled.writes[0].kind == WriteResult::Kind::kOk;
  CHECK(store->Load("g").value().has_value() == there);
  CHECK(store->Problem().empty());
}

}  // namespace
}  // namespace troth::internal
