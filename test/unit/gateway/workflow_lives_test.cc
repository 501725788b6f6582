// Workflows under everything at once, drawn from seeds: several functions, each run by one client
// or by two, killed clients, killed coordinators, commits that fail, a person who interferes. After
// each thing that happens what is durable is compared with what was answered; in the end the
// branches' books are. What the mode can do must all have happened in some seed.
#include <map>
#include <memory>
#include <random>
#include <set>

#include "scene.h"

namespace troth::testing {
namespace {

using std::chrono::milliseconds;

using Names = std::vector<std::string>;

// What a function does: `steps` actions one after another, of which one may refuse; then the second
// phase of those done, in reverse order.
struct Workflow {
  std::string gid;
  size_t steps = 1;
  size_t refuses = 0;                  // the step's number; 0: none
  bool moody = false;                  // another run may go another way: no function to rely on
  std::map<std::string, int> books;    // what is in effect, by step
  std::set<std::string> barrier;       // what has run, or may not any more
  std::set<std::string> acknowledged;  // "01/action=succeed"
  std::string ended;                   // the status that was acknowledged, or seen
  Names shown;                         // the newest records seen

  // As behind a barrier: each operation once, and none that comes after what undoes it.
  void Do(const std::string& id, const std::string& op, bool refused) {
    if (refused) return;
    const bool undoes = op == "rollback";
    const bool never_ran = undoes && barrier.insert(id + "/action").second;
    if (!barrier.insert(id + "/" + op).second || never_ran) return;
    books[id] = undoes ? 0 : 1;
  }
};

std::string Id(size_t step) { return "0" + std::to_string(step); }

// One run of a function, by one client, from its prepareWorkflow on.
class Run {
 public:
  Run(Workflow& workflow, Scene& scene, size_t steps, size_t refuses)
      : workflow_(workflow), scene_(scene), steps_(steps), refuses_(refuses) {}

  Workflow& workflow() { return workflow_; }
  // The next thing that it does; false: it has come to an end, or was refused.
  bool Step(std::set<std::string>& seen) {
    if (!prepared_) return Prepare(seen);
    while (step_ != 0 && IsRecorded()) Next();
    if (step_ == 0) return Submit(seen);
    if (!executed_) return Execute();
    return Record(seen);
  }

 private:
  std::string Op() const { return Id(step_) + "/" + op_; }
  bool Refuses() const { return op_ == "action" && step_ == refuses_; }

  std::string Post(std::string_view route, std::string_view more) {
    return scene_.Post(route, R"({"gid":")" + workflow_.gid + R"(","trans_type":"workflow",)" +
                                  std::string(more) + "}");
  }

  bool Prepare(std::set<std::string>& seen) {
    const std::string answer = Post(
        "prepareWorkflow",
        R"("query_prepared":"http://ap/resume","custom_data":"{\"name\":\"w\",\"data\":\"aW4=\"}")");
    if (!answer.starts_with("200 ")) return false;
    const size_t end = answer.find("\"transaction\":");
    for (size_t at = 0;;) {
      const std::string id = TakeMember(answer, "branch_id", at);
      if (at > end) break;
      const std::string op = id + "/" + TakeMember(answer, "op", at);
      recorded_[op] = TakeMember(answer, "status", at);
    }
    seen.insert(recorded_.empty() ? "prepared" : "resumed");
    size_t at = end;
    const std::string status = TakeMember(answer, "status", at);
    if (status != "prepared") {
      seen.insert("told that it has " + status);
      if (workflow_.ended.empty()) workflow_.ended = status;
      CHECK(status == workflow_.ended);
      return false;
    }
    return prepared_ = true;
  }

  bool IsRecorded() const { return recorded_.contains(Op()); }

  void Next() {
    const bool failed = recorded_[Op()] == "failed";
    executed_ = false;
    if (op_ != "action") {
      --step_;
    } else if (failed || step_ == steps_) {
      op_ = failed ? "rollback" : "commit";
      if (failed) --step_;
    } else {
      ++step_;
    }
  }

  bool Execute() {
    workflow_.Do(Id(step_), op_, Refuses());
    return executed_ = true;
  }

  bool Record(std::set<std::string>& seen) {
    const std::string status = Refuses() ? "failed" : "succeed";
    const std::string answer =
        Post("registerBranch", R"("branch_id":")" + Id(step_) + R"(","op":")" + op_ +
                                   R"(","status":")" + status + R"(","data":"d")");
    if (answer != kSuccess) {
      seen.insert(Has(answer, "outcome of") ? "outcome refused"
                  : answer[0] == '4'        ? "record refused"
                                            : "record unknown");
      return false;
    }
    workflow_.acknowledged.insert(Op() + "=" + status);
    recorded_[Op()] = status;
    Next();
    return true;
  }

