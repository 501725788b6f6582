// Workflows over the wire: the application runs the function, records each step, and is called back
// until it has said how that ended.
#include "scene.h"

namespace troth::testing {
namespace {

using std::chrono::milliseconds;

// dtm's Go SDK: the input is {"amount":30}.
constexpr char kPrepare[] =
    R"({"gid":"g1","trans_type":"workflow","custom_data":"{\"data\":\"eyJhbW91bnQiOjMwfQ==\",\"name\":\"transfer\"}","concurrent":false,"query_prepared":"http://ap/resume","protocol":"http"})";
constexpr char kPrepared[] =
    R"("gid":"g1","trans_type":"workflow","status":"prepared","protocol":"http")";

std::string Step(std::string_view id, std::string_view op, std::string_view data = "",
                 std::string_view status = "succeed") {
  return R"({"gid":"g1","trans_type":"workflow","branch_id":")" + std::string(id) + R"(","op":")" +
         std::string(op) + R"(","status":")" + std::string(status) + R"(","data":")" +
         std::string(data) + R"("})";
}

std::string End(std::string_view status, std::string_view reason = "",
                std::string_view result = "") {
  return R"({"gid":"g1","trans_type":"workflow","req_extra":{"status":")" + std::string(status) +
         R"(","rollback_reason":")" + std::string(reason) + R"(","result":")" +
         std::string(result) + R"("}})";
}

std::string Failure(std::string_view message) {
  return R"(409 {"dtm_result":"FAILURE","message":")" + std::string(message) + R"("})";
}

bool Ends(std::string_view answer, std::string_view status) {
  return answer.starts_with("200 ") && Has(answer, R"("status":")" + std::string(status) + "\"");
}

// The recorded steps in a prepareWorkflow's answer: "01/action=succeed …".
std::string Progresses(const std::string& answer) {
  std::string out;
  const size_t end = answer.find("\"transaction\":");
  for (size_t at = 0;;) {
    const std::string id = TakeMember(answer, "branch_id", at);
    if (at == std::string::npos || at > end) return out;
    out += (out.empty() ? "" : " ") + id + "/" + TakeMember(answer, "op", at);
    out += "=" + TakeMember(answer, "status", at);
  }
}

}  // namespace

