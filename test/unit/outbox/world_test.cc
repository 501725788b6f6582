// Outboxes in the test kit: real files, virtual time.
#include <doctest/doctest.h>

#include "scene.h"
#include "troth/testing/world.h"

namespace troth::testing {
namespace {

using namespace std::chrono_literals;
using internal::Database;

std::string NewShop(const internal::TemporaryFolder& folder) {
  std::string path = folder.File("app.db");
  internal::MakeShop(path);
  return path;
}

struct ShopWorld {
  explicit ShopWorld(std::chrono::milliseconds patience_of_callers = 10s)
      : patience(patience_of_callers) {}

  WorldOptions Options() {
    WorldOptions options;
    options.coordinator.outboxes = {app};
    options.coordinator.patience = patience;
    options.commit_time = 5ms;
    options.coordinator.local = {
        {"deliver", [this](const BranchContext&, std::string_view, std::stop_token) {
           ++calls;
           return BranchResult::Success();
         }}};
    options.coordinator.on_event = [this](const Event& event) {
      if (event.kind == EventKind::kOutboxRefused) refused.push_back(event.gid);
    };
    return options;
  }
  Coordinator& coordinator() { return world.coordinator(); }
  bool Knows(const std::string& gid) { return coordinator().Query(gid).ok(); }

