// Stored rows that can't be true: each is kDataLoss, with what is wrong.
#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "model/encoding.h"
#include "model/stored.h"
#include "sample.h"

namespace troth::internal {
namespace {

using Change = std::function<void(GlobalTransaction&)>;

std::string ProblemOf(const StoredTransaction& stored) {
  const auto read = FromStored(stored);
  if (read.ok()) return "none";
  CHECK(read.status().code() == StatusCode::kDataLoss);
  return read.status().message();
}

std::string ProblemAfter(const Change& change) {
  GlobalTransaction t = PlainSaga(3);
  change(t);
  return ProblemOf(Stored(t));
}

TEST_CASE("impossible: a state that contradicts itself") {
  CHECK(ProblemAfter([](auto&) {}) == "none");
  CHECK(ProblemAfter([](auto& t) { t.finished = t.created; }) ==
        "state: the end and its time contradict");
  CHECK(ProblemAfter([](auto& t) { t.phase = Phase::kEnded; }) ==
        "state: the end and its time contradict");
  CHECK(ProblemAfter([](auto& t) { t.forced = true; }) == "state: forced, and not ended");
  CHECK(ProblemAfter([](auto& t) { t.phase = Phase::kPrepared; }) ==
        "state: a saga is never prepared");
  CHECK(ProblemAfter([](auto& t) {
          t.phase = Phase::kEnded;
          t.finished = t.created;
        }) == "state: ended without a decision");
  CHECK(ProblemAfter([](auto& t) {
          t.phase = Phase::kEnded;
          t.finished = t.created;
          t.outcome = Decision::kCommit;
        }) == "state: succeeded with an operation that is not done");
  CHECK(ProblemAfter([](auto& t) { t.branches[0].started = Started::kYes; }) ==
        "state: a mark on an operation that needs none");
  CHECK(ProblemAfter([](auto& t) { t.branches[0].state = BranchState::kFailed; }) ==
        "state: a failure of an operation that may not fail");
  CHECK(ProblemAfter([](auto& t) { t.branches[1].state = BranchState::kSkipped; }) ==
        "state: an operation skipped that may fail");
  CHECK(ProblemAfter([](auto& t) { t.version = 0; }) == "row: version 0");
  CHECK(ProblemAfter([](auto& t) { t.version = std::numeric_limits<int64_t>::max(); }) ==
        "row: a version out of range");
  CHECK(ProblemAfter([](auto& t) { t.created = Time::max(); }) == "row: a time out of range");
  CHECK(ProblemAfter([](auto& t) { t.deadline = Time::max(); }) == "state: field 5: out of range");
}

// Each would be in memory without end, and nobody would be told: no plan leads on from there.
TEST_CASE("impossible: a phase and a decision that the mode never has together") {
  const auto problem = [](Mode mode, Phase phase, Decision outcome) {
    auto definition = std::make_shared<Definition>();
    definition->mode = mode;
    definition->query_prepared = "local:asked";
    definition->steps.resize(2);
    GlobalTransaction t = NewTransaction("gid", definition, Time(Milliseconds(1'000)));
    t.version = 1;
    t.phase = phase;
    t.outcome = outcome;
    return ProblemOf(Stored(t));
  };
  const std::string contradict = "state: prepared and its decision contradict";
  for (const Mode mode : {Mode::kTcc, Mode::kXa, Mode::kMessage}) {
    CAPTURE(ModeName(mode));
    CHECK(problem(mode, Phase::kPrepared, Decision::kUndecided) == "none");
    CHECK(problem(mode, Phase::kRunning, Decision::kCommit) == "none");
    CHECK(problem(mode, Phase::kRunning, Decision::kUndecided) == contradict);
    CHECK(problem(mode, Phase::kPrepared, Decision::kCommit) == contradict);
    CHECK(problem(mode, Phase::kPrepared, Decision::kRollback) == contradict);
  }
  CHECK(problem(Mode::kTcc, Phase::kRunning, Decision::kRollback) == "none");
  CHECK(problem(Mode::kXa, Phase::kRunning, Decision::kRollback) == "none");
  CHECK(problem(Mode::kMessage, Phase::kRunning, Decision::kRollback) ==
        "state: a message that rolls back has ended");
  CHECK(problem(Mode::kSaga, Phase::kRunning, Decision::kRollback) == "none");
  CHECK(problem(Mode::kSaga, Phase::kRunning, Decision::kCommit) ==
        "state: a saga that commits has ended");
}

TEST_CASE("impossible: a message's action that failed, or its check-back that was skipped") {
  auto definition = std::make_shared<Definition>();
  definition->mode = Mode::kMessage;
  definition->query_prepared = "local:asked";
  definition->steps.resize(1);
  GlobalTransaction t = NewTransaction("gid", definition, Time(Milliseconds(1'000)));
  t.version = 1;
  t.branches[0].state = BranchState::kFailed;
  CHECK(ProblemOf(Stored(t)) == "state: a failure of an operation that may not fail");
  t.branches[0].state = BranchState::kSkipped;
  CHECK(ProblemOf(Stored(t)) == "none");
  t.branches[1].state = BranchState::kSkipped;
  CHECK(ProblemOf(Stored(t)) == "state: an operation skipped that may fail");
}

TEST_CASE("impossible: a reason without a code, which would be lost on the next write") {
  StoredTransaction stored = Stored(PlainSaga(3));
  std::string reason;
  FieldWriter(reason).Bytes(5, "text");
  FieldWriter(stored.state).Bytes(7, reason);
  CHECK(ProblemOf(stored) == "state: field 7: no code");
}

// A state of some kilobytes could name a large part often enough to fill the memory.
TEST_CASE("impossible: one part that is two registered steps") {
  auto definition = std::make_shared<Definition>();
  definition->mode = Mode::kTcc;
  GlobalTransaction t = NewTransaction("gid", definition, Time(Milliseconds(1'000)));
  t.version = 1;
  StoredTransaction stored = Stored(t);
  const auto with_registered = [&](std::string_view parts) {
    StoredTransaction changed = stored;
    std::string field;
    FieldWriter(field).Bytes(15, parts);
    changed.state.insert(1, field);
    return ProblemOf(changed);
  };
  CHECK(with_registered("\x01\x02") == "state: field 11: branches without a run");
  CHECK(with_registered("\x01\x01") == "state: field 15: broken part");
  CHECK(with_registered("\x02\x01") == "state: field 15: broken part");
}

TEST_CASE("impossible: columns that contradict the state") {
  StoredTransaction stored = Stored(PlainSaga(3));
  stored.row.status = TransactionStatus::kAborting;
  CHECK(ProblemOf(stored) == "row: the status is not the state's");
  stored = Stored(PlainSaga(3));
  stored.row.mode = Mode::kTcc;
  CHECK(ProblemOf(stored) == "row: the mode is not the definition's");
}

TEST_CASE("impossible: branches that are not those of the definition") {
  StoredTransaction stored = Stored(PlainSaga(3));
  stored.state = EncodeState(PlainSaga(4));
  CHECK(ProblemOf(stored) == "state: field 11: runs that do not fit the branches");
  stored.state = EncodeState(PlainSaga(2));
  CHECK(ProblemOf(stored) == "state: field 11: branches without a run");
  stored.state = "\x01";
  CHECK(ProblemOf(stored) == "state: branches without a run");
  stored.state += EncodeState(PlainSaga(3)).substr(1) + EncodeState(PlainSaga(3)).substr(1);
  CHECK(ProblemOf(stored) == "state: field 11: repeated");
}

TEST_CASE("impossible: parts that are missing or too many") {
  const auto document = std::make_shared<const std::string>("x");
  StoredTransaction stored = Stored(PlainSaga(3));
  stored.parts[0].number = 1;
  CHECK(ProblemOf(stored) == "definition: part 0 is missing");
  stored = Stored(PlainSaga(3));
  stored.parts.push_back({1, document});
  CHECK(ProblemOf(stored) == "state: a part beyond its count");

  GlobalTransaction t = PlainSaga(3);
  t.edit_parts[2] = 1;
  t.parts = 2;
  Edit edit;
  edit.branch = 3;
  t.edits[2] = std::make_shared<const Edit>(edit);
  CHECK(ProblemOf(Stored(t)) == "edit: part 1 of another branch");
  stored = Stored(t);
  stored.parts.pop_back();
  CHECK(ProblemOf(stored) == "edit: part 1 is missing");
}

TEST_CASE("impossible: an unknown field inside a part of the state is refused, not lost") {
  StoredTransaction stored = Stored(PlainSaga(3));
  std::string inner;
  FieldWriter(inner).Varint(99, 1);
  FieldWriter(stored.state).Bytes(7, inner);
  CHECK(ProblemOf(stored) == "reason: field 99: unknown");
}

TEST_CASE("impossible: forms of a version that is not known") {
  CHECK(DecodeDefinition("").status().message() == "definition: empty");
  CHECK(DecodeDefinition("\x02").status().message() == "definition: unknown version 2");
  CHECK(DecodeEdit("\x07").status().message() == "edit: unknown version 7");
  StoredTransaction stored = Stored(PlainSaga(3));
  stored.state[0] = 2;
  CHECK(ProblemOf(stored) == "state: unknown version 2");
}

std::string ProblemOf(const Definition& definition) {
  const Result<Definition> read = DecodeDefinition(EncodeDefinition(definition));
  return read.ok() ? "none" : read.status().message();
}

TEST_CASE("impossible: definitions that no plan could follow") {
  Definition definition;
  definition.concurrent = true;
  definition.steps.resize(3);
  CHECK(ProblemOf(definition) == "none");
  definition.steps[1].policy = 1;
  CHECK(ProblemOf(definition) == "definition: a policy that is not there");
  definition.steps[1].policy = 0;
  definition.steps[1].after = {3};
  CHECK(ProblemOf(definition) == "definition: an order outside its steps");
  definition.steps[1].after = {2};
  definition.steps[2].after = {1};
  CHECK(ProblemOf(definition) == "definition: an order with a cycle");
  definition.steps[2].after = {};
  definition.concurrent = false;
  CHECK(ProblemOf(definition) == "definition: an order without concurrent");
  definition.steps[1].after = {};
  definition.policies[0].cap = Milliseconds(1);
  CHECK(ProblemOf(definition) == "definition: a cap below the first wait");
  definition.policies[0].factor = 0.5;
  CHECK(ProblemOf(definition) == "policy: field 2: out of range");
  definition.policies.clear();
  CHECK(ProblemOf(definition) == "definition: no policy");
}

}  // namespace
}  // namespace troth::internal
