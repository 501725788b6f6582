// Lists: filters, order, pages.
#include <doctest/doctest.h>

#include <vector>

#include "opened.h"

namespace troth::internal {
namespace {

using Texts = std::vector<std::string>;

// All pages of at most `max` rows, one after the other.
Texts ListAll(OpenedStore& store, const RowFilter& filter, size_t max = 100) {
  Texts gids;
  int64_t before = 0;
  do {
    const RowPage page = store->List(filter, before, max).value();
    CHECK(page.rows.size() <= max);
    for (const TransactionRow& row : page.rows) gids.push_back(row.gid);
    before = page.next_before;
  } while (before != 0);
  return gids;
}

void Fill(OpenedStore& store) {
  store.ApplyOne(NewWrite("submitted"));
  store.ApplyEnded("succeed", TransactionStatus::kSucceed, At(600));
  Write parked = NewWrite("parked");
  parked.row.status = TransactionStatus::kAborting;
  parked.row.parked = ReasonCode::kParkedRetries;
  store.ApplyOne(parked);
  Write message = NewWrite("message");
  message.row.mode = Mode::kMessage;
  store.ApplyOne(message);
  store.ApplyEnded("failed", TransactionStatus::kFailed, At(600));
}

TEST_CASE("store: a list without a filter has all rows, newest first") {
  OpenedStore store;
  CHECK(ListAll(store, {}).empty());
  Fill(store);
  const Texts all = {"failed", "message", "parked", "succeed", "submitted"};
  CHECK(ListAll(store, {}) == all);
  CHECK(ListAll(store, {}, 1) == all);
  CHECK(ListAll(store, {}, 2) == all);
}

TEST_CASE("store: lists by status, mode and parking") {
  OpenedStore store;
  Fill(store);
  CHECK(ListAll(store, {.status = TransactionStatus::kSubmitted}) == Texts{"message", "submitted"});
  CHECK(ListAll(store, {.status = TransactionStatus::kSubmitted}, 1) ==
        Texts{"message", "submitted"});
  CHECK(ListAll(store, {.status = TransactionStatus::kSucceed}) == Texts{"succeed"});
  CHECK(ListAll(store, {.status = TransactionStatus::kFailed}) == Texts{"failed"});
  CHECK(ListAll(store, {.status = TransactionStatus::kPrepared}).empty());
  CHECK(ListAll(store, {.mode = Mode::kMessage}) == Texts{"message"});
  CHECK(ListAll(store, {.status = TransactionStatus::kSubmitted, .mode = Mode::kSaga}) ==
        Texts{"submitted"});
  CHECK(ListAll(store, {.parked = true}) == Texts{"parked"});
  CHECK(ListAll(store, {.status = TransactionStatus::kSubmitted, .parked = true}).empty());
}

TEST_CASE("store: lists what has not ended, whatever its status") {
  OpenedStore store;
  Fill(store);
  Write prepared = NewWrite("prepared");
  prepared.row.status = TransactionStatus::kPrepared;
  store.ApplyOne(prepared);
  const Texts all = {"prepared", "message", "parked", "submitted"};
  CHECK(ListAll(store, {.unended = true}) == all);
  CHECK(ListAll(store, {.unended = true}, 1) == all);
  CHECK(ListAll(store, {.mode = Mode::kMessage, .unended = true}) == Texts{"message"});
  CHECK(ListAll(store, {.parked = true, .unended = true}) == Texts{"parked"});
  const auto of = [&](TransactionStatus status) {
    return ListAll(store, {.status = status, .unended = true});
  };
  CHECK(of(TransactionStatus::kAborting) == Texts{"parked"});
  CHECK(of(TransactionStatus::kSucceed).empty());
  CHECK(of(TransactionStatus::kFailed).empty());
}

TEST_CASE("store: lists by time of creation, from inclusive and to exclusive") {
  OpenedStore store;
  constexpr int64_t kMinute = 60'000;
  for (int64_t i = 0; i < 50; ++i) {
    Write write = NewWrite(std::to_string(i));
    write.row.created = At(i * kMinute);
    if (i % 10 == 0) write.row.parked = ReasonCode::kParkedRetries;
    store.ApplyOne(write);
  }
  CHECK(ListAll(store, {.created_from = At(10 * kMinute), .created_to = At(13 * kMinute)}) ==
        Texts{"12", "11", "10"});
  CHECK(ListAll(store, {.created_from = At(48 * kMinute)}, 1) == Texts{"49", "48"});
  CHECK(ListAll(store, {.created_to = At(2 * kMinute)}) == Texts{"1", "0"});
  CHECK(ListAll(store, {.created_from = At(90 * kMinute)}).empty());
  CHECK(ListAll(store, {.created_from = Time::min(), .created_to = Time::max()}).size() == 50);
  CHECK(ListAll(store, {.created_from = Time::max()}).empty());
  CHECK(ListAll(store, {.created_to = Time::min()}).empty());
  CHECK(ListAll(store, {.created_to = At(0)}).empty());
  CHECK(ListAll(store, {.created_from = At(15 * kMinute), .parked = true}) ==
        Texts{"40", "30", "20"});
}

TEST_CASE("store: a list goes on where it was, whatever was added meanwhile") {
  OpenedStore store;
  Fill(store);
  const RowPage first = store->List({}, 0, 2).value();
  REQUIRE(first.rows.size() == 2);
  store.ApplyOne(NewWrite("new"));
  const RowPage second = store->List({}, first.next_before, 2).value();
  REQUIRE(second.rows.size() == 2);
  CHECK(second.rows[0].gid == "parked");
}

}  // namespace
}  // namespace troth::internal
