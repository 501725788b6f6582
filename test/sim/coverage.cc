#include "coverage.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <string_view>

namespace troth::sim {
namespace {

using internal::Branch;
using internal::BranchState;
using internal::Decision;
using internal::GlobalTransaction;
using internal::Op;
using internal::Phase;
using internal::Started;
using Names = std::vector<std::string>;

std::string StatusStep(Mode mode, std::string_view from, std::string_view to, bool forced) {
  return std::string(ModeName(mode)) + ": " + std::string(from) + " to " + std::string(to) +
         (forced ? ", forced" : "");
}
std::string Why(Mode mode, ReasonCode code) {
  return std::string(ModeName(mode)) + ": rolled back, " + std::string(ReasonText(code));
}
std::string Parked(Mode mode, ReasonCode code) {
  return std::string(ModeName(mode)) + ": parked, " + std::string(ReasonText(code));
}
std::string BranchStep(Mode mode, Op op, std::string_view what) {
  return std::string(ModeName(mode)) + ": " + std::string(OpName(mode, op)) + " " +
         std::string(what);
}

void AddOps(Names& names, Mode mode, const std::vector<Op>& ops, const Names& steps) {
  for (const Op op : ops) {
    for (const std::string& step : steps) names.push_back(BranchStep(mode, op, step));
  }
}

// "workflow: chosen by a recorded commit".
std::string WorkflowStep(std::string_view what) {
  return std::string(ModeName(Mode::kWorkflow)) + ": " + std::string(what);
}

// Every transition that a plan's table has, mode by mode.
Names AllTransitions() {
  Names names;
  const auto status = [&](Mode mode, std::string_view from, std::string_view to,
                          bool forced = false) {
    names.push_back(StatusStep(mode, from, to, forced));
  };
  const auto why = [&](Mode mode, const std::vector<ReasonCode>& codes) {
    for (const ReasonCode code : codes) names.push_back(Why(mode, code));
  };
  const Names retried = {"done", "unknown", "ongoing"};
  const Names owed = {"done", "unknown", "ongoing", "skipped"};
  using enum ReasonCode;

  status(Mode::kSaga, "nothing", "submitted");
  status(Mode::kSaga, "submitted", "succeed");
  status(Mode::kSaga, "submitted", "aborting");
  status(Mode::kSaga, "aborting", "failed");
  status(Mode::kSaga, "submitted", "failed", true);
  status(Mode::kSaga, "aborting", "failed", true);
  why(Mode::kSaga, {kActionFailed, kRetriesExhausted, kGaveUp, kTimeout, kCancelled});
  AddOps(names, Mode::kSaga, {Op::kForward}, {"marked", "done", "failed", "unknown", "ongoing"});
  AddOps(names, Mode::kSaga, {Op::kRollback}, owed);

  for (const Mode mode : {Mode::kTcc, Mode::kXa}) {
    status(mode, "nothing", "prepared");
    status(mode, "prepared", "submitted");
    status(mode, "prepared", "aborting");
    status(mode, "submitted", "succeed");
    status(mode, "aborting", "failed");
    for (const char* from : {"prepared", "submitted", "aborting"}) {
      status(mode, from, "failed", true);
    }
    why(mode, {kTimeout, kCancelled, kRolledBack});
    AddOps(names, mode, {Op::kCommit, Op::kRollback}, owed);
  }

  status(Mode::kMessage, "nothing", "prepared");
  status(Mode::kMessage, "nothing", "submitted");
  status(Mode::kMessage, "prepared", "submitted");
  status(Mode::kMessage, "prepared", "failed");
  status(Mode::kMessage, "submitted", "succeed");
  status(Mode::kMessage, "submitted", "failed");
  for (const char* from : {"prepared", "submitted"}) {
    status(Mode::kMessage, from, "failed", true);
  }
  why(Mode::kMessage, {kActionFailed, kCancelled, kRolledBack});
  AddOps(names, Mode::kMessage, {Op::kForward}, owed);
  AddOps(names, Mode::kMessage, {Op::kForward}, {"marked"});
  AddOps(names, Mode::kMessage, {Op::kCheckBack}, retried);
  AddOps(names, Mode::kMessage, {Op::kCheckBack}, {"failed"});

  status(Mode::kWorkflow, "nothing", "prepared");
  for (const char* to : {"succeed", "failed"}) status(Mode::kWorkflow, "prepared", to);
  status(Mode::kWorkflow, "prepared", "failed", true);
  for (const char* what :
       {"a step recorded", "a refusal recorded", "a recorded commit", "a recorded rollback",
        "more of a commit recorded", "more of a rollback recorded", "undecided, submitted succeed",
        "undecided, submitted failed", "commit, submitted", "rollback, submitted",
        "called back, unended", "called back, ongoing", "stopped after its choice"}) {
    names.push_back(WorkflowStep(what));
  }
  names.push_back(Parked(Mode::kWorkflow, kParkedRetries));
  names.push_back(Parked(Mode::kWorkflow, kParkedBarrierExpired));

  for (const Mode mode : {Mode::kSaga, Mode::kTcc, Mode::kXa, Mode::kMessage}) {
    for (const ReasonCode code : {kParkedRetries, kNotCallable})
      names.push_back(Parked(mode, code));
  }
  names.push_back(Parked(Mode::kSaga, kParkedNotReturning));
  names.push_back(Parked(Mode::kSaga, kParkedBarrierExpired));
  return names;
}

// What became of one operation between two images; several things may have.
Names StepsOf(const Branch& before, const Branch& after) {
  Names steps;
  if (before.started == Started::kNo && after.started != Started::kNo) steps.push_back("marked");
  if (after.unknowns > before.unknowns) steps.push_back("unknown");
  const bool waits = after.state == BranchState::kWaiting;
  if (waits && after.calls > before.calls && after.unknowns == before.unknowns &&
      after.next > before.next) {
    steps.push_back("ongoing");
  }
  if (before.state != BranchState::kWaiting || waits) return steps;
  steps.push_back(after.state == BranchState::kDone     ? "done"
                  : after.state == BranchState::kFailed ? "failed"
                                                        : "skipped");
  return steps;
}

}  // namespace

Coverage::Coverage() : names_(AllTransitions()) {
  for (size_t i = 0; i < names_.size(); ++i) index_[names_[i]] = i;
  void* shared = ::mmap(nullptr, names_.size() * sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) std::abort();
  taken_ = new (shared) std::atomic<bool>[names_.size()];
}

Coverage::~Coverage() { ::munmap(taken_, names_.size() * sizeof(std::atomic<bool>)); }

// What is taken and not in the table is a plan's table that this one does not know.
void Coverage::Take(const std::string& name) {
  const auto found = index_.find(name);
  if (found != index_.end()) taken_[found->second].store(true, std::memory_order_relaxed);
}

void Coverage::Add(const Log& log) {
  std::map<std::string, const Stored*> newest;
  for (const Stored& stored : log.stored) {
    if (stored.kind != Stored::Kind::kCommitted || stored.transaction == nullptr) continue;
    const Stored*& before = newest[stored.row.gid];
    AddStep(before == nullptr ? nullptr : before->transaction.get(),
            before == nullptr ? nullptr : &before->row, stored);
    before = &stored;
  }
}

void Coverage::AddWorkflowStep(const GlobalTransaction* before, const GlobalTransaction& after) {
  const auto take = [this](std::string_view what) { Take(WorkflowStep(what)); };
  Decision chosen = before == nullptr ? Decision::kUndecided : before->outcome;
  for (size_t i = before == nullptr ? 0 : before->progress.size(); i < after.progress.size(); ++i) {
    const internal::Progress& one = *after.progress[i];
    const bool phase_two = one.op == "commit" || one.op == "rollback";
    if (!phase_two) take(one.failed ? "a refusal recorded" : "a step recorded");
    if (phase_two)
      take((chosen == Decision::kUndecided ? "a recorded " : "more of a ") + one.op +
           (chosen == Decision::kUndecided ? "" : " recorded"));
    if (phase_two) chosen = after.outcome;
  }
  const Branch call_back = before == nullptr ? Branch{} : before->branches[0];
  for (const std::string& step : StepsOf(call_back, after.branches[0])) {
    if (step == "unknown") take("called back, unended");
    if (step == "ongoing") take("called back, ongoing");
  }
  if (after.phase != Phase::kEnded || (before != nullptr && before->phase == Phase::kEnded)) return;
  const bool commits = after.outcome == Decision::kCommit;
  if (after.forced) {
    if (chosen != Decision::kUndecided) take("stopped after its choice");
  } else if (chosen == Decision::kUndecided) {
    take(commits ? "undecided, submitted succeed" : "undecided, submitted failed");
  } else {
    take(commits ? "commit, submitted" : "rollback, submitted");
  }
}

void Coverage::AddStep(const GlobalTransaction* before, const internal::TransactionRow* row_before,
                       const Stored& after) {
  const GlobalTransaction& t = *after.transaction;
  const Mode mode = t.mode();
  const TransactionStatus status = after.row.status;
  if (before == nullptr) {
    Take(StatusStep(mode, "nothing", StatusName(status), false));
  } else if (row_before->status != status) {
    Take(StatusStep(mode, StatusName(row_before->status), StatusName(status), t.forced));
  }
  const bool decided = before == nullptr || before->outcome != t.outcome;
  if (decided && t.outcome == internal::Decision::kRollback) Take(Why(mode, t.reason.code));
  if (after.row.parked != ReasonCode::kNone) Take(Parked(mode, after.row.parked));
  if (mode == Mode::kWorkflow) return AddWorkflowStep(before, t);
  for (size_t i = 0; i < t.branches.size(); ++i) {
    const bool known = before != nullptr && i < before->branches.size();
    const Branch fresh;
    for (const std::string& step : StepsOf(known ? before->branches[i] : fresh, t.branches[i])) {
      Take(BranchStep(mode, t.branches[i].op, step));
    }
  }
}

Names Coverage::Missing() const {
  Names missing;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!taken_[i].load(std::memory_order_relaxed)) missing.push_back(names_[i]);
  }
  return missing;
}

}  // namespace troth::sim
