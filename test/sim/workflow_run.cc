#include "workflow_run.h"

#include <utility>

#include "base/text.h"
#include "draw.h"

namespace troth::sim {
namespace {

using internal::Concat;
using internal::Progress;
using Kind = PlannedWorkflow::Kind;

constexpr int kTriesMax = 3;
constexpr milliseconds kSlowCommit{200};
constexpr char kChoice[] = "choice";  // of no meaning: its operation tells the outcome
constexpr char kWhy[] = "not enough";

bool IsOutcome(const Progress& progress) {
  return progress.op == "commit" || progress.op == "rollback";
}

// Which of the contents that were wanted; the number behind them: none.
uint32_t ContentOf(const Planned& planned, const std::string& input) {
  uint32_t content = 0;
  while (content < planned.wanted.size() && planned.wanted[content].input != input) ++content;
  return content;
}

}  // namespace

BranchResult WorkflowRun::Go() {
  if (!Prepare()) return BranchResult::Unknown("not prepared");
  if (ended_) {
    return *ended_ == TransactionStatus::kSucceed ? BranchResult::Success()
                                                  : BranchResult::Failure("has failed");
  }
  std::optional<bool> commits = RecordedOutcome();
  const bool fixed = commits.has_value();
  if (!fixed) commits = ChooseByActions();
  if (!commits) return BranchResult::Ongoing("later");
  bool anything = false;
  for (size_t i = 0; i < wanted_.steps.size(); ++i) anything |= HasPhaseTwo(i, *commits);
  if (workflow_.careful && !fixed && anything &&
      !Record(kChoice, *commits ? "commit" : "rollback", false)) {
    return BranchResult::Ongoing("another run has chosen, or may have");
  }
  if (!SecondPhase(*commits)) return BranchResult::Unknown("stopped half-way");
  return Submit(*commits);
}

// What the gateway does: stores it, and tells all that is recorded.
bool WorkflowRun::AskToPrepare(Workflows::Parcel& heard) {
  return Ask(
      [&client = world_.client_, planned = &planned_, input = input_](Workflows::Parcel& out) {
        const Wanted& wanted = planned->wanted[0];
        out.status = client.PrepareWorkflow({.gid = wanted.gid,
                                             .name = wanted.workflow,
                                             .data = input,
                                             .query_prepared = wanted.query_prepared,
                                             .headers = wanted.headers,
                                             .options = planned->workflow.options},
                                            ContentOf(*planned, input));
        if (!out.status.ok() || !client.up()) return;
        auto record = client.Query(wanted.gid);
        out.status = record.status();
        if (record.ok()) out.record = std::make_shared<TransactionRecord>(*std::move(record));
      },
      heard);
}

bool WorkflowRun::Prepare() {
  Workflows::Parcel heard;
  if (!AskToPrepare(heard)) return false;
  // A call-back is a write in flight, which may take longer than the coordinator's patience:
  // without any of its own the run would never get through.
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (heard.status.code() != StatusCode::kUnavailable) break;
    Sleep(kSlowCommit);
    heard = {};
    if (!AskToPrepare(heard)) return false;
  }
  known_ = heard.status.ok() || heard.status.code() == StatusCode::kAlreadyExists ||
           heard.status.code() == StatusCode::kInvalidArgument;
  if (!heard.status.ok() || heard.record == nullptr) return false;
  if (heard.record->finished) ended_ = heard.record->status;
  for (const BranchRecord& branch : heard.record->branches) {
    if (branch.branch_id == "00") continue;
    recorded_.push_back({.branch_id = branch.branch_id,
                         .op = branch.op,
                         .failed = branch.status == BranchStatus::kFailed,
                         .data = branch.payload});
  }
  return true;
}

std::optional<bool> WorkflowRun::RecordedOutcome() const {
  for (const Progress& progress : recorded_) {
    if (IsOutcome(progress)) return progress.op == "commit";
  }
  return std::nullopt;
}

