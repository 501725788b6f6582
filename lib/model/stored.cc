// From a stored row to a live transaction: puts the parts together, and believes none of them.
#include "model/stored.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "model/bounds.h"
#include "model/state_codec.h"

namespace troth::internal {
namespace {

Status Wrong(std::string_view what) { return Status(StatusCode::kDataLoss, std::string(what)); }

Status CheckTimes(const TransactionRow& row) {
  for (const Time time : {row.created, row.updated, row.finished.value_or(Time{})}) {
    if (!IsInRange(time)) return Wrong("row: a time out of range");
  }
  return Status();
}

const std::string* DocumentOf(const StoredTransaction& stored, uint16_t number) {
  const auto found = std::find_if(stored.parts.begin(), stored.parts.end(),
                                  [number](const Part& part) { return part.number == number; });
  return found == stored.parts.end() ? nullptr : found->document.get();
}

Status ReadEdits(const StoredTransaction& stored, GlobalTransaction& t) {
  for (const auto& [branch, number] : t.edit_parts) {
    const std::string* document = DocumentOf(stored, number);
    if (document == nullptr) return Wrong(Concat("edit: part ", number, " is missing"));
    Result<Edit> edit = DecodeEdit(*document);
    if (!edit.ok()) return edit.status();
    if (edit->branch != branch) return Wrong(Concat("edit: part ", number, " of another branch"));
    t.edits[branch] = std::make_shared<const Edit>(*std::move(edit));
  }
  return Status();
}

Status ReadProgress(const StoredTransaction& stored, GlobalTransaction& t) {
  for (const uint16_t number : t.registered_parts) {
    const std::string* document = DocumentOf(stored, number);
    if (document == nullptr) return Wrong(Concat("progress: part ", number, " is missing"));
    Result<Progress> progress = DecodeProgress(*document);
    if (!progress.ok()) return progress.status();
    t.progress.push_back(std::make_shared<const Progress>(*std::move(progress)));
  }
  if (t.result_part == 0) return Status();
  const std::string* document = DocumentOf(stored, t.result_part);
  if (document == nullptr) return Wrong("result: its part is missing");
  Result<std::string> result = DecodeResult(*document);
  if (!result.ok()) return result.status();
  t.result = std::make_shared<const std::string>(*std::move(result));
  return Status();
}

Status ReadRegistered(const StoredTransaction& stored, GlobalTransaction& t) {
  if (t.mode() == Mode::kWorkflow) return ReadProgress(stored, t);
  for (const uint16_t number : t.registered_parts) {
    const std::string* document = DocumentOf(stored, number);
    if (document == nullptr) return Wrong(Concat("step: part ", number, " is missing"));
    Result<Step> step = DecodeStep(*document);
    if (!step.ok()) return step.status();
    const bool impossible = step->own && step->own->cap < step->own->first;
    if (step->policy >= t.definition->policies.size() || !step->after.empty() || impossible) {
      return Wrong(Concat("step: part ", number, " does not fit the definition"));
    }
    t.registered.push_back(std::make_shared<const Step>(*std::move(step)));
  }
  return Status();
}

// What is done and has no detail took a single call, or none where there was nothing to call.
void AssumeSingleCalls(GlobalTransaction& t) {
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    Branch& branch = t.branches[i];
    if (branch.state != BranchState::kDone || branch.calls != 0) continue;
    branch.calls = t.UrlOf(i).empty() ? 0 : 1;
  }
}

Status CheckParts(const StoredTransaction& stored, const GlobalTransaction& t) {
  for (const Part& part : stored.parts) {
    if (part.number >= t.parts) return Wrong("state: a part beyond its count");
  }
  for (const uint16_t number : t.registered_parts) {
    if (number >= t.parts) return Wrong("state: a step beyond its parts");
  }
  for (const auto& [branch, number] : t.edit_parts) {
    if (number >= t.parts) return Wrong("state: an edit beyond its parts");
  }
  if (t.result_part >= t.parts) return Wrong("state: a result beyond its parts");
  return Status();
}

// What a workflow's state adds to what all have: the outcome that its records have fixed (R30).
Status CheckWorkflow(const GlobalTransaction& t) {
  const bool workflow = t.mode() == Mode::kWorkflow;
  const bool has_result = t.result_part != 0;
  if (has_result && !(workflow && t.phase == Phase::kEnded)) {
    return Wrong("state: a result of what has none");
  }
  if (!workflow) return Status();
  if (t.branches[0].state != BranchState::kWaiting) return Wrong("state: a call-back with an end");
  std::set<std::pair<std::string_view, std::string_view>> recorded;
  for (const auto& progress : t.progress) {
    if (!recorded.emplace(progress->branch_id, progress->op).second) {
      return Wrong("progress: an operation recorded twice");
    }
    const Decision owed_by = OwedBy(*progress);
    if (owed_by == Decision::kUndecided) continue;
    if (owed_by != t.outcome) return Wrong("progress: of another outcome than the state's");
    if (progress->failed) return Wrong("progress: a failure of an operation that may not fail");
  }
  return Status();
}

Status CheckBranches(const GlobalTransaction& t) {
  for (const Branch& branch : t.branches) {
    if (branch.started != Started::kNo && branch.op != Op::kForward) {
      return Wrong("state: a mark on an operation that needs none");
    }
    const bool may_fail = MayFail(t.mode(), branch.op);
    if (branch.state == BranchState::kFailed && !may_fail) {
      return Wrong("state: a failure of an operation that may not fail");
    }
    if (branch.state == BranchState::kSkipped && may_fail) {
      return Wrong("state: an operation skipped that may fail");
    }
  }
  return Status();
}

// Whether a commit owes this operation.
bool IsOfCommit(Mode mode, Op op) {
  return mode == Mode::kSaga || mode == Mode::kMessage ? op == Op::kForward : op == Op::kCommit;
}

Status CheckEnd(const GlobalTransaction& t) {
  const bool ended = t.phase == Phase::kEnded;
  if (ended != t.finished.has_value()) return Wrong("state: the end and its time contradict");
  if (t.forced && !ended) return Wrong("state: forced, and not ended");
  if (!ended || t.forced) return Status();
  if (t.outcome == Decision::kUndecided) return Wrong("state: ended without a decision");
  if (t.outcome == Decision::kRollback) return Status();
  for (const Branch& branch : t.branches) {
    if (!IsOfCommit(t.mode(), branch.op)) continue;
    if (branch.state != BranchState::kDone && branch.state != BranchState::kSkipped) {
      return Wrong("state: succeeded with an operation that is not done");
    }
  }
  return Status();
}

// Phase and outcome, as far as the modes differ. What no plan leads out of would wait for ever, and
// nobody would be told.
Status CheckDecision(const GlobalTransaction& t) {
  if (t.phase == Phase::kEnded) return Status();
  const bool undecided = t.outcome == Decision::kUndecided;
  if (t.mode() == Mode::kSaga) {
    if (t.phase == Phase::kPrepared) return Wrong("state: a saga is never prepared");
    if (t.outcome == Decision::kCommit) return Wrong("state: a saga that commits has ended");
    return Status();
  }
  if (undecided != (t.phase == Phase::kPrepared)) {
    return Wrong("state: prepared and its decision contradict");
  }
  if (t.mode() == Mode::kMessage && t.outcome == Decision::kRollback) {
    return Wrong("state: a message that rolls back has ended");
  }
  return Status();
}

Status CheckCanBeTrue(const StoredTransaction& stored, const GlobalTransaction& t) {
  if (t.mode() != stored.row.mode) return Wrong("row: the mode is not the definition's");
  if (t.version == 0) return Wrong("row: version 0");
  if (t.version > kVersionMax) return Wrong("row: a version out of range");
  const bool has_steps = t.mode() == Mode::kSaga || t.mode() == Mode::kMessage;
  if (has_steps && t.definition->steps.empty()) return Wrong("definition: no steps");
  if (Status status = CheckDecision(t); !status.ok()) return status;
  const bool asks = t.mode() == Mode::kMessage && t.outcome == Decision::kUndecided;
  if (asks && t.definition->query_prepared.empty()) {
    return Wrong("state: a prepared message without a check-back");
  }
  if (Status status = CheckParts(stored, t); !status.ok()) return status;
  if (Status status = CheckBranches(t); !status.ok()) return status;
  if (Status status = CheckEnd(t); !status.ok()) return status;
  if (Status status = CheckWorkflow(t); !status.ok()) return status;
  if (WireStatus(t) != stored.row.status) return Wrong("row: the status is not the state's");
  return Status();
}

void TakeRow(const TransactionRow& row, GlobalTransaction& t) {
  t.id = row.id;
  t.gid = row.gid;
  t.digest = row.digest;
  t.version = row.version;
  t.created = row.created;
  t.updated = row.updated;
  t.finished = row.finished;
}

void BeginLife(GlobalTransaction& t) {
  for (Branch& branch : t.branches) branch.called = branch.started == Started::kYes;
  // A first call whose time went with the process was made after this state was written (R10).
  const bool called = std::any_of(t.branches.begin(), t.branches.end(),
                                  [](const Branch& branch) { return branch.called; });
  if (called && t.phase != Phase::kEnded && t.first_action == Time{}) t.first_action = t.updated;
  t.durable_phase = t.phase;
  t.durable_outcome = t.outcome;
}

}  // namespace