  const std::chrono::milliseconds patience;
  internal::TemporaryFolder folder;
  std::string app = NewShop(folder);
  int calls = 0;
  std::vector<std::string> refused;
  World world{Options()};
  Database db{app};
};

Message Delivery(std::string gid) {
  Message message;
  message.gid = std::move(gid);
  message.Add({.action = "local:deliver", .payload = "1"});
  return message;
}

TEST_CASE("world: one commit, and the ticket waits in virtual time") {
  ShopWorld shop;
  shop.db.Run("BEGIN IMMEDIATE");
  auto ticket = SubmitInTransaction(shop.coordinator(), shop.db.get(), internal::OneStep("one"));
  REQUIRE_MESSAGE(ticket.ok(), ticket.status().ToString());
  CHECK_FALSE(shop.Knows("one"));
  shop.db.Run("COMMIT");
  CHECK(ticket->WaitAdopted(1s).ok());
  CHECK(shop.coordinator().Wait("one", 1min)->succeeded());
  CHECK(shop.calls == 1);
}

TEST_CASE("world: an adoption that takes longer than a caller's patience is known to be done") {
  ShopWorld shop(/*patience_of_callers=*/1ms);
  shop.db.Run("BEGIN IMMEDIATE");
  auto ticket = SubmitInTransaction(shop.coordinator(), shop.db.get(), internal::OneStep("one"));
  REQUIRE(ticket.ok());
  shop.db.Run("COMMIT");
  CHECK(ticket->WaitAdopted(1s).ok());
  CHECK(shop.coordinator().GetHealth().outboxes[0].waiting == 0);
}

TEST_CASE("world: a ticket that was moved from says so") {
  ShopWorld shop;
  shop.db.Run("BEGIN IMMEDIATE");
  auto ticket = SubmitInTransaction(shop.coordinator(), shop.db.get(), internal::OneStep("one"));
  REQUIRE(ticket.ok());
  shop.db.Run("COMMIT");
  OutboxTicket moved = *std::move(ticket);
  CHECK(ticket->WaitAdopted(1s).status().code() == StatusCode::kFailedPrecondition);
  CHECK(ticket->gid().empty());
  CHECK(moved.gid() == "one");
  CHECK(moved.WaitAdopted(1s).ok());
}

TEST_CASE("world: what is rolled back never was") {
  ShopWorld shop;
  shop.db.Run("BEGIN IMMEDIATE");
  auto ticket = SubmitInTransaction(shop.coordinator(), shop.db.get(), internal::OneStep("one"));
  REQUIRE(ticket.ok());
  shop.db.Run("ROLLBACK");
  CHECK(ticket->WaitAdopted(1s).status().code() == StatusCode::kNotFound);
}

TEST_CASE("world: a ticket that is destroyed before COMMIT finds it all the same") {
  ShopWorld shop;
  shop.db.Run("BEGIN IMMEDIATE");
  REQUIRE(SubmitInTransaction(shop.coordinator(), shop.db.get(), internal::OneStep("one")).ok());
  shop.world.Advance(100ms);
  CHECK_FALSE(shop.Knows("one"));
  shop.db.Run("COMMIT");
  shop.world.Advance(20ms);  // it looks after 1, 3, 7, 15, 31, 63, 127, … ms
  CHECK_FALSE(shop.Knows("one"));
  shop.world.Advance(10ms);
  CHECK(shop.Knows("one"));
}

TEST_CASE("world: committed, and crashed before anybody looked: the next life adopts it") {
  ShopWorld shop;
  shop.db.Run("BEGIN IMMEDIATE");
  auto ticket = SubmitInTransaction(shop.coordinator(), shop.db.get(), internal::OneStep("one"));
  REQUIRE(ticket.ok());
  shop.db.Run("COMMIT");
  shop.world.Crash();
  CHECK(ticket->WaitAdopted(1s).status().code() == StatusCode::kFailedPrecondition);
  REQUIRE(shop.world.Reopen().ok());
  CHECK(shop.coordinator().Wait("one", 1min)->succeeded());
  CHECK(shop.calls == 1);
}

TEST_CASE("world: crashed at every effect from COMMIT on, the saga runs all the same") {
  for (size_t n = 1; n < 20; ++n) {
    CAPTURE(n);
    ShopWorld shop;
    shop.db.Run("BEGIN IMMEDIATE");
    auto ticket = SubmitInTransaction(shop.coordinator(), shop.db.get(), internal::OneStep("one"));
    REQUIRE(ticket.ok());
    shop.db.Run("COMMIT");
    shop.world.CrashAfter(n);
    (void)ticket->WaitAdopted(1s);
    (void)shop.coordinator().Wait("one", 1min);
    REQUIRE(shop.world.Reopen().ok());
    CHECK(shop.coordinator().Wait("one", 1min)->succeeded());
  }
}

TEST_CASE("world: a gid that another took before the COMMIT is told as an event, once in a life") {
  ShopWorld shop;
  shop.db.Run("BEGIN IMMEDIATE");
  auto ticket =
      SubmitInTransaction(shop.coordinator(), shop.db.get(), internal::OneStep("one", "mine"));
  REQUIRE(ticket.ok());
  REQUIRE(shop.coordinator().Submit(internal::OneStep("one", "another's")).ok());
  shop.db.Run("COMMIT");
  CHECK(ticket->WaitAdopted(1s).status().code() == StatusCode::kAlreadyExists);
  CHECK(PokeOutboxes(shop.coordinator()).ok());
  shop.world.Advance(1s);
  CHECK(shop.refused == std::vector<std::string>{"one"});
  REQUIRE(shop.world.Reopen().ok());
  shop.world.Advance(1s);
  CHECK(shop.refused == std::vector<std::string>{"one", "one"});
}

TEST_CASE("world: rows that are done are swept after ten quiet minutes, or past 1,000") {
  ShopWorld shop;
  const auto rows = [&] {
    return shop.db.Int("SELECT count(*) FROM troth_outbox WHERE gid <> ''");
  };
  const auto submit = [&](int count) {
    shop.db.Run("BEGIN IMMEDIATE");
    for (int i = 0; i < count; ++i) {
      REQUIRE(SubmitInTransaction(shop.coordinator(), shop.db.get(), internal::OneStep()).ok());
    }
    shop.db.Run("COMMIT");
    CHECK(PokeOutboxes(shop.coordinator()).ok());
  };
  submit(3);
  shop.world.Advance(9min);
  CHECK(rows() == 3);
  shop.world.Advance(2min);
  CHECK(rows() == 0);
  submit(1'001);
  shop.world.Advance(1s);
  CHECK(rows() == 0);
}

TEST_CASE("world: DoAndSubmit, crashed at every effect: order and message agree") {
  size_t crashes = 0;
  for (size_t n = 1;; ++n) {
    CAPTURE(n);
    ShopWorld shop;
    shop.world.CrashAfter(n);
    (void)DoAndSubmit(shop.coordinator(), Delivery("one"), shop.db.get(), [&] {
      CHECK(shop.db.AddOrder("one") == SQLITE_OK);
      return BranchResult::Success();
    });
    shop.world.RunUntilIdle();
    const bool crashed = shop.world.crashed();
    crashes += crashed ? 1 : 0;
    REQUIRE(shop.world.Reopen().ok());
    const auto outcome = shop.coordinator().Wait("one", 10min);
    const bool delivered = outcome.ok() && outcome->succeeded();
    CHECK(shop.db.Has("one") == delivered);
    CHECK((shop.calls > 0) == delivered);
    if (!crashed) break;
  }
  CHECK(crashes >= 5);
}

}  // namespace
}  // namespace troth::testing
