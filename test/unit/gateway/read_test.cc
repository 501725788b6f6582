// Lists, names and versions; and JSON-RPC, which says the same in other words.
#include <algorithm>
#include <vector>

#include "scene.h"

namespace troth::testing {
namespace {

std::string Rpc(Scene& scene, std::string_view method, std::string_view params) {
  const std::string body = R"({"jsonrpc":"2.0","id":"no-use","method":")" + std::string(method) +
                           R"(","params":)" + std::string(params) + "}";
  return scene.Post("/api/json-rpc", body);
}

std::string RpcResult(std::string_view result) {
  return R"(200 {"error":null,"id":"no-use","jsonrpc":"2.0","result":)" + std::string(result) + "}";
}

std::string RpcError(std::string_view error) {
  return R"(200 {"error":)" + std::string(error) +
         R"(,"id":"no-use","jsonrpc":"2.0","result":null})";
}

}  // namespace

TEST_CASE("gateway: version, ping and new gids (A1, A2, A39)") {
  Scene scene;
  CHECK(scene.Get("version") == "200 {\"version\":\"" + std::string(Version()) + "\"}");
  for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
    CHECK(scene.Ask({.method = method, .path = "/api/ping"}) == R"(200 {"msg":"pong"})");
  }
  std::vector<std::string> gids;
  for (int i = 0; i < 10; ++i) {
    const std::string answer = scene.Get("newGid");
    CHECK(answer.starts_with(R"(200 {"dtm_result":"SUCCESS","gid":")"));
    size_t at = 0;
    gids.push_back(TakeMember(answer, "gid", at));
    CHECK(gids.back().size() == 26);
  }
  CHECK(std::is_sorted(gids.begin(), gids.end()));
  CHECK(std::adjacent_find(gids.begin(), gids.end()) == gids.end());
  CHECK(scene.Get("nothing") == R"(404 {"message":"no such route"})");
  CHECK(scene.Ask({.method = "GET", .path = "/elsewhere"}) == R"(404 {"message":"no such route"})");
  CHECK(scene.Get("submit") == R"(405 {"message":"use POST"})");
}

TEST_CASE("gateway: a list by pages, newest first (A25, A26, A27, A28)") {
  Scene scene;
  for (const char* gid : {"g1", "g2", "g3"}) scene.Post("submit", TransferJson(gid));
  scene.world.Advance(1s);
  scene.Post("prepare", R"({"gid":"t1","trans_type":"tcc"})");

  const std::string first = scene.Get("all", {{"limit", "3"}});
  CHECK(first.find("t1") < first.find("g3"));
  CHECK(first.find("g3") < first.find("g2"));
  CHECK_FALSE(Has(first, R"("gid":"g1")"));
  const size_t at = first.find("next_position\":\"") + 16;
  const std::string position = first.substr(at, first.find('"', at) - at);
  const std::string second = scene.Get("all", {{"limit", "3"}, {"position", position}});
  CHECK(Has(second, R"("gid":"g1")"));
  CHECK_FALSE(Has(second, R"("gid":"g2")"));
  CHECK(Has(second, R"("next_position":"")"));

  CHECK(Has(scene.Get("all", {{"gid", "g2"}}), R"("gid":"g2")"));
  CHECK(scene.Get("all", {{"gid", "none"}}) == R"(200 {"next_position":"","transactions":null})");
  CHECK(Has(scene.Get("all", {{"status", "prepared"}}), R"("gid":"t1")"));
  CHECK_FALSE(Has(scene.Get("all", {{"status", "prepared"}}), R"("gid":"g1")"));
  CHECK_FALSE(Has(scene.Get("all", {{"transType", "saga"}}), R"("gid":"t1")"));
  const auto now = std::to_string(scene.world.now().time_since_epoch().count());
  CHECK(Has(scene.Get("all", {{"createTimeStart", now}}), R"("gid":"t1")"));
  CHECK_FALSE(Has(scene.Get("all", {{"createTimeStart", now}}), R"("gid":"g1")"));
  const std::string begin = std::to_string(scene.world.now().time_since_epoch().count() - 1000);
  const std::string until = scene.Get("all", {{"createTimeEnd", begin}});  // its end is in it
  CHECK(Has(until, R"("gid":"g3")"));
  CHECK_FALSE(Has(until, R"("gid":"t1")"));
  const std::string before = std::to_string(std::stoll(begin) - 1);
  CHECK_FALSE(Has(scene.Get("all", {{"createTimeEnd", before}}), R"("gid":"g3")"));
  CHECK(scene.Get("all", {{"createTimeEnd", "1000"}}) ==
        R"(200 {"next_position":"","transactions":[]})");
  CHECK(scene.Get("all", {{"limit", "ten"}}) ==
        R"(400 {"message":"limit: not a number from 0 up"})");
  CHECK(scene.Get("all", {{"status", "odd"}}) ==
        R"(400 {"message":"status: not prepared, submitted, succeed, aborting or failed"})");
  CHECK(scene.Get("all", {{"position", "x"}}).starts_with("400 "));
}

