// The stored form: what is written is read, small, and kept.
#include "model/stored.h"

#include <doctest/doctest.h>

#include "model/encoding.h"
#include "sample.h"

namespace troth::internal {
namespace {

TEST_CASE("stored: any definition is read back as it was written") {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Draw draw(seed);
    const Definition definition = RandomDefinition(draw);
    const Result<Definition> read = DecodeDefinition(EncodeDefinition(definition));
    REQUIRE_MESSAGE(read.ok(), read.status());
    CHECK(*read == definition);
  }
}

void CheckReadBack(const GlobalTransaction& t) {
  const StoredTransaction stored = Stored(t);
  const auto read = FromStored(stored);
  REQUIRE_MESSAGE(read.ok(), read.status());
  CHECK(Show(**read) == Show(t));
  CHECK(*(*read)->definition == *t.definition);
  CHECK(EncodeState(**read) == stored.state);
}

TEST_CASE("stored: any transaction is read back as it was written, and written again the same") {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    Draw draw(seed);
    CheckReadBack(RandomTransaction(draw));
    CheckReadBack(RandomWorkflow(draw));
  }
}

TEST_CASE("stored: a fresh life has nothing in flight, and takes what was started as called") {
  GlobalTransaction t = PlainSaga(3);
  t.branches[1].started = Started::kYes;
  t.branches[3].started = Started::kPending;  // being written: durable with this state
  t.branches[1].in_flight = 9;
  const auto read = FromStored(Stored(t));
  REQUIRE(read.ok());
  CHECK((*read)->branches[1].called);
  CHECK((*read)->branches[3].started == Started::kYes);
  CHECK((*read)->branches[3].called);
  CHECK_FALSE((*read)->branches[5].called);
  CHECK((*read)->branches[1].in_flight == 0);
  CHECK((*read)->durable_phase == Phase::kRunning);
  CHECK((*read)->durable_outcome == Decision::kUndecided);
}

TEST_CASE("stored: a saga of 1,000 steps half done is small") {
  GlobalTransaction t = PlainSaga(1000);
  for (size_t i = 0; i < 500; ++i) {
    Branch& action = t.branches[2 * i + 1];
    action.state = BranchState::kDone;
    action.started = Started::kYes;
    action.calls = 1;
    action.first_call = t.created;
  }
  for (size_t i = 500; i < 516; ++i) t.branches[2 * i + 1].started = Started::kYes;
  t.branches[1001].calls = 1;
  t.branches[1001].first_call = t.created + Milliseconds(60'000);
  t.first_action = t.created;
  CHECK(EncodeState(t).size() < 40);

  // And while it rolls back.
  t.outcome = Decision::kRollback;
  for (size_t i = 300; i < 500; ++i) {
    t.branches[2 * i].state = BranchState::kDone;
    t.branches[2 * i].calls = 1;
  }
  CHECK(EncodeState(t).size() < 50);
}

TEST_CASE("stored: a state grows with what there is to tell, not with the steps") {
  GlobalTransaction t = PlainSaga(1000);
  const size_t plain = EncodeState(t).size();
  for (size_t i = 0; i < 1000; ++i) {
    Branch& action = t.branches[2 * i + 1];
    action.started = Started::kYes;
    action.calls = 1;
    action.first_call = t.created + Milliseconds(5);
  }
  CHECK(EncodeState(t).size() < plain + 1000 * 14);
}

TEST_CASE("stored: a definition is hardly larger than its texts") {
  Definition definition;
  definition.steps.resize(2);
  definition.steps[0].payload = std::string(70'000, 'x');
  definition.steps[1].payload = std::string(127, 'x');
  CHECK(EncodeDefinition(definition).size() < 70'127 + 80);
}

TEST_CASE("stored: fields of a newer version survive a rewrite") {
  GlobalTransaction t = PlainSaga(2);
  StoredTransaction stored = Stored(t);
  std::string unknown;
  FieldWriter out(unknown);
  out.Varint(900, 5);
  out.Bytes(901, "new");
  out.Double(902, 0.5);
  stored.state.insert(1, unknown);  // in front of the known ones
  const auto read = FromStored(stored);
  REQUIRE_MESSAGE(read.ok(), read.status());
  CHECK((*read)->unknown_fields == unknown);
  CHECK(EncodeState(**read) == EncodeState(t) + unknown);
}

TEST_CASE("stored: a tombstone has no definition") {
  StoredTransaction stored = Stored(PlainSaga(1));
  stored.parts.clear();
  stored.state.clear();
  CHECK(FromStored(stored).status().code() == StatusCode::kNotFound);
}

TEST_CASE("stored: the row has the columns of the transaction") {
  GlobalTransaction t = PlainSaga(1);
  t.outcome = Decision::kRollback;
  const TransactionRow row = RowOf(t);
  CHECK(row.id == 1);
  CHECK(row.gid == "saga");
  CHECK(row.status == TransactionStatus::kAborting);
  CHECK(row.created == t.created);
  CHECK(row.digest == t.digest);
  CHECK_FALSE(row.finished);
}

TEST_CASE("stored: a first call whose time was lost was made after the state was written (R10)") {
  GlobalTransaction t = PlainSaga(2);
  t.updated = t.created + Milliseconds(7);
  CHECK(FromStored(Stored(t)).value()->first_action == Time{});
  t.branches[1].started = Started::kYes;
  CHECK(FromStored(Stored(t)).value()->first_action == t.updated);
  t.first_action = t.created;
  CHECK(FromStored(Stored(t)).value()->first_action == t.created);
}

}  // namespace
}  // namespace troth::internal