// The steps, one after another, until one is refused. Nothing: it goes on another time.
std::optional<bool> WorkflowRun::ChooseByActions() {
  const bool moody = workflow_.moody && !world_.calm_;
  for (size_t i = 0; i < wanted_.steps.size(); ++i) {
    if (moody && world_.dice_.Chance(8)) return false;
    Pause();
    Step done = Step::kLost;
    for (int tries = 0; tries < kTriesMax && done == Step::kLost; ++tries) {
      done = Act(i);
      if (!world_.calm_ && world_.dice_.Chance(60)) break;
    }
    if (done == Step::kRefused) return false;
    if (done != Step::kDone) return std::nullopt;
  }
  return !(moody && world_.dice_.Chance(40));
}

WorkflowRun::Step WorkflowRun::Act(size_t step) {
  const WantedStep& wanted = wanted_.steps[step];
  if (const Progress* done = Find(wanted.branch_id, "action")) {
    return done->failed ? Step::kRefused : Step::kDone;
  }
  if (workflow_.kinds[step] == Kind::kXa) return ActInXa(step);
  const CallResult result = CallBranch(step, "action");
  const bool refused = result == CallResult::kFailure;
  if (result != CallResult::kSuccess && !refused) return Step::kLost;
  if (!Record(wanted.branch_id, "action", refused)) return Step::kStuck;
  return refused ? Step::kRefused : Step::kDone;
}

// What was done in a transaction that was never prepared is gone, and can't be done again.
WorkflowRun::Step WorkflowRun::ActInXa(size_t step) {
  const WantedStep& wanted = wanted_.steps[step];
  if (Find(wanted.branch_id, "business") != nullptr) return Step::kRefused;
  if (wanted.refuses) {
    return Record(wanted.branch_id, "action", true) ? Step::kRefused : Step::kStuck;
  }
  if (!Record(wanted.branch_id, "business", false)) return Step::kStuck;
  world_.CountEffect();
  const CallResult prepared = CallBranch(step, "action");
  if (prepared != CallResult::kSuccess) return Step::kStuck;
  return Record(wanted.branch_id, "action", false) ? Step::kDone : Step::kStuck;
}

bool WorkflowRun::HasPhaseTwo(size_t step, bool commits) const {
  if (commits) return workflow_.kinds[step] != Kind::kSaga;
  if (workflow_.careful) return true;
  const Progress* done = Find(wanted_.steps[step].branch_id, "action");
  return done != nullptr && (!done->failed || workflow_.undoes_refused);
}

// Backwards. False: it goes on another time.
bool WorkflowRun::SecondPhase(bool commits) {
  const std::string op = commits ? "commit" : "rollback";
  for (size_t i = wanted_.steps.size(); i-- > 0;) {
    const std::string& branch_id = wanted_.steps[i].branch_id;
    if (!HasPhaseTwo(i, commits) || Find(branch_id, op) != nullptr) continue;
    Pause();
    CallResult result = CallResult::kLost;
    for (int tries = 0; tries < kTriesMax && result != CallResult::kSuccess; ++tries) {
      result = CallBranch(i, op);
      if (!world_.calm_ && world_.dice_.Chance(60)) break;
    }
    if (result != CallResult::kSuccess || !Record(branch_id, op, false)) return false;
  }
  return true;
}

BranchResult WorkflowRun::Submit(bool commits) {
  if (!world_.calm_ && RecordedOutcome() && world_.dice_.Chance(10)) Contradict(commits);
  Workflows::Parcel heard;
  const std::string gid = wanted_.gid;
  const internal::WorkflowEnd end{.succeeded = commits,
                                  .reason = commits ? "" : kWhy,
                                  .result = commits ? Concat("result of ", gid) : ""};
  const bool there = Ask([&client = world_.client_, gid,
                          end](Workflows::Parcel& out) { out.status = client.Finish(gid, end); },
                         heard);
  if (!there || !heard.status.ok()) return BranchResult::Unknown("no end");
  if (!world_.calm_ && world_.dice_.Chance(15)) Contradict(commits);
  return commits ? BranchResult::Success() : BranchResult::Failure(kWhy);
}

// As a run does that has slept through the end, and another one's choice.
void WorkflowRun::Contradict(bool commits) {
  Workflows::Parcel heard;
  const internal::WorkflowEnd end{.succeeded = !commits, .reason = commits ? kWhy : ""};
  (void)Ask([&client = world_.client_, gid = wanted_.gid,
             end](Workflows::Parcel& out) { out.status = client.Finish(gid, end); },
            heard);
  (void)Record(kChoice, commits ? "rollback" : "commit", false);
}

