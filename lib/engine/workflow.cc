// What a workflow's caller reports: results of its operations, and its end.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/acts.h"
#include "engine/engine.h"
#include "model/bounds.h"

namespace troth::internal {
namespace {

// What dtm's SDKs record inside a local XA transaction, before they prepare it. That it is refused
// the second time is all that keeps another run from doing the work again after the first commit.
constexpr std::string_view kXaBusiness = "business";

std::string_view DecisionName(Decision decision) {
  return decision == Decision::kCommit ? "commit" : "rollback";
}

Status OutcomeIsFixed(const GlobalTransaction& t, std::string_view what) {
  return {StatusCode::kFailedPrecondition,
          Concat("the outcome of ", t.gid, " is ", DecisionName(t.outcome), ": ", what)};
}

Status NothingIsRecorded(const GlobalTransaction& t) {
  const bool failed = WireStatus(t) == TransactionStatus::kFailed;
  return {failed ? StatusCode::kAborted : StatusCode::kFailedPrecondition,
          Concat(t.gid, " is ", StatusName(WireStatus(t)), ": nothing is recorded any more")};
}

Status RecordedAlready(const GlobalTransaction& t, const Progress& progress, std::string_view why) {
  return {StatusCode::kAlreadyExists,
          Concat(progress.branch_id, "/", progress.op, " of ", t.gid, " is recorded", why)};
}

const Progress* FindProgress(const GlobalTransaction& t, const Progress& like) {
  const auto found = std::find_if(t.progress.begin(), t.progress.end(), [&](const auto& each) {
    return each->branch_id == like.branch_id && each->op == like.op;
  });
  return found == t.progress.end() ? nullptr : found->get();
}

size_t BytesOf(const Progress& progress) {
  return progress.branch_id.size() + progress.op.size() + progress.data.size();
}

Decision SaidBy(const FinishRequest& finish) {
  return finish.succeeded ? Decision::kCommit : Decision::kRollback;
}

std::string_view KeptOf(const std::string& reason) {
  return Truncated(reason, kReasonTextBytesMax);
}

}  // namespace

bool ContradictsOutcome(const GlobalTransaction& t, Decision said) {
  return said != Decision::kUndecided && t.outcome != Decision::kUndecided && t.outcome != said;
}

void PutOffCallBack(GlobalTransaction& t, Time now) {
  if (t.mode() != Mode::kWorkflow || t.phase == Phase::kEnded) return;
  Branch& call_back = t.branches[0];
  call_back.next = std::max(call_back.next, now + t.PolicyOf(call_back).first);
}

ActResult ApplyRecord(GlobalTransaction& t, const std::shared_ptr<const Progress>& progress,
                      Time now) {
  if (t.mode() != Mode::kWorkflow) return {IsOtherMode(t.gid, t.mode(), Mode::kWorkflow)};
  if (t.phase == Phase::kEnded) return {NothingIsRecorded(t)};
  if (const Progress* recorded = FindProgress(t, *progress)) {
    if (progress->op == kXaBusiness) return {RecordedAlready(t, *progress, " by another run")};
    if (*recorded == *progress) return {};
    return {RecordedAlready(t, *progress, " with another result")};
  }
  const Decision said = OwedBy(*progress);
  if (ContradictsOutcome(t, said)) {
    return {OutcomeIsFixed(t, Concat("no ", progress->op, " is recorded"))};
  }
  if (said == Decision::kUndecided && t.outcome != Decision::kUndecided) {
    return {OutcomeIsFixed(t, "no further step is recorded")};
  }
  if (said != Decision::kUndecided) {
    t.outcome = said;
    t.phase = Phase::kRunning;
  }
  t.progress.push_back(progress);
  t.registered_parts.push_back(t.parts++);
  if (t.first_action == Time{}) t.first_action = now;
  // It gets on: whatever its call-backs came to before counts no more.
  Branch& call_back = t.branches[0];
  call_back.interval = Milliseconds{0};
  call_back.unknowns = 0;
  call_back.next = now + t.PolicyOf(call_back).first;
  return {{}, true};
}

ActResult ApplyFinish(GlobalTransaction& t, const FinishRequest& finish, Time now) {
  if (t.mode() != Mode::kWorkflow) return {IsOtherMode(t.gid, t.mode(), Mode::kWorkflow)};
  if (t.phase == Phase::kEnded) {
    const Answer answer = AnswerFinished(WireStatus(t), finish, &t, t.gid);
    return {.status = answer.status, .repeated = answer.repeated};
  }
  if (ContradictsOutcome(t, SaidBy(finish))) return {OutcomeIsFixed(t, "it ends with that")};
  t.outcome = SaidBy(finish);
  t.phase = Phase::kEnded;
  t.finished = now;
  if (!finish.succeeded) {
    t.reason = Reason{.code = ReasonCode::kRolledBack,
                      .branch_id = {},
                      .op = {},
                      .text = std::string(KeptOf(finish.reason)),
                      .author = "application",
                      .at = now};
  }
  if (finish.result != nullptr) {
    t.result = finish.result;
    t.result_part = t.parts++;
  }
  return {{}, true};
}

Answer AnswerFinished(TransactionStatus status, const FinishRequest& finish,
                      const GlobalTransaction* t, std::string_view gid) {
  const bool same_end = (status == TransactionStatus::kSucceed) == finish.succeeded;
  const auto same_words = [&] {
    if (t == nullptr) return true;  // purged: nobody knows better
    const bool none = t->result == nullptr || finish.result == nullptr;
    const bool same_result = none ? t->result == finish.result : *t->result == *finish.result;
    return !t->forced && same_result &&
           (finish.succeeded || t->reason.text == KeptOf(finish.reason));
  };
  if (same_end && same_words()) return {.status = {}, .repeated = true};
  return {
      .status = {StatusCode::kFailedPrecondition, Concat(gid, " has ended: ", StatusName(status))}};
}

Status Engine::RoomFor(const GlobalTransaction& t, const RecordRequest& record) const {
  size_t bytes = t.definition->input.size() + BytesOf(*record.progress);
  for (const auto& each : t.progress) bytes += BytesOf(*each);
  return RoomFor(t.progress.size(), bytes, record.document->size());
}

bool Engine::ApplyWorkflow(Live& live, Request& request, Time now) {
  GlobalTransaction& t = live.t;
  Decision said = Decision::kUndecided;
  ActResult result;
  if (auto* record = std::get_if<RecordRequest>(&request.body)) {
    said = OwedBy(*record->progress);
    if (t.mode() == Mode::kWorkflow && FindProgress(t, *record->progress) == nullptr) {
      if (Status room = RoomFor(t, *record); !room.ok()) return Finish(live, request, {room});
    }
    result = ApplyRecord(t, record->progress, now);
    if (result.changed) live.new_parts.push_back({t.registered_parts.back(), record->document});
  } else {
    const auto& finish = std::get<FinishRequest>(request.body);
    said = SaidBy(finish);
    result = ApplyFinish(t, finish, now);
    if (result.changed && t.result_part != 0) {
      live.new_parts.push_back({t.result_part, finish.document});
    }
  }
  if (!result.status.ok() && t.mode() == Mode::kWorkflow && ContradictsOutcome(t, said)) {
    Tell(EventKind::kContradiction, now, &t, {}, result.status.message());
  }
  return Finish(live, request, std::move(result));
}

}  // namespace troth::internal
