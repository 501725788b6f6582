#include "store/sqlite/topics.h"

#include <sqlite3.h>

#include <string>
#include <utility>

#include "base/text.h"
#include "model/topic.h"
#include "store/sqlite/queries.h"

namespace troth::internal::sqlite {
namespace {

Result<Topic> TopicFrom(const Statement& select) {
  Result<std::vector<Subscriber>> subscribers = DecodeSubscribers(select.Bytes(2));
  if (!subscribers.ok()) return subscribers.status();
  return Topic{.name = std::string(select.Bytes(0)),
               .version = static_cast<uint64_t>(select.Int(1)),
               .subscribers = *std::move(subscribers)};
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
  Result<std::optional<Topic>> topic = ReadTopic(writer.connection(), change.topic);
  if (!topic.ok()) return topic.status();
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
  Statement select;
  if (Status s = connection.Prepare(kSelectTopic, select); !s.ok()) return s;
  const int code = select.BindText(1, name).Step();
  if (code == SQLITE_DONE) return std::optional<Topic>();
  if (code != SQLITE_ROW) return connection.Error(code, "read a topic");
  Result<Topic> topic = TopicFrom(select);
  if (!topic.ok()) return topic.status();
  return std::optional<Topic>(*std::move(topic));
}

Result<std::vector<Topic>> ReadTopics(Connection& connection) {
  std::vector<Topic> topics;
  Statement select;
  if (Status s = connection.Prepare(kSelectTopics, select); !s.ok()) return s;
  for (;;) {
    const int code = select.Step();
    if (code == SQLITE_DONE) return topics;
    if (code != SQLITE_ROW) return connection.Error(code, "read topics");
    Result<Topic> topic = TopicFrom(select);
    if (!topic.ok()) return topic.status();
    topics.push_back(*std::move(topic));
  }
}

}  // namespace troth::internal::sqlite
