// DoAndSubmit, failure by failure (M13 to M17 of the protocol's behaviours).
#include <doctest/doctest.h>

#include "base/text.h"
#include "outbox/check_back.h"
#include "scene.h"
#include "troth/sqlite.h"

namespace troth::internal {

namespace {

Message Delivery(std::string gid) {
  Message message;
  message.gid = std::move(gid);
  message.Add({.action = "local:deliver", .payload = "1"});
  return message;
}

TransactionStatus StatusOf(Shop& shop, const std::string& gid) {
  const auto record = shop->Query(gid);
  REQUIRE(record.ok());
  return record->status;
}

BranchContext MessageContext(const std::string& gid) {
  return {.gid = gid, .trans_type = "msg", .branch_id = "00", .op = "msg"};
}

// As DoAndSubmit makes it.
std::string CheckBackUrl(Shop& shop) {
  Database db(shop.app());
  const int64_t length = db.Int("SELECT length(document) FROM troth_outbox WHERE gid = ''");
  std::string id;
  for (int64_t i = 1; i <= length; ++i) {
    id += static_cast<char>(db.Int(Concat("SELECT unicode(substr(CAST(document AS TEXT), ", i,
                                          ", 1)) FROM troth_outbox WHERE gid = ''")));
  }
  return outbox::CheckBackUrlOf(id, shop.app());
}

struct Doing : Shop {
  Doing() : db(app()) { REQUIRE(Open().ok()); }
  Result<Accepted> Do(const std::string& gid, BranchResult result) {
    return DoAndSubmit(*coordinator, Delivery(gid), db.get(), [&, result] {
      CHECK(db.AddOrder(gid) == SQLITE_OK);
      return result;
    });
  }
  Database db;
};

}  // namespace

TEST_CASE("DoAndSubmit: the work commits, the message is delivered (M13)") {
  Doing shop;
  const auto accepted = shop.Do("one", BranchResult::Success());
  REQUIRE_MESSAGE(accepted.ok(), accepted.status().ToString());
  CHECK(shop.db.Has("one"));
  CHECK(shop->Wait("one", 10s)->succeeded());
  CHECK(*shop.calls == 1);
}

TEST_CASE("DoAndSubmit: a failure of the work rolls back and aborts (M14)") {
  Doing shop;
  const auto accepted = shop.Do("one", BranchResult::Failure("sold out"));
  CHECK(accepted.status().code() == StatusCode::kAborted);
  CHECK(accepted.status().message().find("sold out") != std::string::npos);
  CHECK_FALSE(shop.db.Has("one"));
  CHECK(StatusOf(shop, "one") == TransactionStatus::kFailed);
  CHECK(*shop.calls == 0);
}

TEST_CASE("DoAndSubmit: work without a result is rolled back, and the row is asked (M15)") {
  Doing shop;
  CHECK(shop.Do("one", BranchResult::Unknown("no idea")).status().code() == StatusCode::kAborted);
  CHECK_FALSE(shop.db.Has("one"));
  CHECK(StatusOf(shop, "one") == TransactionStatus::kFailed);
  const auto thrown = DoAndSubmit(*shop, Delivery("two"), shop.db.get(),
                                  []() -> BranchResult { throw std::runtime_error("oops"); });
  CHECK(thrown.status().code() == StatusCode::kAborted);
  CHECK(StatusOf(shop, "two") == TransactionStatus::kFailed);
}

TEST_CASE("DoAndSubmit: an error after the commit submits, and is returned all the same (M15)") {
  Doing shop;
  const auto accepted = DoAndSubmit(*shop, Delivery("one"), shop.db.get(), [&] {
    shop.db.AddOrder("one");
    shop.db.Run("COMMIT");  // as a commit whose answer is lost
    return BranchResult::Unknown("connection lost");
  });
  CHECK(accepted.status().code() == StatusCode::kUnknown);
  CHECK(shop.db.Has("one"));
  CHECK(shop->Wait("one", 10s)->succeeded());
}

TEST_CASE("DoAndSubmit: work that comes after the check-back is refused (M16, B10)") {
  Doing shop;
  REQUIRE(SqliteBarrier::CreateTable(shop.db.get()).ok());
  SqliteBarrier early(MessageContext("one"));
  CHECK(early.QueryPrepared(shop.db.get()).verdict() == BranchResult::Verdict::kFailure);
  bool ran = false;
  const auto accepted = DoAndSubmit(*shop, Delivery("one"), shop.db.get(), [&] {
    ran = true;
    return BranchResult::Success();
  });
  CHECK_FALSE(ran);
  CHECK(accepted.status().code() == StatusCode::kAborted);
  CHECK(accepted.status().message().find("DUPLICATED") != std::string::npos);
  CHECK(StatusOf(shop, "one") == TransactionStatus::kFailed);
}

TEST_CASE(
    "DoAndSubmit: repeated, it runs nothing again, and says whether the message is submitted") {
  Doing shop;
  REQUIRE(shop.Do("one", BranchResult::Success()).ok());
  const auto never = []() -> BranchResult {
    CHECK_MESSAGE(false, "was run");
    return BranchResult::Success();
  };
  const auto again = [&](const std::string& gid) {
    return DoAndSubmit(*shop, Delivery(gid), shop.db.get(), never).status();
  };
  CHECK(again("one").code() == StatusCode::kAlreadyExists);
  CHECK(again("one").message().find("is submitted") != std::string::npos);
  CHECK(shop->Wait("one", 10s)->succeeded());
  CHECK(again("one").code() == StatusCode::kAlreadyExists);  // ended, too
  CHECK(shop.Do("two", BranchResult::Failure("no")).status().code() == StatusCode::kAborted);
  CHECK(again("two").code() == StatusCode::kFailedPrecondition);
  CHECK(again("two").message().find("is failed") != std::string::npos);
  Message other = Delivery("one");
  other.steps[0].payload = "2";
  const Status taken = DoAndSubmit(*shop, other, shop.db.get(), never).status();
  CHECK(taken.code() == StatusCode::kAlreadyExists);
  CHECK(taken.message().find("another content") != std::string::npos);
}

TEST_CASE("DoAndSubmit: nothing is run when prepare fails (M17)") {
  Doing shop;
  const auto never = []() -> BranchResult {
    CHECK_MESSAGE(false, "was run");
    return BranchResult::Success();
  };
  REQUIRE(shop->Submit(OneStep("taken")).ok());
  CHECK(DoAndSubmit(*shop, Delivery("taken"), shop.db.get(), never).status().code() ==
        StatusCode::kAlreadyExists);
  CHECK(shop->Close().ok());
  CHECK(DoAndSubmit(*shop, Delivery("one"), shop.db.get(), never).status().code() ==
        StatusCode::kFailedPrecondition);
}

TEST_CASE("DoAndSubmit: a database that is not named needs a check-back of the caller's own") {
  Doing shop;
  Database memory(":memory:");
  const auto done = [] { return BranchResult::Success(); };
  CHECK(DoAndSubmit(*shop, Delivery("one"), memory.get(), done).status().code() ==
        StatusCode::kInvalidArgument);
  Message own = Delivery("one");
  own.query_prepared = "local:deliver";
  CHECK(DoAndSubmit(*shop, own, memory.get(), done).ok());
  memory.Run("BEGIN");
  CHECK(DoAndSubmit(*shop, own, memory.get(), done).status().code() ==
        StatusCode::kFailedPrecondition);
}

TEST_CASE("DoAndSubmit: a busy database leaves the message to the check-back, which finds no row") {
  Doing shop;
  Database impatient(shop.app(), 0);
  REQUIRE(SqliteBarrier::CreateTable(shop.db.get()).ok());
  REQUIRE(shop.db.Run("BEGIN IMMEDIATE") == SQLITE_OK);
  Message message = Delivery("one");
  message.timeout_to_fail = 100ms;
  CHECK(DoAndSubmit(*shop, message, impatient.get(), [] { return BranchResult::Success(); })
            .status()
            .code() == StatusCode::kUnavailable);
  CHECK(StatusOf(shop, "one") == TransactionStatus::kPrepared);
  shop.db.Run("COMMIT");
  CHECK(shop->Wait("one", 20s)->status == TransactionStatus::kFailed);
}

TEST_CASE("DoAndSubmit: without its database the check-back waits, and says for what") {
  Doing shop;
  Message message = Delivery("one");
  message.timeout_to_fail = 1ms;
  // Prepared, committed, and never submitted: as after a crash.
  REQUIRE(SqliteBarrier::CreateTable(shop.db.get()).ok());
  message.query_prepared = CheckBackUrl(shop);
  CHECK(shop->Pause().ok());
  REQUIRE(shop->Prepare(message).ok());
  SqliteBarrier barrier(MessageContext("one"));
  CHECK(barrier.Call(shop.db.get(), [] { return BranchResult::Success(); }).verdict() ==
        BranchResult::Verdict::kSuccess);
  shop.coordinator.reset();

  CoordinatorOptions options = shop.Options();
  options.outboxes.clear();
  {
    auto without = Coordinator::Open(options);
    REQUIRE(without.ok());
    const auto waited = without->Wait("one", 2s);
    CHECK(waited.status().code() == StatusCode::kDeadlineExceeded);
    const auto record = without->Query("one");
    CHECK(record->status == TransactionStatus::kPrepared);
    CHECK(record->parked == ReasonCode::kNotCallable);
  }
  REQUIRE(shop.Open().ok());
  CHECK(shop->Wait("one", 20s)->succeeded());
}

}  // namespace troth::internal
