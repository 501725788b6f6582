// What is adopted survives a power loss, also after the disk has failed a sync: Linux tells of that
// once, and what was not written then no later sync writes.
#include <doctest/doctest.h>

#include <fstream>

#include "disk.h"
#include "outbox/file.h"
#include "outbox/sync_log.h"
#include "scene.h"
#include "testing/simulated_driver.h"

namespace troth::internal {
namespace {

using outbox::File;
using sim::Disk;
using sim::DiskOperation;

// The application's database on a simulated disk that is SQLite's default one; for the rest of the
// system an empty file stands in its place.
struct SimulatedShop {
  SimulatedShop() {
    const std::ofstream file(app);
    disk.MakeDefault();
    MakeShop(app);
    Database db(app);
    REQUIRE(File::Open(app).ok());
    db.Run("PRAGMA wal_checkpoint(TRUNCATE)");
    REQUIRE(disk.files().SyncFolderOf(app).ok());
  }
  void LosePower() {
    testing::SeededRandom random(1);
    disk.LosePower(sim::Loss::kDropAll, random);
  }

  TemporaryFolder folder;
  std::string app = folder.File("app.db");
  Disk disk{1};
};

// As an application does it that does not sync its commits.
void CommitOrder(Database& db, const std::string& gid) {
  REQUIRE(db.Run("PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; BEGIN IMMEDIATE") ==
          SQLITE_OK);
  REQUIRE(db.AddOrder(gid) == SQLITE_OK);
  REQUIRE(db.Run("INSERT INTO troth_outbox(gid, document) VALUES('" + gid + "', 'd')") ==
          SQLITE_OK);
  REQUIRE(db.Run("COMMIT") == SQLITE_OK);
}

const auto kNoneKnown = [](const std::string&) { return false; };

TEST_CASE("outbox: what was read after a failed sync is durable all the same") {
  SimulatedShop shop;
  {
    Database db(shop.app);
    const auto file = File::Open(shop.app);
    REQUIRE(file.ok());
    CommitOrder(db, "one");
    shop.disk.Plan({.operation = DiskOperation::kSync});
    CHECK((*file)->Read(kNoneKnown).status().code() == StatusCode::kUnavailable);
    const auto view = (*file)->Read(kNoneKnown);
    REQUIRE_MESSAGE(view.ok(), view.status().ToString());
    CHECK(view->fresh.size() == 1);
    CHECK_FALSE(outbox::LogIsInDoubt(db.get()));
    shop.LosePower();
  }
  CHECK(Database(shop.app).Has("one"));
}

TEST_CASE("outbox: a log in doubt waits for the application's own transaction") {
  SimulatedShop shop;
  Database db(shop.app, /*busy_ms=*/0);
  const auto file = File::Open(shop.app);
  REQUIRE(file.ok());
  CommitOrder(db, "one");
  shop.disk.Plan({.operation = DiskOperation::kSync});
  CHECK_FALSE((*file)->Read(kNoneKnown).ok());
  REQUIRE(db.Run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK((*file)->Read(kNoneKnown).status().code() == StatusCode::kUnavailable);
  REQUIRE(db.Run("COMMIT") == SQLITE_OK);
  CHECK((*file)->Read(kNoneKnown).ok());
}

TEST_CASE("outbox: on the application's connection, too, a failed sync is made good") {
  SimulatedShop shop;
  {
    Database db(shop.app);
    CommitOrder(db, "one");
    shop.disk.Plan({.operation = DiskOperation::kSync});
    CHECK_FALSE(outbox::SyncLog(db.get()).ok());
    CHECK(outbox::LogIsInDoubt(db.get()));
    CHECK(outbox::SyncLog(db.get()).ok());
    CHECK(sqlite3_get_autocommit(db.get()) != 0);
    shop.LosePower();
  }
  CHECK(Database(shop.app).Has("one"));
}

}  // namespace
}  // namespace troth::internal