  bool Submit(std::set<std::string>& seen) {
    const bool commits = op_ == "commit";
    const std::string status = commits ? "succeed" : "failed";
    const std::string answer =
        Post("submit", R"("req_extra":{"status":")" + status + R"(","rollback_reason":")" +
                           (commits ? "" : "no money FAILURE") + R"(","result":""})");
    if (answer == kSuccess) {
      seen.insert("submitted " + status);
      if (workflow_.ended.empty()) workflow_.ended = status;
      CHECK(workflow_.ended == status);
    } else {
      seen.insert(answer[0] == '4' ? "end refused" : "end unknown");
    }
    return false;
  }

  Workflow& workflow_;
  Scene& scene_;
  const size_t steps_;
  const size_t refuses_;
  bool prepared_ = false;
  std::map<std::string, std::string> recorded_;
  size_t step_ = 1;
  std::string op_ = "action";
  bool executed_ = false;
};

class Lives {
 public:
  Lives(uint64_t seed, std::set<std::string>& seen)
      : draw_(seed), seen_(seen), scene_({}, Options(seed)) {
    for (size_t i = 0; i < 3; ++i) {
      Workflow workflow{.gid = "w" + std::to_string(i), .steps = Below(4) + 1};
      if (Chance(50)) workflow.refuses = Below(workflow.steps) + 1;
      workflow.moody = Chance(20);
      workflows_.push_back(std::move(workflow));
    }
    scene_.world.Branch("http://ap/resume")
        .Do([this](const BranchContext& context, std::string_view data) {
          return CalledBack(context, data);
        });
  }

  void Play() {
    for (int i = 0; i < 150; ++i) {
      Happen();
      Check();
    }
    calm_ = true;
    // Not one workflow is forgotten: its call-back comes, and a run of it that is let to its end.
    for (int i = 0; i < 40; ++i) {
      scene_.world.Advance(20min);
      Check();
      while (!runs_.empty()) StepOne();
      Check();
    }
    for (Workflow& workflow : workflows_) Audit(workflow);
  }

 private:
  static WorldOptions Options(uint64_t seed) {
    return {.coordinator = {.patience = 2s}, .seed = seed, .commit_time = 1ms};
  }
  size_t Below(size_t end) { return draw_() % end; }
  bool Chance(size_t percent) { return Below(100) < percent; }

  void Begin(Workflow& workflow) {
    const bool itself = !workflow.moody || calm_;
    const size_t steps = itself ? workflow.steps : Below(4) + 1;
    const size_t refuses = itself ? workflow.refuses : Below(steps + 1);
    runs_.push_back(std::make_unique<Run>(workflow, scene_, steps, refuses));
  }

  BranchResult CalledBack(const BranchContext& context, std::string_view data) {
    CHECK(context.branch_id == "00");
    CHECK(context.op == "w");
    CHECK(context.trans_type == "workflow");
    CHECK(data == "in");
    Workflow& workflow = workflows_[static_cast<size_t>(context.gid[1] - '0')];
    if (calm_ || Chance(70)) Begin(workflow);
    seen_.insert("called back");
    switch (calm_ ? 0 : Below(4)) {
      case 0:
        return BranchResult::Success();
      case 1:
        return BranchResult::Ongoing();
      case 2:
        return BranchResult::Failure("no");
      default:
        return BranchResult::Unknown("?");
    }
  }

