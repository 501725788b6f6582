// What changes something: each call is checked here, asked of the engine, and waited for.
#include "api/coordinator_impl.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/text.h"
#include "base/thread_mark.h"
#include "model/gid.h"
#include "model/input.h"
#include "model/stored.h"
#include "model/url.h"

namespace troth {

using internal::Answer;
using internal::Concat;
using internal::ControlRequest;
using internal::kLongestWait;
using internal::PendingCall;
using internal::Reply;
using std::chrono::milliseconds;

Status Coordinator::Impl::Usable() const {
  if (ForkedChild()) {
    return {StatusCode::kFailedPrecondition,
            "the coordinator was opened before fork(); open one in the child after the parent has "
            "closed it"};
  }
  if (closed_) return {StatusCode::kFailedPrecondition, "the coordinator is closed"};
  return {};
}

// Whoever comes after Close() has begun is turned away before the lock: a crowd of readers would
// hold it shared for ever.
Result<Coordinator::Impl::Reading> Coordinator::Impl::Read() const {
  if (Status usable = Usable(); !usable.ok()) return usable;
  Reading reading(reading_);
  if (Status usable = Usable(); !usable.ok()) return usable;
  return reading;
}

Status Coordinator::Impl::Writable() const {
  if (Status usable = Usable(); !usable.ok()) return usable;
  if (backends_.driver == nullptr) {
    return {StatusCode::kFailedPrecondition, "the coordinator was opened read-only"};
  }
  return {};
}

Status Coordinator::Impl::Close(milliseconds grace) {
  if (ForkedChild()) return Usable();
  if (internal::InsideLocalFunction()) {
    return {StatusCode::kFailedPrecondition,
            "Close() inside a callback or a local function would wait for itself"};
  }
  const std::lock_guard closing(closing_);  // a later one waits for the first
  if (closed_.exchange(true)) return {};
  internal::Driver::Closed closed;
  if (outboxes_ != nullptr) outboxes_->RequestStop();
  backends_.store->StopReads();
  if (backends_.driver != nullptr) {
    closed = backends_.driver->Close(std::clamp(grace, milliseconds{0}, kLongestWait));
  }
  if (outboxes_ != nullptr) outboxes_->Stop();
  const std::unique_lock lock(reading_);
  backends_.store->Close();
  if (!closed.written) {
    return {StatusCode::kUnavailable,
            "the store could not take the last results; what was acknowledged is safe"};
  }
  if (closed.in_time) return {};
  return {StatusCode::kDeadlineExceeded,
          "calls were still in flight and were cut off; they are made again after the next Open()"};
}

void Coordinator::Impl::Abandon() {
  if (closed_.exchange(true)) return;
  if (outboxes_ != nullptr) outboxes_->RequestStop();
  if (backends_.driver != nullptr) backends_.driver->Abandon();
  if (outboxes_ != nullptr) outboxes_->Stop();
}

// Posts a request and waits until it is answered. Past `patience` nobody knows.
Answer Coordinator::Impl::Ask(std::string gid, internal::Request::Body body,
                              milliseconds patience) {
  return FinishAsking(*StartAsking(std::move(gid), std::move(body)), patience);
}

std::shared_ptr<PendingCall> Coordinator::Impl::StartAsking(std::string gid,
                                                            internal::Request::Body body) {
  auto call = std::make_shared<PendingCall>();
  backends_.driver->Post(
      internal::Request{.gid = std::move(gid), .body = std::move(body), .reply = Reply(call)});
  return call;
}

Answer Coordinator::Impl::FinishAsking(PendingCall& call, milliseconds patience) {
  if (backends_.driver->Await(call, patience)) return call.Take();
  return Answer{.status = {StatusCode::kUnavailable,
                           Concat("the store did not answer within ", patience.count(),
                                  " ms; whether it holds the change is unknown: repeat the same "
                                  "call with the same gid")}};
}

Result<internal::SubmitRequest> Coordinator::Impl::New(const Saga& saga) {
  auto submission = Check(saga);
  if (!submission.ok()) return submission.status();
  return internal::SubmitRequestOf(internal::NewTransaction(
      std::move(submission->gid), std::move(submission->definition), backends_.driver->Now()));
}

Result<Accepted> Coordinator::Impl::Submit(const Saga& saga) {
  auto request = New(saga);
  if (!request.ok()) return request.status();
  return AcceptedOf(saga.gid, Ask(saga.gid, *std::move(request), options_.patience));
}

Result<Accepted> internal::AcceptedOf(const std::string& gid, const Answer& answer) {
  if (!answer.status.ok()) return answer.status;
  return Accepted{.gid = gid, .repeated = answer.repeated, .ended = answer.ended};
}

internal::SubmitRequest internal::SubmitRequestOf(GlobalTransaction&& t, SubmitRequest submit) {
  submit.transaction = std::make_unique<GlobalTransaction>(std::move(t));
  const Definition& definition = *submit.transaction->definition;
  std::string& digest = submit.transaction->digest;
  if (digest.empty()) digest = DigestOf(definition);
  submit.document = std::make_shared<const std::string>(EncodeDefinition(definition));
  return submit;
}

Result<internal::SubmitRequest> Coordinator::Impl::New(const Message& message, bool prepare) {
  if (Status writable = Writable(); !writable.ok()) return writable;
  auto definition = internal::DefinitionOf(
      message, prepare, options_.defaults, options_.limits,
      [this](std::string_view url) { return backends_.transport->CheckUrl(url); },
      options_.barrier_retention);
  if (!definition.ok()) return definition.status();
  // Without its subscribers a new message is refused; one that is stored has its own (R9, R16).
  Status refusal;
  auto expanded = Expand(*definition);
  if (!expanded.ok()) {
    if (expanded.status().code() != StatusCode::kInvalidArgument) return expanded.status();
    refusal = internal::Under("message.", expanded.status());
  }
  auto t = internal::NewTransaction(message.gid, expanded.ok() ? *expanded : *definition,
                                    backends_.driver->Now());
  t.digest = internal::DigestOf(**definition);
  if (prepare) {
    t.phase = internal::Phase::kPrepared;
    t.outcome = internal::Decision::kUndecided;
  }
  return internal::SubmitRequestOf(std::move(t), {.delay = message.delay.value_or(milliseconds{0}),
                                                  .start = message.start,
                                                  .refusal = std::move(refusal)});
}

Result<Accepted> Coordinator::Impl::Submit(const Message& message, bool prepare) {
  auto request = New(message, prepare);
  if (!request.ok()) return request.status();
  return AcceptedOf(message.gid, Ask(message.gid, *std::move(request), options_.patience));
}

Result<Accepted> Coordinator::Impl::SubmitPrepared(const Message& message) {
  if (Status writable = Writable(); !writable.ok()) return writable;
  auto definition = internal::DefinitionOf(
      message, /*prepare=*/true, options_.defaults, options_.limits,
      [this](std::string_view url) { return backends_.transport->CheckUrl(url); },
      options_.barrier_retention);
  if (!definition.ok()) return definition.status();
  return AcceptedOf(
      message.gid,
      Decide(message.gid, internal::CommitRequest{.digest = internal::DigestOf(**definition),
                                                  .delay = message.delay.value_or(milliseconds{0}),
                                                  .start = message.start}));
}

// Prepares a session's transaction, undecided.
Answer Coordinator::Impl::AskToPrepare(
    const std::string& gid, const std::shared_ptr<const internal::Definition>& definition) {
  auto t = internal::NewTransaction(gid, definition, backends_.driver->Now());
  t.phase = internal::Phase::kPrepared;
  t.outcome = internal::Decision::kUndecided;
  return Ask(gid, internal::SubmitRequestOf(std::move(t)), options_.patience);
}

Result<internal::Policy> Coordinator::Impl::Begin(const internal::SessionInput& input) {
  if (Status writable = Writable(); !writable.ok()) return writable;
  const auto definition =
      internal::DefinitionOf(input, options_.defaults, options_.limits, options_.barrier_retention);
  if (!definition.ok()) return definition.status();
  const Answer answer = AskToPrepare(input.gid, *definition);
  if (answer.status.ok() && answer.repeated) {
    return Status(StatusCode::kAlreadyExists, Concat("options.gid: ", input.gid, " is in use"));
  }
  if (!answer.status.ok()) return answer.status;
  return (*definition)->policies[0];
}

Result<Accepted> Coordinator::Impl::PrepareSession(const internal::SessionInput& input) {
  if (Status writable = Writable(); !writable.ok()) return writable;
  const auto definition =
      internal::DefinitionOf(input, options_.defaults, options_.limits, options_.barrier_retention);
  if (!definition.ok()) return definition.status();
  return AcceptedOf(input.gid, AskToPrepare(input.gid, *definition));
}

Result<Accepted> Coordinator::Impl::PrepareWorkflow(const internal::WorkflowInput& input) {
  if (Status writable = Writable(); !writable.ok()) return writable;
  const auto definition = internal::DefinitionOf(
      input, options_.defaults, options_.limits,
      [this](std::string_view url) { return backends_.transport->CheckUrl(url); },
      options_.barrier_retention);
  if (!definition.ok()) return definition.status();
  const Answer answer = AskToPrepare(input.gid, *definition);
  if (!answer.status.ok()) return answer.status;
  return Accepted{.gid = input.gid, .repeated = answer.repeated};
}

Result<internal::Policy> Coordinator::Impl::CheckStep(const internal::SessionStepInput& step,
                                                      const internal::Policy& transaction) const {
  return internal::CheckSessionStep(
      step, transaction, options_.limits,
      [this](std::string_view url) { return backends_.transport->CheckUrl(url); });
}

Answer Coordinator::Impl::Decide(std::string_view gid, internal::Request::Body body) {
  if (Status writable = Writable(); !writable.ok()) return Answer{.status = writable};
  return Ask(std::string(gid), std::move(body), options_.patience);
}

// The patience is for the store. The call ends with its time-out, or with the transaction's.
Answer Coordinator::Impl::JoinAndCall(std::string_view gid, internal::SessionCallRequest request,
                                      bool& begun) {
  if (Status writable = Writable(); !writable.ok()) return Answer{.status = writable};
  const auto call = std::make_shared<PendingCall>();
  backends_.driver->Post(
      internal::Request{.gid = std::string(gid), .body = std::move(request), .reply = Reply(call)});
  bool answered = backends_.driver->Await(*call, options_.patience);
  if (!answered && call->Claim()) {
    return Answer{.status = {StatusCode::kUnavailable,
                             Concat("the store did not answer within ", options_.patience.count(),
                                    " ms; the branch is not called, and whether it is registered "
                                    "is unknown: roll back")}};
  }
  if (!answered) answered = backends_.driver->Await(*call, kLongestWait);
  begun = call->claimed();
  if (answered) return call->Take();
  return Answer{.status = {StatusCode::kUnavailable, "whether the branch ran is unknown"}};
}

void Coordinator::Impl::Post(std::string_view gid, internal::Request::Body body) {
  if (!Writable().ok()) return;
  backends_.driver->Post(internal::Request{
      .gid = std::string(gid), .body = std::move(body), .reply = [](Answer&&) {}});
}

Status Coordinator::Impl::Act(std::string_view gid, const troth::Act& act,
                              internal::Request::Body body) {
  return AskAct(gid, act, std::move(body)).status;
}

Answer Coordinator::Impl::AskAct(std::string_view gid, const troth::Act& act,
                                 internal::Request::Body body) {
  if (Status writable = Writable(); !writable.ok()) return Answer{.status = writable};
  if (Status checked = internal::CheckAct(act); !checked.ok()) return Answer{.status = checked};
  return Ask(std::string(gid), std::move(body), options_.patience);
}

Status Coordinator::Impl::Edit(std::string_view gid, const BranchKey& branch,
                               const BranchEdit& edit, const troth::Act& act) {
  if (Status writable = Writable(); !writable.ok()) return writable;
  const Status checked = internal::CheckEdit(edit, options_.limits, [this](std::string_view url) {
    return backends_.transport->CheckUrl(url);
  });
  if (!checked.ok()) return checked;
  return Act(gid, act, internal::EditRequest{branch, edit, act});
}

Status Coordinator::Impl::Control(ControlRequest::Kind kind, std::string name, Health* health) {
  if (Status writable = Writable(); !writable.ok()) return writable;
  const auto call = std::make_shared<PendingCall>();
  const auto answered = std::make_shared<Health>();
  backends_.driver->Post(
      ControlRequest{.kind = kind,
                     .name = std::move(name),
                     .done = [reply = std::make_shared<Reply>(call), answered](const Health& now) {
                       *answered = now;
                       (*reply)(Answer{});
                     }});
  backends_.driver->Await(*call, std::nullopt);
  Answer answer = call->Take();
  if (answer.status.ok() && health != nullptr) *health = *answered;
  return std::move(answer.status);
}

Status Coordinator::Impl::RegisterLocal(LocalBranch branch) {
  if (Status writable = Writable(); !writable.ok()) return writable;
  if (!internal::IsLocalName(branch.name)) {
    return {StatusCode::kInvalidArgument,
            Concat("branch.name: \"", branch.name, "\" is not 1 to 64 of A-Z a-z 0-9 . _ -")};
  }
  if (branch.name.starts_with(internal::kReservedNames)) {
    return {StatusCode::kInvalidArgument,
            "branch.name: names that begin with troth. are the library's"};
  }
  if (!branch.function) {
    return {StatusCode::kInvalidArgument, "branch.function: there is none"};
  }
  const std::string name = branch.name;
  if (Status registered = backends_.register_local(std::move(branch)); !registered.ok()) {
    return registered;
  }
  return Control(ControlRequest::Kind::kRegistered, name);
}

}  // namespace troth
