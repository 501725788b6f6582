#include "engine/acts.h"

#include <algorithm>

#include "base/text.h"
#include "engine/results.h"
#include "model/json_rpc.h"
#include "plan/rules.h"

namespace troth::internal {
namespace {

constexpr size_t kReasonBytesMax = 1024;
constexpr size_t kHistoryMax = 1'000;

void AddHistory(GlobalTransaction& t, const Act& act, std::string what, Time now) {
  t.history.push_back(
      {.at = now, .author = act.author, .what = std::move(what), .reason = act.reason});
}

// A person has looked: what parked or delayed the branch is void.
void ResetBranch(Branch& b) {
  b.unknowns = 0;
  b.interval = Milliseconds{0};
  b.first_call = Time{};
  b.next = Time{};
}

// Whether a retry has anything to wake. What waits for its turn, as what a delay or a time-out puts
// off, has nothing; nor has a first call in flight.
bool AnythingWaits(const GlobalTransaction& t, Time now) {
  return t.restored || std::any_of(t.branches.begin(), t.branches.end(), [&](const Branch& b) {
           if (b.state != BranchState::kWaiting) return false;
           const bool called_before = b.in_flight == 0 && b.first_call != Time{};
           return called_before || b.unknowns > 0 || b.next > now ||
                  WaitsForPerson(t, b, /*limited=*/false, now).has_value();
         });
}

void ResetTransaction(GlobalTransaction& t, Time now) {
  t.restored = false;
  if (t.first_action != Time{}) t.first_action = now;
}

bool AnyActionMarked(const GlobalTransaction& t) {
  return std::any_of(t.branches.begin(), t.branches.end(), [](const Branch& b) {
    return b.op == Op::kForward && (b.started != Started::kNo || b.state != BranchState::kWaiting);
  });
}

// Every act is kept (I36), so there must be an end to them. Stop always finds room.
bool HistoryFull(const GlobalTransaction& t) { return t.history.size() >= kHistoryMax; }
ActResult RefuseFull(const GlobalTransaction& t) {
  return {{StatusCode::kResourceExhausted,
           Concat(t.gid, " has had ", t.history.size(), " acts: only Stop() is left")}};
}

Status Ended(const GlobalTransaction& t) {
  return {StatusCode::kFailedPrecondition,
          Concat(t.gid, " has ended: ", StatusName(WireStatus(t)))};
}

// What a workflow's outcome asks for, its caller alone knows.
Status OnlyItself(const GlobalTransaction& t) {
  return {StatusCode::kFailedPrecondition,
          Concat(t.gid, " is a workflow: its own function decides; Stop() ends it")};
}

Reason ReasonOf(ReasonCode code, const Act& act, Time now) {
  return Reason{.code = code,
                .branch_id = {},
                .op = {},
                .http_status = 0,
                .text = std::string(Truncated(act.reason, kReasonBytesMax)),
                .attempt = 0,
                .author = act.author,
                .at = now};
}

// What a forced end leaves neither done nor undone for certain: an action that may have run without
// a result, and whatever the outcome still owes.
bool IsInDoubt(const GlobalTransaction& t, const Branch& branch) {
  if (IsSettled(branch)) return false;
  const auto action_may_have_run = [](const Branch& action) {
    return action.op == Op::kForward && (action.called || action.state != BranchState::kWaiting);
  };
  switch (branch.op) {
    case Op::kCheckBack:
      return false;
    case Op::kForward:
      return branch.called && branch.state == BranchState::kWaiting;
    case Op::kCommit:
      return t.outcome == Decision::kCommit;
    case Op::kRollback:
      if (t.mode() != Mode::kSaga) return t.outcome != Decision::kCommit;
      return std::any_of(t.branches.begin(), t.branches.end(), [&](const Branch& other) {
        return other.step == branch.step && action_may_have_run(other);
      });
  }
  return false;
}

// What is called by JSON-RPC must have parameters that can be sent.
Status CheckParameters(const Policy& policy, std::string_view url, std::string_view payload) {
  if (!policy.json_rpc || JsonRpcMethod(url).empty()) return {};
  return CheckJsonRpcPayload(payload);
}

// Of a workflow each step that was done, and whose second phase has not been recorded.
void AddStepsInDoubt(GlobalTransaction& t) {
  for (const auto& done : t.progress) {
    if (done->failed || OwedBy(*done) != Decision::kUndecided) continue;
    const bool settled = std::any_of(t.progress.begin(), t.progress.end(), [&](const auto& other) {
      return other->branch_id == done->branch_id && OwedBy(*other) != Decision::kUndecided;
    });
    if (!settled) t.in_doubt.push_back(Concat(done->branch_id, "/", done->op));
  }
}

// Headers and options are no content (R16): an xa branch that the application has registered with
// them registers itself once more, and knows only its URL.
bool SameBranch(const Step& a, const Step& b) {
  return a.forward == b.forward && a.commit == b.commit && a.rollback == b.rollback &&
         a.payload == b.payload;
}

}  // namespace

ActResult ApplyCancel(GlobalTransaction& t, const Act& act, Time now) {
  if (t.phase == Phase::kEnded) return {Ended(t)};
  if (t.mode() == Mode::kWorkflow) return {OnlyItself(t)};
  if (t.outcome == Decision::kRollback || t.cancel_asked) return {};
  const bool delayed = t.mode() == Mode::kMessage && t.start > now && !AnyActionMarked(t);
  if (t.outcome == Decision::kCommit && !delayed) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.gid, " is decided: it commits, and can't be cancelled")}};
  }
  if (HistoryFull(t)) return RefuseFull(t);
  AddHistory(t, act, "cancel", now);
  ResetTransaction(t, now);
  t.cancel_asked = ReasonOf(ReasonCode::kCancelled, act, now);
  for (Branch& b : t.branches) {  // asked at once, also where it waits for a retry or is parked
    if (b.op == Op::kCheckBack && b.state == BranchState::kWaiting) ResetBranch(b);
  }
  return {{}, true};
}