  void StepOne() {
    const size_t i = Below(runs_.size());
    // A call that crosses a crash says nothing; whoever made it gives up.
    if (!runs_[i]->Step(seen_)) runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  void Happen() {
    const size_t what = Below(100);
    if (what < 55 && !runs_.empty()) {
      StepOne();
    } else if (what < 65) {
      Begin(workflows_[Below(workflows_.size())]);
    } else if (what < 75 && !runs_.empty()) {
      runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(Below(runs_.size())));
    } else if (what < 90) {
      scene_.world.Advance(milliseconds(Below(20'000)));
    } else if (what < 94) {
      scene_.world.CrashAfter(Below(5) + 1);
    } else if (what < 95) {
      scene_.world.Crash();
    } else if (what < 97) {
      scene_.world.FailCommits(1, {StatusCode::kResourceExhausted, "disk full"});
    } else {
      Interfere(workflows_[Below(workflows_.size())]);
    }
  }

  void Interfere(Workflow& workflow) {
    const Act ann{.author = "ann", .reason = "asked"};
    Coordinator& coordinator = scene_.world.coordinator();
    if (Chance(80)) {
      if (coordinator.RetryNow(workflow.gid, ann).ok()) seen_.insert("retried");
    } else if (coordinator.Stop(workflow.gid, ann, /*leave_in_doubt=*/true).ok()) {
      seen_.insert("stopped");
      workflow.ended = "failed";
    }
  }

  // What is durable holds all that was answered, and only grows.
  void Check() {
    if (scene_.world.crashed()) REQUIRE(scene_.world.Reopen().ok());
    for (Workflow& workflow : workflows_) {
      const Result<TransactionRecord> record = scene_.world.coordinator().Query(workflow.gid);
      if (!record.ok()) {
        CHECK(workflow.acknowledged.empty());
        CHECK(workflow.ended.empty());
        continue;
      }
      CheckRecord(workflow, *record);
    }
  }

  void CheckRecord(Workflow& workflow, const TransactionRecord& record) {
    CAPTURE(workflow.gid);
    Names shown;
    std::set<std::string> second_phases;
    for (const BranchRecord& branch : record.branches) {
      if (branch.branch_id == "00") continue;
      const std::string op = branch.branch_id + "/" + branch.op;
      shown.push_back(op + "=" + std::string(BranchStatusName(branch.status)));
      CHECK(branch.payload == "d");
      if (branch.op != "action") second_phases.insert(branch.op);
    }
    CHECK(second_phases.size() <= 1);
    REQUIRE(shown.size() >= workflow.shown.size());
    CHECK(std::equal(workflow.shown.begin(), workflow.shown.end(), shown.begin()));
    for (const std::string& each : workflow.acknowledged) {
      CHECK(std::find(shown.begin(), shown.end(), each) != shown.end());
    }
    workflow.shown = shown;
    const std::string status(StatusName(record.status));
    if (workflow.ended.empty() && status != "prepared") workflow.ended = status;
    CHECK(status == (workflow.ended.empty() ? "prepared" : workflow.ended));
    CHECK(record.finished.has_value() == (status != "prepared"));
    CHECK((record.due || record.finished || record.parked != ReasonCode::kNone));
    if (record.forced) return;
    if (status == "succeed") CHECK_FALSE(second_phases.contains("rollback"));
    if (status == "failed") CHECK_FALSE(second_phases.contains("commit"));
    if (!second_phases.empty()) {
      seen_.insert("outcome fixed: " + *second_phases.begin());
    }
  }

  void Audit(const Workflow& workflow) {
    const Result<TransactionRecord> record = scene_.world.coordinator().Query(workflow.gid);
    if (!record.ok()) return;  // nobody ever ran it
    for (const RecordedCall& call : scene_.world.calls()) {
      if (call.context.gid == workflow.gid && record->finished) CHECK(call.at <= *record->finished);
    }
    if (record->forced) {
      seen_.insert("ended forced");
      return;
    }
    // A function that comes to another end each time may never come to the one that is fixed.
    if (workflow.moody) return;
    CAPTURE(workflow.gid);
    REQUIRE(record->status ==
            (workflow.refuses == 0 ? TransactionStatus::kSucceed : TransactionStatus::kFailed));
    seen_.insert("ended " + workflow.ended);
    for (size_t step = 1; step <= workflow.steps; ++step) {
      const auto found = workflow.books.find(Id(step));
      const int in_effect = found == workflow.books.end() ? 0 : found->second;
      CHECK(in_effect == (workflow.refuses == 0 ? 1 : 0));
    }
  }

  std::mt19937_64 draw_;
  std::set<std::string>& seen_;
  Scene scene_;
  std::vector<Workflow> workflows_;
  std::vector<std::unique_ptr<Run>> runs_;
  bool calm_ = false;
};

}  // namespace

TEST_CASE(
    "gateway workflow: random lives keep what they answered, and end as their function says") {
  std::set<std::string> seen;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Lives(seed, seen).Play();
  }
  for (const std::string wanted :
       {"prepared", "resumed", "told that it has succeed", "told that it has failed", "called back",
        "submitted succeed", "submitted failed", "end refused", "end unknown", "record refused",
        "record unknown", "outcome refused", "outcome fixed: commit", "outcome fixed: rollback",
        "retried", "stopped", "ended succeed", "ended failed", "ended forced"}) {
    CHECK_MESSAGE(seen.contains(wanted), wanted);
  }
}

}  // namespace troth::testing
