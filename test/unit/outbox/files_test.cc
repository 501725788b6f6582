// Which databases and connections are refused, and that it is said clearly.
#include <doctest/doctest.h>

#include "scene.h"

namespace troth::internal {

namespace {

Status OpenWith(Shop& shop, std::vector<std::string> outboxes) {
  CoordinatorOptions options = shop.Options();
  options.outboxes = std::move(outboxes);
  return Coordinator::Open(std::move(options)).status();
}

Status SubmitOn(Shop& shop, sqlite3* db) {
  sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr);
  const Status status = SubmitInTransaction(*shop, db, OneStep()).status();
  sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
  return status;
}

}  // namespace

TEST_CASE("outbox: Open says which database can't be used") {
  Shop shop;
  const std::string other = shop.folder.File("other.db");
  CHECK(OpenWith(shop, {other}).code() == StatusCode::kNotFound);
  Database(other).Run("CREATE TABLE a(b)");
  const Status journal = OpenWith(shop, {other});
  CHECK(journal.code() == StatusCode::kFailedPrecondition);
  CHECK(journal.message().find("WAL") != std::string::npos);
  CHECK(OpenWith(shop, {shop.app(), shop.app()}).code() == StatusCode::kInvalidArgument);
  CHECK(OpenWith(shop, {shop.folder.path()}).code() == StatusCode::kInvalidArgument);
  const Status store = OpenWith(shop, {shop.Options().store});
  CHECK(store.code() == StatusCode::kInvalidArgument);
  CHECK(store.message().find("is a coordinator's store") != std::string::npos);
  Database(other).Run("PRAGMA journal_mode=WAL; CREATE TABLE troth_outbox(a)");
  CHECK(OpenWith(shop, {other}).code() == StatusCode::kFailedPrecondition);
  CHECK(OpenWith(shop, {shop.app()}).ok());
}

TEST_CASE("outbox: a copy of a database beside the original is refused") {
  Shop shop;
  REQUIRE(shop.Open().ok());
  shop.coordinator.reset();
  const std::string copy = shop.folder.File("copy.db");
  Database(shop.app()).Run("VACUUM INTO '" + copy + "'");
  Database(copy).Run("PRAGMA journal_mode=WAL");
  CHECK(OpenWith(shop, {shop.app(), copy}).code() == StatusCode::kInvalidArgument);
}

TEST_CASE("outbox: only the named file, as main, inside a transaction") {
  Shop shop;
  REQUIRE(shop.Open().ok());
  Database db(shop.app());
  CHECK(SubmitInTransaction(*shop, db.get(), OneStep()).status().code() ==
        StatusCode::kFailedPrecondition);
  CHECK(SubmitInTransaction(*shop, nullptr, OneStep()).status().code() ==
        StatusCode::kInvalidArgument);
  CHECK(SubmitOn(shop, db.get()).ok());

  Database memory(":memory:");
  CHECK(SubmitOn(shop, memory.get()).code() == StatusCode::kInvalidArgument);
  const std::string other = shop.folder.File("other.db");
  MakeShop(other);
  Database attached(other);
  attached.Run("ATTACH '" + shop.app() + "' AS shop");
  CHECK(SubmitOn(shop, attached.get()).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("outbox: another VFS than the default one is refused") {
  Shop shop;
  REQUIRE(shop.Open().ok());
  sqlite3_vfs copy = *sqlite3_vfs_find(nullptr);
  copy.zName = "troth-another";
  REQUIRE(sqlite3_vfs_register(&copy, 0) == SQLITE_OK);
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(shop.app().c_str(), &db, SQLITE_OPEN_READWRITE, copy.zName) == SQLITE_OK);
  CHECK(SubmitOn(shop, db).code() == StatusCode::kInvalidArgument);
  sqlite3_close(db);
  sqlite3_vfs_unregister(&copy);
}

TEST_CASE("outbox: without outboxes, closed or moved from there is an error and nothing else") {
  Shop shop;
  REQUIRE(shop.Open().ok());
  Database db(shop.app());
  db.Run("BEGIN IMMEDIATE");
  auto ticket = SubmitInTransaction(*shop, db.get(), OneStep("one"));
  REQUIRE(ticket.ok());
  db.Run("COMMIT");
  CHECK(shop->Close().ok());
  CHECK_FALSE(ticket->WaitAdopted(1s).ok());
  CHECK(SubmitOn(shop, db.get()).code() == StatusCode::kFailedPrecondition);
  Coordinator moved = std::move(*shop);
  CHECK(SubmitOn(shop, db.get()).code() == StatusCode::kFailedPrecondition);
  CHECK(PokeOutboxes(*shop).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("outbox: names that begin with troth. are the library's") {
  Shop shop;
  CoordinatorOptions options = shop.Options();
  options.local[0].name = "troth.outbox.mine";
  CHECK(Coordinator::Open(options).status().code() == StatusCode::kInvalidArgument);
  REQUIRE(shop.Open().ok());
  CHECK(shop->RegisterLocal(options.local[0]).code() == StatusCode::kInvalidArgument);
}

}  // namespace troth::internal
