// Workflows from their caller's side: a function that records its steps as dtm's SDKs do, killed at
// every point, and run again by the call-back.
#include <optional>

#include "scene.h"

namespace troth::testing {
namespace {

constexpr char kPrepare[] =
    R"({"gid":"g1","trans_type":"workflow","custom_data":"{\"name\":\"transfer\",\"data\":null}","concurrent":false,"query_prepared":"http://ap/resume","protocol":"http"})";

using Names = std::vector<std::string>;

struct Killed {};

// Two steps, of which the second may fail; then the second phase of what was done, in reverse.
class Function {
 public:
  Function(Scene& scene, bool succeeds) : scene_(scene), succeeds_(succeeds) {}

  // Runs it, until it has ended or, as a kill would, up to the `lives`-th thing that it does.
  void Run(std::optional<size_t> lives = std::nullopt) {
    lives_ = lives;
    try {
      Process();
    } catch (const Killed&) {
    }
  }

  bool ended = false;
  Names done;  // what ran, in order
  size_t things = 0;

 private:
  void Process() {
    Live();
    progress_ = scene_.Post("prepareWorkflow", kPrepare);
    if (!Has(progress_, R"("status":"prepared","protocol")")) {
      ended = true;
      return;
    }
    Live();
    const bool first = Do("01", "action", true);
    const bool both = first && Do("02", "action", succeeds_);
    const char* second_phase = both ? "commit" : "rollback";
    if (both) Do("02", second_phase, true);
    if (first) Do("01", second_phase, true);
    const std::string end =
        both ? R"({"status":"succeed","rollback_reason":"","result":"ZG9uZQ=="})"
             : R"({"status":"failed","rollback_reason":"no money FAILURE","result":""})";
    CHECK(scene_.Post("submit", R"({"gid":"g1","trans_type":"workflow","req_extra":)" + end +
                                    "}") == kSuccess);
    Live();
    ended = true;
  }

  // Unless it is recorded: runs it, and records what came of it.
  bool Do(const std::string& id, const std::string& op, bool succeeds) {
    const std::string row = R"("branch_id":")" + id + R"(","op":")" + op + R"(","status":")";
    const size_t at = progress_.find(row);
    if (at != std::string::npos) {
      return progress_.compare(at + row.size(), 7, "succeed") == 0;
    }
    done.push_back(id + "/" + op);
    Live();
    CHECK(scene_.Post("registerBranch", R"({"gid":"g1","trans_type":"workflow",)" + row +
                                            (succeeds ? "succeed" : "failed") +
                                            R"(","data":"x"})") == kSuccess);
    Live();
    return succeeds;
  }

  void Live() {
    ++things;
    if (lives_ && (*lives_)-- == 0) throw Killed();
  }

  Scene& scene_;
  const bool succeeds_;
  std::optional<size_t> lives_;
  std::string progress_;
};

// Kills it at its n-th thing, and the coordinator too; then the call-back runs it to its end.
void RunKilled(size_t n, bool succeeds, const Names& wanted) {
  CAPTURE(n);
  Scene scene({}, {.call_time = 0ms});
  FakeBranch resume = scene.world.Branch("http://ap/resume").Ongoing().Always();
  Function function(scene, succeeds);
  function.Run(n);
  REQUIRE(scene.world.Reopen().ok());
  const auto stored = scene.world.coordinator().Query("g1");
  if (stored.ok() && !stored->finished) {
    scene.world.Advance(10s);
    REQUIRE(resume.calls() == 1);
  }
  function.Run();
  REQUIRE(function.ended);
  // What was running when it was killed ran again; everything else once, in order.
  Names once;
  for (const std::string& each : function.done) {
    if (once.empty() || once.back() != each) once.push_back(each);
  }
  CHECK(once == wanted);
  CHECK(function.done.size() <= wanted.size() + 1);
  const TransactionRecord record = *scene.world.coordinator().Query("g1");
  CHECK(record.status == (succeeds ? TransactionStatus::kSucceed : TransactionStatus::kFailed));
  CHECK(record.result == (succeeds ? "done" : ""));
  const size_t calls = resume.calls();
  scene.world.Advance(24h);
  CHECK(resume.calls() == calls);
}

size_t ThingsOf(bool succeeds) {
  Scene scene;
  Function function(scene, succeeds);
  function.Run();
  CHECK(function.ended);
  return function.things;
}

}  // namespace

TEST_CASE("gateway workflow: killed at any point, a success runs each step once (W7, W11, W19)") {
  const Names wanted = {"01/action", "02/action", "02/commit", "01/commit"};
  const size_t things = ThingsOf(true);
  CHECK(things == 11);
  for (size_t n = 0; n < things; ++n) RunKilled(n, true, wanted);
}

TEST_CASE("gateway workflow: killed at any point, a failure ends with all undone (W7, W10, W13)") {
  const Names wanted = {"01/action", "02/action", "01/rollback"};
  const size_t things = ThingsOf(false);
  CHECK(things == 9);
  for (size_t n = 0; n < things; ++n) RunKilled(n, false, wanted);
}

TEST_CASE("gateway workflow: run by two at once, one end counts") {
  Scene scene;
  Function first(scene, true);
  Function second(scene, true);
  first.Run(6);   // its first two steps are recorded
  second.Run(3);  // it has found both, and committed the second
  first.Run();
  second.Run();
  CHECK(first.ended);
  CHECK(second.ended);
  CHECK(first.done.size() + second.done.size() <= 6);
  CHECK(scene.world.coordinator().Query("g1")->status == TransactionStatus::kSucceed);
  scene.world.RunUntilIdle();
  CHECK(scene.world.calls().empty());
}

}  // namespace troth::testing