TEST_CASE("gateway: a page of a list has 100 transactions, where no limit is given (A25)") {
  Scene scene;
  for (int i = 0; i < 101; ++i) {
    scene.Post("prepare", R"({"gid":"g)" + std::to_string(i) + R"(","trans_type":"tcc"})");
  }
  const auto count = [](const std::string& page) {
    size_t found = 0;
    for (size_t at = 0; (at = page.find(R"("gid":)", at)) != page.npos; ++at) ++found;
    return found;
  };
  const std::string page = scene.Get("all");
  CHECK(count(page) == 100);
  size_t at = 0;
  const std::string position = TakeMember(page, "next_position", at);
  CHECK_FALSE(position.empty());
  CHECK(count(scene.Get("all", {{"position", position}})) == 1);
}

TEST_CASE("gateway: a list of what is under way, and of what waits for a person") {
  Scene scene({}, {.coordinator = {.defaults = {.retry = {.park_after = 0}}}});
  scene.Post("submit", TransferJson("ended", R"(,"wait_result":true)"));
  scene.Post("prepare", R"({"gid":"open","trans_type":"tcc"})");
  scene.world.Branch("http://a/TransOut").Fail("no");
  scene.world.Branch("http://a/TransOutRevert").Answer(500).Always();
  scene.Post("submit", TransferJson("stuck", R"(,"wait_result":true)"));
  const std::string unended = scene.Get("all", {{"unended", "true"}});
  CHECK(Has(unended, R"("gid":"open")"));
  CHECK(Has(unended, R"("gid":"stuck")"));
  CHECK_FALSE(Has(unended, R"("gid":"ended")"));
  const std::string parked = scene.Get("all", {{"parked", "true"}});
  CHECK(Has(parked, R"("gid":"stuck")"));
  CHECK_FALSE(Has(parked, R"("gid":"open")"));
  CHECK(Has(scene.Get("all", {{"parked", "false"}, {"unended", ""}}), R"("gid":"ended")"));
  CHECK(scene.Get("all", {{"parked", "1"}}) == R"(400 {"message":"parked: not true or false"})");
}

