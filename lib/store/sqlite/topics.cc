#include "store/sqlite/topics.h"

#include <sqlite3.h>

#include <string>
#include <utility>

#include "base/text.h"
#include "model/topic.h"
#include "store/sqlite/queries.h"

namespace troth::internal::sqlite {
namespace {

// Without subscribers, and with `why`, where these can't be read.
Topic TopicFrom(const Statement& select, Status& why) {
  Topic topic{.name = std::string(select.Bytes(0)),
              .version = static_cast<uint64_t>(select.Int(1))};
  Result<std::vector<Subscriber>> subscribers = DecodeSubscribers(select.Bytes(2));
  if (subscribers.ok()) {
    topic.subscribers = *std::move(subscribers);
    return topic;
  }
  topic.problem = Concat("topic ", topic.name, ": ", subscribers.status().message());
  why = Status(subscribers.status().code(), topic.problem);
  return topic;
}

Result<std::optional<Topic>> Read(Connection& connection, std::string_view name, Status& why) {
  Statement select;
  if (Status s = connection.Prepare(kSelectTopic, select); !s.ok()) return s;
  const int code = select.BindText(1, name).Step();
  if (code == SQLITE_DONE) return std::optional<Topic>();
  if (code != SQLITE_ROW) return connection.Error(code, "read a topic");
  return std::optional<Topic>(TopicFrom(select, why));
}

Status CheckRoom(Connection& connection, size_t topics_max) {
  const Result<int64_t> count = connection.QueryInt(kCountTopics);
  if (!count.ok()) return count.status();
  if (static_cast<uint64_t>(*count) < topics_max) return {};
  return {StatusCode::kResourceExhausted,
          Concat("there are the ", topics_max, " topics of limits.topics already")};
}

Status Store(Writer& writer, const std::string& name, const std::optional<Topic>& topic) {
  Statement statement;
  const char* sql = topic ? kReplaceTopic : kDeleteTopic;
  if (Status s = writer.connection().Prepare(sql, statement); !s.ok()) return s;
  statement.BindText(1, name);
  std::string document;
  if (topic) {
    document = EncodeSubscribers(topic->subscribers);
    statement.Bind(2, static_cast<int64_t>(topic->version)).BindBlob(3, document);
  }
  return writer.Run(statement, "write a topic");
}

}  // namespace

Status ChangeOneTopic(Writer& writer, const TopicChange& change, bool& refused) {
  refused = false;
  Status why;
  Result<std::optional<Topic>> topic = Read(writer.connection(), change.topic, why);
  if (!topic.ok()) return topic.status();
  // Only a deletion does not need what can't be read; it is the way to be rid of it.
  if (!why.ok() && change.kind != TopicChange::Kind::kDelete) {
    refused = true;
    return why;
  }
  const bool is_new = !topic->has_value() && change.kind == TopicChange::Kind::kSubscribe;
  if (is_new) {
    if (Status s = CheckRoom(writer.connection(), change.topics_max); !s.ok()) {
      refused = true;
      return s;
    }
  }
  if (Status s = ApplyTopicChange(change, *topic); !s.ok()) {
    refused = true;
    return s;
  }
  return Store(writer, change.topic, *topic);
}

Result<std::optional<Topic>> ReadTopic(Connection& connection, std::string_view name) {
  Status why;
  Result<std::optional<Topic>> topic = Read(connection, name, why);
  if (!why.ok()) return why;
  return topic;
}

Result<std::vector<Topic>> ReadTopics(Connection& connection) {
  std::vector<Topic> topics;
  Statement select;
  if (Status s = connection.Prepare(kSelectTopics, select); !s.ok()) return s;
  for (;;) {
    const int code = select.Step();
    if (code == SQLITE_DONE) return topics;
    if (code != SQLITE_ROW) return connection.Error(code, "read topics");
    Status why;  // the topic says it too
    topics.push_back(TopicFrom(select, why));
  }
}

}  // namespace troth::internal::sqlite