TEST_CASE(
    "gateway workflow: prepared, each step recorded, and ended with its result (W2, W3, W4)") {
  Scene scene;
  const std::string fresh = scene.Post("prepareWorkflow", kPrepare);
  CHECK_MESSAGE(fresh.starts_with(R"(200 {"progresses":[],"transaction":{"id":0,)"), fresh);
  CHECK(Has(fresh, kPrepared));
  CHECK(Has(fresh, R"("query_prepared":"http://ap/resume")"));
  CHECK(scene.Post("registerBranch", Step("01", "action", "out")) == kSuccess);
  CHECK(scene.Post("registerBranch", Step("02", "action", "no money", "failed")) == kSuccess);
  const std::string again = scene.Post("prepareWorkflow", kPrepare);
  CHECK(Progresses(again) == "01/action=succeed 02/action=failed");
  CHECK(Has(again, R"("bin_data":"b3V0","branch_id":"01","op":"action","status":"succeed"})"));
  CHECK(Has(again, kPrepared));
  CHECK(BranchStates(scene.Query("g1")) == "action=succeed action=failed");
  CHECK(scene.Post("submit", End("succeed", "", "ZG9uZQ==")) == kSuccess);
  CHECK(scene.world.coordinator().Query("g1")->result == "done");
  CHECK(Ends(scene.Query("g1"), "succeed"));
  CHECK(Has(scene.Query("g1"), R"("result":"ZG9uZQ==")"));
  scene.world.RunUntilIdle();
  CHECK(scene.world.calls().empty());
}

TEST_CASE("gateway workflow: one that has ended answers its result, or why it failed (W5, W6)") {
  Scene scene;
  scene.Post("prepareWorkflow", kPrepare);
  CHECK(scene.Post("submit", End("failed", "no money FAILURE")) == kSuccess);
  const std::string failed = scene.Post("prepareWorkflow", kPrepare);
  CHECK(Ends(failed, "failed"));
  CHECK(Has(failed, R"("rollback_reason":"no money FAILURE")"));
  CHECK(scene.world.coordinator().Query("g1")->reason.code == ReasonCode::kRolledBack);

  Scene other;
  other.Post("prepareWorkflow", kPrepare);
  other.Post("registerBranch", Step("01", "action", "out"));
  other.Post("submit", End("succeed", "", "ZG9uZQ=="));
  REQUIRE(other.world.Reopen().ok());
  const std::string succeeded = other.Post("prepareWorkflow", kPrepare);
  CHECK(Ends(succeeded, "succeed"));
  CHECK(Has(succeeded, R"("result":"ZG9uZQ==")"));
  CHECK(Progresses(succeeded) == "01/action=succeed");
}

TEST_CASE("gateway workflow: it is called back with its input until it has ended (W8, W9, W21)") {
  Scene scene({}, {.call_time = 0ms});
  scene.world.Branch("http://ap/resume").Ongoing().Answer(500).Answer(500).Succeed().Fail("no");
  const Time start = scene.world.now();
  scene.Post("prepareWorkflow", kPrepare);
  scene.world.Advance(400s);
  const std::vector<RecordedCall>& calls = scene.world.calls();
  REQUIRE(calls.size() == 7);
  CHECK(calls[0].method == "POST");
  CHECK(calls[0].payload == R"({"amount":30})");
  CHECK(calls[0].context.gid == "g1");
  CHECK(calls[0].context.trans_type == "workflow");
  CHECK(calls[0].context.branch_id == "00");
  CHECK(calls[0].context.op == "transfer");
  // No answer ends it, a success or a failure no more than any other: after each the wait doubles,
  // but after an ongoing.
  const std::vector<milliseconds> times = {10s, 20s, 30s, 50s, 90s, 170s, 330s};
  for (size_t i = 0; i < times.size(); ++i) CHECK(calls[i].at - start == times[i]);
  const std::string shown = scene.Query("g1");
  CHECK(shown.starts_with(R"(200 {"branches":[],)"));
  CHECK(Has(shown, kPrepared));
  CHECK(scene.Post("submit", End("succeed")) == kSuccess);
  scene.world.Advance(24h);
  CHECK(calls.size() == 7);
}

TEST_CASE("gateway workflow: a sign of life puts the call-back off, a new result starts it over") {
  Scene scene({}, {.call_time = 0ms});
  FakeBranch resume = scene.world.Branch("http://ap/resume").Answer(500).Always();
  const Time start = scene.world.now();
  scene.Post("prepareWorkflow", kPrepare);
  scene.world.Advance(9s);
  CHECK(scene.Post("registerBranch", Step("01", "action")) == kSuccess);
  scene.world.Advance(9s);
  scene.Post("prepareWorkflow", kPrepare);
  scene.world.Advance(9s);
  CHECK(resume.calls() == 0);
  scene.world.Advance(51s);  // at 28 s, 38 s and 58 s
  REQUIRE(resume.calls() == 3);
  CHECK(resume.recorded()[0].at - start == 28s);
  // Somebody who only asks again and again gets no further: the wait goes on growing.
  scene.Post("prepareWorkflow", kPrepare);
  scene.world.Advance(21s);  // until 99 s
  REQUIRE(resume.calls() == 4);
  CHECK(resume.recorded()[3].at - start == 98s);
  CHECK(scene.Post("registerBranch", Step("02", "action")) == kSuccess);
  scene.world.Advance(10s);
  CHECK(resume.calls() == 5);
}

TEST_CASE("gateway workflow: recorded again is one, another result is refused (W25)") {
  Scene scene;
  scene.Post("prepareWorkflow", kPrepare);
  CHECK(scene.Post("registerBranch", Step("01", "action", "out")) == kSuccess);
  CHECK(scene.Post("registerBranch", Step("01", "action", "out")) == kSuccess);
  const std::string other = Failure("01/action of g1 is recorded with another result: FAILURE");
  CHECK(scene.Post("registerBranch", Step("01", "action", "in")) == other);
  CHECK(scene.Post("registerBranch", Step("01", "action", "out", "failed")) == other);
  CHECK(Progresses(scene.Post("prepareWorkflow", kPrepare)) == "01/action=succeed");
  // One run alone may prepare the local XA transaction in which this is recorded.
  CHECK(scene.Post("registerBranch", Step("02", "business")) == kSuccess);
  CHECK(scene.Post("registerBranch", Step("02", "business")) ==
        Failure("02/business of g1 is recorded by another run: FAILURE"));
  CHECK(scene.Post("prepareWorkflow",
                   R"({"gid":"g1","trans_type":"workflow","query_prepared":"http://ap/resume",)"
                   R"("custom_data":"{\"name\":\"transfer\",\"data\":null}"})") ==
        R"(409 {"dtm_result":"FAILURE","message":"gid: g1 is taken by a transaction with another )"
        R"(content: FAILURE","transaction":{"status":409}})");
  // Whoever runs it now may live elsewhere.
  CHECK(scene
            .Post("prepareWorkflow",
                  R"({"gid":"g1","trans_type":"workflow","query_prepared":"http://new/resume",)"
                  R"("custom_data":"{\"name\":\"transfer\",\"data\":\"eyJhbW91bnQiOjMwfQ==\"}"})")
            .starts_with("200 "));
  scene.Post("submit", End("failed", "no money"));
  const std::string late = scene.Post("registerBranch", Step("01", "action", "out"));
  CHECK(late == Failure("g1 is failed: nothing is recorded any more: FAILURE"));
  CHECK(scene.Post("registerBranch", R"({"gid":"g2","trans_type":"workflow","op":"action",)"
                                     R"("branch_id":"01","status":"succeed"})") ==
        Failure("no trans with gid: g2 status: prepared found FAILURE"));
}

