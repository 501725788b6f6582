// Topics: changes go through the engine to the writer, reads to the store.
#include <mutex>

#include "api/coordinator_impl.h"
#include "base/text.h"
#include "model/topic.h"

namespace troth {

using internal::Answer;
using internal::Concat;
using internal::PendingCall;
using internal::TopicChange;

Status Coordinator::Impl::ChangeTopic(TopicChange change) {
  if (Status writable = Writable(); !writable.ok()) return writable;
  if (Status topic = internal::CheckTopic(change.topic); !topic.ok()) return topic;
  if (change.kind != TopicChange::Kind::kDelete) {
    const Status subscriber = internal::CheckSubscriber(
        change.subscriber, options_.limits,
        [this](std::string_view url) { return backends_.transport->CheckUrl(url); });
    if (!subscriber.ok()) return subscriber;
  }
  change.topics_max = options_.limits.topics;
  change.subscribers_max = options_.limits.subscribers;
  const auto call = std::make_shared<PendingCall>();
  backends_.driver->Post(
      internal::TopicRequest{.change = std::move(change), .reply = internal::Reply(call)});
  if (backends_.driver->Await(*call, options_.patience)) return call->Take().status;
  return {StatusCode::kUnavailable,
          Concat("the store did not answer within ", options_.patience.count(),
                 " ms; whether the topic was changed is unknown: repeat it")};
}

Result<Topic> Coordinator::Impl::GetTopic(std::string_view name) const {
  if (Status topic = internal::CheckTopic(name); !topic.ok()) return topic;
  const Result<Reading> reading = Read();
  if (!reading.ok()) return reading.status();
  Result<std::optional<Topic>> topic = backends_.store->LoadTopic(name);
  if (!topic.ok()) return topic.status();
  if (!topic->has_value()) return Status(StatusCode::kNotFound, "no such a topic");
  return **std::move(topic);
}

Result<std::vector<Topic>> Coordinator::Impl::ListTopics() const {
  const Result<Reading> reading = Read();
  if (!reading.ok()) return reading.status();
  return backends_.store->ListTopics();
}

Result<std::shared_ptr<const internal::Definition>> Coordinator::Impl::Expand(
    const std::shared_ptr<const internal::Definition>& definition) const {
  const Result<Reading> reading = Read();
  if (!reading.ok()) return reading.status();
  return internal::ExpandTopics(definition, options_.limits, [this](std::string_view name) {
    return backends_.store->LoadTopic(name);
  });
}

}  // namespace troth
