// The stored form of a workflow: what it has recorded, and its result; what can't be true of it.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>

#include "model/stored.h"
#include "sample.h"

namespace troth::internal {
namespace {

GlobalTransaction Plain() {
  auto definition = std::make_shared<Definition>();
  definition->mode = Mode::kWorkflow;
  definition->query_prepared = "http://shop.example/resume";
  definition->workflow = "transfer";
  definition->input = "30";
  GlobalTransaction t = NewTransaction("gid", definition, Time(Milliseconds(1'000)));
  t.version = 1;
  return t;
}

void Record(GlobalTransaction& t, std::string id, std::string op, bool failed = false) {
  t.progress.push_back(std::make_shared<const Progress>(
      Progress{.branch_id = std::move(id), .op = std::move(op), .failed = failed}));
  t.registered_parts.push_back(t.parts++);
}

std::string ProblemOf(const StoredTransaction& stored) {
  const auto read = FromStored(stored);
  if (read.ok()) return "none";
  CHECK(read.status().code() == StatusCode::kDataLoss);
  return read.status().message();
}

std::string ProblemAfter(const std::function<void(GlobalTransaction&)>& change) {
  GlobalTransaction t = Plain();
  change(t);
  return ProblemOf(Stored(t));
}

TEST_CASE("stored workflow: damaged bytes give a value or kDataLoss") {
  const auto harmless = [](const Status& status) {
    if (!status.ok()) CHECK(status.code() == StatusCode::kDataLoss);
  };
  for (uint64_t seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    Draw draw(seed);
    const StoredTransaction good = Stored(RandomWorkflow(draw));
    const auto damage = [&](std::string bytes, const auto& read) {
      for (size_t size = 0; size < bytes.size(); ++size) harmless(read(bytes.substr(0, size)));
      for (char& byte : bytes) {
        for (const int mask : {0x01, 0x02, 0x08, 0x80, 0xFF}) {
          byte = static_cast<char>(byte ^ mask);
          harmless(read(bytes));
          byte = static_cast<char>(byte ^ mask);
        }
      }
    };
    damage(good.state, [&](const std::string& bytes) {
      StoredTransaction stored = good;
      stored.state = bytes;
      return FromStored(stored).status();
    });
    for (size_t part = 1; part < good.parts.size(); ++part) {
      damage(*good.parts[part].document, [&](const std::string& bytes) {
        StoredTransaction stored = good;
        stored.parts[part].document = std::make_shared<const std::string>(bytes);
        return FromStored(stored).status();
      });
    }
  }
}

TEST_CASE("impossible: a workflow's state that contradicts itself") {
  CHECK(ProblemAfter([](auto&) {}) == "none");
  CHECK(ProblemAfter([](auto& t) {
          Record(t, "01", "action");
          Record(t, "01", "action");
        }) == "progress: an operation recorded twice");
  CHECK(ProblemAfter([](auto& t) { Record(t, "01", "commit"); }) ==
        "progress: of another outcome than the state's");
  const auto decided = [](Decision outcome, const char* op, bool failed) {
    return ProblemAfter([&](auto& t) {
      t.phase = Phase::kRunning;
      t.outcome = outcome;
      Record(t, "01", op, failed);
    });
  };
  CHECK(decided(Decision::kCommit, "commit", false) == "none");
  CHECK(decided(Decision::kRollback, "rollback", false) == "none");
  CHECK(decided(Decision::kRollback, "action", true) == "none");
  CHECK(decided(Decision::kCommit, "rollback", false) ==
        "progress: of another outcome than the state's");
  CHECK(decided(Decision::kRollback, "rollback", true) ==
        "progress: a failure of an operation that may not fail");
  CHECK(ProblemAfter([](auto& t) { t.phase = Phase::kRunning; }) ==
        "state: prepared and its decision contradict");
  CHECK(ProblemAfter([](auto& t) { t.branches[0].state = BranchState::kDone; }) ==
        "state: a call-back with an end");
  CHECK(ProblemAfter([](auto& t) { t.branches[0].state = BranchState::kFailed; }) ==
        "state: a failure of an operation that may not fail");
  const auto with_result = [](GlobalTransaction& t) {
    t.result = std::make_shared<const std::string>("done");
    t.result_part = t.parts++;
  };
  CHECK(ProblemAfter(with_result) == "state: a result of what has none");
  const auto ended = [&](GlobalTransaction& t) {
    t.phase = Phase::kEnded;
    t.outcome = Decision::kCommit;
    t.finished = t.created;
    with_result(t);
  };
  CHECK(ProblemAfter(ended) == "none");
  CHECK(ProblemAfter([&](auto& t) {
          ended(t);
          --t.parts;
        }) == "state: a part beyond its count");
  GlobalTransaction t = Plain();
  ended(t);
  StoredTransaction stored = Stored(t);
  stored.parts.pop_back();
  CHECK(ProblemOf(stored) == "result: its part is missing");
}

TEST_CASE("impossible: a workflow's definition, and what it records") {
  const auto problem = [](const std::function<void(Definition&)>& change) {
    Definition definition = *Plain().definition;
    change(definition);
    const auto read = DecodeDefinition(EncodeDefinition(definition));
    return read.ok() ? std::string("none") : read.status().message();
  };
  CHECK(problem([](auto&) {}) == "none");
  CHECK(problem([](auto& d) { d.steps.resize(1); }) == "definition: a workflow with steps");
  CHECK(problem([](auto& d) { d.query_prepared.clear(); }) ==
        "definition: a workflow without a call-back");
  CHECK(problem([](auto& d) { d.workflow.clear(); }) ==
        "definition: a workflow's name and its mode");
  CHECK(problem([](auto& d) { d.mode = Mode::kTcc; }) ==
        "definition: a workflow's name and its mode");
  CHECK(DecodeProgress(EncodeProgress({.branch_id = "01"})).status().message() ==
        "progress: no operation");
  CHECK(DecodeProgress("").status().message() == "progress: empty");
  CHECK(DecodeResult("\x02").status().message() == "result: unknown version 2");
}

TEST_CASE("digest: of a workflow its name and input count, and not where it is called back") {
  const Definition plain = *Plain().definition;
  Definition other = plain;
  other.query_prepared = "http://new.example/resume";
  CHECK(DigestOf(other) == DigestOf(plain));
  other.workflow = "payment";
  CHECK(DigestOf(other) != DigestOf(plain));
  other = plain;
  other.input = "31";
  CHECK(DigestOf(other) != DigestOf(plain));
}

TEST_CASE("workflow: its call-back is branch 00 with the workflow's name, input and headers") {
  GlobalTransaction t = Plain();
  REQUIRE(t.branches.size() == 1);
  CHECK(t.BranchName(0) == "00/transfer");
  CHECK(t.UrlOf(0) == "http://shop.example/resume");
  CHECK(t.PayloadOf(0) == "30");
  Record(t, "01", "action", true);
  const TransactionRecord record = ToRecord(t);
  REQUIRE(record.branches.size() == 1);
  CHECK(record.branches[0].branch_id == "01");
  CHECK(record.branches[0].status == BranchStatus::kFailed);
  CHECK(record.query_prepared == "http://shop.example/resume");
}

// As in golden_test.cc: they lie in files that people have.
TEST_CASE("golden: a workflow of 0.1 is read, and still written so") {
  GlobalTransaction t = Plain();
  t.id = 5;
  t.phase = Phase::kEnded;
  t.outcome = Decision::kCommit;
  t.finished = t.created + Milliseconds(90);
  t.first_action = t.created + Milliseconds(1);
  t.branches[0].next = t.created + Milliseconds(10'000);
  Record(t, "01", "action");
  Record(t, "01", "commit");
  t.progress[0] = std::make_shared<const Progress>(
      Progress{.branch_id = "02", .op = "action", .failed = true, .data = "no"});
  t.result = std::make_shared<const std::string>("done");
  t.result_part = t.parts++;
  const auto document = [](std::string_view hex) {
    return std::make_shared<const std::string>(FromHex(hex));
  };
  constexpr std::string_view kDefinition =
      "0104050e1a687474703a2f2f73686f702e6578616d706c652f726573756d65161d04904e09000000"
      "00000000400cc0cf241000140118011c0120b81724012080b0f1fb1c26087472616e736665722a02"
      "3330";
  constexpr std::string_view kFailed = "01060230320a06616374696f6e0c0112026e6f";
  constexpr std::string_view kCommit = "01060230310a06636f6d6d6974";
  constexpr std::string_view kResult = "010604646f6e65";
  constexpr std::string_view kState = "013e0201020402080118022e0108320418a09c0144033804";
  StoredTransaction stored;
  stored.row = RowOf(t);
  stored.state = FromHex(kState);
  stored.parts = {{0, document(kDefinition)},
                  {1, document(kFailed)},
                  {2, document(kCommit)},
                  {3, document(kResult)}};
  const auto read = FromStored(stored);
  REQUIRE_MESSAGE(read.ok(), read.status());
  CHECK(Show(**read) == Show(t));
  CHECK(ToHex(EncodeDefinition(*t.definition)) == kDefinition);
  CHECK(ToHex(EncodeProgress(*t.progress[0])) == kFailed);
  CHECK(ToHex(EncodeProgress(*t.progress[1])) == kCommit);
  CHECK(ToHex(EncodeResult(*t.result)) == kResult);
  CHECK(ToHex(EncodeState(t)) == kState);
  CHECK(ToHex(DigestOf(*t.definition)) ==
        "31286d977751808300c32c622a937b86547ea3aeab1781e324df4a31f9e8d07b42");
}

}  // namespace
}  // namespace troth::internal
