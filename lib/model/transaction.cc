// What can be said about a transaction by looking at it: branches, names, status, the API's views.
//
// Derives; never decides. What must happen next is plan's.
#include "model/transaction.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace troth::internal {
namespace {

// Never destroyed: a reference to it may be used while the process ends.
const std::string& NoText() {
  static const auto* const kNone = new std::string;
  return *kNone;
}

const Edit* EditOf(const GlobalTransaction& t, uint16_t branch) {
  if (t.edits.empty()) return nullptr;
  const auto found = t.edits.find(branch);
  return found == t.edits.end() ? nullptr : found->second.get();
}

BranchStatus StatusOf(BranchState state) {
  switch (state) {
    case BranchState::kWaiting:
      return BranchStatus::kPrepared;
    case BranchState::kDone:
      return BranchStatus::kSucceed;
    case BranchState::kFailed:
      return BranchStatus::kFailed;
    case BranchState::kSkipped:
      return BranchStatus::kSkipped;
  }
  return BranchStatus::kPrepared;
}

BranchRecord RecordOf(const GlobalTransaction& t, uint16_t index) {
  const Branch& branch = t.branches[index];
  BranchRecord out;
  out.branch_id = t.BranchIdOf(branch);
  out.op = t.OpNameOf(branch);
  out.url = t.UrlOf(index);
  out.status = StatusOf(branch.state);
  out.may_have_run = branch.called || branch.calls > 0 || branch.started == Started::kYes;
  out.attempts = branch.calls;
  if (branch.first_call != Time{}) out.first_call = branch.first_call;
  if (branch.state == BranchState::kWaiting && branch.next != Time{}) out.next_call = branch.next;
  if (!branch.failures.empty()) {
    out.first_failure = branch.failures.front();
    // The first one stands among the newest too as long as there are few.
    const size_t newest = std::min(branch.failures.size(), kNewestFailures);
    out.newest_failures.assign(branch.failures.end() - static_cast<std::ptrdiff_t>(newest),
                               branch.failures.end());
  }
  return out;
}

BranchRecord RecordOf(const Progress& progress, bool with_payload) {
  BranchRecord out;
  out.branch_id = progress.branch_id;
  out.op = progress.op;
  out.status = progress.failed ? BranchStatus::kFailed : BranchStatus::kSucceed;
  out.may_have_run = true;
  if (with_payload) out.payload = progress.data;
  return out;
}

CallOptions OptionsOf(const Policy& policy) {
  return {.retry = {.first = policy.first,
                    .factor = policy.factor,
                    .cap = policy.cap,
                    .jitter = policy.jitter,
                    .limit = policy.limit,
                    .give_up_after = policy.give_up_after,
                    .park_after = policy.park_after},
          .request_timeout = policy.request_timeout,
          .body_verdicts = policy.body_verdicts,
          .json_rpc = policy.json_rpc};
}

std::vector<BranchRecord> RecordsOf(const GlobalTransaction& t, bool with_payloads) {
  std::vector<BranchRecord> out;
  out.reserve(t.branches.size() + t.progress.size());
  for (const auto& progress : t.progress) out.push_back(RecordOf(*progress, with_payloads));
  for (size_t i = 0; i < t.branches.size(); ++i) {
    const Branch& branch = t.branches[i];
    // The protocol shows no row for a check-back; one that was asked for is worth a look.
    if (branch.op == Op::kCheckBack && branch.calls == 0) continue;
    out.push_back(RecordOf(t, static_cast<uint16_t>(i)));
    if (with_payloads) out.back().payload = t.PayloadOf(static_cast<uint16_t>(i));
  }
  return out;
}

std::vector<std::string> SkippedOf(const GlobalTransaction& t) {
  std::vector<std::string> skipped;
  for (size_t i = 0; i < t.branches.size(); ++i) {
    if (t.branches[i].state != BranchState::kSkipped) continue;
    skipped.push_back(t.BranchName(static_cast<uint16_t>(i)));
  }
  return skipped;
}

}  // namespace

const std::string& GlobalTransaction::UrlOf(uint16_t branch) const {
  if (const Edit* edit = EditOf(*this, branch)) return edit->url;
  const Branch& b = branches[branch];
  switch (b.op) {
    case Op::kForward:
      return StepOf(b).forward;
    case Op::kCommit:
      return StepOf(b).commit;
    case Op::kRollback:
      return StepOf(b).rollback;
    case Op::kCheckBack:
      return definition->query_prepared;
  }
  return NoText();
}

const std::string& GlobalTransaction::PayloadOf(uint16_t branch) const {
  if (const Edit* edit = EditOf(*this, branch)) return edit->payload;
  const Branch& b = branches[branch];
  return b.op == Op::kCheckBack ? definition->input : StepOf(b).payload;
}

