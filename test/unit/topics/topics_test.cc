// Topics from the outside: who has subscribed gets the message, as it was when it was first stored.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "troth/testing/world.h"

namespace troth::testing {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

Message To(std::string action) {
  Message message;
  message.query_prepared = "http://app/ask";
  message.Add({.action = std::move(action), .payload = "{}"});
  return message;
}

// "01-02 http://b/", … in the order of the calls.
Names Called(const World& world) {
  Names names;
  for (const RecordedCall& call : world.calls()) {
    names.push_back(call.context.branch_id + " " + call.url);
  }
  return names;
}

Outcome Wait(World& world, const Message& message) {
  Result<Outcome> outcome = world.coordinator().Wait(message.gid, 24h);
  REQUIRE_MESSAGE(outcome.ok(), outcome.status().ToString());
  return *std::move(outcome);
}

void Subscribe(World& world, std::string_view topic, const Names& urls) {
  for (const std::string& url : urls) {
    const Status status = world.coordinator().Subscribe(topic, url, "a test");
    REQUIRE_MESSAGE(status.ok(), status.ToString());
  }
}

TEST_CASE("topics: a step goes to every subscriber in order, and then comes the next step") {
  World world;
  Subscribe(world, "orders", {"http://a/", "http://b/"});
  Message message = To("topic://orders");
  message.Add({.action = "http://last/", .payload = "{}"});
  REQUIRE(world.coordinator().Submit(message).ok());
  CHECK(Wait(world, message).succeeded());
  CHECK(Called(world) == Names{"01-01 http://a/", "01-02 http://b/", "02 http://last/"});
  CHECK(world.calls()[1].payload == "{}");
}

TEST_CASE("topics: a single subscriber has the step's own branch id") {
  World world;
  Subscribe(world, "orders", {"http://a/"});
  const Message message = To("topic://orders");
  REQUIRE(world.coordinator().Submit(message).ok());
  CHECK(Wait(world, message).succeeded());
  CHECK(Called(world) == Names{"01 http://a/"});
}

TEST_CASE(
    "topics: an unknown, an empty and an impossible one are refused by name, nothing stored") {
  World world;
  Subscribe(world, "empty", {"http://a/"});
  REQUIRE(world.coordinator().Unsubscribe("empty", "http://a/").ok());
  for (const char* url : {"topic://unknown", "topic://empty", "topic://", "topic://a b"}) {
    CAPTURE(url);
    for (const bool prepare : {false, true}) {
      const Message message = To(url);
      const Status status = prepare ? world.coordinator().Prepare(message).status()
                                    : world.coordinator().Submit(message).status();
      CHECK(status.code() == StatusCode::kInvalidArgument);
      CHECK(status.message().starts_with("message.steps[0].action: "));
      CHECK(world.coordinator().Query(message.gid).status().code() == StatusCode::kNotFound);
    }
  }
  Saga saga;
  saga.Add({.action = "topic://empty", .compensate = {}, .payload = "{}"});
  CHECK(world.coordinator().Submit(saga).status().code() == StatusCode::kInvalidArgument);
}

TEST_CASE("topics: subscribers are frozen by prepare; a repeat later is the same, not a new one") {
  World world;
  Subscribe(world, "orders", {"http://a/"});
  const Message message = To("topic://orders");
  REQUIRE(world.coordinator().Prepare(message).ok());
  Subscribe(world, "orders", {"http://b/"});
  const Result<Accepted> again = world.coordinator().Prepare(message);
  REQUIRE(again.ok());
  CHECK(again->repeated);
  REQUIRE(world.coordinator().DeleteTopic("orders").ok());
  CHECK(world.coordinator().Prepare(message).ok());
  REQUIRE(world.coordinator().SubmitPrepared(message).ok());
  CHECK(Wait(world, message).succeeded());
  CHECK(Called(world) == Names{"01 http://a/"});
  // Though its topic is gone, and it has left memory.
  world.RunUntilIdle();
  const Result<Accepted> late = world.coordinator().Submit(message);
  REQUIRE_MESSAGE(late.ok(), late.status().ToString());
  CHECK(late->repeated);
  Message other = message;
  other.steps[0].payload = "{\"other\":1}";
  CHECK(world.coordinator().Submit(other).status().code() == StatusCode::kAlreadyExists);
  CHECK(world.calls().size() == 1);
}

TEST_CASE("topics: a change is seen by the next submit, and a new one of a deleted name is fresh") {
  World world;
  Subscribe(world, "orders", {"http://a/", "http://b/"});
  REQUIRE(world.coordinator().Unsubscribe("orders", "http://a/").ok());
  CHECK(world.coordinator().GetTopic("orders")->version == 3);
  REQUIRE(world.coordinator().DeleteTopic("orders").ok());
  CHECK(world.coordinator().Submit(To("topic://orders")).status().code() ==
        StatusCode::kInvalidArgument);
  Subscribe(world, "orders", {"http://c/"});
  CHECK(world.coordinator().GetTopic("orders")->version == 1);
  const Message message = To("topic://orders");
  REQUIRE(world.coordinator().Submit(message).ok());
  CHECK(Wait(world, message).succeeded());
  CHECK(Called(world) == Names{"01 http://c/"});
}

TEST_CASE("topics: what makes no sense is refused in the protocol's words") {
  World world;
  Coordinator& c = world.coordinator();
  using S = StatusCode;
  CHECK(c.Subscribe("", "http://a/") == Status(S::kInvalidArgument, "empty topic"));
  CHECK(c.Subscribe("t", "") == Status(S::kInvalidArgument, "empty url"));
  CHECK(c.Subscribe("t", "topic://t").code() == S::kInvalidArgument);
  CHECK(c.Subscribe("a b", "http://a/").message().starts_with("topic: "));
  CHECK(c.Subscribe("t", "http://a/", "line\nbreak").message().starts_with("remark: "));
  CHECK(c.Unsubscribe("t", "http://a/") == Status(S::kNotFound, "no such a topic"));
  CHECK(c.DeleteTopic("t") == Status(S::kNotFound, "no such a topic"));
  CHECK(c.GetTopic("t").status() == Status(S::kNotFound, "no such a topic"));
  REQUIRE(c.Subscribe("t", "http://a/").ok());
  CHECK(c.Subscribe("t", "http://a/") == Status(S::kAlreadyExists, "this url exists"));
  CHECK(c.Unsubscribe("t", "http://b/") == Status(S::kNotFound, "no such an url"));
  REQUIRE(c.Unsubscribe("t", "http://a/").ok());
  CHECK(c.Unsubscribe("t", "http://a/") == Status(S::kNotFound, "this topic is empty"));
}

TEST_CASE("topics: with all its subscribers a message keeps to the limits") {
  World world({.coordinator = {.limits = {.steps = 3, .subscribers = 4}}});
  Subscribe(world, "t", {"http://a/", "http://b/", "http://c/", "http://d/"});
  CHECK(world.coordinator().Subscribe("t", "http://e/").code() == StatusCode::kResourceExhausted);
  CHECK(world.coordinator().Submit(To("topic://t")).status().code() ==
        StatusCode::kInvalidArgument);
  REQUIRE(world.coordinator().Unsubscribe("t", "http://d/").ok());
  CHECK(world.coordinator().Submit(To("topic://t")).ok());
}

TEST_CASE("topics: a change answered OK outlives a crash, one whose commit failed is not there") {
  World world;
  Subscribe(world, "orders", {"http://a/"});
  REQUIRE(world.Reopen().ok());
  CHECK(world.coordinator().ListTopics()->size() == 1);
  world.FailCommits(1, {StatusCode::kResourceExhausted, "the disk is full"});
  CHECK(world.coordinator().Subscribe("orders", "http://b/").code() ==
        StatusCode::kResourceExhausted);
  CHECK(world.coordinator().GetTopic("orders")->version == 1);
  for (const bool committed : {true, false}) {
    const std::string url = committed ? "http://c/" : "http://d/";
    world.MakeCommitUnknown(1, committed);
    CHECK(world.coordinator().Subscribe("orders", url).code() == StatusCode::kUnavailable);
    const Status again = world.coordinator().Subscribe("orders", url);
    CHECK(again.code() == (committed ? StatusCode::kAlreadyExists : StatusCode::kOk));
  }
}

TEST_CASE(
    "topics: subscribers that come and go at once lose nothing, and the version counts them") {
  Result<Coordinator> opened = Coordinator::Open({.store = ":memory:"});
  REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < kEach; ++j) {
        const std::string url = "local:f" + std::to_string(i * kEach + j);
        if (!opened->Subscribe("orders", url).ok()) ++failed;
        if (!opened->Unsubscribe("orders", url).ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  const Result<Topic> topic = opened->GetTopic("orders");
  REQUIRE(topic.ok());
  CHECK(topic->version == 2 * kThreads * kEach);
  CHECK(topic->subscribers.empty());
  CHECK(opened->Close().ok());
}

TEST_CASE("topics: production keeps them, and a closed coordinator says that it is closed") {
  Result<Coordinator> opened = Coordinator::Open({.store = ":memory:"});
  REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
  REQUIRE(opened->Subscribe("orders", "http://127.0.0.1:1/a", "first").ok());
  REQUIRE(opened->Subscribe("orders", "local:here").ok());
  const Result<Topic> topic = opened->GetTopic("orders");
  REQUIRE(topic.ok());
  CHECK(topic->version == 2);
  CHECK(topic->subscribers[0].remark == "first");
  CHECK(opened->GetStatistics().live == 0);
  REQUIRE(opened->Close().ok());
  CHECK(opened->Subscribe("orders", "local:b").code() == StatusCode::kFailedPrecondition);
  CHECK(opened->ListTopics().status().code() == StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace troth::testing