TEST_CASE("json-rpc: the same acts, answered in its words (J1, J5, J8, J11)") {
  Scene scene;
  CHECK(Rpc(scene, "newGid", "null")
            .starts_with(R"(200 {"error":null,"id":"no-use","jsonrpc":"2.0","result":{"gid":")"));
  CHECK(Rpc(scene, "prepare", R"({"gid":"t1","trans_type":"tcc"})") == RpcResult("null"));
  CHECK(
      Rpc(scene, "registerBranch",
          R"({"gid":"t1","trans_type":"tcc","branch_id":"01","confirm":"http://a/c","cancel":""})") ==
      RpcResult("null"));
  CHECK(Rpc(scene, "submit", R"({"gid":"t1","trans_type":"tcc"})") == RpcResult("null"));
  scene.world.RunUntilIdle();
  CHECK(scene.world.calls().size() == 1);
  CHECK(
      Rpc(scene, "submit", R"({"gid":"t1","trans_type":"tcc"})") ==
      RpcError(R"({"code":-32901,"message":"current status 'succeed', cannot sumbmit. FAILURE"})"));
  CHECK(Rpc(scene, "abort", R"({"gid":"none"})") ==
        RpcError(R"({"code":-32603,"message":"no TransGlobal with gid: none found"})"));
  CHECK(Rpc(scene, "registerBranch", R"({"gid":"t1","trans_type":"odd"})") ==
        RpcError(R"({"code":-32603,"message":"trans_type: unknow trans type: odd"})"));
  scene.world.Branch("http://a/TransOut").Ongoing();
  CHECK(
      Has(Rpc(scene, "submit", TransferJson("g1", R"(,"wait_result":true)")), R"("code":-32902)"));
}

TEST_CASE("json-rpc: branches are called by it where protocol and URL say so (J9, P8)") {
  const auto saga = [](std::string_view protocol) {
    return R"({"gid":"g-)" + std::string(protocol) + R"(","trans_type":"saga","protocol":")" +
           std::string(protocol) +
           R"(","wait_result":true,"payloads":["{\"n\":1}","{\"n\":2}"],)"
           R"("steps":[{"action":"http://a/do"},)"
           R"({"action":"http://b/rpc?method=In","compensate":"http://b/rpc?method=Back"}]})";
  };
  Scene scene;
  CHECK(scene.Post("submit", saga("http")) == kSuccess);
  CHECK(scene.world.calls()[1].payload == R"({"n":2})");
  CHECK(Has(scene.Query("g-http"), R"("protocol":"http")"));

  const std::string no = R"({"id":"x","error":{"code":-32901,"message":"no money"}})";
  scene.world.Branch("http://b/rpc?method=In").Answer(200, no);
  const std::string answer = scene.Post("submit", saga("json-rpc"));
  CHECK(answer.starts_with(R"(409 {"dtm_result":"FAILURE","message":"url:http://b/rpc?method=In)"));
  CHECK(Has(answer, "no money"));
  CHECK(Has(scene.Query("g-json-rpc"), R"("protocol":"json-rpc")"));
  CHECK(scene.world.calls()[2].payload == R"({"n":1})");  // its URL names no method
  CHECK(scene.world.calls()[3].payload ==
        R"({"jsonrpc":"2.0","id":"g-json-rpc/02/action","method":"In","params":{"n":2,)"
        R"("gid":"g-json-rpc","trans_type":"saga","branch_id":"02","op":"action"}})");
  CHECK(Has(scene.world.calls()[4].payload, R"("method":"Back")"));
}

TEST_CASE("json-rpc: what is no request (J2, J3, J4, J7)") {
  Scene scene;
  CHECK(
      scene.Post("/api/json-rpc", "hello") ==
      R"(400 {"error":{"code":-32700,"message":"Parse json error: not JSON: wrong at byte 1"},"id":"","jsonrpc":"2.0","result":null})");
  for (const char* body :
       {"{}", "[]", R"({"jsonrpc":"1.0","id":"1","method":"newGid"})",
        R"({"jsonrpc":"2.0","id":"","method":"newGid"})", R"({"jsonrpc":"2.0","method":"newGid"})",
        R"({"jsonrpc":"2.0","id":[],"method":"newGid"})",
        R"({"jsonrpc":"2.0","id":"1","method":7})"}) {
    CHECK_MESSAGE(Has(scene.Post("/api/json-rpc", body), R"("code":-32600)"), body);
  }
  CHECK(Rpc(scene, "query", "{}") ==
        RpcError(R"({"code":-32601,"message":"Method not found: query"})"));
  // A number may be an id, as JSON-RPC says.
  CHECK(Has(scene.Post("/api/json-rpc", R"({"jsonrpc":"2.0","id":7,"method":"newGid"})"),
            R"("id":7,)"));
  CHECK(Has(Rpc(scene, "submit", "7"), R"("message":"body: not a JSON object")"));
  CHECK(scene.Get("/api/json-rpc") == R"(405 {"message":"use POST"})");
}

}  // namespace troth::testing
