// Two-phase messages and topics over the wire.
#include "scene.h"

namespace troth::testing {
namespace {

// Prepared or submitted with the same members, as SDKs do.
std::string NewsJson(std::string_view more = "") {
  return R"({"gid":"g1","trans_type":"msg","query_prepared":"http://ap/back",)"
         R"("steps":[{"action":"http://a/do"},{"action":"http://b/do"}],"payloads":["1","2"])" +
         std::string(more) + "}";
}

std::string Subscription(std::string_view url) { return "http://" + std::string(url) + "/on"; }

}  // namespace

TEST_CASE("gateway msg: prepared it waits, submitted its actions run in order (M1, M18, L8)") {
  Scene scene;
  CHECK(scene.Post("prepare", NewsJson()) == kSuccess);
  CHECK(scene.Post("prepare", NewsJson()) == kSuccess);
  scene.world.Advance(30s);
  CHECK(scene.world.calls().empty());
  const std::string prepared = scene.Query("g1");
  CHECK(BranchStates(prepared) == "action=prepared action=prepared");
  CHECK(Has(prepared, R"("query_prepared":"http://ap/back")"));
  CHECK(scene.Post("submit", NewsJson()) == kSuccess);
  scene.world.RunUntilIdle();
  CHECK(BranchStates(scene.Query("g1")) == "action=succeed action=succeed");
  REQUIRE(scene.world.calls().size() == 2);
  CHECK(scene.world.calls()[0].url == "http://a/do");
  CHECK(
      scene.Post("prepare", NewsJson()) ==
      R"(409 {"dtm_result":"FAILURE","message":"current status 'succeed', cannot prepare. FAILURE"})");
}

TEST_CASE("gateway msg: undecided, the check-back is asked; its failure ends it (M2, M4)") {
  Scene scene;
  scene.world.Branch("http://ap/back").Fail("rolled back");
  scene.Post("prepare", NewsJson(R"(,"timeout_to_fail":120)"));
  scene.world.Advance(119s);
  CHECK(scene.world.calls().empty());
  scene.world.RunUntilIdle();
  REQUIRE(scene.world.calls().size() == 1);
  CHECK(scene.world.calls()[0].context.op == "msg");
  CHECK(scene.world.calls()[0].context.branch_id == "00");
  const std::string shown = scene.Query("g1");
  CHECK(Has(shown, R"("status":"failed")"));
  CHECK(BranchStates(shown) == "action=prepared action=prepared");
}

TEST_CASE("gateway msg: an abort ends a prepared one; after the submit it is refused (L9)") {
  Scene scene;
  scene.Post("prepare", NewsJson());
  CHECK(scene.Post("abort", NewsJson()) == kSuccess);
  CHECK(Has(scene.Query("g1"), R"("status":"failed")"));
  CHECK(scene.world.calls().empty());

  Scene other;
  other.world.Branch("http://a/do").Ongoing().Always();
  other.Post("submit", NewsJson());
  CHECK(
      other.Post("abort", NewsJson()) ==
      R"(409 {"dtm_result":"FAILURE","message":"trans type: 'msg' current status 'submitted', cannot abort. FAILURE"})");
}

TEST_CASE("gateway msg: concurrent, and with a delay (M8, M10)") {
  Scene scene;
  scene.world.Branch("http://a/do").Ongoing();
  scene.Post("submit", NewsJson(R"(,"concurrent":true,"custom_data":"{\"delay\":10}")"));
  scene.world.Advance(9999ms);
  CHECK(scene.world.calls().empty());
  scene.world.Advance(100ms);
  CHECK(scene.world.calls().size() == 2);
  CHECK(BranchStates(scene.Query("g1")) == "action=prepared action=succeed");
}

TEST_CASE("gateway msg: prepare needs a check-back") {
  Scene scene;
  CHECK(
      scene.Post(
          "prepare",
          R"({"gid":"g1","trans_type":"msg","steps":[{"action":"http://a/do"}],"payloads":["1"]})") ==
      R"(400 {"message":"query_prepared: empty; a prepared message needs somebody to ask"})");
  CHECK(Has(scene.Query("g1"), R"("transaction":null)"));
}

TEST_CASE(
    "gateway topics: subscribed, shown, expanded, unsubscribed, deleted (A35, A36, A37, O1, O2)") {
  Scene scene;
  const auto subscribe = [&](const std::string& url) {
    return scene.Get("subscribe", {{"topic", "news"}, {"url", url}, {"remark", "r"}});
  };
  CHECK(subscribe(Subscription("a")) == kSuccess);
  CHECK(subscribe(Subscription("b")) == kSuccess);
  CHECK(subscribe(Subscription("b")) == R"(500 {"message":"this url exists"})");
  CHECK(subscribe("") == R"(400 {"message":"empty url"})");
  CHECK(scene.Get("subscribe", {{"url", "http://a"}}) == R"(400 {"message":"empty topic"})");
  const std::string row =
      R"({"id":0,"cat":"topics","k":"news","v":"[{\"url\":\"http://a/on\",\"remark\":\"r\"},)"
      R"({\"url\":\"http://b/on\",\"remark\":\"r\"}]","version":2})";
  CHECK(scene.Get("queryKV", {{"cat", "topics"}, {"key", "news"}}) ==
        R"(200 {"kv":[)" + row + "]}");
  CHECK(scene.Get("scanKV", {{"cat", "topics"}}) ==
        R"(200 {"kv":[)" + row + R"(],"next_position":""})");
  CHECK(scene.Get("queryKV", {{"cat", "topics"}, {"key", "none"}}) == R"(200 {"kv":[]})");

  CHECK(scene.Post("submit",
                   R"({"gid":"g1","trans_type":"msg","wait_result":true,"payloads":["1"],)"
                   R"("steps":[{"action":"topic://news"}]})") == kSuccess);
  REQUIRE(scene.world.calls().size() == 2);
  CHECK(scene.world.calls()[0].context.branch_id == "01-01");
  CHECK(scene.world.calls()[1].context.branch_id == "01-02");

  const auto leave = [&](const std::string& topic, const std::string& url) {
    return scene.Get("unsubscribe", {{"topic", topic}, {"url", url}});
  };
  CHECK(leave("news", Subscription("c")) == R"(500 {"message":"no such an url"})");
  CHECK(leave("news", Subscription("a")) == kSuccess);
  CHECK(leave("news", Subscription("b")) == kSuccess);
  CHECK(leave("news", Subscription("b")) == R"(500 {"message":"this topic is empty"})");
  CHECK(leave("other", Subscription("b")) == R"(500 {"message":"no such a topic"})");
  CHECK(scene.Ask({.method = "DELETE", .path = "/api/dtmsvr/topic/news"}) == kSuccess);
  CHECK(scene.Ask({.method = "DELETE", .path = "/api/dtmsvr/topic/news"}) ==
        R"(500 {"message":"no such a topic"})");
}

TEST_CASE("gateway topics: what is deleted is all that stands behind topic/, or nothing (A35)") {
  Scene scene;
  for (const char* topic : {"a", "b"}) {
    scene.Get("subscribe", {{"topic", topic}, {"url", "http://x/on"}});
  }
  const auto deleted = [&](const std::string& name) {
    return scene.Ask({.method = "DELETE", .path = "/api/dtmsvr/topic/" + name});
  };
  CHECK(deleted("a/b") ==
        R"(400 {"message":"topic: \"a/b\" is not 1 to 128 of A-Z a-z 0-9 . _ -"})");
  CHECK(deleted("/b").starts_with("400 "));
  CHECK(deleted("b/").starts_with("400 "));
  CHECK(deleted("") == R"(400 {"message":"empty topic"})");
  CHECK(scene.world.coordinator().ListTopics()->size() == 2);
  CHECK(deleted("b") == kSuccess);
  CHECK(scene.world.coordinator().GetTopic("a").ok());
}

TEST_CASE("gateway topics: pages of the key-value view follow each other; unnamed is all (A36)") {
  Scene scene;
  for (const char* topic : {"a", "b", "c"}) {
    scene.Get("subscribe", {{"topic", topic}, {"url", "http://x/on"}});
  }
  const std::string all = scene.Get("queryKV", {{"cat", "topics"}});
  for (const char* topic : {"a", "b", "c"}) {
    CHECK(Has(all, R"("k":")" + std::string(topic) + "\""));
  }
  CHECK(scene.Get("queryKV") == all);
  CHECK(scene.Get("scanKV") == scene.Get("scanKV", {{"cat", "topics"}}));
  CHECK(Has(scene.Get("scanKV"), R"("k":"c")"));
  CHECK(scene.Get("queryKV", {{"key", "b"}}) ==
        scene.Get("queryKV", {{"cat", "topics"}, {"key", "b"}}));
  CHECK(scene.Get("scanKV", {{"cat", "other"}}) == R"(200 {"kv":[],"next_position":""})");
  CHECK(scene.Get("queryKV", {{"cat", "other"}}) == R"(200 {"kv":[]})");
  const std::string first = scene.Get("scanKV", {{"cat", "topics"}, {"limit", "2"}});
  CHECK(Has(first, R"("k":"b")"));
  CHECK(Has(first, R"("next_position":"b")"));
  const std::string second =
      scene.Get("scanKV", {{"cat", "topics"}, {"limit", "2"}, {"position", "b"}});
  CHECK(Has(second, R"("k":"c")"));
  CHECK_FALSE(Has(second, R"("k":"b")"));
  CHECK(Has(second, R"("next_position":"")"));
}

TEST_CASE("gateway msg: an unknown topic is refused, nothing is stored (O3)") {
  Scene scene;
  const std::string answer = scene.Post(
      "submit",
      R"({"gid":"g1","trans_type":"msg","payloads":["1"],"steps":[{"action":"topic://none"}]})");
  CHECK(answer == R"(400 {"message":"steps[0].action: topic not found: none"})");
  CHECK(Has(scene.Query("g1"), R"("transaction":null)"));
}

}  // namespace troth::testing
