// TCC and XA over the wire: the application prepares, registers, calls and decides by itself.
#include <algorithm>

#include "scene.h"
#include "troth/tcc.h"
#include "troth/xa.h"

namespace troth::testing {
namespace {

constexpr char kTcc[] = R"({"gid":"g1","trans_type":"tcc"})";
constexpr char kXa[] = R"({"gid":"g1","trans_type":"xa"})";

std::string TccBranchJson(std::string_view id, std::string_view host) {
  const std::string base = "http://" + std::string(host);
  return R"({"gid":"g1","trans_type":"tcc","branch_id":")" + std::string(id) +
         R"(","data":"{}","confirm":")" + base + R"(/confirm","cancel":")" + base + R"(/cancel"})";
}

std::string XaBranchJson(std::string_view id, std::string_view host) {
  return R"({"gid":"g1","trans_type":"xa","branch_id":")" + std::string(id) +
         R"(","url":"http://)" + std::string(host) + R"(/xa"})";
}

std::vector<std::string> Called(const World& world) {
  std::vector<std::string> calls;
  for (const RecordedCall& call : world.calls()) {
    calls.push_back(call.url + " " + call.context.branch_id + "/" + call.context.op);
  }
  return calls;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE(
    "gateway tcc: prepared, registered, submitted, confirmed in reverse order (A17, C1, C2, C8)") {
  Scene scene;
  CHECK(scene.Post("prepare", kTcc) == kSuccess);
  CHECK(scene.Post("prepare", kTcc) == kSuccess);
  CHECK(scene.Post("registerBranch", TccBranchJson("01", "a")) == kSuccess);
  CHECK(scene.Post("registerBranch", TccBranchJson("02", "b")) == kSuccess);
  CHECK(scene.Post("registerBranch", TccBranchJson("0201", "c")) == kSuccess);
  CHECK(BranchStates(scene.Query("g1")) ==
        "cancel=prepared confirm=prepared cancel=prepared confirm=prepared cancel=prepared "
        "confirm=prepared");
  CHECK(scene.Post("submit", kTcc) == kSuccess);
  CHECK(scene.Post("submit", kTcc) == kSuccess);
  scene.world.RunUntilIdle();
  CHECK(Called(scene.world) == Names{"http://c/confirm 0201/confirm", "http://b/confirm 02/confirm",
                                     "http://a/confirm 01/confirm"});
  CHECK(BranchStates(scene.Query("g1")) ==
        "cancel=prepared confirm=succeed cancel=prepared confirm=succeed cancel=prepared "
        "confirm=succeed");
  CHECK(
      scene.Post("submit", kTcc) ==
      R"(409 {"dtm_result":"FAILURE","message":"current status 'succeed', cannot sumbmit. FAILURE"})");
  CHECK(
      scene.Post("prepare", kTcc) ==
      R"(409 {"dtm_result":"FAILURE","message":"current status 'succeed', cannot prepare. FAILURE"})");
}

TEST_CASE("gateway tcc: an abort cancels all, and keeps its reason (C3, C5, L9, L11)") {
  Scene scene;
  scene.Post("prepare", kTcc);
  scene.Post("registerTccBranch", TccBranchJson("01", "a"));
  CHECK(scene.Post("abort",
                   R"({"gid":"g1","trans_type":"tcc","rollback_reason":"sold out FAILURE"})") ==
        kSuccess);
  CHECK(Has(scene.Query("g1"), R"("status":"aborting")"));
  CHECK(scene.Post("abort", kTcc) == kSuccess);
  scene.world.RunUntilIdle();
  const std::string shown = scene.Query("g1");
  CHECK(BranchStates(shown) == "cancel=succeed confirm=prepared");
  CHECK(Has(shown, R"("rollback_reason":"sold out FAILURE")"));
  CHECK(
      scene.Post("abort", kTcc) ==
      R"(409 {"dtm_result":"FAILURE","message":"trans type: 'tcc' current status 'failed', cannot abort. FAILURE"})");
}

TEST_CASE("gateway tcc: undecided for 35 s it rolls back, and nothing joins it (A16, C6, C7)") {
  Scene scene;
  scene.Post("prepare", kTcc);
  scene.Post("registerBranch", TccBranchJson("01", "a"));
  scene.world.RunUntilIdle();
  const std::string shown = scene.Query("g1");
  CHECK(Has(shown, R"("status":"failed")"));
  CHECK(Has(shown, R"("rollback_reason":"Timeout after 35 seconds")"));
  CHECK(BranchStates(shown) == "cancel=succeed confirm=prepared");
  CHECK(
      scene.Post("registerBranch", TccBranchJson("02", "b")) ==
      R"(409 {"dtm_result":"FAILURE","message":"no trans with gid: g1 status: prepared found FAILURE"})");
  CHECK(
      scene.Post("submit", kTcc) ==
      R"(409 {"dtm_result":"FAILURE","message":"current status 'failed', cannot sumbmit. FAILURE"})");
}

TEST_CASE(
    "gateway tcc: a branch registered twice is one; another one under its id is refused (A18)") {
  Scene scene;
  scene.Post("prepare", kTcc);
  CHECK(scene.Post("registerBranch", TccBranchJson("01", "a")) == kSuccess);
  CHECK(scene.Post("registerBranch", TccBranchJson("01", "a")) == kSuccess);
  CHECK(
      scene.Post("registerBranch", TccBranchJson("01", "b")) ==
      R"(409 {"dtm_result":"FAILURE","message":"branch 01 of g1 is registered already: FAILURE"})");
}

TEST_CASE(
    "gateway tcc: with no branch it succeeds at once (L16); one that was never prepared is "
    "refused") {
  Scene scene;
  CHECK(
      scene.Post("submit", kTcc) ==
      R"(409 {"dtm_result":"FAILURE","message":"no trans with gid: g1 found: it was never prepared: FAILURE"})");
  scene.Post("prepare", kTcc);
  CHECK(scene.Post("submit", R"({"gid":"g1","trans_type":"tcc","wait_result":true})") == kSuccess);
  CHECK(Has(scene.Query("g1"), R"("status":"succeed")"));
}

TEST_CASE("gateway: a gid of another mode is not decided, joined or prepared") {
  Scene scene;
  scene.world.Branch("http://b/TransIn").Ongoing().Always();
  scene.Post("submit", TransferJson("g1"));
  CHECK(scene.Post("submit", kTcc) ==
        R"(409 {"dtm_result":"FAILURE","message":"g1 is a saga, not a tcc: FAILURE"})");
  CHECK(scene.Post("prepare", kTcc).starts_with("409 "));
  CHECK(scene.Post("registerBranch", TccBranchJson("01", "a")).starts_with("409 "));
  CHECK(
      scene.Post("abort", kTcc) ==
      R"(409 {"dtm_result":"FAILURE","message":"trans type: 'saga' current status 'submitted', cannot abort. FAILURE"})");
  CHECK(BranchStates(scene.Query("g1")).find("confirm") == std::string::npos);
}

TEST_CASE(
    "gateway xa: branches register themselves, and all commit, or all roll back (X1, X2, X3)") {
  Scene scene;
  CHECK(scene.Post("prepare", kXa) == kSuccess);
  CHECK(scene.Post("registerXaBranch", XaBranchJson("01", "a")) == kSuccess);
  CHECK(scene.Post("registerBranch", XaBranchJson("02", "b")) == kSuccess);
  CHECK(BranchStates(scene.Query("g1")) ==
        "rollback=prepared commit=prepared rollback=prepared commit=prepared");
  CHECK(scene.Post("submit", R"({"gid":"g1","trans_type":"xa","wait_result":true})") == kSuccess);
  Names commits = Called(scene.world);  // all at once
  std::sort(commits.begin(), commits.end());
  CHECK(commits == Names{"http://a/xa 01/commit", "http://b/xa 02/commit"});
  CHECK(BranchStates(scene.Query("g1")) ==
        "rollback=prepared commit=succeed rollback=prepared commit=succeed");

  Scene other;
  other.Post("prepare", kXa);
  other.Post("registerBranch", XaBranchJson("01", "a"));
  CHECK(other.Post("abort", kXa) == kSuccess);
  other.world.RunUntilIdle();
  CHECK(BranchStates(other.Query("g1")) == "rollback=succeed commit=prepared");
}

TEST_CASE("gateway xa: a time-out without branches fails with an empty list (X9)") {
  Scene scene;
  scene.Post("prepare", R"({"gid":"g1","trans_type":"xa","timeout_to_fail":3})");
  scene.world.RunUntilIdle();
  const std::string shown = scene.Query("g1");
  CHECK(shown.starts_with(R"(200 {"branches":[],)"));
  CHECK(Has(shown, R"("rollback_reason":"Timeout after 3 seconds")"));
  CHECK(scene.Post("submit", kXa).starts_with("409 "));
}

TEST_CASE(
    "gateway tcc: a try of the application's own tells the branch where to register (C9, C10)") {
  const std::string base = "http://10.0.0.5:36789/api/dtmsvr";
  Scene scene({}, {.coordinator = {.gateway_url = base}});
  scene.world.Branch("http://a/try").Do([&](const BranchContext& context, std::string_view) {
    CHECK(context.coordinator == base);
    return BranchResult::Success();
  });
  Result<Tcc> tcc = Tcc::Begin(scene.world.coordinator(), {.gid = "g1"});
  REQUIRE(tcc.ok());
  REQUIRE(tcc->Call({.try_url = "http://a/try",
                     .confirm_url = "http://a/confirm",
                     .cancel_url = "http://a/cancel",
                     .payload = "{}"})
              .ok());
  // What that branch does with an SDK: a branch of its own, under its id.
  CHECK(scene.Post("registerBranch", TccBranchJson("0101", "c")) == kSuccess);
  REQUIRE(tcc->Commit().ok());
  scene.world.RunUntilIdle();
  CHECK(Called(scene.world) == Names{"http://a/try 01/try", "http://c/confirm 0101/confirm",
                                     "http://a/confirm 01/confirm"});
  for (size_t i = 1; i < scene.world.calls().size(); ++i) {
    CHECK(scene.world.calls()[i].context.coordinator.empty());  // as dtm's own calls
  }
}

TEST_CASE(
    "gateway xa: a branch that the application has called may register itself once more (X1)") {
  Scene scene;
  scene.world.Branch("http://a/xa").Do([&](const BranchContext& context, std::string_view) {
    CHECK((context.op != "action" || context.phase2_url == "http://a/xa"));
    return BranchResult::Success();
  });
  Result<Xa> xa = Xa::Begin(scene.world.coordinator(), {.gid = "g1"});
  REQUIRE(xa.ok());
  REQUIRE(xa->Call({.url = "http://a/xa", .payload = "{}", .headers = {{"Tenant", "7"}}}).ok());
  CHECK(scene.Post("registerBranch", XaBranchJson("01", "a")) == kSuccess);
  REQUIRE(xa->Commit().ok());
  scene.world.RunUntilIdle();
  CHECK(Called(scene.world) == Names{"http://a/xa 01/action", "http://a/xa 01/commit"});
}

}  // namespace troth::testing
