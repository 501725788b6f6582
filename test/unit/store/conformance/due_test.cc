// What is due, page by page.
#include <doctest/doctest.h>

#include <vector>

#include "opened.h"

namespace troth::internal {
namespace {

int64_t ApplyDue(OpenedStore& store, const std::string& gid, std::optional<Time> due) {
  Write write = NewWrite(gid);
  write.row.due = due;
  return store.ApplyOne(write).id;
}

std::vector<std::string> Gids(const DuePage& page) {
  std::vector<std::string> gids;
  for (const StoredTransaction& t : page.transactions) gids.push_back(t.row.gid);
  return gids;
}

using Texts = std::vector<std::string>;

TEST_CASE("store: what is due comes whole, by due time and then by id") {
  OpenedStore store;
  ApplyDue(store, "late", At(30));
  ApplyDue(store, "b", At(20));
  ApplyDue(store, "a", At(10));
  ApplyDue(store, "c", At(20));
  ApplyDue(store, "never", std::nullopt);
  const DuePage page = store->LoadDue(std::nullopt, At(20), 10).value();
  CHECK(Gids(page) == Texts{"a", "b", "c"});
  CHECK_FALSE(page.more);
  CHECK(page.next_due == At(30));
  CHECK(page.transactions[0].state == "state 1");
  REQUIRE(page.transactions[0].parts.size() == 1);
  CHECK(*page.transactions[0].parts[0].document == "definition of a");
}

TEST_CASE("store: pages of what is due neither skip nor repeat rows of one due time") {
  OpenedStore store;
  for (const char* gid : {"a", "b", "c", "d", "e"}) ApplyDue(store, gid, At(20));
  ApplyDue(store, "f", At(21));
  Texts all;
  std::optional<DuePosition> after;
  for (bool more = true; more;) {
    const DuePage page = store->LoadDue(after, At(21), 2).value();
    REQUIRE(page.transactions.size() <= 2);
    for (const std::string& gid : Gids(page)) all.push_back(gid);
    more = page.more;
    if (page.transactions.empty()) break;
    const TransactionRow& last = page.transactions.back().row;
    after = DuePosition{.due = *last.due, .id = last.id};
  }
  CHECK(all == Texts{"a", "b", "c", "d", "e", "f"});
}

TEST_CASE("store: a page that takes the last row says that there is no more") {
  OpenedStore store;
  ApplyDue(store, "a", At(1));
  ApplyDue(store, "b", At(2));
  const DuePage page = store->LoadDue(std::nullopt, At(5), 2).value();
  CHECK(page.transactions.size() == 2);
  CHECK_FALSE(page.more);
  CHECK_FALSE(page.next_due.has_value());
}

TEST_CASE("store: an update moves a row in what is due, or out of it") {
  OpenedStore store;
  const Write first = NewWrite("a");
  const int64_t id = store.ApplyOne(first).id;
  Write second = NextWrite(first, id);
  second.row.due = At(5'000);
  store.ApplyOne(second);
  DuePage page = store->LoadDue(std::nullopt, At(4'999), 10).value();
  CHECK(page.transactions.empty());
  CHECK(page.next_due == At(5'000));
  Write third = NextWrite(second, id);
  third.row.due.reset();
  store.ApplyOne(third);
  page = store->LoadDue(std::nullopt, At(9'999), 10).value();
  CHECK(page.transactions.empty());
  CHECK_FALSE(page.next_due.has_value());
}

TEST_CASE("store: parking clears the due time of all that is unended, and of nothing else") {
  OpenedStore store;
  store.ApplyOne(NewWrite("submitted"));
  Write prepared = NewWrite("prepared");
  prepared.row.status = TransactionStatus::kPrepared;
  store.ApplyOne(prepared);
  Write aborting = NewWrite("aborting");
  aborting.row.status = TransactionStatus::kAborting;
  store.ApplyOne(aborting);
  store.ApplyEnded("succeed", TransactionStatus::kSucceed, At(600));
  store.ApplyEnded("failed", TransactionStatus::kFailed, At(600));
  CHECK(store->ParkUnended(ReasonCode::kParkedRestored).value() == 3);
  for (const char* gid : {"submitted", "prepared", "aborting"}) {
    CHECK(store.LoadOne(gid).row.parked == ReasonCode::kParkedRestored);
    CHECK_FALSE(store.LoadOne(gid).row.due.has_value());
    CHECK(store.LoadOne(gid).row.version == 1);
  }
  CHECK(store.LoadOne("succeed").row.parked == ReasonCode::kNone);
  CHECK(store.LoadOne("failed").row.parked == ReasonCode::kNone);
  CHECK(store->LoadDue(std::nullopt, At(9'999), 10).value().transactions.empty());
}

}  // namespace
}  // namespace troth::internal
