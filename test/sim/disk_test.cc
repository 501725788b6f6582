// The simulated disk itself: what is left after a crash and after a power loss, what fails when it
// is told to, how connections keep each other out, and that the same seed gives the same bytes.
#include "disk.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <set>
#include <string>

#include "disk_database.h"
#include "disk_store.h"
#include "testing/simulated_driver.h"

namespace troth::sim {
namespace {

using testing::SeededRandom;

constexpr char kPath[] = "/d.db";

int64_t Rows(Database& db) { return db.Int("SELECT count(*) FROM t"); }
int64_t Rows(Database&& db) { return Rows(db); }

constexpr char kInsert[] = "INSERT INTO t VALUES(randomblob(3000))";

// A table with one row, in the log; all of it synced.
void MakeTable(Disk& disk) {
  Database db(disk, kPath);
  REQUIRE(db.Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(x)") ==
          SQLITE_OK);
  REQUIRE(db.Run(kInsert) == SQLITE_OK);
  REQUIRE(disk.files().SyncFolderOf("/d.db").ok());
  disk.Crash();
}

TEST_CASE("disk: a synced commit survives a power loss, one that is not synced may not") {
  for (const Loss loss : {Loss::kDropAll, Loss::kKeepAll}) {
    for (const bool sync : {true, false}) {
      CAPTURE(sync);
      Disk disk(1);
      SeededRandom random(1);
      MakeTable(disk);
      {
        Database db(disk, kPath);
        REQUIRE(db.Run(sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF") == SQLITE_OK);
        REQUIRE(db.Run(kInsert) == SQLITE_OK);
        disk.LosePower(loss, random);
      }
      Database db(disk, kPath);
      CHECK(Rows(db) == (sync || loss == Loss::kKeepAll ? 2 : 1));
      CHECK(db.Int("SELECT count(*) FROM pragma_integrity_check") == 1);
    }
  }
}

TEST_CASE("disk: a crash loses nothing that was written, synced or not") {
  Disk disk(1);
  MakeTable(disk);
  {
    Database db(disk, kPath);
    REQUIRE(db.Run("PRAGMA synchronous=OFF") == SQLITE_OK);
    REQUIRE(db.Run(kInsert) == SQLITE_OK);
    disk.Crash();
    CHECK(db.Run(kInsert) != SQLITE_OK);
  }
  CHECK(Rows(Database(disk, kPath)) == 2);
}

TEST_CASE("disk: a new file is there after a power loss once its folder is synced") {
  SeededRandom random(1);
  Disk disk(1);
  REQUIRE(disk.files().CreatePrivate("/a").ok());
  REQUIRE(disk.files().SyncFolderOf("/a").ok());
  REQUIRE(disk.files().CreatePrivate("/b").ok());
  disk.files().Remove("/a");
  CHECK_FALSE(disk.files().Exists("/a"));
  disk.LosePower(Loss::kDropAll, random);
  CHECK(disk.files().Exists("/a"));
  CHECK_FALSE(disk.files().Exists("/b"));

  REQUIRE(disk.files().CreatePrivate("/b").ok());
  CHECK(disk.files().CreatePrivate("/b").code() == StatusCode::kAlreadyExists);
  CHECK(disk.files().Rename("/b", "/a").code() == StatusCode::kAlreadyExists);
  REQUIRE(disk.files().Rename("/b", "/c").ok());
  disk.LosePower(Loss::kDropAll, random);
  CHECK(disk.files().Exists("/c"));
  CHECK_FALSE(disk.files().Exists("/b"));
}

TEST_CASE("disk file: what was not synced is kept, dropped or torn between sectors") {
  constexpr size_t kSectors = 4;
  const std::string before(kSectors * DiskFile::kSectorBytes, 'o');
  const std::string after(before.size(), 'n');
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    DiskFile file(before);
    file.Write(after, 0);
    SeededRandom random(seed);
    file.LosePower(Loss::kRandom, random);
    std::string sectors;
    for (size_t i = 0; i < kSectors; ++i) {
      const std::string sector =
          file.bytes().substr(i * DiskFile::kSectorBytes, DiskFile::kSectorBytes);
      REQUIRE(sector.find_first_not_of(sector[0]) == std::string::npos);
      sectors += sector[0];
    }
    REQUIRE(file.bytes().size() == before.size());
    seen.insert(sectors);
  }
  CHECK(seen.contains("oooo"));
  CHECK(seen.contains("nnnn"));
  CHECK(seen.contains("nnoo"));
  CHECK(seen.size() > 8);
}

TEST_CASE("disk file: later writes and truncations come off first") {
  SeededRandom random(1);
  DiskFile file("synced");
  file.Write("NEW", 3);
  file.Truncate(4);
  file.Write("far", 10);
  CHECK(file.bytes() == std::string("synN\0\0\0\0\0\0far", 13));
  DiskFile kept = file;
  kept.LosePower(Loss::kKeepAll, random);
  CHECK(kept.bytes() == file.bytes());
  file.LosePower(Loss::kDropAll, random);
  CHECK(file.bytes() == "synced");
  CHECK(file.unsynced() == 0);
}

TEST_CASE("disk file: what a failed sync left is not made durable by a later one") {
  SeededRandom random(1);
  DiskFile file("aaaa");
  file.Write("bb", 0);
  file.FailSync();
  file.Write("c", 3);
  file.Sync();
  CHECK(file.bytes() == "bbac");
  file.LosePower(Loss::kDropAll, random);
  CHECK(file.bytes() == "aaac");

  file.Write("dd", 0);
  file.FailSync();
  file.Write("dd", 0);  // once more, and that is synced
  file.Sync();
  file.LosePower(Loss::kDropAll, random);
  CHECK(file.bytes() == "ddac");
}

TEST_CASE("disk: the n-th operation of a kind fails as it is told to") {
  struct Row {
    DiskOperation operation;
    int code;
  };
  for (const auto& [operation, expected] : {Row{DiskOperation::kWrite, SQLITE_IOERR_WRITE},
                                            Row{DiskOperation::kSync, SQLITE_IOERR_FSYNC},
                                            Row{DiskOperation::kLock, SQLITE_IOERR_SHMLOCK},
                                            Row{DiskOperation::kRead, SQLITE_IOERR_READ}}) {
    Disk disk(1);
    MakeTable(disk);
    Database db(disk, kPath);
    CHECK(Rows(db) == 1);
    CHECK(disk.failed() == 0);
    // Another connection's commit makes the page that is read stale.
    REQUIRE(Database(disk, kPath).Run(kInsert) == SQLITE_OK);
    disk.Plan({.operation = operation, .at = 1, .count = 1});
    CHECK(db.Run(kInsert) == expected);
    CHECK(disk.failed() == 1);
    CHECK(db.Run(kInsert) == SQLITE_OK);
    CHECK(Rows(db) == 3);
  }
  Disk disk(1);
  disk.Plan({.operation = DiskOperation::kOpen, .at = 1});
  CHECK(Database(disk, kPath).opened() == SQLITE_CANTOPEN);
  MakeTable(disk);
}

TEST_CASE("disk: full for a while, then there is room again") {
  Disk disk(1);
  MakeTable(disk);
  Database db(disk, kPath);
  disk.Plan({.operation = DiskOperation::kWrite, .at = 2, .count = kForEver, .code = SQLITE_FULL});
  CHECK(db.Run(kInsert) == SQLITE_FULL);
  CHECK(db.Run(kInsert) == SQLITE_FULL);
  disk.ForgetFaults();
  CHECK(db.Run(kInsert) == SQLITE_OK);
  CHECK(Rows(db) == 2);
}

TEST_CASE("disk: power cut at the n-th change: from then on nothing works, until it is back") {
  bool cut = true;
  uint64_t n = 1;
  for (; cut; ++n) {
    CAPTURE(n);
    Disk disk(1);
    SeededRandom random(n);
    MakeTable(disk);
    int told = 0;
    disk.WhenCut([&told] { ++told; });
    int64_t acknowledged = 1;
    {
      Database db(disk, kPath);
      disk.CutPowerAt(n);
      for (int i = 0; i < 3; ++i) acknowledged += db.Run(kInsert) == SQLITE_OK ? 1 : 0;
      cut = disk.off();
      CHECK(told == (cut ? 1 : 0));
      if (cut) CHECK(db.Run(kInsert) != SQLITE_OK);
      disk.LosePower(Loss::kRandom, random);
    }
    CHECK_FALSE(disk.off());
    Database db(disk, kPath);
    const int64_t rows = Rows(db);
    CHECK(rows >= acknowledged);
    CHECK(rows <= acknowledged + 1);
    CHECK(db.Int("SELECT count(*) FROM pragma_integrity_check") == 1);
  }
  CHECK(n > 9);
}

TEST_CASE("disk: a process that dies of a failed sync leaves what it could not sync to the next") {
  Disk disk(1);
  MakeTable(disk);
  bool told = false;
  {
    Database db(disk, kPath);
    disk.WhenCut([&] { told = true; });
    disk.CutPowerAtFailure(true);
    disk.Plan({.operation = DiskOperation::kSync});
    CHECK(db.Run(kInsert) != SQLITE_OK);
    CHECK(told);
    CHECK(disk.off());
    CHECK(Rows(db) == -1);
    disk.Crash();
  }
  CHECK(Rows(Database(disk, kPath)) == 2);
  SeededRandom random(1);
  disk.LosePower(Loss::kDropAll, random);
  CHECK(Rows(Database(disk, kPath)) == 1);
  // Once: the next failure is only told.
  Database db(disk, kPath);
  disk.Plan({.operation = DiskOperation::kSync});
  CHECK(db.Run(kInsert) != SQLITE_OK);
  CHECK_FALSE(disk.off());
}

TEST_CASE("disk: connections keep each other out as SQLite wants it") {
  SUBCASE("with a log: one writer, and readers with a view of their own") {
    Disk disk(1);
    MakeTable(disk);
    Database writer(disk, kPath), other(disk, kPath), reader(disk, kPath);
    REQUIRE(writer.Run("BEGIN IMMEDIATE") == SQLITE_OK);
    REQUIRE(reader.Run("BEGIN") == SQLITE_OK);
    CHECK(Rows(reader) == 1);
    CHECK(other.Run("BEGIN IMMEDIATE") == SQLITE_BUSY);
    REQUIRE(writer.Run(kInsert) == SQLITE_OK);
    REQUIRE(writer.Run("COMMIT") == SQLITE_OK);
    CHECK(Rows(reader) == 1);
    CHECK(Rows(other) == 2);
    CHECK(other.Run("PRAGMA wal_checkpoint(TRUNCATE)") == SQLITE_OK);
    CHECK(disk.BytesOf("/d.db-wal").size() > 0);  // the reader needs it
    REQUIRE(reader.Run("COMMIT") == SQLITE_OK);
    CHECK(other.Int("PRAGMA wal_checkpoint(TRUNCATE)") == 0);
    CHECK(disk.BytesOf("/d.db-wal").empty());
  }
  SUBCASE("with a journal: nobody beside an exclusive transaction") {
    Disk disk(1);
    Database first(disk, kPath), second(disk, kPath);
    REQUIRE(first.Run("CREATE TABLE t(x); BEGIN EXCLUSIVE") == SQLITE_OK);
    CHECK(second.Run("SELECT * FROM t") == SQLITE_BUSY);
    REQUIRE(first.Run("COMMIT; BEGIN; SELECT * FROM t") == SQLITE_OK);
    CHECK(second.Run("BEGIN EXCLUSIVE") == SQLITE_BUSY);
    REQUIRE(first.Run("COMMIT") == SQLITE_OK);
    CHECK(second.Run("BEGIN EXCLUSIVE") == SQLITE_OK);
    // Whoever dies leaves no lock.
    disk.Crash();
    CHECK(Database(disk, kPath).Run("BEGIN EXCLUSIVE") == SQLITE_OK);
  }
}

TEST_CASE("disk: the same seed and the same calls give the same bytes") {
  const auto run = [](uint64_t seed) {
    Disk disk(seed);
    SeededRandom random(seed);
    MakeTable(disk);
    for (int life = 0; life < 4; ++life) {
      Database db(disk, kPath);
      db.Run("PRAGMA wal_autocheckpoint=4");
      disk.CutPowerAt(11);
      for (int i = 0; i < 5; ++i) db.Run(kInsert);
      disk.LosePower(Loss::kRandom, random);
    }
    Database(disk, kPath).Run(kInsert);
    return disk.BytesOf("/d.db") + disk.BytesOf("/d.db-wal");
  };
  const std::string first = run(7);
  CHECK(first == run(7));
  CHECK(first != run(8));
}

TEST_CASE("disk: a copy has the same files, and goes its own way") {
  Disk disk(1);
  MakeTable(disk);
  const std::unique_ptr<Disk> copy = disk.Copy();
  REQUIRE(Database(disk, kPath).Run(kInsert) == SQLITE_OK);
  CHECK(Rows(Database(*copy, kPath)) == 1);
  CHECK(Rows(Database(disk, kPath)) == 2);
}

TEST_CASE("disk: the store of production runs on it, life after life") {
  Disk disk(1);
  for (uint64_t life = 1; life <= 3; ++life) {
    const Result<OpenedStore> opened = OpenSqliteStore(disk);
    REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    CHECK(opened->info.epoch == life);
    CHECK(opened->info.unclean == (life > 1));
    disk.Crash();
  }
}

}  // namespace
}  // namespace troth::sim
