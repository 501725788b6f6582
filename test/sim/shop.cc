#include "shop.h"

#include <sqlite3.h>

#include <map>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "disk_fault.h"
#include "outbox/check_back.h"
#include "outbox/sync_log.h"
#include "sqlite/session.h"
#include "troth/sqlite.h"

namespace troth::sim {

using internal::Concat;
using internal::session::Statement;

namespace {

// The outbox asks the system, too, which file a path is. Nothing is ever read from this one; it is
// everywhere under the same name, so that the same seed gives the same bytes.
constexpr char kPath[] = "/proc/version";
// In place of one that is drawn from the clock.
constexpr char kOutboxId[] = "simulated";

// False: it can't be read to its end.
bool ReadRows(sqlite3* db, const std::string& sql, const std::function<void(Statement&)>& row) {
  Statement rows(db, sql, "look at the shop");
  for (;;) {
    const Result<bool> there = rows.Step();
    if (!there.ok()) return false;
    if (!*there) return true;
    row(rows);
  }
}

}  // namespace

std::string Shop::path() { return kPath; }

std::string Shop::CheckBackUrl() { return internal::outbox::CheckBackUrlOf(kOutboxId, kPath); }

Shop::Shop(const PlannedShop& planned, uint64_t seed) : planned_(planned), disk_(seed) {
  disk_.MakeDefault();
  Database db(disk_, kPath);
  const auto run = [&](const std::string& sql) { TROTH_CHECK(db.Run(sql) == SQLITE_OK); };
  run("PRAGMA journal_mode=WAL");
  run("CREATE TABLE orders(id INTEGER PRIMARY KEY, gid TEXT)");
  run("CREATE TABLE troth_outbox("
      "gid TEXT PRIMARY KEY NOT NULL, document BLOB NOT NULL, refused TEXT)");
  run(Concat("INSERT INTO troth_outbox(gid, document) VALUES('', '", kOutboxId, "')"));
  TROTH_CHECK(SqliteBarrier::CreateTable(db.get()).ok());
  run("PRAGMA wal_checkpoint(TRUNCATE)");
  TROTH_CHECK(disk_.files().SyncFolderOf(kPath).ok());
}

Shop::~Shop() { ForgetDoubts(); }

std::unique_ptr<Database> Shop::Connect() {
  auto db = std::make_unique<Database>(disk_, kPath);
  if (db->opened() != SQLITE_OK) return nullptr;
  const char* synchronous = planned_.synced ? "FULL" : "NORMAL";
  const int set = db->Run(Concat("PRAGMA synchronous=", synchronous,
                                 ";PRAGMA wal_autocheckpoint=", planned_.checkpoint_frames));
  return set == SQLITE_OK ? std::move(db) : nullptr;
}

int64_t Shop::Orders(Database& db, const std::string& gid) {
  return db.Int(Concat("SELECT count(*) FROM orders WHERE gid = '", gid, "'"));
}

int Shop::AddOrder(Database& db, const std::string& gid) {
  return db.Run(Concat("INSERT INTO orders(gid) VALUES('", gid, "')"));
}

// What it finds must be durable before it is told: an answer can't be taken back.
BranchResult Shop::CheckBack(const BranchContext& context) {
  const auto db = Connect();
  if (db == nullptr) return BranchResult::Unknown("no connection");
  if (db->Run("PRAGMA synchronous=FULL") != SQLITE_OK) return BranchResult::Unknown("not set up");
  BranchResult result = SqliteBarrier(context).QueryPrepared(db->get());
  const bool committed = result.verdict() == BranchResult::Verdict::kSuccess;
  if (committed && !internal::outbox::SyncLog(db->get()).ok()) {
    return BranchResult::Unknown("not synced");
  }
  return result;
}

void Shop::Crash() {
  CutAt(0, nullptr);
  disk_.Crash();
  ForgetDoubts();
}

void Shop::LosePower(Dice& dice) {
  CutAt(0, nullptr);
  disk_.LosePower(dice.Of({Loss::kDropAll, Loss::kKeepAll, Loss::kRandom, Loss::kRandom}), dice);
  ForgetDoubts();
}

void Shop::CutAt(uint64_t n, std::function<void()> tell) {
  disk_.WhenCut(std::move(tell));
  disk_.CutPowerAt(n);
  disk_.CutPowerAtFailure(false);
}

void Shop::CutAtFailure(std::function<void()> tell) {
  disk_.WhenCut(std::move(tell));
  disk_.CutPowerAtFailure(true);
}

// The outbox remembers for its process which files had a sync that failed. The next life is another
// process, which has not seen that: a good sync of a file of that name, elsewhere, settles it.
void Shop::ForgetDoubts() {
  const Disk elsewhere(1);
  Database db(elsewhere, kPath);
  if (!internal::outbox::LogIsInDoubt(db.get())) return;
  TROTH_CHECK(internal::outbox::SyncLog(db.get()).ok());
}

void Shop::Begin(const StoreFault& fault) { BeginFault(disk_, fault); }

void Shop::End(const StoreFault& fault) { EndFault(disk_, fault); }

void Shop::ForgetFaults() {
  disk_.ForgetFaults();
  CutAt(0, nullptr);
}

// Without a checkpoint when it is closed: a look changes nothing.
void Shop::Look(Recorder& recorder) {
  const auto db = Connect();
  if (db == nullptr) return;
  sqlite3_db_config(db->get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  std::map<std::string, ShopRow> rows;
  const auto row_of = [&](const std::string& gid) -> ShopRow& {
    ShopRow& row = rows[gid];
    row.gid = gid;
    return row;
  };
  const bool read = ReadRows(db->get(), "SELECT gid FROM orders",
                             [&](const Statement& row) { ++row_of(row.Text(0)).orders; }) &&
                    ReadRows(db->get(), "SELECT gid, refused FROM troth_outbox WHERE gid <> ''",
                             [&](const Statement& row) {
                               ShopRow& one = row_of(row.Text(0));
                               one.in_outbox = true;
                               one.refused = !row.IsNull(1);
                             });
  if (!read) return;
  ShopImage image{.when = recorder.Now(), .rows = {}};
  for (auto& [gid, row] : rows) image.rows.push_back(std::move(row));
  recorder.log().shop.push_back(std::move(image));
}

}  // namespace troth::sim