ActResult ApplyRetry(GlobalTransaction& t, const Act& act, Time now) {
  if (t.phase == Phase::kEnded) return {Ended(t)};
  if (!AnythingWaits(t, now)) return {.status = {}, .repeated = true};
  if (HistoryFull(t)) return RefuseFull(t);
  AddHistory(t, act, "retry now", now);
  ResetTransaction(t, now);
  for (Branch& b : t.branches) {
    if (b.state == BranchState::kWaiting) ResetBranch(b);
  }
  return {{}, true};
}

ActResult ApplyEdit(GlobalTransaction& t, uint16_t branch, const BranchEdit& edit, const Act& act,
                    Time now) {
  if (t.phase == Phase::kEnded) return {Ended(t)};
  if (HistoryFull(t)) return RefuseFull(t);
  Branch& b = t.branches[branch];
  if (b.state != BranchState::kWaiting) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.BranchName(branch), " of ", t.gid, " has had its result: nothing to edit")}};
  }
  // It belongs to its content (R16): its function would be refused when it is run again.
  if (t.mode() == Mode::kWorkflow && edit.payload && *edit.payload != t.definition->input) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.gid,
                    " is a workflow: the data that it began with stays; its call-back's URL "
                    "and headers may be edited")}};
  }
  auto in_force =
      std::make_shared<Edit>(Edit{.branch = branch,
                                  .url = edit.url.value_or(t.UrlOf(branch)),
                                  .payload = edit.payload.value_or(t.PayloadOf(branch)),
                                  .headers = edit.headers.value_or(t.HeadersOf(branch))});
  if (Status s = CheckParameters(t.PolicyOf(b), in_force->url, in_force->payload); !s.ok()) {
    return {s};
  }
  t.edits[branch] = std::move(in_force);
  t.edit_parts[branch] = t.parts++;
  AddHistory(t, act, Concat("edit ", t.BranchName(branch)), now);
  ResetTransaction(t, now);
  ResetBranch(b);
  return {{}, true};
}

ActResult ApplySkip(GlobalTransaction& t, uint16_t branch, const Act& act, Time now) {
  if (t.phase == Phase::kEnded) return {Ended(t)};
  if (HistoryFull(t)) return RefuseFull(t);
  Branch& b = t.branches[branch];
  if (t.mode() == Mode::kWorkflow) return {OnlyItself(t)};
  if (MayFail(t.mode(), b.op)) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.BranchName(branch),
                    " may fail, so it can't be skipped: Cancel() rolls the transaction back")}};
  }
  if (IsSettled(b)) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.BranchName(branch), " of ", t.gid, " is settled: nothing to skip")}};
  }
  const Decision owed_by = b.op == Op::kRollback ? Decision::kRollback : Decision::kCommit;
  if (t.outcome != owed_by) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.gid, " is ", StatusName(WireStatus(t)), " and does not owe ",
                    t.BranchName(branch), ": nothing to skip")}};
  }
  b.state = BranchState::kSkipped;
  AddHistory(t, act, Concat("skip ", t.BranchName(branch)), now);
  ResetTransaction(t, now);
  return {{}, true};
}

ActResult ApplyStop(GlobalTransaction& t, const Act& act, bool leave_in_doubt, Time now) {
  if (t.phase == Phase::kEnded) return {Ended(t)};
  if (t.mode() != Mode::kSaga && t.mode() != Mode::kMessage && !leave_in_doubt) {
    return {
        {StatusCode::kFailedPrecondition,
         Concat(t.gid, " is a ", ModeName(t.mode()),
                ": its branches may hold reservations or locks that only their second call frees; "
                "say leave_in_doubt to stop it all the same")}};
  }
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    if (IsInDoubt(t, t.branches[i])) t.in_doubt.push_back(t.BranchName(i));
  }
  AddStepsInDoubt(t);
  AddHistory(t, act, "stop", now);
  t.phase = Phase::kEnded;
  t.forced = true;
  t.finished = now;
  t.reason = ReasonOf(ReasonCode::kStopped, act, now);
  if (t.outcome == Decision::kUndecided) t.outcome = Decision::kRollback;
  return {{}, true};
}