TransactionRow RowOf(const GlobalTransaction& t) {
  TransactionRow row;
  row.id = t.id;
  row.gid = t.gid;
  row.mode = t.mode();
  row.status = WireStatus(t);
  row.created = t.created;
  row.updated = t.updated;
  row.finished = t.finished;
  row.version = t.version;
  row.digest = t.digest;
  return row;
}

Result<std::unique_ptr<GlobalTransaction>> FromStored(const StoredTransaction& stored) {
  if (stored.parts.empty()) {
    return Status(StatusCode::kNotFound, Concat(stored.row.gid, ": purged, only its end is kept"));
  }
  if (Status status = CheckTimes(stored.row); !status.ok()) return status;
  const std::string* document = DocumentOf(stored, 0);
  if (document == nullptr) return Wrong("definition: part 0 is missing");
  Result<Definition> definition = DecodeDefinition(*document);
  if (!definition.ok()) return definition.status();

  auto t = std::make_unique<GlobalTransaction>();
  TakeRow(stored.row, *t);
  t->definition = std::make_shared<const Definition>(*std::move(definition));
  t->branches = BranchesOf(*t->definition);
  if (Status status = DecodeState(stored.state, *t); !status.ok()) return status;
  if (Status status = ReadRegistered(stored, *t); !status.ok()) return status;
  AssumeSingleCalls(*t);  // by the definition: edits are not read yet
  if (Status status = ReadEdits(stored, *t); !status.ok()) return status;
  if (Status status = CheckCanBeTrue(stored, *t); !status.ok()) return status;
  BeginLife(*t);
  return t;
}

}  // namespace troth::internal
