#include "model/topic.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "model/bounds.h"
#include "model/definition_codec.h"
#include "model/encoding.h"
#include "model/field_checks.h"

namespace troth::internal {
namespace {

constexpr std::string_view kScheme = "topic://";
constexpr size_t kNameBytesMax = 128;

// Field numbers are stored: none is ever used for something else.
constexpr uint32_t kSubscriber = 1;
namespace subscriber_field {
enum : uint32_t { kUrl = 1, kRemark = 2 };
}  // namespace subscriber_field

Status NotFound(std::string_view what) { return {StatusCode::kNotFound, std::string(what)}; }

Status Subscribe(const TopicChange& change, std::optional<Topic>& topic) {
  if (!topic) topic = Topic{.name = change.topic, .version = 0, .subscribers = {}};
  const bool there =
      std::any_of(topic->subscribers.begin(), topic->subscribers.end(),
                  [&](const Subscriber& each) { return each.url == change.subscriber.url; });
  if (there) return {StatusCode::kAlreadyExists, "this url exists"};
  if (topic->subscribers.size() >= change.subscribers_max) {
    return {StatusCode::kResourceExhausted,
            Concat("topic ", change.topic, " has the ", change.subscribers_max,
                   " subscribers of limits.subscribers already")};
  }
  topic->subscribers.push_back(change.subscriber);
  return {};
}

Status Unsubscribe(const TopicChange& change, std::optional<Topic>& topic) {
  if (!topic) return NotFound("no such a topic");
  if (topic->subscribers.empty()) return NotFound("this topic is empty");
  const size_t gone = std::erase_if(topic->subscribers, [&](const Subscriber& each) {
    return each.url == change.subscriber.url;
  });
  return gone == 0 ? NotFound("no such an url") : Status();
}

Subscriber ReadSubscriber(FieldReader& outer) {
  Subscriber subscriber;
  FieldReader in("subscriber", outer.Bytes());
  while (in.Next()) {
    switch (in.number()) {
      case subscriber_field::kUrl:
        subscriber.url = in.Bytes();
        break;
      case subscriber_field::kRemark:
        subscriber.remark = in.Bytes();
        break;
      default:
        break;
    }
  }
  outer.Keep(in.status());
  return subscriber;
}

size_t BytesOf(const Step& step) {
  size_t bytes = step.forward.size() + step.payload.size();
  for (const Header& header : step.headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

// One message's expansion. Each topic is looked up once, so that all its steps see the same.
class Expansion {
 public:
  Expansion(const Limits& limits, const TopicLookup& lookup) : limits_(limits), lookup_(lookup) {}

  Status Add(const Step& step, std::vector<Step>& out);

 private:
  Status Find(std::string_view name, const Topic*& topic);
  Status AddOne(Step step, std::vector<Step>& out);

  const Limits& limits_;
  const TopicLookup& lookup_;
  std::map<std::string, Topic, std::less<>> found_;
  size_t bytes_ = 0;
};

Status Expansion::Find(std::string_view name, const Topic*& topic) {
  auto it = found_.find(name);
  if (it == found_.end()) {
    Result<std::optional<Topic>> stored = lookup_(name);
    if (!stored.ok()) return stored.status();
    if (!stored->has_value()) return Refused("action", Concat("topic not found: ", name));
    it = found_.emplace(std::string(name), std::move(**stored)).first;
  }
  if (it->second.subscribers.empty()) {
    return Refused("action", Concat("topic not found: ", name, " has no subscriber"));
  }
  topic = &it->second;
  return {};
}

Status Expansion::AddOne(Step step, std::vector<Step>& out) {
  bytes_ += BytesOf(step);
  if (bytes_ > limits_.transaction_bytes) {
    return Refused("action",
                   Concat("with all subscribers more than the ", limits_.transaction_bytes,
                          " bytes of limits.transaction_bytes in all"));
  }
  const size_t max = std::min(limits_.steps, kStepsMax);
  if (out.size() >= max) {
    return Refused("action", Concat("with all subscribers more than the ", max, " steps allowed"));
  }
  out.push_back(std::move(step));
  return {};
}

Status Expansion::Add(const Step& step, std::vector<Step>& out) {
  const std::optional<std::string_view> name = TopicOf(step.forward);
  if (!name) return AddOne(step, out);
  const Topic* topic = nullptr;
  if (Status s = Find(*name, topic); !s.ok()) return s;
  const size_t count = topic->subscribers.size();
  for (size_t i = 0; i < count; ++i) {
    Step one = step;
    one.forward = topic->subscribers[i].url;
    if (count > 1) one.branch_id += Concat("-", BranchNumber(i));
    if (Status s = AddOne(std::move(one), out); !s.ok()) return s;
  }
  return {};
}

}  // namespace

std::optional<std::string_view> TopicOf(std::string_view url) {
  if (!url.starts_with(kScheme)) return std::nullopt;
  return url.substr(kScheme.size());
}

bool IsTopicName(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(), allowed);
}

std::string BranchNumber(size_t index) {
  return index + 1 < 10 ? Concat("0", index + 1) : std::to_string(index + 1);
}

Status CheckTopic(std::string_view topic) {
  if (topic.empty()) return {StatusCode::kInvalidArgument, "empty topic"};
  if (IsTopicName(topic)) return {};
  return Refused("topic", Concat("\"", Truncated(topic, kNameBytesMax),
                                 "\" is not 1 to 128 of A-Z a-z 0-9 . _ -"));
}

Status CheckSubscriber(const Subscriber& subscriber, const Limits& limits,
                       const UrlCheck& check_url) {
  if (subscriber.url.empty()) return {StatusCode::kInvalidArgument, "empty url"};
  if (Status s = CheckUrl("url", subscriber.url, limits, check_url); !s.ok()) return s;
  if (subscriber.remark.size() > kActBytesMax) return Refused("remark", "longer than 1 kB");
  if (HasControlBytes(subscriber.remark)) return Refused("remark", "has control characters");
  return {};
}

Status ApplyTopicChange(const TopicChange& change, std::optional<Topic>& topic) {
  Status status;
  switch (change.kind) {
    case TopicChange::Kind::kSubscribe:
      status = Subscribe(change, topic);
      break;
    case TopicChange::Kind::kUnsubscribe:
      status = Unsubscribe(change, topic);
      break;
    case TopicChange::Kind::kDelete:
      if (!topic) return NotFound("no such a topic");
      topic.reset();
      return {};
  }
  if (status.ok()) ++topic->version;
  return status;
}

std::string EncodeSubscribers(const std::vector<Subscriber>& subscribers) {
  std::string bytes(1, kFormVersion);
  FieldWriter out(bytes);
  for (const Subscriber& subscriber : subscribers) {
    const FieldWriter::Mark mark =
        out.Open(kSubscriber, subscriber.url.size() + subscriber.remark.size());
    out.Bytes(subscriber_field::kUrl, subscriber.url);
    if (!subscriber.remark.empty()) out.Bytes(subscriber_field::kRemark, subscriber.remark);
    out.Close(mark);
  }
  return bytes;
}

Result<std::vector<Subscriber>> DecodeSubscribers(std::string_view bytes) {
  if (Status version = TakeVersion("subscribers", bytes); !version.ok()) return version;
  std::vector<Subscriber> subscribers;
  FieldReader in("subscribers", bytes);
  while (in.Next()) {
    if (in.number() == kSubscriber) subscribers.push_back(ReadSubscriber(in));
  }
  if (!in.status().ok()) return in.status();
  return subscribers;
}

Result<std::shared_ptr<const Definition>> ExpandTopics(
    const std::shared_ptr<const Definition>& definition, const Limits& limits,
    const TopicLookup& lookup) {
  const std::vector<Step>& steps = definition->steps;
  const bool any = std::any_of(steps.begin(), steps.end(),
                               [](const Step& step) { return TopicOf(step.forward).has_value(); });
  if (!any) return definition;
  auto expanded = std::make_shared<Definition>(*definition);
  expanded->steps.clear();
  Expansion expansion(limits, lookup);
  for (size_t i = 0; i < steps.size(); ++i) {
    if (Status s = expansion.Add(steps[i], expanded->steps); !s.ok()) {
      return s.code() == StatusCode::kInvalidArgument ? Under(Concat("steps[", i, "]."), s) : s;
    }
  }
  return std::shared_ptr<const Definition>(std::move(expanded));
}

}  // namespace troth::internal