const Progress* WorkflowRun::Find(const std::string& branch_id, const std::string& op) const {
  for (const Progress& progress : recorded_) {
    if (progress.branch_id == branch_id && progress.op == op) return &progress;
  }
  return nullptr;
}

// True: the coordinator has it. What it refuses another run has done, or it has all ended: a run
// that begins anew finds out.
bool WorkflowRun::Record(const std::string& branch_id, const std::string& op, bool failed) {
  Progress progress{
      .branch_id = branch_id, .op = op, .failed = failed, .data = Concat("data of ", op)};
  // Nobody has said that an action answers the same whenever it is called.
  if (op == "action" && workflow_.careful) progress.data += Concat(" in run ", number_);
  const bool again = op != "business";
  for (int tries = 0; tries < kTriesMax; ++tries) {
    Workflows::Parcel heard;
    const std::string gid = wanted_.gid;
    const bool there =
        Ask([&client = world_.client_, gid,
             progress](Workflows::Parcel& out) { out.status = client.Record(gid, progress); },
            heard);
    if (there && heard.status.ok()) {
      recorded_.push_back(progress);
      return true;
    }
    if (there && heard.status.code() != StatusCode::kUnavailable) return false;
    if (!again || (!world_.calm_ && world_.dice_.Chance(50))) return false;
  }
  return false;
}

// A request to the coordinator; false: there was no answer.
bool WorkflowRun::Ask(const Workflows::Deliver& deliver, Workflows::Parcel& heard) {
  const auto parcel = std::make_shared<Workflows::Parcel>();
  const bool there = world_.Exchange(process_, parcel,
                                     [&client = world_.client_, deliver](Workflows::Parcel& out) {
                                       if (!client.up()) return;  // no connection
                                       const uint32_t life = client.life();
                                       deliver(out);
                                       out.answered = client.up() && client.life() == life;
                                     });
  heard = *parcel;
  return there;
}

CallResult WorkflowRun::CallBranch(size_t step, const std::string& op) {
  Log& log = world_.client_.recorder().log();
  const size_t index = log.efforts.size();
  log.efforts.push_back({.sent = world_.client_.recorder().Now(),
                         .run = number_,
                         .gid = wanted_.gid,
                         .branch_id = wanted_.steps[step].branch_id,
                         .op = op});
  const auto parcel = std::make_shared<Workflows::Parcel>();
  // What arrives outlives the run.
  const auto arrive = [&world = world_, planned = &planned_, step, op,
                       index](Workflows::Parcel& out) {
    out.answered = true;
    out.result = CallResult::kUnknown;
    if (world.Roll(world.weather_.failing)) return;
    out.result = CallResult::kOngoing;
    if (world.Roll(world.weather_.ongoing)) return;
    world.client_.recorder().log().efforts[index].arrivals.push_back(
        world.client_.recorder().Now());
    const Wanted& wanted = planned->wanted[0];
    const BranchContext context{
        .gid = wanted.gid,
        .trans_type = planned->workflow.kinds[step] == Kind::kSaga ? "saga" : "tcc",
        .branch_id = wanted.steps[step].branch_id,
        .op = op};
    const Bank::Ran ran = world.bank_.Run(context, ParseBranchUrl(wanted.steps[step].forward));
    const bool refused = ran.result.verdict() == BranchResult::Verdict::kFailure;
    out.result = refused ? CallResult::kFailure : CallResult::kSuccess;
    if (world.Roll(world.weather_.odd)) out.result = CallResult::kUnknown;
  };
  const bool there = world_.Exchange(process_, parcel, arrive);
  const CallResult result = there ? parcel->result : CallResult::kLost;
  world_.client_.recorder().log().efforts[index].result = result;
  return result;
}

void WorkflowRun::Pause() {
  if (planned_.pause.count() != 0) Sleep(planned_.pause);
}

void WorkflowRun::Sleep(milliseconds time) {
  world_.fibers_.SleepUnless(time, [this] { return process_ != world_.process_; });
  world_.CheckAlive(process_);
}

}  // namespace troth::sim
