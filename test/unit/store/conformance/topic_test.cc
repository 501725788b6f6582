// Topics: who has subscribed, as it is kept.
#include <doctest/doctest.h>

#include "opened.h"

namespace troth::internal {
namespace {

TopicChange Change(TopicChange::Kind kind, std::string topic, std::string url = {}) {
  return {.kind = kind,
          .topic = std::move(topic),
          .subscriber = {.url = std::move(url), .remark = "why"},
          .topics_max = 3,
          .subscribers_max = 2};
}
TopicChange Subscribe(std::string topic, std::string url) {
  return Change(TopicChange::Kind::kSubscribe, std::move(topic), std::move(url));
}
TopicChange Unsubscribe(std::string topic, std::string url) {
  return Change(TopicChange::Kind::kUnsubscribe, std::move(topic), std::move(url));
}
TopicChange Delete(std::string topic) {
  return Change(TopicChange::Kind::kDelete, std::move(topic));
}
std::optional<Topic> Find(OpenedStore& store, const std::string& name) {
  Result<std::optional<Topic>> topic = store->LoadTopic(name);
  REQUIRE_MESSAGE(topic.ok(), topic.status().ToString());
  return *std::move(topic);
}

TEST_CASE("store: a topic is there with its first subscriber, and after a crash") {
  OpenedStore store;
  CHECK_FALSE(Find(store, "orders"));
  REQUIRE(store->ChangeTopic(Subscribe("orders", "http://a/")).ok());
  REQUIRE(store->ChangeTopic(Subscribe("orders", "http://b/")).ok());
  store.Reopen();
  const std::optional<Topic> topic = Find(store, "orders");
  REQUIRE(topic);
  CHECK(topic->name == "orders");
  CHECK(topic->version == 2);
  REQUIRE(topic->subscribers.size() == 2);
  CHECK(topic->subscribers[0].url == "http://a/");
  CHECK(topic->subscribers[1].url == "http://b/");
  CHECK(topic->subscribers[1].remark == "why");
}

TEST_CASE("store: after k subscriptions and k ends of them a topic has version 2k and nobody") {
  OpenedStore store;
  for (int i = 0; i < 5; ++i) {
    REQUIRE(store->ChangeTopic(Subscribe("orders", "http://a/")).ok());
    REQUIRE(store->ChangeTopic(Unsubscribe("orders", "http://a/")).ok());
  }
  const std::optional<Topic> topic = Find(store, "orders");
  REQUIRE(topic);
  CHECK(topic->version == 10);
  CHECK(topic->subscribers.empty());
}

TEST_CASE("store: a change that makes no sense is refused in the protocol's words") {
  OpenedStore store;
  CHECK(store->ChangeTopic(Unsubscribe("orders", "http://a/")) ==
        Status(StatusCode::kNotFound, "no such a topic"));
  CHECK(store->ChangeTopic(Delete("orders")) == Status(StatusCode::kNotFound, "no such a topic"));
  REQUIRE(store->ChangeTopic(Subscribe("orders", "http://a/")).ok());
  CHECK(store->ChangeTopic(Subscribe("orders", "http://a/")) ==
        Status(StatusCode::kAlreadyExists, "this url exists"));
  CHECK(store->ChangeTopic(Unsubscribe("orders", "http://b/")) ==
        Status(StatusCode::kNotFound, "no such an url"));
  REQUIRE(store->ChangeTopic(Unsubscribe("orders", "http://a/")).ok());
  CHECK(store->ChangeTopic(Unsubscribe("orders", "http://a/")) ==
        Status(StatusCode::kNotFound, "this topic is empty"));
  CHECK(Find(store, "orders")->version == 2);  // refusals change nothing
}

TEST_CASE("store: a deleted topic is gone, and one of the same name starts afresh") {
  OpenedStore store;
  REQUIRE(store->ChangeTopic(Subscribe("orders", "http://a/")).ok());
  REQUIRE(store->ChangeTopic(Subscribe("orders", "http://b/")).ok());
  REQUIRE(store->ChangeTopic(Delete("orders")).ok());
  CHECK_FALSE(Find(store, "orders"));
  REQUIRE(store->ChangeTopic(Subscribe("orders", "http://c/")).ok());
  const std::optional<Topic> topic = Find(store, "orders");
  REQUIRE(topic);
  CHECK(topic->version == 1);
  REQUIRE(topic->subscribers.size() == 1);
  CHECK(topic->subscribers[0].url == "http://c/");
}

TEST_CASE("store: topics are listed by name, up to their bound, with subscribers up to theirs") {
  OpenedStore store;
  for (const char* name : {"c", "a", "b"}) {
    REQUIRE(store->ChangeTopic(Subscribe(name, "http://a/")).ok());
  }
  CHECK(store->ChangeTopic(Subscribe("d", "http://a/")).code() == StatusCode::kResourceExhausted);
  REQUIRE(store->ChangeTopic(Subscribe("a", "http://b/")).ok());
  CHECK(store->ChangeTopic(Subscribe("a", "http://c/")).code() == StatusCode::kResourceExhausted);
  const Result<std::vector<Topic>> topics = store->ListTopics();
  REQUIRE(topics.ok());
  REQUIRE(topics->size() == 3);
  CHECK((*topics)[0].name == "a");
  CHECK((*topics)[0].subscribers.size() == 2);
  CHECK((*topics)[2].name == "c");
}

TEST_CASE("store: topics are changed by its owner alone, and are in its backup") {
  OpenedStore store;
  REQUIRE(store->ChangeTopic(Subscribe("orders", "http://a/")).ok());
  REQUIRE(store->Backup(store.home().BackupPath()).ok());
  const auto backup = store.home().NewStoreOnBackup();
  REQUIRE(backup->Open({.path = store.home().BackupPath(), .restored = true}).ok());
  CHECK(backup->LoadTopic("orders").value().has_value());
  store->Close();
  CHECK(store->ChangeTopic(Subscribe("orders", "http://b/")).code() ==
        StatusCode::kFailedPrecondition);
  CHECK(store->LoadTopic("orders").status().code() == StatusCode::kFailedPrecondition);
  const auto reader = store.home().NewStore();
  StoreOptions options = store.home().Options();
  options.read_only = true;
  REQUIRE(reader->Open(options).ok());
  CHECK(reader->LoadTopic("orders").value().has_value());
  CHECK(reader->ChangeTopic(Subscribe("orders", "http://b/")).code() ==
        StatusCode::kFailedPrecondition);
}

TEST_CASE("store: what waits for a person is counted") {
  OpenedStore store;
  CHECK(store->CountParked().value() == 0);
  for (const char* gid : {"a", "b", "c"}) {
    Write write = NewWrite(gid);
    if (write.row.gid != "b") write.row.parked = ReasonCode::kParkedRetries;
    store.ApplyOne(write);
  }
  CHECK(store->CountParked().value() == 2);
}

}  // namespace
}  // namespace troth::internal
