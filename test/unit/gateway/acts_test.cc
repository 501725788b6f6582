// What a person does by HTTP: with an author, kept in the history.
#include "scene.h"

namespace troth::testing {
namespace {

std::string Act(Scene& scene, std::string_view route, std::string_view body,
                std::string_view author = "ann") {
  return scene.Ask({.method = "POST",
                    .path = "/api/dtmsvr/" + std::string(route),
                    .query = {},
                    .headers = {{"Troth-Author", std::string(author)}},
                    .body = body});
}

std::string Reset(Scene& scene, std::string timeout, std::string limit) {
  return scene.Ask({.method = "GET",
                    .path = "/api/dtmsvr/resetCronTime",
                    .query = {{"timeout", std::move(timeout)}, {"limit", std::move(limit)}},
                    .headers = {{"Troth-Author", "ann"}}});
}

}  // namespace

TEST_CASE(
    "gateway acts: force stop ends what is pending, without a compensation, and keeps who did it "
    "(A30, A31, A32)") {
  Scene scene;
  scene.world.Branch("http://b/TransIn").Ongoing().Always();
  scene.Post("submit", TransferJson("g1"));
  scene.world.Advance(1s);
  CHECK(Act(scene, "forceStop", R"({"gid":"g1"})") == kSuccess);
  CHECK(Has(scene.Query("g1"), R"("status":"failed")"));
  scene.world.RunUntilIdle();
  CHECK(scene.world.Branch("http://a/TransOutRevert").calls() == 0);
  const auto record = scene.world.coordinator().Query("g1");
  REQUIRE(record.ok());
  CHECK(record->forced);
  REQUIRE_FALSE(record->history.empty());
  CHECK(record->history[0].author == "ann");
  CHECK(
      Act(scene, "forceStop", R"({"gid":"g1"})") ==
      R"(409 {"dtm_result":"FAILURE","message":"global transaction force stop error. status: failed. error: FAILURE"})");
  CHECK(Act(scene, "forceStop", R"({"gid":"none"})") ==
        R"(500 {"message":"no TransGlobal with gid: none found"})");
  CHECK(scene.Post("abort", R"({"gid":"none","trans_type":"tcc"})") ==
        R"(500 {"message":"no TransGlobal with gid: none found"})");

  scene.Post("prepare", R"({"gid":"t","trans_type":"tcc"})");
  CHECK(Act(scene, "forceStop", R"({"gid":"t"})") == kSuccess);
}

TEST_CASE("gateway acts: without an author nothing is done; who is authorized can't be another") {
  Scene scene;
  scene.world.Branch("http://b/TransIn").Ongoing().Always();
  scene.Post("submit", TransferJson("g1"));
  const std::string needed =
      R"(400 {"message":"author: empty; say who acts, in the header Troth-Author"})";
  CHECK(scene.Post("forceStop", R"({"gid":"g1"})") == needed);
  CHECK(scene.Post("resetNextCronTime", R"({"gid":"g1"})") == needed);
  CHECK(scene.Get("resetCronTime") == needed);
  CHECK(Has(scene.Query("g1"), R"("status":"submitted")"));

  Scene other(
      {.authorize = [](const GatewayRequest&) { return std::optional<std::string>("bob"); }});
  other.world.Branch("http://b/TransIn").Ongoing().Always();
  other.Post("submit", TransferJson("g1"));
  CHECK(Act(other, "forceStop", R"({"gid":"g1"})", "ann") == kSuccess);
  CHECK(other.world.coordinator().Query("g1")->history[0].author == "bob");
}

TEST_CASE("gateway acts: one transaction is made due at once (A33)") {
  Scene scene;
  scene.world.Branch("http://b/TransIn").Answer(500);
  scene.Post("submit", TransferJson("g1", R"(,"retry_interval":500)"));
  scene.world.Advance(1s);
  CHECK(Act(scene, "resetNextCronTime", R"({"gid":"g1"})") == kSuccess);
  scene.world.Advance(1s);
  CHECK(Has(scene.Query("g1"), R"("status":"succeed")"));
  CHECK(Act(scene, "resetNextCronTime", R"({"gid":"g1"})") == kSuccess);
  CHECK(Act(scene, "resetNextCronTime", R"({"gid":"none"})") ==
        R"(500 {"message":"no TransGlobal with gid: none found"})");
}

TEST_CASE("gateway acts: what waits long is made due, up to a limit (A34)") {
  Scene scene;
  for (int i = 0; i < 5; ++i) {
    const std::string gid = "g" + std::to_string(i);
    scene.world.Branch("http://b/TransIn").Answer(500);
    scene.Post("submit", TransferJson(gid, R"(,"wait_result":true,"retry_interval":500)"));
  }
  CHECK(Reset(scene, "600", "") == R"(200 {"has_remaining":false,"succeed_count":0})");
  CHECK(Reset(scene, "300", "3") == R"(200 {"has_remaining":true,"succeed_count":3})");
  scene.world.Advance(1s);
  CHECK(Reset(scene, "", "2") == R"(200 {"has_remaining":false,"succeed_count":2})");
  scene.world.Advance(1s);
  CHECK(Has(scene.Get("all", {{"status", "submitted"}}), R"("transactions":[])"));
  CHECK(Reset(scene, "soon", "") == R"(400 {"message":"timeout: not a number from 0 up"})");
}

TEST_CASE("gateway acts: what a delay or a time-out puts off is passed over, and not made due") {
  Scene scene;
  scene.world.Branch("http://b/TransIn").Answer(500);
  scene.Post("submit", TransferJson("late", R"(,"wait_result":true,"retry_interval":500)"));
  for (const char* gid : {"d1", "d2", "d3"}) {  // newer: they are looked at first
    scene.Post("submit", R"({"gid":")" + std::string(gid) +
                             R"(","trans_type":"msg","custom_data":"{\"delay\":86400}",)"
                             R"("steps":[{"action":"http://a/do"}],"payloads":["1"]})");
  }
  scene.Post("prepare", R"({"gid":"t","trans_type":"tcc","timeout_to_fail":3600})");
  CHECK(Reset(scene, "300", "2") == R"(200 {"has_remaining":false,"succeed_count":1})");
  scene.world.Advance(1s);
  CHECK(Has(scene.Query("late"), R"("status":"succeed")"));
  CHECK(Reset(scene, "300", "2") == R"(200 {"has_remaining":false,"succeed_count":0})");
  CHECK(Act(scene, "resetNextCronTime", R"({"gid":"d1"})") == kSuccess);
  for (const char* gid : {"d1", "d2", "d3", "t"}) {
    CHECK_MESSAGE(scene.world.coordinator().Query(gid)->history.empty(), gid);
  }
}

}  // namespace troth::testing