ActResult ApplySubmit(GlobalTransaction& t, std::string_view digest, Time start) {
  if (t.mode() == Mode::kWorkflow) return {OnlyItself(t)};
  if (!digest.empty() && digest != t.digest) return {AnswerRepeated({}, false, t.gid).status};
  if (t.phase != Phase::kPrepared) {
    const Answer answer = AnswerRepeated(WireStatus(t), true, t.gid);
    return {.status = answer.status, .repeated = answer.repeated, .ended = answer.ended};
  }
  t.phase = Phase::kRunning;
  t.outcome = Decision::kCommit;
  t.cancel_asked.reset();  // the application knows better than a person's question to it
  if (start != Time{} && t.start == Time{}) t.start = start;
  return {{}, true};
}

ActResult ApplyAbort(GlobalTransaction& t, std::string_view why, Time now) {
  if (t.mode() == Mode::kWorkflow) return {OnlyItself(t)};
  if (t.outcome == Decision::kRollback) return {};
  if (t.phase == Phase::kEnded || t.outcome == Decision::kCommit || t.mode() == Mode::kSaga) {
    return {{StatusCode::kFailedPrecondition, Concat(t.gid, " is ", StatusName(WireStatus(t)),
                                                     " and can't be rolled back any more")}};
  }
  t.reason = ReasonOf(ReasonCode::kRolledBack, {"application", std::string(why)}, now);
  t.outcome = Decision::kRollback;
  t.phase = Phase::kRunning;
  if (t.mode() == Mode::kMessage) {  // nothing has run
    t.phase = Phase::kEnded;
    t.finished = now;
  }
  return {{}, true};
}

ActResult ApplyRegister(GlobalTransaction& t, Mode mode, const std::shared_ptr<const Step>& step,
                        Time now) {
  if (t.mode() != mode) return {IsOtherMode(t.gid, t.mode(), mode)};
  for (size_t i = 0; i < t.registered.size(); ++i) {
    if (t.registered[i]->branch_id != step->branch_id) continue;
    if (SameBranch(*t.registered[i], *step) && t.phase == Phase::kPrepared) return {};
    return {{StatusCode::kAlreadyExists,
             Concat("branch ", step->branch_id, " of ", t.gid, " is registered already")}};
  }
  if (t.phase != Phase::kPrepared || t.outcome != Decision::kUndecided) {
    const bool failing = t.outcome == Decision::kRollback;
    return {{failing ? StatusCode::kAborted : StatusCode::kFailedPrecondition,
             Concat(t.gid, " is ", StatusName(WireStatus(t)), ": no branch can join it any more")}};
  }
  const Policy& policy = step->own ? *step->own : t.definition->policies[step->policy];
  for (const std::string& url : {step->forward, step->commit, step->rollback}) {
    if (Status s = CheckParameters(policy, url, step->payload); !s.ok()) return {s};
  }
  AddBranches(t.mode(), t.Steps(), t.branches);
  t.registered.push_back(step);
  t.registered_parts.push_back(t.parts++);
  if (t.first_action == Time{}) t.first_action = now;
  return {{}, true};
}

Status IsOtherMode(std::string_view gid, Mode is, Mode wanted) {
  return {StatusCode::kFailedPrecondition,
          Concat(gid, " is a ", ModeName(is), ", not a ", ModeName(wanted))};
}

Result<uint16_t> FindBranch(const GlobalTransaction& t, const BranchKey& key) {
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    const Branch& b = t.branches[i];
    if (t.BranchIdOf(b) == key.branch_id && t.OpNameOf(b) == key.op) return i;
  }
  if (t.branches.empty()) {
    return Status(StatusCode::kNotFound, Concat("branch: ", t.gid, " has none yet"));
  }
  return Status(
      StatusCode::kNotFound,
      Concat("branch: ", t.gid, " has no ", key.branch_id, "/", key.op, "; it has ",
             t.BranchName(0), " to ", t.BranchName(static_cast<uint16_t>(t.branches.size() - 1))));
}

Answer AnswerPrepared(Mode mode, TransactionStatus status, bool same_content,
                      std::string_view gid) {
  if (!same_content) return AnswerRepeated(status, same_content, gid);
  if (mode == Mode::kWorkflow || status == TransactionStatus::kPrepared) {
    return {.status = {}, .repeated = true};
  }
  return {.status = {StatusCode::kFailedPrecondition,
                     Concat(gid, " was prepared before and is ", StatusName(status))}};
}

Answer AnswerRepeated(TransactionStatus status, bool same_content, std::string_view gid) {
  if (!same_content) {
    return {.status = {StatusCode::kAlreadyExists,
                       Concat("gid: ", gid, " is taken by a transaction with another content")}};
  }
  if (status == TransactionStatus::kAborting || status == TransactionStatus::kFailed) {
    return {.status = {StatusCode::kAborted,
                       Concat(gid, " was submitted before and is ", StatusName(status))}};
  }
  return {.status = {}, .repeated = true, .ended = status == TransactionStatus::kSucceed};
}

}  // namespace troth::internal
