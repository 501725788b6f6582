#include "engine/acts.h"

#include <algorithm>

#include "base/text.h"
#include "engine/results.h"
#include "plan/rules.h"

namespace troth::internal {
namespace {

constexpr size_t kHistoryMax = 64;  // the oldest is kept, and the newest

void AddHistory(GlobalTransaction& t, const Act& act, std::string what, Time now) {
  if (t.history.size() == kHistoryMax) t.history.erase(t.history.begin() + 1);
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

void ResetTransaction(GlobalTransaction& t, Time now) {
  t.restored = false;
  if (t.first_action != Time{}) t.first_action = now;
}

Status Ended(const GlobalTransaction& t) {
  return {StatusCode::kFailedPrecondition,
          Concat(t.gid, " has ended: ", StatusName(WireStatus(t)))};
}

}  // namespace

ActResult ApplyCancel(GlobalTransaction& t, const Act& act, Time now) {
  if (t.phase == Phase::kEnded) return {Ended(t)};
  if (t.outcome == Decision::kRollback || t.cancel_asked) return {};
  if (t.outcome == Decision::kCommit) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.gid, " is decided: it commits, and can't be cancelled")}};
  }
  AddHistory(t, act, "cancel", now);
  ResetTransaction(t, now);
  t.cancel_asked = Reason{.code = ReasonCode::kCancelled,
                          .branch_id = {},
                          .op = {},
                          .http_status = 0,
                          .text = act.reason,
                          .attempt = 0,
                          .author = act.author,
                          .at = now};
  return {{}, true};
}

ActResult ApplyRetry(GlobalTransaction& t, const Act& act, Time now) {
  if (t.phase == Phase::kEnded) return {Ended(t)};
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
  Branch& b = t.branches[branch];
  if (b.state != BranchState::kWaiting) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.BranchName(branch), " of ", t.gid, " has had its result: nothing to edit")}};
  }
  auto in_force =
      std::make_shared<Edit>(Edit{.branch = branch,
                                  .url = edit.url.value_or(t.UrlOf(branch)),
                                  .payload = edit.payload.value_or(t.PayloadOf(branch)),
                                  .headers = edit.headers.value_or(t.HeadersOf(branch))});
  t.edits[branch] = std::move(in_force);
  t.edit_parts[branch] = t.parts++;
  AddHistory(t, act, Concat("edit ", t.BranchName(branch)), now);
  ResetTransaction(t, now);
  ResetBranch(b);
  return {{}, true};
}

ActResult ApplySkip(GlobalTransaction& t, uint16_t branch, const Act& act, Time now) {
  if (t.phase == Phase::kEnded) return {Ended(t)};
  Branch& b = t.branches[branch];
  if (MayFail(b.op) && t.mode() != Mode::kMessage) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.BranchName(branch),
                    " may fail, so it can't be skipped: Cancel() rolls the transaction back")}};
  }
  if (IsSettled(b)) {
    return {{StatusCode::kFailedPrecondition,
             Concat(t.BranchName(branch), " of ", t.gid, " is settled: nothing to skip")}};
  }
  b.state = BranchState::kSkipped;
  AddHistory(t, act, Concat("skip ", t.BranchName(branch)), now);
  ResetTransaction(t, now);
  return {{}, true};
}

ActResult ApplyStop(GlobalTransaction& t, const Act& act, Time now) {
  if (t.phase == Phase::kEnded) return {Ended(t)};
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    const Branch& b = t.branches[i];
    const bool ran_unknown = b.op == Op::kForward && b.state == BranchState::kWaiting && b.called;
    // What a done or doubtful action owes: its compensation, unless that is settled too.
    const bool owed = b.op != Op::kForward && !IsSettled(b) &&
                      std::any_of(t.branches.begin(), t.branches.end(), [&](const Branch& other) {
                        return other.step == b.step && other.op == Op::kForward &&
                               (other.called || other.state != BranchState::kWaiting);
                      });
    if (ran_unknown || owed) t.in_doubt.push_back(t.BranchName(i));
  }
  AddHistory(t, act, "stop", now);
  t.phase = Phase::kEnded;
  t.forced = true;
  t.finished = now;
  t.reason = Reason{.code = ReasonCode::kStopped,
                    .branch_id = {},
                    .op = {},
                    .http_status = 0,
                    .text = act.reason,
                    .attempt = 0,
                    .author = act.author,
                    .at = now};
  t.outcome = Decision::kRollback;
  return {{}, true};
}

Result<uint16_t> FindBranch(const GlobalTransaction& t, const BranchKey& key) {
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    const Branch& b = t.branches[i];
    if (t.StepOf(b).branch_id == key.branch_id && OpName(t.mode(), b.op) == key.op) return i;
  }
  return Status(
      StatusCode::kNotFound,
      Concat("branch: ", t.gid, " has no ", key.branch_id, "/", key.op, "; it has ",
             t.BranchName(0), " to ", t.BranchName(static_cast<uint16_t>(t.branches.size() - 1))));
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
  return {.status = {}, .repeated = true};
}

}  // namespace troth::internal
