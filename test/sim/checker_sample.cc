#include "checker_sample.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "checker_index.h"

namespace troth::sim {
namespace {

using internal::BranchState;
using internal::Decision;
using internal::Definition;
using internal::GlobalTransaction;
using internal::Phase;
using internal::Started;
using internal::Step;

constexpr int64_t kAmount = 10;

std::string Number(size_t index) { return "0" + std::to_string(index + 1); }

Step StepOf(Mode mode, size_t index) {
  const std::string url = "http://bank-" + std::to_string(index) + "/";
  Step step;
  step.branch_id = Number(index);
  step.payload = "pay";
  if (mode == Mode::kTcc || mode == Mode::kWorkflow) {
    step.commit = url + "confirm";
    step.rollback = url + "cancel";
  } else {
    step.forward = url + "action";
    if (mode == Mode::kSaga) step.rollback = url + "compensate";
  }
  return step;
}

Wanted WantedOf(const GlobalTransaction& t, size_t steps) {
  Wanted wanted;
  wanted.gid = t.gid;
  wanted.mode = t.mode();
  wanted.query_prepared = t.definition->query_prepared;
  wanted.workflow = t.definition->workflow;
  wanted.input = t.definition->input;
  for (size_t i = 0; i < steps; ++i) {
    const Step step = StepOf(t.mode(), i);
    WantedStep one;
    one.branch_id = step.branch_id;
    one.forward =
        t.mode() == Mode::kTcc ? "http://bank-" + std::to_string(i) + "/try" : step.forward;
    one.commit = step.commit;
    one.rollback = step.rollback;
    one.payload = step.payload;
    one.account = "account-" + step.branch_id;
    one.amount = kAmount;
    wanted.steps.push_back(std::move(one));
  }
  return wanted;
}

}  // namespace

Sample::Sample(Mode mode, size_t steps) {
  Definition definition;
  definition.mode = mode;
  if (mode == Mode::kMessage) definition.query_prepared = "http://app/query";
  const bool workflow = mode == Mode::kWorkflow;
  if (workflow) {
    definition.query_prepared = "http://app/resume";
    definition.workflow = "transfer";
    definition.input = "in";
  } else if (mode != Mode::kSaga) {
    definition.timeout_to_fail = milliseconds{35'000};
  }
  if (mode == Mode::kSaga || mode == Mode::kMessage) {
    for (size_t i = 0; i < steps; ++i) definition.steps.push_back(StepOf(mode, i));
  }
  t = internal::NewTransaction("gid-1", std::make_shared<const Definition>(std::move(definition)),
                               at_);
  t.id = 1;
  t.digest = "digest";
  if (mode != Mode::kSaga) {
    t.phase = Phase::kPrepared;
    t.outcome = Decision::kUndecided;
  }
  if (t.definition->timeout_to_fail) {
    t.deadline = t.created + milliseconds{35'000};
  }
  log.wanted.push_back(WantedOf(t, steps));
  log.facts.commit_time = milliseconds{1};
  log.facts.call_time = milliseconds{1};
  log.facts.retention = std::chrono::hours(24 * 7);
  log.facts.tombstone_retention = std::chrono::hours(24 * 90);
  // Calls are asked for again with pointers into the log.
  log.calls.reserve(1'000);
  log.stored.reserve(1'000);
  log.api.reserve(1'000);
  Open();
}

Stamp Sample::Now() { return {.seq = ++seq_, .at = at_, .life = life_}; }

void Sample::Open() {
  if (life_ > 0) {
    log.lives.back().end = Life::End::kCrashed;
    log.lives.back().ended = Now();
  }
  ++life_;
  Image image{.when = Now(), .rows = {}, .topics = {}};
  const auto last = std::find_if(log.stored.rbegin(), log.stored.rend(), IsCertain);
  if (last != log.stored.rend()) {
    image.rows.push_back(*last);
    image.rows.back().kind = Stored::Kind::kImage;
    image.rows.back().when = image.when;
  }
  log.lives.push_back(
      {.number = life_, .opened = Now(), .ended = {}, .why = {}, .image = log.images.size()});
  log.images.push_back(std::move(image));
}

Stored& Sample::Write(Stored::Kind kind) {
  ++t.version;
  t.updated = at_;
  internal::TransactionRow row;
  row.id = t.id;
  row.gid = t.gid;
  row.mode = t.mode();
  row.status = internal::WireStatus(t);
  row.created = t.created;
  row.updated = t.updated;
  row.finished = t.finished;
  row.version = t.version;
  row.digest = t.digest;
  if (t.phase != Phase::kEnded) row.due = at_;
  log.stored.push_back({.kind = kind,
                        .when = Now(),
                        .row = std::move(row),
                        .transaction = std::make_shared<const GlobalTransaction>(t),
                        .unreadable = {}});
  return log.stored.back();
}

size_t Sample::Send(const std::string& branch_id, const std::string& op) {
  sim::Call call;
  call.sent = Now();
  call.gid = t.gid;
  call.trans_type = std::string(ModeName(t.mode()));
  call.branch_id = branch_id;
  call.op = op;
  call.post = true;
  call.session = op == "try";
  if (IsCheckBack(op) || t.mode() == Mode::kWorkflow) {
    call.url = t.definition->query_prepared;
    call.payload = t.definition->input;
  } else {
    const auto& steps = log.wanted[0].steps;
    const auto wanted = std::find_if(steps.begin(), steps.end(), [&](const WantedStep& one) {
      return one.branch_id == branch_id;
    });
    TROTH_CHECK(wanted != steps.end());
    call.url = IsForward(op)      ? wanted->forward
               : IsConfirming(op) ? wanted->commit
                                  : wanted->rollback;
    call.payload = wanted->payload;
  }
  log.calls.push_back(std::move(call));
  return log.calls.size() - 1;
}

void Sample::End(size_t which, CallResult result, int http_status, const std::string& text) {
  sim::Call& call = log.calls[which];
  call.ended = Now();
  call.result = result;
  call.http_status = http_status;
  call.text = text;
}

void Sample::Call(const std::string& branch_id, const std::string& op, CallResult result,
                  int http_status, const std::string& text) {
  const size_t call = Send(branch_id, op);
  Pass(milliseconds{1});
  End(call, result, http_status, text);
}

ApiCall& Sample::Ask(sim::Ask what, StatusCode code) {
  ApiCall call;
  call.began = Now();
  call.what = what;
  call.gid = t.gid;
  call.status = Status(code, code == StatusCode::kOk ? "" : "why");
  call.answered = Now();
  log.api.push_back(std::move(call));
  return log.api.back();
}

internal::Branch& Sample::BranchOf(const std::string& branch_id, const std::string& op) {
  const auto branch = FindBranch(t, {branch_id, op});
  TROTH_CHECK(branch.has_value());
  return t.branches[*branch];
}

void Sample::Mark(const std::string& branch_id, const std::string& op) {
  BranchOf(branch_id, op).started = Started::kYes;
}

void Sample::Done(const std::string& branch_id, const std::string& op) {
  BranchOf(branch_id, op).state = BranchState::kDone;
}

void Sample::Decide(Decision outcome) {
  t.phase = Phase::kRunning;
  t.outcome = outcome;
}

void Sample::EndAll() {
  t.phase = Phase::kEnded;
  t.finished = at_;
}

void Sample::Finish() {
  Pass(milliseconds{1'000});
  log.end.when = Now();
  log.end.image.when = Now();
  Stored last = *std::find_if(log.stored.rbegin(), log.stored.rend(), IsCertain);
  last.kind = Stored::Kind::kImage;
  last.when = log.end.image.when;
  log.end.image.rows.push_back(std::move(last));
  const bool succeeded = t.outcome == Decision::kCommit;
  for (const WantedStep& step : log.wanted[0].steps) {
    log.end.effects.push_back({.gid = t.gid,
                               .branch_id = step.branch_id,
                               .account = step.account,
                               .balance = succeeded ? kAmount : 0});
  }
}

void Sample::ChangeRow(Stored& row, const std::function<void(GlobalTransaction&)>& change) {
  auto changed = std::make_shared<GlobalTransaction>(*row.transaction);
  change(*changed);
  row.row.status = internal::WireStatus(*changed);
  row.transaction = std::move(changed);
}

void Sample::ChangeRows(uint64_t from, const std::function<void(GlobalTransaction&)>& change) {
  const auto look = [&](Stored& row) {
    if (row.when.seq >= from) ChangeRow(row, change);
  };
  for (Stored& row : log.stored) look(row);
  for (Image& image : log.images) {
    for (Stored& row : image.rows) look(row);
  }
  for (Stored& row : log.end.image.rows) look(row);
}

sim::Call& Sample::Find(const std::string& branch_id, const std::string& op, size_t which) {
  for (sim::Call& call : log.calls) {
    if (call.branch_id == branch_id && call.op == op && which-- == 0) return call;
  }
  TROTH_CHECK(false && "there is no such call");
  return log.calls[0];
}

Effect& Sample::Book(const std::string& branch_id) {
  for (Effect& effect : log.end.effects) {
    if (effect.branch_id == branch_id) return effect;
  }
  TROTH_CHECK(false && "there is no such branch");
  return log.end.effects[0];
}

std::set<int> Sample::Broken() const {
  std::set<int> broken;
  for (const Violation& violation : CheckLog(log)) broken.insert(violation.invariant);
  return broken;
}

// --- runs in which all is well ---

namespace {

Sample BegunSaga() {
  Sample sample(Mode::kSaga, 2);
  sample.Mark("01");
  sample.Mark("02");
  sample.Write();
  sample.Ask(Ask::kSubmit);
  sample.Call("01", "action");
  sample.Done("01", "action");
  return sample;
}

Sample PreparedTcc() {
  Sample sample(Mode::kTcc, 2);
  sample.Write();
  sample.Ask(Ask::kBegin);
  for (const char* id : {"01", "02"}) {
    const size_t step = sample.t.Steps();
    internal::AddBranches(Mode::kTcc, step, sample.t.branches);
    sample.t.registered.push_back(std::make_shared<const Step>(StepOf(Mode::kTcc, step)));
    sample.t.registered_parts.push_back(sample.t.parts++);
    sample.Write();
    sample.Call(id, "try");
    sample.Ask(Ask::kCall).branch_id = id;
  }
  return sample;
}

void SecondPhase(Sample& sample, const std::string& op) {
  for (const char* id : {"02", "01"}) {
    sample.Call(id, op);
    sample.Done(id, op);
  }
  sample.EndAll();
  sample.Write();
  sample.Finish();
}

}  // namespace

Sample SucceededSaga() {
  Sample sample = BegunSaga();
  sample.Call("02", "action");
  sample.Done("02", "action");
  sample.t.outcome = Decision::kCommit;
  sample.EndAll();
  sample.Write();
  sample.Finish();
  return sample;
}

Sample FailedSaga() {
  Sample sample = BegunSaga();
  sample.Call("02", "action", CallResult::kFailure, 409, "no money");
  sample.BranchOf("02", "action").state = BranchState::kFailed;
  sample.Decide(Decision::kRollback);
  sample.t.reason = {.code = ReasonCode::kActionFailed,
                     .branch_id = "02",
                     .op = "action",
                     .http_status = 409,
                     .text = "no money",
                     .attempt = 1,
                     .author = {},
                     .at = sample.t.updated};
  sample.Write();
  SecondPhase(sample, "compensate");
  return sample;
}

Sample SentMessage() {
  Sample sample(Mode::kMessage, 2);
  sample.Write();
  sample.Ask(Ask::kPrepare);
  sample.Decide(Decision::kCommit);
  sample.Mark("01");
  sample.Mark("02");
  sample.Ask(Ask::kSubmitPrepared);
  sample.Write();
  sample.log.api.back().answered = sample.Now();
  for (const char* id : {"01", "02"}) {
    sample.Call(id, "action");
    sample.Done(id, "action");
  }
  sample.EndAll();
  sample.Write();
  sample.Finish();
  return sample;
}

Sample ConfirmedTcc() {
  Sample sample = PreparedTcc();
  sample.Decide(Decision::kCommit);
  sample.Write();
  sample.Ask(Ask::kCommit);
  SecondPhase(sample, "confirm");
  return sample;
}

Sample CancelledTcc() {
  Sample sample = PreparedTcc();
  ApiCall& asked = sample.Ask(Ask::kRollback);
  asked.reason = "changed my mind";
  sample.Decide(Decision::kRollback);
  sample.t.reason = {.code = ReasonCode::kRolledBack,
                     .branch_id = {},
                     .op = {},
                     .text = "changed my mind",
                     .author = "application",
                     .at = sample.t.updated};
  sample.Write();
  asked.answered = sample.Now();
  SecondPhase(sample, "cancel");
  return sample;
}

}  // namespace troth::sim
