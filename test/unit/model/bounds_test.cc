// The bounds of what a stored row can hold, each at its edge.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <string_view>

#include "model/bounds.h"
#include "model/encoding.h"
#include "model/stored.h"
#include "sample.h"

namespace troth::internal {
namespace {

using Fields = std::function<void(FieldWriter&)>;

std::string Written(const Fields& fields) {
  std::string bytes;
  FieldWriter out(bytes);
  fields(out);
  return bytes;
}

std::string Varints(std::initializer_list<uint64_t> values) {
  return Written([&](FieldWriter& out) {
    for (const uint64_t value : values) out.BareVarint(value);
  });
}

std::string ProblemOf(const StoredTransaction& stored) {
  const auto read = FromStored(stored);
  if (read.ok()) return "none";
  CHECK(read.status().code() == StatusCode::kDataLoss);
  return read.status().message();
}

// Of a state of three steps with something behind it.
std::string ProblemWith(const Fields& fields, GlobalTransaction t = PlainSaga(3)) {
  StoredTransaction stored = Stored(t);
  stored.state += Written(fields);
  return ProblemOf(stored);
}

std::string ProblemOf(const Definition& definition) {
  const Result<Definition> read = DecodeDefinition(EncodeDefinition(definition));
  return read.ok() ? "none" : read.status().message();
}

TEST_CASE("bounds: as many steps and policies as can be numbered") {
  Definition definition;
  definition.steps.resize(kStepsMax);
  CHECK(ProblemOf(definition) == "none");
  definition.steps.emplace_back();
  CHECK(ProblemOf(definition) == "definition: field 7: too many steps");
  definition.steps.resize(1);
  definition.policies.resize(kStepsMax + 1);  // the transaction's own, and one a step
  CHECK(ProblemOf(definition) == "none");
  definition.policies.emplace_back();
  CHECK(ProblemOf(definition) == "definition: field 5: too many policies");
}

TEST_CASE("bounds: durations and limits of a policy") {
  const auto problem = [](const std::function<void(Policy&)>& change) {
    Definition definition;
    change(definition.policies[0]);
    return ProblemOf(definition);
  };
  const auto too_long = kDurationMax + Milliseconds(1);
  CHECK(problem([](Policy& p) { p.cap = kDurationMax; }) == "none");
  CHECK(problem([&](Policy& p) { p.cap = too_long; }) == "policy: field 3: out of range");
  CHECK(problem([](Policy& p) { p.first = Milliseconds(0); }) == "policy: field 1: out of range");
  CHECK(problem([](Policy& p) { p.first = p.cap; }) == "none");
  CHECK(problem([](Policy& p) { p.factor = 1; }) == "none");
  CHECK(problem([](Policy& p) { p.factor = kFactorMax; }) == "none");
  CHECK(problem([](Policy& p) { p.factor = 100.5; }) == "policy: field 2: out of range");
  CHECK(problem([](Policy& p) { p.limit = 0; }) == "none");
  CHECK(problem([](Policy& p) { p.limit = -2; }) == "policy: field 5: out of range");
  CHECK(problem([](Policy& p) { p.give_up_after = Milliseconds(-2); }) ==
        "policy: field 6: out of range");
  CHECK(problem([&](Policy& p) { p.give_up_after = too_long; }) == "policy: field 6: out of range");
  CHECK(problem([](Policy& p) { p.park_after = -2; }) == "policy: field 7: out of range");
  CHECK(problem([](Policy& p) { p.request_timeout = Milliseconds(0); }) ==
        "policy: field 8: out of range");
}

TEST_CASE("bounds: times of a row and of a state") {
  const auto at = [](int64_t count) { return Time(Milliseconds(count)); };
  GlobalTransaction t = PlainSaga(1);
  t.updated = at(kTimeMax);
  CHECK(ProblemOf(Stored(t)) == "none");
  t.updated = at(kTimeMax + 1);
  CHECK(ProblemOf(Stored(t)) == "row: a time out of range");
  t.updated = at(-kTimeMax - 1);
  CHECK(ProblemOf(Stored(t)) == "row: a time out of range");
  t.updated = t.created;
  for (const int64_t created : {-kTimeMax, int64_t{0}, kTimeMax}) {
    t.created = at(created);
    for (const int64_t deadline : {-kTimeMax, kTimeMax}) {
      t.deadline = at(deadline);
      CHECK(ProblemOf(Stored(t)) == "none");
    }
    for (const int64_t deadline : {-kTimeMax - 1, kTimeMax + 1}) {
      t.deadline = at(deadline);
      CHECK(ProblemOf(Stored(t)) == "state: field 5: out of range");
    }
  }
}

TEST_CASE("bounds: a row's version") {
  GlobalTransaction t = PlainSaga(1);
  t.version = kVersionMax;
  CHECK(ProblemOf(Stored(t)) == "none");
  t.version = kVersionMax + 1;
  CHECK(ProblemOf(Stored(t)) == "row: a version out of range");
}

TEST_CASE("bounds: the first failure of a branch and the newest three, and no more") {
  const auto problem = [](int failures) {
    return ProblemWith([&](FieldWriter& out) {
      out.Bytes(12, Written([&](FieldWriter& detail) {
                  const std::string reason =
                      Written([](FieldWriter& fields) { fields.Varint(1, 301); });
                  for (int i = 0; i < failures; ++i) detail.Bytes(7, reason);
                }));
    });
  };
  CHECK(problem(1 + kNewestFailures) == "none");
  CHECK(problem(2 + kNewestFailures) == "detail: field 7: too many failures");
}

TEST_CASE("bounds: a detail belongs to one branch that is there") {
  const auto detail = [](uint64_t branch) {
    return Written([&](FieldWriter& out) {
      out.Varint(1, branch);
      out.Varint(2, 3);
    });
  };
  CHECK(ProblemWith([&](FieldWriter& out) { out.Bytes(12, detail(5)); }) == "none");
  CHECK(ProblemWith([&](FieldWriter& out) { out.Bytes(12, detail(6)); }) ==
        "detail: a branch that is not there");
  CHECK(ProblemWith([&](FieldWriter& out) {
          out.Bytes(12, detail(5));
          out.Bytes(12, detail(5));
        }) == "detail: a branch told twice");
}

TEST_CASE("bounds: an edit names a branch and a part that can be there") {
  const auto problem = [](uint64_t branch, uint64_t part) {
    return ProblemWith([&](FieldWriter& out) { out.Bytes(13, Varints({branch, part})); });
  };
  CHECK(problem(5, 1) == "edit: part 1 is missing");
  CHECK(problem(5, 65'535) == "edit: part 65535 is missing");
  CHECK(problem(5, 65'536) == "state: field 13: broken part");
  CHECK(problem(5, 0) == "state: field 13: broken part");
  CHECK(problem(6, 1) == "state: field 13: a branch that is not there");
  CHECK(ProblemWith([](FieldWriter& out) { out.Bytes(13, Varints({1})); }) ==
        "state: field 13: broken edits");
}

TEST_CASE("bounds: registered steps come first, once, and only in modes that have them") {
  const auto registered = [](FieldWriter& out) { out.Bytes(15, Varints({1})); };
  CHECK(ProblemWith(registered) == "state: field 15: out of place");
  StoredTransaction saga = Stored(PlainSaga(3));
  saga.state.insert(1, Written(registered));
  CHECK(ProblemOf(saga) == "state: field 15: not of this mode");

  auto definition = std::make_shared<Definition>();
  definition->mode = Mode::kXa;
  definition->steps.resize(kStepsMax - 1);
  GlobalTransaction t = NewTransaction("gid", definition, Time(Milliseconds(1'000)));
  t.version = 1;
  const auto problem = [&](std::initializer_list<uint64_t> parts) {
    StoredTransaction stored = Stored(t);
    stored.state.insert(1, Written([&](FieldWriter& out) { out.Bytes(15, Varints(parts)); }));
    return ProblemOf(stored);
  };
  CHECK(problem({1}) == "state: field 11: branches without a run");
  CHECK(problem({65'535}) == "state: field 11: branches without a run");
  CHECK(problem({65'536}) == "state: field 15: broken part");
  CHECK(problem({1, 2}) == "state: field 15: too many steps");
}

}  // namespace
}  // namespace troth::internal
