// Waiting for the end of a transaction; of one that is only just submitted, without a second sleep.
#include <algorithm>
#include <utility>

#include "api/coordinator_impl.h"
#include "base/text.h"
#include "base/thread_mark.h"
#include "model/remote_session.h"

namespace troth {

using internal::Answer;
using internal::Concat;
using internal::Followed;
using internal::kLongestWait;
using internal::PendingCall;
using std::chrono::milliseconds;

namespace {

Status CheckMayWait() {
  if (!internal::InsideLocalFunction()) return {};
  return {StatusCode::kFailedPrecondition,
          "Wait() inside a callback or a local function would wait for itself; use on_finished or "
          "wait elsewhere"};
}

Outcome EndOf(TransactionRecord&& record) {
  for (BranchRecord& branch : record.branches) branch.payload.clear();
  return {.gid = std::move(record.gid),
          .status = record.status,
          .reason = std::move(record.reason),
          .forced = record.forced,
          .in_doubt = record.in_doubt,
          .skipped = std::move(record.skipped),
          .branches = std::move(record.branches)};
}

// What a wait that was too short can say: how far the transaction is, and what holds it.
Status StillUnderWay(const TransactionRecord& record) {
  std::string text =
      Concat(record.gid, " has not ended in time: it is ", StatusName(record.status));
  if (record.parked != ReasonCode::kNone) {
    text += Concat(", parked (", ReasonText(record.parked), ")");
  }
  const Reason* newest = nullptr;
  for (const BranchRecord& branch : record.branches) {
    if (branch.newest_failures.empty() || branch.status == BranchStatus::kSucceed) continue;
    const Reason& last = branch.newest_failures.back();
    if (newest == nullptr || newest->at < last.at) newest = &last;
  }
  if (newest != nullptr) text += Concat("; last failure: ", newest->ToString());
  return {StatusCode::kDeadlineExceeded, std::move(text)};
}

Status WasMoved() { return {StatusCode::kFailedPrecondition, "the coordinator was moved from"}; }

}  // namespace

struct Coordinator::Impl::Waiting {
  std::shared_ptr<PendingCall> call;
  uint64_t ticket;  // to forget it by
};

Coordinator::Impl::Waiting Coordinator::Impl::StartWaiting(std::string_view gid) {
  const uint64_t ticket = next_ticket_++;
  return {StartAsking(std::string(gid), internal::WaitRequest{ticket}), ticket};
}

Result<Outcome> Coordinator::Impl::FinishWaiting(std::string_view gid, const Waiting& waiting,
                                                 bool ended) {
  if (!ended) {
    Forget(gid, waiting);
    return OutcomeUntilNow(gid);
  }
  Answer answer = waiting.call->Take();
  if (!answer.status.ok()) return std::move(answer.status);
  return std::move(*answer.outcome);
}

// A time too short for the engine to answer in, as zero is, is long enough to ask the store: once,
// as the end may come between two questions.
Result<Outcome> Coordinator::Impl::OutcomeUntilNow(std::string_view gid) const {
  Result<TransactionRecord> record = Query(gid);
  if (record.ok()) {
    if (record->finished) return EndOf(*std::move(record));
    return StillUnderWay(*record);
  }
  if (record.status().code() == StatusCode::kNotFound) return record.status();
  return Status(StatusCode::kUnavailable,
                Concat("whether ", gid, " has ended is not known: ", record.status().message()));
}

// A read-only coordinator can't wait.
Result<Outcome> Coordinator::Impl::StoredOutcome(std::string_view gid) const {
  Result<TransactionRecord> record = Query(gid);
  if (!record.ok()) return record.status();
  if (record->finished) return EndOf(*std::move(record));
  return Status(StatusCode::kFailedPrecondition,
                Concat(gid, " has not ended, and a read-only coordinator can't wait"));
}

void Coordinator::Impl::Forget(std::string_view gid, const Waiting& waiting) {
  backends_.driver->Post(internal::Request{
      .gid = std::string(gid), .body = internal::ForgetWaitRequest{waiting.ticket}, .reply = {}});
}

Result<Outcome> Coordinator::Impl::Wait(std::string_view gid, milliseconds timeout) {
  if (Status usable = Usable(); !usable.ok()) return usable;
  if (backends_.driver == nullptr) return StoredOutcome(gid);
  if (Status may = CheckMayWait(); !may.ok()) return may;
  const Waiting waiting = StartWaiting(gid);
  const bool ended =
      backends_.driver->Await(*waiting.call, std::clamp(timeout, milliseconds{0}, kLongestWait));
  return FinishWaiting(gid, waiting, ended);
}

Followed Coordinator::Impl::Follow(const std::string& gid,
                                   Result<internal::SubmitRequest>&& request,
                                   milliseconds timeout) {
  if (!request.ok()) return {request.status(), request.status()};
  return Follow(gid, internal::Request::Body(*std::move(request)), timeout);
}

// Both are asked at once, and it is the end that is slept for; a refusal wakes from that sleep.
Followed Coordinator::Impl::Follow(const std::string& gid, internal::Request::Body body,
                                   milliseconds timeout) {
  Status may = Writable();
  if (may.ok()) may = CheckMayWait();
  if (!may.ok()) return {may, may};
  timeout = std::clamp(timeout, milliseconds{0}, kLongestWait);
  const auto accepted = std::make_shared<PendingCall>();
  const auto end = std::make_shared<PendingCall>();
  backends_.driver->Post(
      internal::Request{.gid = gid,
                        .body = std::move(body),
                        .reply = [reply = internal::Reply(accepted), end](Answer&& answer) mutable {
                          const Status status = answer.status;
                          reply(std::move(answer));
                          if (!status.ok()) end->Set(Answer{.status = status});
                        }});
  const Waiting waiting{end, next_ticket_++};
  backends_.driver->Post(internal::Request{
      .gid = gid, .body = internal::WaitRequest{waiting.ticket}, .reply = internal::Reply(end)});
  // Whoever does not even know whether it was accepted is told so in time. The wait counts from the
  // acceptance, if that takes longer than the whole of it.
  const milliseconds first = std::min(timeout, options_.patience);
  bool ended = backends_.driver->Await(*end, first);
  const bool late = !accepted->done();
  // What has ended was accepted: that answer is on its way, and may come second.
  const Answer answer = FinishAsking(*accepted, ended ? kLongestWait : options_.patience - first);
  if (!answer.status.ok()) {
    Forget(gid, waiting);
    return {answer.status, answer.status};
  }
  if (!ended) ended = backends_.driver->Await(*end, late ? timeout : timeout - first);
  return {internal::AcceptedOf(gid, answer), FinishWaiting(gid, waiting, ended)};
}

// --- the gateway's seam ---

Followed internal::SubmitAndWait(Coordinator& coordinator, const Saga& saga, milliseconds timeout) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return {WasMoved(), WasMoved()};
  return impl->Follow(saga.gid, impl->New(saga), timeout);
}

Followed internal::SubmitAndWait(Coordinator& coordinator, const Message& message,
                                 milliseconds timeout) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return {WasMoved(), WasMoved()};
  return impl->Follow(message.gid, impl->New(message, /*prepare=*/false), timeout);
}

Followed internal::CommitAndWait(Coordinator& coordinator, const std::string& gid, Mode mode,
                                 milliseconds timeout) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return {WasMoved(), WasMoved()};
  return impl->Follow(gid, internal::CommitRequest{.digest = {}, .mode = mode}, timeout);
}

}  // namespace troth