TEST_CASE("gateway workflow: the first second phase fixes the outcome, whoever runs it (R30)") {
  std::vector<std::string> events;
  CoordinatorOptions options;
  options.on_event = [&](const Event& event) {
    if (event.kind == EventKind::kContradiction) events.push_back(event.text);
  };
  Scene scene({}, {.coordinator = options});
  scene.Post("prepareWorkflow", kPrepare);
  scene.Post("registerBranch", Step("01", "action"));
  CHECK(scene.Post("registerBranch", Step("01", "rollback")) == kSuccess);
  CHECK(Has(scene.Query("g1"), kPrepared));
  REQUIRE(scene.world.Reopen().ok());
  CHECK(scene.Post("registerBranch", Step("01", "commit")) ==
        Failure("the outcome of g1 is rollback: no commit is recorded: FAILURE"));
  CHECK(scene.Post("registerBranch", Step("02", "action")) ==
        Failure("the outcome of g1 is rollback: no further step is recorded: FAILURE"));
  CHECK(scene.Post("submit", End("succeed")) ==
        Failure("the outcome of g1 is rollback: it ends with that: FAILURE"));
  CHECK(scene.Post("registerBranch", Step("02", "rollback")) == kSuccess);
  CHECK(scene.Post("submit", End("failed", "no money")) == kSuccess);
  CHECK(Ends(scene.Query("g1"), "failed"));
  scene.world.RunUntilIdle();
  CHECK(events.size() == 2);
}

TEST_CASE("gateway workflow: the same end again is a success, another one is refused (L6, W28)") {
  Scene scene;
  CHECK(scene.Post("submit", End("succeed")) ==
        Failure("no trans with gid: g1 found: it was never prepared: FAILURE"));
  scene.Post("prepareWorkflow", kPrepare);
  for (const char* odd : {"", "prepared", "SUCCESS"}) {
    CHECK(scene.Post("submit", End(odd)) ==
          R"(400 {"message":"req_extra.status: not succeed or failed"})");
  }
  CHECK(scene.Post("submit", R"({"gid":"g1","trans_type":"workflow"})") ==
        R"(400 {"message":"req_extra.status: not succeed or failed"})");
  CHECK(scene.Post("submit", End("succeed", "", "ZG9uZQ==")) == kSuccess);
  for (int life = 0; life < 2; ++life) {
    CHECK(scene.Post("submit", End("succeed", "", "ZG9uZQ==")) == kSuccess);
    const std::string refused = Failure("current status 'succeed', cannot sumbmit. FAILURE");
    CHECK(scene.Post("submit", End("succeed", "", "ZG9uZW==")).starts_with("400 "));
    CHECK(scene.Post("submit", End("succeed", "", "bm90")) == refused);
    CHECK(scene.Post("submit", End("failed", "no money")) == refused);
    REQUIRE(scene.world.Reopen().ok());
  }
}