const Headers& GlobalTransaction::HeadersOf(uint16_t branch) const {
  if (const Edit* edit = EditOf(*this, branch)) return edit->headers;
  const Branch& b = branches[branch];
  return b.op == Op::kCheckBack ? definition->headers : StepOf(b).headers;
}

std::string_view GlobalTransaction::BranchIdOf(const Branch& branch) const {
  return branch.op == Op::kCheckBack ? std::string_view("00")
                                     : std::string_view(StepOf(branch).branch_id);
}

std::string GlobalTransaction::BranchName(uint16_t branch) const {
  const Branch& b = branches[branch];
  return Concat(BranchIdOf(b), "/", OpNameOf(b));
}

Decision OwedBy(const Progress& progress) {
  if (progress.op == OpName(Mode::kWorkflow, Op::kCommit)) return Decision::kCommit;
  if (progress.op == OpName(Mode::kWorkflow, Op::kRollback)) return Decision::kRollback;
  return Decision::kUndecided;
}

void AddBranches(Mode mode, size_t step, std::vector<Branch>& branches) {
  const auto add = [&](Op op) {
    Branch& branch = branches.emplace_back();
    branch.step = static_cast<uint16_t>(step);
    branch.op = op;
  };
  switch (mode) {
    case Mode::kSaga:
      add(Op::kRollback);
      add(Op::kForward);
      break;
    case Mode::kTcc:
    case Mode::kXa:
      add(Op::kRollback);
      add(Op::kCommit);
      break;
    case Mode::kMessage:
      add(Op::kForward);
      break;
    case Mode::kWorkflow:
      break;  // it calls its branches itself
  }
}

std::vector<Branch> BranchesOf(const Definition& definition) {
  TROTH_CHECK(definition.steps.size() <= kStepsMax);
  std::vector<Branch> out;
  out.reserve(definition.steps.size() * 2 + 1);
  for (size_t step = 0; step < definition.steps.size(); ++step) {
    AddBranches(definition.mode, step, out);
  }
  const bool asks = definition.mode == Mode::kMessage && !definition.query_prepared.empty();
  if (asks || definition.mode == Mode::kWorkflow) out.emplace_back().op = Op::kCheckBack;
  return out;
}

GlobalTransaction NewTransaction(std::string gid, std::shared_ptr<const Definition> definition,
                                 Time now) {
  GlobalTransaction t;
  t.gid = std::move(gid);
  t.created = now;
  t.updated = now;
  if (definition->timeout_to_fail) t.deadline = now + *definition->timeout_to_fail;
  switch (definition->mode) {
    case Mode::kSaga:
      break;  // its own actions decide
    case Mode::kTcc:
    case Mode::kXa:
    case Mode::kMessage:
      t.outcome = Decision::kCommit;
      break;
    case Mode::kWorkflow:
      t.phase = Phase::kPrepared;
      break;
  }
  t.branches = BranchesOf(*definition);
  t.definition = std::move(definition);
  return t;
}

TransactionStatus WireStatus(Mode mode, Phase phase, Decision outcome) {
  if (phase == Phase::kEnded) {
    return outcome == Decision::kCommit ? TransactionStatus::kSucceed : TransactionStatus::kFailed;
  }
  if (mode == Mode::kWorkflow) return TransactionStatus::kPrepared;
  if (outcome == Decision::kRollback) return TransactionStatus::kAborting;
  if (phase == Phase::kPrepared) return TransactionStatus::kPrepared;
  return TransactionStatus::kSubmitted;
}

TransactionRecord ToRecord(const GlobalTransaction& t) {
  TransactionRecord out;
  out.gid = t.gid;
  out.mode = t.mode();
  out.status = WireStatus(t);
  out.created = t.created;
  out.updated = t.updated;
  out.finished = t.finished;
  out.concurrent = t.definition->concurrent;
  out.deadline = t.deadline;
  out.reason = t.reason;
  out.forced = t.forced;
  out.in_doubt = t.in_doubt;
  out.branches = RecordsOf(t, /*with_payloads=*/true);
  out.history = t.history;
  out.query_prepared = t.definition->query_prepared;
  out.headers = t.definition->headers;
  out.options = OptionsOf(t.definition->policies[0]);
  if (t.result != nullptr) out.result = *t.result;
  out.skipped = SkippedOf(t);
  return out;
}

Outcome ToOutcome(const GlobalTransaction& t) {
  Outcome out;
  out.gid = t.gid;
  out.status = WireStatus(t);
  out.reason = t.reason;
  out.forced = t.forced;
  out.in_doubt = t.in_doubt;
  out.skipped = SkippedOf(t);
  out.branches = RecordsOf(t, /*with_payloads=*/false);
  return out;
}

}  // namespace troth::internal
