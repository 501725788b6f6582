// What an answer means (R11): status first, then, on another 2xx, the body's text.
#include "scene.h"

namespace troth::testing {
namespace {

enum class Meaning { kSuccess, kFailure, kOngoing, kUnknown };

struct Row {
  int status;
  const char* body;
  bool body_verdicts;
  Meaning meaning;
};

// What the coordinator made of the answer, seen from outside.
Meaning MeaningOf(const Row& row) {
  World world(Instant());
  world.Branch(Do("a")).Answer(row.status, row.body);
  Saga saga = Steps({"a"});
  saga.options.retry.limit = 0;  // an unknown result ends it, an ongoing one does not
  saga.options.body_verdicts = row.body_verdicts;
  const Outcome outcome = End(world, saga);
  if (outcome.reason.code == ReasonCode::kActionFailed) return Meaning::kFailure;
  if (outcome.reason.code == ReasonCode::kRetriesExhausted) return Meaning::kUnknown;
  CHECK(outcome.succeeded());
  return world.Branch(Do("a")).calls() == 2 ? Meaning::kOngoing : Meaning::kSuccess;
}

TEST_CASE("verdict: the status decides first, whatever the body says") {
  for (const Row& row : {
           Row{200, "", true, Meaning::kSuccess},
           Row{200, "{\"dtm_result\":\"SUCCESS\"}", true, Meaning::kSuccess},
           Row{201, "", true, Meaning::kSuccess},
           Row{204, "", true, Meaning::kSuccess},
           Row{299, "", true, Meaning::kSuccess},
           Row{202, "", true, Meaning::kOngoing},
           Row{202, "FAILURE", true, Meaning::kOngoing},
           Row{425, "", true, Meaning::kOngoing},
           Row{425, "FAILURE", true, Meaning::kOngoing},
           Row{409, "", true, Meaning::kFailure},
           Row{409, "ONGOING", true, Meaning::kFailure},
           Row{100, "", true, Meaning::kUnknown},
           Row{301, "", true, Meaning::kUnknown},
           Row{302, "FAILURE", true, Meaning::kUnknown},
           Row{304, "", true, Meaning::kUnknown},
           Row{400, "FAILURE", true, Meaning::kUnknown},
           Row{404, "", true, Meaning::kUnknown},
           Row{429, "", true, Meaning::kUnknown},
           Row{500, "ONGOING", true, Meaning::kUnknown},
           Row{501, "FAILURE", true, Meaning::kUnknown},
           Row{502, "", true, Meaning::kUnknown},
           Row{503, "ONGOING", true, Meaning::kUnknown},
           Row{504, "", true, Meaning::kUnknown},
           Row{599, "", true, Meaning::kUnknown},
       }) {
    CAPTURE(row.status);
    CAPTURE(row.body);
    CHECK(MeaningOf(row) == row.meaning);
  }
}

TEST_CASE("verdict: on another 2xx the body's text counts, ongoing before failure") {
  for (const Row& row : {
           Row{200, "FAILURE", true, Meaning::kFailure},
           Row{200, "{\"dtm_result\":\"FAILURE\",\"message\":\"x\"}", true, Meaning::kFailure},
           Row{201, "a FAILURE it is", true, Meaning::kFailure},
           Row{200, "ONGOING", true, Meaning::kOngoing},
           Row{200, "FAILURE and ONGOING", true, Meaning::kOngoing},
           Row{200, "failure", true, Meaning::kSuccess},
           Row{200, "Ongoing", true, Meaning::kSuccess},
           Row{200, "FAILURE", false, Meaning::kSuccess},
           Row{200, "ONGOING", false, Meaning::kSuccess},
           Row{202, "FAILURE", false, Meaning::kOngoing},
           Row{409, "", false, Meaning::kFailure},
       }) {
    CAPTURE(row.status);
    CAPTURE(row.body);
    CAPTURE(row.body_verdicts);
    CHECK(MeaningOf(row) == row.meaning);
  }
}

TEST_CASE("verdict: body texts can be switched off per coordinator, transaction and step") {
  World world(Instant({.defaults = {.body_verdicts = false}}));
  for (const char* name : {"a", "b", "c"}) world.Branch(Do(name)).Answer(200, "FAILURE");
  CHECK(End(world, Steps({"a"})).succeeded());
  Saga saga = Steps({"b", "c"});
  saga.options.body_verdicts = true;
  saga.steps[0].options.body_verdicts = false;
  const Outcome outcome = End(world, saga);
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(outcome.reason.branch_id == "02");
}

TEST_CASE("verdict: a local function's words are its own, its verdict is its result") {
  World world(
      Instant({.local = {{"talk", [](const BranchContext&, std::string_view, std::stop_token) {
                            return BranchResult::Success("FAILURE, ONGOING");
                          }}}}));
  Saga saga;
  saga.Add({.action = "local:talk", .compensate = {}, .payload = "{}"});
  saga.options.body_verdicts = true;
  CHECK(End(world, saga).succeeded());
}

TEST_CASE("verdict: the reason of a failure names branch, status, text, attempt and time") {
  World world(Instant());
  world.Branch(Do("b")).Answer(500, "out of order").Answer(409, "no such account");
  const Saga saga = Steps({"a", "b"});
  const Outcome outcome = End(world, saga);
  const Time failed = world.Branch(Do("b")).recorded()[1].at;
  const Reason& reason = outcome.reason;
  CHECK(reason.code == ReasonCode::kActionFailed);
  CHECK(reason.branch_id == "02");
  CHECK(reason.op == "action");
  CHECK(reason.http_status == 409);
  CHECK(reason.text == "no such account");
  CHECK(reason.attempt == 2);
  CHECK(reason.at == failed);
  CHECK(reason.ToString().find("02/action") != std::string::npos);
  CHECK(reason.ToString().find("no such account") != std::string::npos);
  // The same from the store, and after another life has read it.
  REQUIRE(world.Reopen().ok());
  const TransactionRecord record = Look(world, saga);
  CHECK(record.reason.text == "no such account");
  CHECK(record.reason.attempt == 2);
  const BranchRecord branch = Look(world, saga, "02", "action");
  CHECK(branch.status == BranchStatus::kFailed);
  CHECK(branch.attempts == 2);
  REQUIRE(branch.first_failure);
  CHECK(branch.first_failure->http_status == 500);
  CHECK(branch.first_failure->text == "out of order");
  CHECK(branch.newest_failures.back().http_status == 409);
}

TEST_CASE("verdict: the first failure of a branch is kept, and the newest three") {
  World world(Instant());
  FakeBranch branch = world.Branch(Do("a"));
  for (int status = 500; status <= 506; ++status) {
    branch.Answer(status == 502 || status == 503 || status == 504 ? status + 50 : status,
                  "number " + std::to_string(status - 499));
  }
  const Saga saga = Steps({"a"});
  const Outcome outcome = End(world, saga);
  CHECK(outcome.succeeded());
  const BranchRecord record = Look(world, saga, "01", "action");
  CHECK(record.attempts == 8);
  CHECK(record.first_failure->text == "number 1");
  REQUIRE(record.newest_failures.size() == 3);
  CHECK(record.newest_failures[0].text == "number 5");
  CHECK(record.newest_failures[2].text == "number 7");
  CHECK(record.newest_failures[2].attempt == 7);
}

TEST_CASE("verdict: of a failure's text the first kilobyte is kept") {
  World world;
  world.Branch(Do("a")).Fail(std::string(5000, 'x'));
  const Saga saga = Steps({"a"});
  End(world, saga);
  CHECK(Look(world, saga).reason.text.size() <= 1024);
  CHECK(Look(world, saga).reason.text.size() >= 1000);
}

TEST_CASE("verdict: a handler that throws has said nothing") {
  World world(Instant());
  int calls = 0;
  world.Branch(Do("a")).Do([&](const BranchContext&, std::string_view) -> BranchResult {
    if (++calls == 1) throw std::runtime_error("the disk is gone");
    return BranchResult::Success();
  });
  const Saga saga = Steps({"a"});
  CHECK(End(world, saga).succeeded());
  CHECK(calls == 2);
  CHECK(Look(world, saga, "01", "action").first_failure->text == "the disk is gone");
}

}  // namespace
}  // namespace troth::testing
