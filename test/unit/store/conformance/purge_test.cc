// Retention: ended rows become tombstones, tombstones go.
#include <doctest/doctest.h>

#include "opened.h"

namespace troth::internal {
namespace {

using std::chrono::milliseconds;

PurgePass PurgeAll(OpenedStore& store, Time finished_before, Time tombstones_before) {
  PurgePass pass;
  while (!pass.finished) {
    const Status status = store->Purge(pass, finished_before, tombstones_before, milliseconds(0));
    REQUIRE_MESSAGE(status.ok(), status.ToString());
  }
  return pass;
}

TEST_CASE("store: what ended long ago becomes a tombstone, and keeps its gid taken") {
  OpenedStore store;
  store.ApplyEnded("old", TransactionStatus::kFailed, At(1'000));
  store.ApplyEnded("young", TransactionStatus::kSucceed, At(5'000));
  store.ApplyOne(NewWrite("unended"));
  const PurgePass pass = PurgeAll(store, At(2'000), At(0));
  CHECK(pass.purged == 1);
  CHECK(pass.deleted == 0);
  CHECK(pass.examined == 3);
  CHECK(pass.next == At(3'000));  // when `tombstones_before`, moving along, has reached 1,000

  const StoredTransaction old = store.LoadOne("old");
  CHECK(old.state.empty());
  CHECK(old.parts.empty());
  CHECK(old.row.digest == "digest of old");
  CHECK(old.row.status == TransactionStatus::kFailed);
  CHECK(old.row.created == At(500));
  CHECK(old.row.finished == At(1'000));
  CHECK(store.LoadOne("young").parts.size() == 1);
  CHECK(store.LoadOne("unended").parts.size() == 1);
  const WriteResult again = store.ApplyOne(NewWrite("old"));
  CHECK(again.kind == WriteResult::Kind::kGidExists);
  CHECK(again.existing->digest == "digest of old");
}

TEST_CASE("store: nothing is written into a tombstone, though its version is known") {
  OpenedStore store;
  const int64_t id = store.ApplyEnded("old", TransactionStatus::kFailed, At(1'000));
  const StoredTransaction before = store.LoadOne("old");
  PurgeAll(store, At(2'000), At(0));
  Write late{.row = before.row, .state = "more history", .parts = {}};
  late.row.id = id;
  ++late.row.version;
  CHECK(store.ApplyOne(late).kind == WriteResult::Kind::kStale);
  CHECK(store.LoadOne("old").state.empty());
}

TEST_CASE("store: a tombstone goes after its time, and its gid and parts are free") {
  OpenedStore store;
  const int64_t old = store.ApplyEnded("old", TransactionStatus::kFailed, At(1'000));
  store.ApplyOne(NewWrite("unended"));
  PurgeAll(store, At(2'000), At(0));
  const PurgePass pass = PurgeAll(store, At(4'000), At(2'000));
  CHECK(pass.deleted == 1);
  CHECK_FALSE(pass.next.has_value());
  CHECK_FALSE(store->Load("old").value().has_value());
  const WriteResult again = store.ApplyOne(NewWrite("old"));
  CHECK(again.kind == WriteResult::Kind::kOk);
  CHECK(again.id > old);
}

TEST_CASE("store: the newest id is never given out again, though all tombstones are old") {
  OpenedStore store;
  const int64_t old = store.ApplyEnded("old", TransactionStatus::kFailed, At(1'000));
  PurgeAll(store, At(2'000), At(0));
  PurgeAll(store, At(4'000), At(2'000));
  CHECK(store.ApplyOne(NewWrite("next")).id > old);
}

TEST_CASE("store: a pass says when the next row is old enough") {
  OpenedStore store;
  store.ApplyEnded("a", TransactionStatus::kSucceed, At(7'000));
  store.ApplyEnded("b", TransactionStatus::kSucceed, At(5'000));
  const PurgePass pass = PurgeAll(store, At(2'000), At(0));
  CHECK(pass.purged == 0);
  CHECK(pass.next == At(5'000));
}

TEST_CASE("store: an end at a time that can't be true is left to a person") {
  OpenedStore store;
  store.ApplyEnded("late", TransactionStatus::kSucceed, Time::max());
  store.ApplyEnded("early", TransactionStatus::kSucceed, Time::min());
  const PurgePass pass = PurgeAll(store, At(2'000), At(1'000));
  CHECK(pass.purged + pass.deleted == 0);
  CHECK_FALSE(pass.next.has_value());
  CHECK_FALSE(store.LoadOne("early").parts.empty());
}

TEST_CASE("store: many rows are purged in slices, each once") {
  OpenedStore store;
  std::vector<Write> writes;
  for (int i = 0; i < 1'000; ++i) {
    writes.push_back(NewWrite(std::to_string(i)));
    writes.back().row.status = TransactionStatus::kSucceed;
    writes.back().row.due.reset();
    writes.back().row.finished = At(1'000);
  }
  REQUIRE(store->Apply(writes).kind == BatchResult::Kind::kCommitted);
  CHECK(PurgeAll(store, At(2'000), At(0)).purged == 1'000);
  CHECK(PurgeAll(store, At(2'000), At(0)).purged == 0);
  CHECK(store.LoadOne("999").parts.empty());
}

TEST_CASE("store: tombstones are kept for ever when nothing is old enough for that") {
  OpenedStore store;
  store.ApplyEnded("a", TransactionStatus::kSucceed, At(1'000));
  const PurgePass pass = PurgeAll(store, At(2'000), Time::min());
  CHECK(pass.purged == 1);
  CHECK_FALSE(pass.next.has_value());
}

}  // namespace
}  // namespace troth::internal
