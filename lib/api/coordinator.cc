// The handle: every method finds the shared state, or says that there is none any more.
#include "troth/coordinator.h"

#include <utility>

#include "api/coordinator_impl.h"

namespace troth {

using internal::ControlRequest;

namespace {

Status Gone() { return {StatusCode::kFailedPrecondition, "the coordinator was moved from"}; }

// A forked child must not stop threads that it does not have, nor close files that its parent uses.
void Release(std::shared_ptr<Coordinator::Impl>& impl) {
  if (impl == nullptr) return;
  if (impl->ForkedChild()) {
    new std::shared_ptr<Coordinator::Impl>(std::move(impl));  // leaked on purpose
  } else {
    impl->Abandon();
  }
  impl.reset();
}

}  // namespace

std::string_view Version() { return TROTH_VERSION; }

Coordinator::Coordinator(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Coordinator::Coordinator(Coordinator&&) noexcept = default;
Coordinator& Coordinator::operator=(Coordinator&& other) noexcept {
  if (this != &other) {
    Release(impl_);
    impl_ = std::move(other.impl_);
  }
  return *this;
}
Coordinator::~Coordinator() { Release(impl_); }

Status Coordinator::Close(std::chrono::milliseconds grace) {
  return impl_ ? impl_->Close(grace) : Gone();
}
Result<Accepted> Coordinator::Submit(const Saga& saga) {
  if (!impl_) return Gone();
  return impl_->Submit(saga);
}
Result<Outcome> Coordinator::Run(const Saga& saga, std::chrono::milliseconds timeout) {
  if (!impl_) return Gone();
  return impl_->Follow(saga.gid, impl_->New(saga), timeout).outcome;
}
Result<Accepted> Coordinator::Prepare(const Message& message) {
  if (!impl_) return Gone();
  return impl_->Submit(message, /*prepare=*/true);
}
Result<Accepted> Coordinator::SubmitPrepared(const Message& message) {
  if (!impl_) return Gone();
  return impl_->SubmitPrepared(message);
}
Result<Accepted> Coordinator::Submit(const Message& message) {
  if (!impl_) return Gone();
  return impl_->Submit(message, /*prepare=*/false);
}
Status Coordinator::Abort(std::string_view gid, std::string_view why) {
  return impl_ ? impl_->Decide(gid, internal::AbortRequest{std::string(why)}).status : Gone();
}
Result<Outcome> Coordinator::Wait(std::string_view gid, std::chrono::milliseconds timeout) {
  if (!impl_) return Gone();
  return impl_->Wait(gid, timeout);
}
Result<TransactionRecord> Coordinator::Query(std::string_view gid) const {
  if (!impl_) return Gone();
  return impl_->Query(gid);
}
Result<ListPage> Coordinator::List(const ListFilter& filter, size_t limit,
                                   std::string_view position) const {
  if (!impl_) return Gone();
  return impl_->List(filter, limit, position);
}
Status Coordinator::Cancel(std::string_view gid, const Act& act) {
  return impl_ ? impl_->Act(gid, act, internal::CancelRequest{act}) : Gone();
}
Status Coordinator::RetryNow(std::string_view gid, const Act& act) {
  return impl_ ? impl_->Act(gid, act, internal::RetryRequest{act}) : Gone();
}
Status Coordinator::EditBranch(std::string_view gid, const BranchKey& branch,
                               const BranchEdit& edit, const Act& act) {
  return impl_ ? impl_->Edit(gid, branch, edit, act) : Gone();
}
Status Coordinator::SkipBranch(std::string_view gid, const BranchKey& branch, const Act& act) {
  return impl_ ? impl_->Act(gid, act, internal::SkipRequest{branch, act}) : Gone();
}
Status Coordinator::Stop(std::string_view gid, const Act& act, bool leave_in_doubt) {
  return impl_ ? impl_->Act(gid, act, internal::StopRequest{act, leave_in_doubt}) : Gone();
}
Status Coordinator::Pause() {
  return impl_ ? impl_->Control(ControlRequest::Kind::kPause) : Gone();
}
Status Coordinator::Resume() {
  return impl_ ? impl_->Control(ControlRequest::Kind::kResume) : Gone();
}
Status Coordinator::RegisterLocal(LocalBranch branch) {
  return impl_ ? impl_->RegisterLocal(std::move(branch)) : Gone();
}
Status Coordinator::Backup(const std::string& path) const {
  return impl_ ? impl_->Backup(path) : Gone();
}
Status Coordinator::Subscribe(std::string_view topic, std::string_view url,
                              std::string_view remark) {
  if (!impl_) return Gone();
  return impl_->ChangeTopic(
      {.kind = internal::TopicChange::Kind::kSubscribe,
       .topic = std::string(topic),
       .subscriber = {.url = std::string(url), .remark = std::string(remark)}});
}
Status Coordinator::Unsubscribe(std::string_view topic, std::string_view url) {
  if (!impl_) return Gone();
  return impl_->ChangeTopic({.kind = internal::TopicChange::Kind::kUnsubscribe,
                             .topic = std::string(topic),
                             .subscriber = {.url = std::string(url)}});
}
Status Coordinator::DeleteTopic(std::string_view topic) {
  if (!impl_) return Gone();
  return impl_->ChangeTopic(
      {.kind = internal::TopicChange::Kind::kDelete, .topic = std::string(topic)});
}
Result<Topic> Coordinator::GetTopic(std::string_view topic) const {
  if (!impl_) return Gone();
  return impl_->GetTopic(topic);
}
Result<std::vector<Topic>> Coordinator::ListTopics() const {
  if (!impl_) return Gone();
  return impl_->ListTopics();
}
Statistics Coordinator::GetStatistics() const {
  return impl_ ? impl_->GetStatistics() : Statistics{};
}
Time Coordinator::Now() const {
  const bool asks = impl_ && impl_->HasClock();
  return asks ? impl_->Now()
              : std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}
Health Coordinator::GetHealth() const { return impl_ ? impl_->GetHealth() : Health{}; }

}  // namespace troth
