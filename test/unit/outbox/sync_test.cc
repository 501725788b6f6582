// What is adopted survives a power loss, also after the disk has failed a sync: Linux tells of that
// once, and what was not written then no later sync writes.
#include <doctest/doctest.h>

#include <fstream>
#include <optional>

#include "disk.h"
#include "outbox/check_back.h"
#include "outbox/file.h"
#include "outbox/sync_log.h"
#include "scene.h"
#include "testing/simulated_driver.h"
#include "troth/testing/world.h"

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

// Every commit that the outbox makes in that file syncs the log; where that fails, so has the sync
// of what others have committed.
struct OneUnsynced : SimulatedShop {
  OneUnsynced() {
    REQUIRE(outbox::EnsureBarrierTable(db->get()).ok());
    REQUIRE(file.ok());
    CommitOrder(*db, "one");
    CommitOrder(*db, "two");
  }
  // What is adopted from now on is there after a power loss.
  void CheckAdopted() {
    const auto view = (*file)->Read(kNoneKnown);
    REQUIRE_MESSAGE(view.ok(), view.status().ToString());
    CHECK(view->fresh.size() == 2);
    LosePower();
    db.reset();
    file = Status(StatusCode::kCancelled, "closed");
    CHECK(Database(app).Has("one"));
  }
  BranchContext Ask() const {
    return {.gid = "message",
            .trans_type = "msg",
            .branch_id = "00",
            .op = "msg",
            .coordinator = {},
            .phase2_url = {},
            .headers = {}};
  }

  std::optional<Database> db{app};
  Result<std::unique_ptr<File>> file = File::Open(app);
};

TEST_CASE("outbox: a mark that can't be synced leaves the log in doubt") {
  OneUnsynced shop;
  shop.disk.Plan({.operation = DiskOperation::kSync});
  CHECK_FALSE((*shop.file)->MarkRefused("two", "why").ok());
  shop.CheckAdopted();
}

TEST_CASE("outbox: a sweep that can't be synced leaves the log in doubt") {
  OneUnsynced shop;
  shop.disk.Plan({.operation = DiskOperation::kSync});
  CHECK_FALSE((*shop.file)->Delete({"two"}).ok());
  shop.CheckAdopted();
}

TEST_CASE("outbox: a check-back that can't be synced leaves the log in doubt") {
  OneUnsynced shop;
  const LocalFunction check_back = outbox::CheckBackOn(shop.app);
  shop.disk.Plan({.operation = DiskOperation::kSync});
  CHECK(check_back(shop.Ask(), {}, {}).verdict() == BranchResult::Verdict::kUnknown);
  shop.CheckAdopted();
}

TEST_CASE("outbox: whoever is busy leaves no doubt") {
  OneUnsynced shop;
  Database other(shop.app);
  REQUIRE(other.Run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK_FALSE((*shop.file)->MarkRefused("two", "why").ok());
  CHECK_FALSE((*shop.file)->Delete({"two"}).ok());
  CHECK_FALSE(outbox::LogIsInDoubt(other.get()));
}

TEST_CASE("DoAndSubmit: a commit that can't be synced leaves the log in doubt") {
  SimulatedShop shop;
  testing::WorldOptions options;
  options.coordinator.outboxes = {shop.app};
  testing::World world(options);
  Database db(shop.app);
  Database careful(shop.app);  // at SQLite's default, which is FULL
  Message message;
  message.gid = "message";
  message.Add({.action = "http://shop/deliver", .payload = "1"});
  REQUIRE(outbox::EnsureBarrierTable(db.get()).ok());
  CommitOrder(db, "one");
  const auto done = DoAndSubmit(world.coordinator(), message, careful.get(), [&] {
    CHECK(careful.AddOrder("message") == SQLITE_OK);
    shop.disk.Plan({.operation = DiskOperation::kSync});
    return BranchResult::Success();
  });
  CHECK(done.status().code() == StatusCode::kAborted);
  CHECK(outbox::SyncLog(db.get()).ok());  // as whoever adopts does
  shop.LosePower();
  CHECK(Database(shop.app).Has("one"));
}

}  // namespace
}  // namespace troth::internal