TEST_CASE("gateway workflow: nobody else decides it (L9); a stop names the steps in doubt") {
  Scene scene;
  scene.Post("prepareWorkflow", kPrepare);
  scene.Post("registerBranch", Step("01", "action"));
  scene.Post("registerBranch", Step("02", "action"));
  scene.Post("registerBranch", Step("02", "rollback"));
  scene.Post("registerBranch", Step("03", "rollback"));
  CHECK(scene.Post("abort", R"({"gid":"g1","trans_type":"workflow"})") ==
        Failure("trans type: 'workflow' current status 'prepared', cannot abort. FAILURE"));
  Coordinator& coordinator = scene.world.coordinator();
  const Act ann{.author = "ann", .reason = "asked"};
  CHECK(coordinator.Abort("g1", "no").code() == StatusCode::kFailedPrecondition);
  CHECK(coordinator.Cancel("g1", ann).code() == StatusCode::kFailedPrecondition);
  CHECK(coordinator.SkipBranch("g1", {"00", "transfer"}, ann).code() ==
        StatusCode::kFailedPrecondition);
  CHECK(coordinator.EditBranch("g1", {"00", "transfer"}, {.url = "http://new/resume"}, ann).ok());
  scene.world.Advance(1s);
  REQUIRE(scene.world.calls().size() == 1);
  CHECK(scene.world.calls()[0].url == "http://new/resume");
  CHECK(coordinator.Stop("g1", ann).code() == StatusCode::kFailedPrecondition);
  CHECK(scene.Ask({.method = "POST",
                   .path = "/api/dtmsvr/forceStop",
                   .headers = {{"Troth-Author", "ann"}},
                   .body = R"({"gid":"g1"})"}) == kSuccess);
  const TransactionRecord record = *coordinator.Query("g1");
  CHECK(record.forced);
  CHECK(record.in_doubt == std::vector<std::string>{"01/action"});
  CHECK(scene.Post("submit", End("failed", "no")) ==
        Failure("current status 'failed', cannot sumbmit. FAILURE"));
}

// With other data its next run's prepareWorkflow would be refused as another content, for ever.
TEST_CASE("gateway workflow: the data of its call-back is not edited, its headers are (R16, I24)") {
  Scene scene;
  scene.Post("prepareWorkflow", kPrepare);
  Coordinator& coordinator = scene.world.coordinator();
  const Act ann{.author = "ann", .reason = "asked"};
  const BranchKey call_back{"00", "transfer"};
  const Status edited = coordinator.EditBranch("g1", call_back, {.payload = "other"}, ann);
  CHECK(edited.code() == StatusCode::kFailedPrecondition);
  CHECK(coordinator.Query("g1")->history.empty());
  const BranchEdit same{.payload = R"({"amount":30})", .headers = Headers{{"X-Edited", "yes"}}};
  CHECK(coordinator.EditBranch("g1", call_back, same, ann).ok());
  scene.world.Advance(1s);
  REQUIRE(scene.world.calls().size() == 1);
  CHECK(scene.world.calls()[0].payload == R"({"amount":30})");
}

