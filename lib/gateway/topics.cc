// Topics, and dtm's key-value view of them.
#include <algorithm>
#include <charconv>

#include "gateway/gateway_impl.h"
#include "gateway/query_fields.h"

namespace troth {

using internal::GatewayReply;
using internal::JsonObject;
using internal::QueryFields;

namespace {

constexpr std::string_view kCategory = "topics";
constexpr int64_t kPage = 100;

// There is one category; whoever names none asks for all.
bool AsksForTopics(const std::string& category) {
  return category.empty() || category == kCategory;
}

// dtm answers 500 to whatever is wrong with a topic; what the caller has to correct is 400 here.
GatewayReply AnswerChange(const Status& status) {
  if (status.ok()) return GatewayReply::Success();
  if (status.code() == StatusCode::kInvalidArgument) return GatewayReply::Of(status);
  return GatewayReply::Error(status.message());
}

std::string KvJson(const Topic& topic) {
  std::vector<std::string> subscribers;
  for (const Subscriber& each : topic.subscribers) {
    subscribers.push_back(JsonObject().Text("url", each.url).Text("remark", each.remark).Finish());
  }
  return JsonObject()
      .Number("id", 0)
      .Text("cat", kCategory)
      .Text("k", topic.name)
      .Text("v", internal::JsonList(subscribers))
      .Number("version", static_cast<int64_t>(topic.version))
      .TextIfAny("problem", topic.problem)
      .Finish();
}

}  // namespace

GatewayReply Gateway::Impl::Subscribe(const GatewayRequest& request) {
  const QueryFields in(request);
  const std::string url = in.Text("url");
  const std::string topic = in.Text("topic");
  if (topic.empty()) return GatewayReply::BadRequest("empty topic");
  if (Status allowed = branch_urls_.Check("url", url); !allowed.ok())
    return GatewayReply::Of(allowed);
  return AnswerChange(coordinator_.Subscribe(topic, url, in.Text("remark")));
}

GatewayReply Gateway::Impl::Unsubscribe(const GatewayRequest& request) {
  const QueryFields in(request);
  return AnswerChange(coordinator_.Unsubscribe(in.Text("topic"), in.Text("url")));
}

GatewayReply Gateway::Impl::DeleteTopic(const GatewayRequest& request) {
  const std::string_view path = request.path;
  // A slash in it belongs to no topic's name, and is refused: "a/b" is not b.
  const size_t name = options_.base_path.size() + kTopicRoute.size();
  return AnswerChange(coordinator_.DeleteTopic(path.substr(name)));
}

// A position is the last name of the page before.
GatewayReply Gateway::Impl::ScanKv(const GatewayRequest& request) {
  QueryFields in(request);
  const int64_t limit = std::max<int64_t>(in.Number("limit").value_or(kPage), 1);
  if (!in.status().ok()) return GatewayReply::Of(in.status());
  const std::string after = in.Text("position");
  std::vector<std::string> rows;
  std::string next;
  if (AsksForTopics(in.Text("cat"))) {
    const Result<std::vector<Topic>> topics = coordinator_.ListTopics();
    if (!topics.ok()) return GatewayReply::Of(topics.status());
    std::string last;
    for (const Topic& topic : *topics) {
      if (!after.empty() && topic.name <= after) continue;
      if (static_cast<int64_t>(rows.size()) == limit) {
        next = last;
        break;
      }
      rows.push_back(KvJson(topic));
      last = topic.name;
    }
  }
  return GatewayReply::Success(
      JsonObject().Raw("kv", internal::JsonList(rows)).Text("next_position", next).Finish());
}

GatewayReply Gateway::Impl::QueryKv(const GatewayRequest& request) {
  const QueryFields in(request);
  const std::string key = in.Text("key");
  std::vector<std::string> rows;
  if (AsksForTopics(in.Text("cat")) && key.empty()) {
    const Result<std::vector<Topic>> topics = coordinator_.ListTopics();
    if (!topics.ok()) return GatewayReply::Of(topics.status());
    for (const Topic& topic : *topics) rows.push_back(KvJson(topic));
  } else if (AsksForTopics(in.Text("cat"))) {
    const Result<Topic> topic = coordinator_.GetTopic(key);
    if (topic.ok()) {
      rows.push_back(KvJson(*topic));
    } else if (topic.status().code() != StatusCode::kNotFound) {
      return GatewayReply::Of(topic.status());
    }
  }
  return GatewayReply::Success(JsonObject().Raw("kv", internal::JsonList(rows)).Finish());
}

}  // namespace troth
