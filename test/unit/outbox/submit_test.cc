// One commit, while nothing crashes: what the application can do with its transaction and ticket.
#include <doctest/doctest.h>

#include <thread>

#include "scene.h"

namespace troth::internal {

TEST_CASE("outbox: the order and its saga come with one COMMIT, and the row goes with the next") {
  Shop shop;
  REQUIRE(shop.Open().ok());
  Database db(shop.app());
  for (const char* gid : {"one", "two"}) {
    CHECK(db.Run("BEGIN IMMEDIATE") == SQLITE_OK);
    CHECK(db.AddOrder(gid) == SQLITE_OK);
    const int64_t id = sqlite3_last_insert_rowid(db.get());
    auto ticket = SubmitInTransaction(*shop, db.get(), OneStep(gid));
    REQUIRE_MESSAGE(ticket.ok(), ticket.status().ToString());
    CHECK(sqlite3_last_insert_rowid(db.get()) == id);
    CHECK(ticket->WaitAdopted(1s).status().code() == StatusCode::kFailedPrecondition);
    CHECK(db.Run("COMMIT") == SQLITE_OK);
    const auto adopted = ticket->WaitAdopted(10s);
    REQUIRE_MESSAGE(adopted.ok(), adopted.status().ToString());
    CHECK(shop->Wait(gid, 10s)->succeeded());
  }
  CHECK(*shop.calls == 2);
  CHECK(db.Int("SELECT count(*) FROM troth_outbox WHERE gid <> ''") == 1);
  CHECK(shop->GetHealth().outboxes.at(0).problem.empty());
}

TEST_CASE("outbox: what is rolled back never was") {
  Shop shop;
  REQUIRE(shop.Open().ok());
  Database db(shop.app());
  db.Run("BEGIN IMMEDIATE");
  auto ticket = SubmitInTransaction(*shop, db.get(), OneStep("one"));
  REQUIRE(ticket.ok());
  db.Run("ROLLBACK");
  CHECK(ticket->WaitAdopted(10s).status().code() == StatusCode::kNotFound);
  CHECK(shop->Query("one").status().code() == StatusCode::kNotFound);
}

TEST_CASE("outbox: what nobody committed in time is found by a poke, or by the next ticket") {
  Shop shop;
  Database db(shop.app());
  REQUIRE(shop.Open().ok());
  // A row of which no ticket is left: its process died after COMMIT.
  db.Run("BEGIN IMMEDIATE");
  { auto ticket = SubmitInTransaction(*shop, db.get(), OneStep("one")); }
  shop.coordinator.reset();
  db.Run("COMMIT");
  REQUIRE(shop.Open().ok());
  CHECK(shop->Query("one").ok());  // adopted before Open answered
  CHECK(PokeOutboxes(*shop).ok());
  CHECK(shop->Wait("one", 10s)->succeeded());
}

TEST_CASE("outbox: a gid that is taken is refused, and the application's transaction goes on") {
  Shop shop;
  REQUIRE(shop.Open().ok());
  Database db(shop.app());
  REQUIRE(shop->Submit(OneStep("taken")).ok());
  db.Run("BEGIN IMMEDIATE");
  db.AddOrder("mine");
  CHECK(SubmitInTransaction(*shop, db.get(), OneStep("taken")).status().code() ==
        StatusCode::kAlreadyExists);
  CHECK(SubmitInTransaction(*shop, db.get(), OneStep("twice")).ok());
  CHECK(SubmitInTransaction(*shop, db.get(), OneStep("twice")).status().code() ==
        StatusCode::kAlreadyExists);
  CHECK(SubmitInTransaction(*shop, db.get(), Saga{}).status().code() ==
        StatusCode::kInvalidArgument);
  CHECK(db.Run("COMMIT") == SQLITE_OK);
  CHECK(db.Has("mine"));
  CHECK(db.Int("SELECT count(*) FROM troth_outbox WHERE gid <> ''") == 1);
}

TEST_CASE("outbox: a gid that another took before the COMMIT leaves a refused row") {
  Shop shop;
  REQUIRE(shop.Open().ok());
  Database db(shop.app());
  db.Run("BEGIN IMMEDIATE");
  auto ticket = SubmitInTransaction(*shop, db.get(), OneStep("one", "mine"));
  REQUIRE(ticket.ok());
  REQUIRE(shop->Submit(OneStep("one", "another's")).ok());
  db.Run("COMMIT");
  CHECK(ticket->WaitAdopted(10s).status().code() == StatusCode::kAlreadyExists);
  const auto refused = [&] { return shop->GetHealth().outboxes.at(0).refused; };
  REQUIRE(refused().size() == 1);
  CHECK(refused()[0].gid == "one");
  shop.coordinator.reset();
  CHECK(db.Int("SELECT count(*) FROM troth_outbox WHERE refused IS NOT NULL") == 1);

  REQUIRE(shop.Open().ok());
  CHECK(refused().size() == 1);
  db.Run("DELETE FROM troth_outbox WHERE gid = 'one'");  // a person has settled it
  REQUIRE(shop.Open().ok());
  CHECK(refused().empty());
}

TEST_CASE("outbox: it adopts while the application holds the write lock") {
  Shop shop;
  REQUIRE(shop.Open().ok());
  Database db(shop.app());
  Database other(shop.app());
  db.Run("BEGIN IMMEDIATE");
  auto ticket = SubmitInTransaction(*shop, db.get(), OneStep("one"));
  db.Run("COMMIT");
  CHECK(other.Run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK(other.AddOrder("long") == SQLITE_OK);
  CHECK(ticket->WaitAdopted(10s).ok());
  CHECK(shop->Wait("one", 10s)->succeeded());
  CHECK(other.Run("COMMIT") == SQLITE_OK);
}

// An application that reads before it writes is refused with SQLITE_BUSY as soon as anybody else
// has written in between.
int RefusedOf(Shop& shop, int count, bool busy) {
  Database db(shop.app());
  std::atomic<bool> stop = false;
  std::thread others([&] {
    while (busy && !stop) (void)shop->Submit(OneStep());
  });
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    const std::string gid = NewGid();
    db.Run("BEGIN");
    bool ok = db.Int("SELECT count(*) FROM orders WHERE id > 10") >= 0;
    ok = ok && db.AddOrder(gid) == SQLITE_OK;
    std::optional<OutboxTicket> ticket;
    if (busy && ok) {
      auto submitted = SubmitInTransaction(*shop, db.get(), OneStep(gid));
      ok = submitted.ok();
      if (ok) ticket.emplace(*std::move(submitted));
    }
    ok = ok && db.Run("COMMIT") == SQLITE_OK;
    if (!ok) db.Run("ROLLBACK");
    refused += ok ? 0 : 1;
  }
  stop = true;
  others.join();
  return refused;
}

TEST_CASE("outbox: transactions that read and then write are not refused more often beside it") {
  constexpr int kCount = 1'000;
  Shop shop;
  REQUIRE(shop.Open().ok());
  const int alone = RefusedOf(shop, kCount, false);
  const int beside = RefusedOf(shop, kCount, true);
  MESSAGE("refused of ", kCount, ": alone ", alone, ", beside a busy coordinator ", beside);
  CHECK(beside <= alone);
}

}  // namespace troth::internal