TEST_CASE(
    "gateway workflow: wrong input is named, nothing is stored, no SDK takes it for a start") {
  Scene scene(
      {.body_bytes = 2000},
      {.coordinator = {.limits = {.steps = 2, .payload_bytes = 100, .transaction_bytes = 150}}});
  const auto prepare = [&](std::string_view body) { return scene.Post("prepareWorkflow", body); };
  const auto refused = [&](std::string_view body, std::string_view message) {
    const std::string answer = prepare(body);
    CHECK_MESSAGE(answer == R"(400 {"message":")" + std::string(message) +
                                R"(","transaction":{"status":400}})",
                  answer);
  };
  const auto custom = [](std::string_view data) {
    return R"({"gid":"g1","trans_type":"workflow","query_prepared":"http://ap/resume",)"
           R"("custom_data":")" +
           std::string(data) + R"("})";
  };
  refused("{", "not JSON: wrong at byte 2");
  refused(R"({"gid":"g1"})", "trans_type: empty");
  refused(R"({"gid":"g1","trans_type":"tcc"})", "trans_type: not workflow");
  refused(R"({"trans_type":"workflow"})", "gid: empty");
  refused(R"({"gid":"g1","trans_type":"workflow"})", "custom_data.name: empty");
  refused(custom("{"), "custom_data: not JSON: wrong at byte 2");
  refused(custom(R"({\"name\":7})"), "custom_data.name: not a string");
  refused(custom(R"({\"name\":\"a\\n\"})"), "custom_data.name: has control characters");
  refused(custom(R"({\"name\":\"a\",\"data\":\"a\"})"), "custom_data.data: not base64");
  refused(custom(R"({\"name\":\"a\",\"data\":\")" + std::string(200, 'A') + R"(\"})"),
          "custom_data.data: 150 bytes, more than the 100 of limits.payload_bytes");
  refused(R"({"gid":"g1","trans_type":"workflow","custom_data":"{\"name\":\"a\"}"})",
          "query_prepared: empty; a workflow is called back to be resumed");
  refused(R"({"gid":"g1","trans_type":"workflow","query_prepared":"ftp://ap"})",
          "query_prepared: URL: it must begin with http://, https:// or local:");
  CHECK(prepare(std::string(2001, ' ')) ==
        R"(413 {"message":"body: more than 2000 bytes","transaction":{"status":413}})");
  CHECK(scene.Get("prepareWorkflow") ==
        R"(405 {"message":"use POST","transaction":{"status":405}})");
  CHECK(scene.Ask({.method = "POST", .path = "/api/dtmsvr/prepareWorkflow", .peer = "10.0.0.9"})
            .ends_with(R"(,"transaction":{"status":403}})"));
  CHECK(Has(scene.Get("all"), R"("transactions":[])"));

  REQUIRE(prepare(kPrepare).starts_with("200 "));
  const auto step = [&](std::string_view body, std::string_view message) {
    const std::string answer = scene.Post("registerBranch", body);
    CHECK_MESSAGE(answer == R"(400 {"message":")" + std::string(message) + R"("})", answer);
  };
  step(Step("01", ""), "op: empty");
  step(Step("00", "action"), "branch_id: 00 is the call-back's");
  step(Step("01", "action", "", "prepared"), "status: not succeed or failed");
  step(Step("01", "action", std::string(101, 'x')),
       "data: 101 bytes, more than the 100 of limits.payload_bytes");
  step(Step(std::string(129, '0'), "action"), "branch_id: longer than 128 bytes");
  step(Step("01", "commit", "", "failed"),
       "status: a commit may not fail: it is repeated until it succeeds");
  CHECK(Progresses(prepare(kPrepare)).empty());
  CHECK(scene.Post("registerBranch", Step("", "action", std::string(99, 'x'))) == kSuccess);
  CHECK(scene.Post("registerBranch", Step("01", "action", std::string(99, 'x'))) ==
        R"(500 {"message":"limits.transaction_bytes: 225 with this branch"})");
  CHECK(scene.Post("registerBranch", Step("01", "action")) == kSuccess);
  CHECK(scene.Post("registerBranch", Step("02", "action")) ==
        R"(500 {"message":"limits.steps: 2"})");
  CHECK(scene.Post("submit", End("succeed", "", std::string(200, 'A'))) ==
        R"(400 {"message":"req_extra.result: 150 bytes, more than the 100 of )"
        R"(limits.payload_bytes"})");
  CHECK(Progresses(prepare(kPrepare)) == "/action=succeed 01/action=succeed");
}

}  // namespace troth::testing
