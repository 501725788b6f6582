// Batches: what each write answers, and that one bad write harms no other.
#include <doctest/doctest.h>

#include "opened.h"

namespace troth::internal {
namespace {

using Kind = WriteResult::Kind;

TEST_CASE("store: what was inserted is loaded again, byte for byte") {
  OpenedStore store;
  Write write = NewWrite("g");
  write.row.mode = Mode::kTcc;
  write.row.status = TransactionStatus::kAborting;
  write.row.parked = ReasonCode::kParkedRetries;
  write.row.finished = At(-5);
  write.state = std::string("\0state\xff", 7);
  write.row.digest = std::string("\0digest", 7);
  write.parts = {PartOf(0, std::string("\0\1\2", 3)), PartOf(7, ""), PartOf(0xFFFF, "last")};
  const int64_t id = store.ApplyOne(write).id;
  CHECK(id > 0);

  const StoredTransaction stored = store.LoadOne("g");
  CHECK(stored.row.id == id);
  CHECK(stored.row.gid == "g");
  CHECK(stored.row.mode == Mode::kTcc);
  CHECK(stored.row.status == TransactionStatus::kAborting);
  CHECK(stored.row.due == At(1'000));
  CHECK(stored.row.created == At(500));
  CHECK(stored.row.updated == At(500));
  CHECK(stored.row.finished == At(-5));
  CHECK(stored.row.parked == ReasonCode::kParkedRetries);
  CHECK(stored.row.version == 1);
  CHECK(stored.row.digest == write.row.digest);
  CHECK(stored.state == write.state);
  REQUIRE(stored.parts.size() == 3);
  CHECK(stored.parts[0].number == 0);
  CHECK(*stored.parts[0].document == *write.parts[0].document);
  CHECK(stored.parts[1].number == 7);
  CHECK(stored.parts[1].document->empty());
  CHECK(stored.parts[2].number == 0xFFFF);
  CHECK(*stored.parts[2].document == "last");
}

TEST_CASE("store: an unknown gid is no error") {
  OpenedStore store;
  const auto loaded = store->Load("nobody");
  REQUIRE(loaded.ok());
  CHECK_FALSE(loaded->has_value());
}

TEST_CASE("store: an empty batch is committed") {
  OpenedStore store;
  CHECK(store->Apply({}).kind == BatchResult::Kind::kCommitted);
}

TEST_CASE("store: an update changes the row, adds its parts, and leaves what is fixed") {
  OpenedStore store;
  const Write first = NewWrite("g");
  const int64_t id = store.ApplyOne(first).id;
  Write second = NextWrite(first, id);
  second.row.mode = Mode::kXa;
  second.row.created = At(9);
  second.row.digest = "other";
  second.row.status = TransactionStatus::kAborting;
  second.row.due.reset();
  second.parts = {PartOf(1, "edit")};
  const WriteResult result = store.ApplyOne(second);
  CHECK(result.kind == Kind::kOk);
  CHECK(result.id == id);
  const StoredTransaction stored = store.LoadOne("g");
  CHECK(stored.row.version == 2);
  CHECK(stored.row.status == TransactionStatus::kAborting);
  CHECK_FALSE(stored.row.due.has_value());
  CHECK(stored.row.updated == At(501));
  CHECK(stored.state == "state 2");
  CHECK(stored.row.mode == Mode::kSaga);
  CHECK(stored.row.created == At(500));
  CHECK(stored.row.digest == "digest of g");
  CHECK(stored.parts.size() == 2);
}

TEST_CASE("store: an update with the wrong version, or of no row, is stale and writes nothing") {
  OpenedStore store;
  const Write first = NewWrite("g");
  const int64_t id = store.ApplyOne(first).id;
  Write early = NextWrite(first, id);
  early.row.version = 3;
  early.parts = {PartOf(1, "never")};
  CHECK(store.ApplyOne(early).kind == Kind::kStale);
  CHECK(store.ApplyOne(NextWrite(first, id + 1)).kind == Kind::kStale);
  CHECK(store.LoadOne("g").row.version == 1);
  CHECK(store.LoadOne("g").parts.size() == 1);
}

TEST_CASE("store: an insert whose gid is taken answers with the row that has it") {
  OpenedStore store;
  const int64_t id = store.ApplyOne(NewWrite("g")).id;
  Write other = NewWrite("g");
  other.row.digest = "other";
  const WriteResult result = store.ApplyOne(other);
  CHECK(result.kind == Kind::kGidExists);
  REQUIRE(result.existing.has_value());
  CHECK(result.existing->id == id);
  CHECK(result.existing->digest == "digest of g");
  CHECK(store.LoadOne("g").parts.size() == 1);
}

TEST_CASE("store: of one gid twice in a batch the second finds the first") {
  OpenedStore store;
  const Write writes[] = {NewWrite("g"), NewWrite("h"), NewWrite("g")};
  const BatchResult result = store->Apply(writes);
  REQUIRE(result.kind == BatchResult::Kind::kCommitted);
  CHECK(result.writes[0].kind == Kind::kOk);
  CHECK(result.writes[1].kind == Kind::kOk);
  CHECK(result.writes[2].kind == Kind::kGidExists);
  REQUIRE(result.writes[2].existing.has_value());
  CHECK(result.writes[2].existing->id == result.writes[0].id);
}

TEST_CASE("store: one write that can't be stored harms no other of its batch") {
  OpenedStore store;
  const Write first = NewWrite("a");
  const int64_t id = store.ApplyOne(first).id;
  Write bad = NewWrite("bad");
  bad.parts = {PartOf(3, "x"), PartOf(3, "y")};
  Write bad_update = NextWrite(first, id);
  bad_update.parts = {PartOf(0, "a definition is written once")};
  const Write writes[] = {NewWrite("b"), bad, bad_update, NewWrite("a"), NewWrite("c")};
  const BatchResult result = store->Apply(writes);
  REQUIRE(result.kind == BatchResult::Kind::kCommitted);
  CHECK(result.writes[0].kind == Kind::kOk);
  CHECK(result.writes[1].kind == Kind::kNotWritten);
  CHECK(result.writes[1].status.code() == StatusCode::kDataLoss);
  CHECK(result.writes[2].kind == Kind::kNotWritten);
  CHECK(result.writes[3].kind == Kind::kGidExists);
  CHECK(result.writes[4].kind == Kind::kOk);
  CHECK(store.LoadOne("b").row.id == result.writes[0].id);
  CHECK(store.LoadOne("c").parts.size() == 1);
  CHECK(store.LoadOne("a").row.version == 1);
  CHECK_FALSE(store->Load("bad").value().has_value());
}

TEST_CASE("store: ids only grow") {
  OpenedStore store;
  int64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    const int64_t id = store.ApplyOne(NewWrite("g" + std::to_string(i))).id;
    CHECK(id > last);
    last = id;
  }
}

}  // namespace
}  // namespace troth::internal
