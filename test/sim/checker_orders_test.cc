// The checks of the application's own database are shown to be able to fail.
#include <doctest/doctest.h>

#include "checker_sample.h"

namespace troth::sim {
namespace {

// A saga that came by one commit with its order, and what the application's database held then.
struct OrderedSaga {
  OrderedSaga() : sample(SucceededSaga()) {
    sample.log.wanted[0].order = Wanted::Order::kOneCommit;
    sample.log.api[0].what = Ask::kSubmitInTransaction;
    sample.log.end.settled = true;
    Look({.gid = sample.t.gid, .orders = 1, .in_outbox = true});
  }
  void Look(const ShopRow& row) {
    sample.log.shop.push_back({.when = sample.Now(), .rows = {row}});
  }
  ShopRow& row() { return sample.log.shop.back().rows[0]; }
  bool Breaks() const { return sample.Breaks(29); }

  Sample sample;
};

struct OrderedMessage : OrderedSaga {
  OrderedMessage() {
    sample = SentMessage();
    sample.log.wanted[0].order = Wanted::Order::kTwoPhases;
    for (ApiCall& call : sample.log.api) call.what = Ask::kDoAndSubmit;
    Look({.gid = sample.t.gid, .orders = 1});
  }
};

TEST_CASE("I29: an order and its transaction, one without the other") {
  OrderedSaga saga;
  REQUIRE_FALSE(saga.Breaks());
  SUBCASE("no transaction") {
    saga.row().in_outbox = false;
    CHECK_FALSE(saga.Breaks());
    saga.sample.log.stored.clear();
    saga.sample.log.end.image.rows.clear();
    CHECK(saga.Breaks());
  }
  SUBCASE("no order") {
    saga.row().orders = 0;
    saga.row().in_outbox = false;
    saga.sample.log.calls.clear();
    CHECK(saga.Breaks());
  }
  SUBCASE("an outbox row, and no order") {
    saga.row().orders = 0;
    CHECK(saga.Breaks());
  }
  SUBCASE("an outbox row that is refused for no reason") {
    saga.row().refused = true;
    CHECK(saga.Breaks());
    saga.sample.log.api.insert(saga.sample.log.api.begin(), saga.sample.log.api[0])->what =
        Ask::kSubmit;
    CHECK_FALSE(saga.Breaks());
  }
  SUBCASE("two orders") {
    saga.row().orders = 2;
    CHECK(saga.Breaks());
  }
}

TEST_CASE("I29: an order that was there is gone") {
  OrderedSaga saga;
  saga.Look({});
  SUBCASE("after a call had left") {
    saga.sample.log.stored.clear();
    saga.sample.log.end.image.rows.clear();
    CHECK(saga.Breaks());
  }
  SUBCASE("after its commit was told") {
    saga.sample.log.stored.clear();
    saga.sample.log.end.image.rows.clear();
    saga.sample.log.calls.clear();
    REQUIRE_FALSE(saga.Breaks());
    saga.sample.log.api[0].what = Ask::kCommitLocally;
    CHECK(saga.Breaks());
    // Unless it was never synced, and the power was lost.
    Stamp loss = saga.sample.log.api[0].began;
    ++loss.seq;
    saga.sample.log.faults.push_back(
        {.kind = Fault::Kind::kPowerLoss, .from = loss, .until = {}, .what = {}});
    CHECK_FALSE(saga.Breaks());
    saga.sample.log.api[0].synced = true;
    CHECK(saga.Breaks());
    // Or it stands in a log that an earlier life could not sync.
    Stamp earlier = saga.sample.log.api[0].began;
    --earlier.life;
    saga.sample.log.faults.push_back(
        {.kind = Fault::Kind::kShop, .from = earlier, .until = {}, .what = "sync 1 fails"});
    CHECK_FALSE(saga.Breaks());
    saga.sample.log.faults.back().what = "write 1 fails";
    CHECK(saga.Breaks());
  }
}

TEST_CASE("I29: two phases, and the local transaction says something else") {
  OrderedMessage message;
  REQUIRE_FALSE(message.Breaks());
  SUBCASE("submitted, and there is no order") {
    message.row().orders = 0;
    message.sample.log.calls.clear();
    CHECK(message.Breaks());
  }
  SUBCASE("an order, and it was taken back") {
    message.sample.ChangeRows(
        0, [](internal::GlobalTransaction& t) { t.outcome = internal::Decision::kRollback; });
    CHECK(message.Breaks());
    // A person who cancels takes back what is submitted, durable or not, and not what is prepared.
    ApiCall cancel = message.sample.log.api[0];
    cancel.what = Ask::kCancel;
    cancel.began.seq = 0;
    message.sample.log.api.push_back(cancel);
    CHECK(message.Breaks());
    Stored submit = message.sample.log.stored[0];
    submit.kind = Stored::Kind::kNotWritten;
    auto submitted = *submit.transaction;
    submitted.outcome = internal::Decision::kCommit;
    submit.transaction = std::make_shared<internal::GlobalTransaction>(std::move(submitted));
    message.sample.log.stored.insert(message.sample.log.stored.begin(), submit);
    CHECK_FALSE(message.Breaks());
  }
  SUBCASE("told as done, and the order is gone") {
    for (ApiCall& call : message.sample.log.api) call.status = {StatusCode::kUnavailable, "?"};
    message.sample.log.stored.clear();
    message.sample.log.calls.clear();
    message.sample.log.end.image.rows.clear();
    message.Look({});
    message.sample.log.shop.erase(message.sample.log.shop.begin());
    REQUIRE_FALSE(message.Breaks());
    message.sample.log.api.back().status = {};
    CHECK(message.Breaks());
  }
  SUBCASE("a row in the outbox, where none belongs") {
    message.row().in_outbox = true;
    CHECK(message.Breaks());
  }
}

TEST_CASE("I29: what is left in the outbox when all is settled") {
  OrderedSaga saga;
  SUBCASE("a row that was never adopted") {
    saga.sample.log.stored.clear();
    saga.sample.log.end.image.rows.clear();
    CHECK(saga.Breaks());
  }
  SUBCASE("a row that is refused, of a gid that somebody had before; nothing is left of that") {
    saga.sample.log.stored.clear();
    saga.sample.log.end.image.rows.clear();
    ShopRow refused = saga.row();
    refused.refused = true;
    SUBCASE("he had") {
      saga.sample.Ask(Ask::kSubmit);
      saga.Look(refused);
      CHECK_FALSE(saga.Breaks());
    }
    SUBCASE("he had, and the mark is missing") {
      saga.sample.Ask(Ask::kSubmit);
      refused.refused = false;
      saga.Look(refused);
      CHECK(saga.Breaks());
      saga.sample.log.end.health.outboxes = {
          {.path = "app.db", .refused = {{saga.sample.t.gid, "taken"}}, .problem = {}}};
      CHECK_FALSE(saga.Breaks());
    }
    SUBCASE("nobody had") {
      saga.Look(refused);
      CHECK(saga.Breaks());
    }
  }
  SUBCASE("it says that some wait") {
    saga.sample.log.end.health.outboxes = {
        {.path = "app.db", .waiting = 1, .refused = {}, .problem = "locked"}};
    CHECK(saga.Breaks());
  }
  SUBCASE("it names a refused row that is not there") {
    saga.sample.log.end.health.outboxes = {
        {.path = "app.db", .refused = {{"other", "why"}}, .problem = {}}};
    CHECK(saga.Breaks());
  }
}

}  // namespace
}  // namespace troth::sim
