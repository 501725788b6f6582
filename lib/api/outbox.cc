// What an outbox asks of its coordinator: the same path as Submit, for many at once.
#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

#include "api/coordinator_impl.h"
#include "base/text.h"
#include "model/gid.h"
#include "model/stored.h"
#include "outbox/outboxes.h"

namespace troth {

using internal::Concat;
using internal::PendingCall;
using internal::outbox::Submission;

namespace internal::outbox {

Parts PartsOf(Coordinator& coordinator) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return {};
  return {.host = impl, .outboxes = impl->outboxes()};
}

}  // namespace internal::outbox

namespace {

// How long an adoption waits for the store. A caller's patience may be shorter than any commit;
// what is adopted must be known to be all the same, or it would be adopted again and again.
constexpr std::chrono::milliseconds kAdoptionPatience{10'000};

class DriverGate final : public internal::outbox::Gate {
 public:
  explicit DriverGate(internal::Driver& driver) : driver_(driver) {}
  void Open() override { call_.Set({}); }
  Status Wait(std::chrono::milliseconds timeout) override {
    if (!driver_.Await(call_, timeout)) return {StatusCode::kDeadlineExceeded, "not in time"};
    return call_.Take().status;
  }

 private:
  internal::Driver& driver_;
  PendingCall call_;
};

}  // namespace

std::shared_ptr<internal::outbox::Gate> Coordinator::Impl::NewGate() const {
  return std::make_shared<DriverGate>(*backends_.driver);
}

void Coordinator::Impl::OnRefused(const std::string& gid, std::string_view path,
                                  std::string_view why) {
  backends_.driver->Post(internal::Notification{
      .kind = EventKind::kOutboxRefused, .gid = gid, .text = Concat(path, ": ", why)});
}

void Coordinator::Impl::StartOutboxes(std::shared_ptr<internal::outbox::Outboxes> outboxes) {
  outboxes_ = std::move(outboxes);
  outboxes_->Start(*this);
}

Result<Submission> Coordinator::Impl::Check(const Saga& saga) const {
  if (Status writable = Writable(); !writable.ok()) return writable;
  if (Status gid = internal::CheckGid(saga.gid); !gid.ok()) return internal::Under("saga.", gid);
  auto definition = internal::DefinitionOf(
      saga, options_.defaults, options_.limits,
      [this](std::string_view url) { return backends_.transport->CheckUrl(url); },
      options_.barrier_retention);
  if (!definition.ok()) return definition.status();
  return Submission{
      .gid = saga.gid, .definition = *std::move(definition), .digest = {}, .start = {}};
}

// The delay counts from here: from an adoption after a crash it would begin anew.
Result<Submission> Coordinator::Impl::Check(const Message& message) const {
  if (Status writable = Writable(); !writable.ok()) return writable;
  auto definition = internal::DefinitionOf(
      message, /*prepare=*/false, options_.defaults, options_.limits,
      [this](std::string_view url) { return backends_.transport->CheckUrl(url); },
      options_.barrier_retention);
  if (!definition.ok()) return definition.status();
  auto expanded = Expand(*definition);
  if (!expanded.ok()) return internal::Under("message.", expanded.status());
  Submission submission{.gid = message.gid,
                        .definition = *std::move(expanded),
                        .digest = internal::DigestOf(**definition),
                        .start = message.start};
  if (message.delay) submission.start = backends_.driver->Now() + *message.delay;
  return submission;
}

Result<bool> Coordinator::Impl::Holds(std::string_view gid) const {
  const Result<Reading> reading = Read();
  if (!reading.ok()) return reading.status();
  const auto stored = backends_.store->Load(gid);
  if (!stored.ok()) return stored.status();
  return stored->has_value();
}

// All are asked before the first is waited for, so that they share commits.
std::vector<Status> Coordinator::Impl::Accept(std::vector<Submission>&& submissions) {
  if (Status writable = Writable(); !writable.ok()) {
    return std::vector<Status>(submissions.size(), writable);
  }
  std::vector<std::shared_ptr<PendingCall>> calls;
  for (Submission& submission : submissions) {
    auto t = internal::NewTransaction(submission.gid, std::move(submission.definition),
                                      backends_.driver->Now());
    t.digest = std::move(submission.digest);
    calls.push_back(StartAsking(
        submission.gid, internal::SubmitRequestOf(std::move(t), {.start = submission.start})));
  }
  std::vector<Status> statuses;
  for (const auto& call : calls) {
    Status status = FinishAsking(*call, std::max(options_.patience, kAdoptionPatience)).status;
    // The same content, and rolled back since: it was accepted all the same.
    if (status.code() == StatusCode::kAborted) status = Status();
    statuses.push_back(std::move(status));
  }
  return statuses;
}

}  // namespace troth
