// What SDKs really send is understood; what makes no sense is refused by the field's name, and
// nothing is stored.
#include "scene.h"

namespace troth::testing {
namespace {

std::string Steps(std::string_view more) {
  return R"({"gid":"g1","trans_type":"saga","steps":[{"action":"http://a/do"},)"
         R"({"action":"http://b/do"},{"action":"http://c/do"}],"payloads":["1","2","3"],)" +
         std::string(more) + "}";
}

// A 400 with that message, in which only quotes need an escape.
std::string Refusal(std::string_view message) {
  std::string text;
  for (const char c : message) text += c == '"' ? std::string("\\\"") : std::string(1, c);
  return "400 {\"message\":\"" + text + "\"}";
}

}  // namespace

TEST_CASE(
    "gateway input: nulls, empty lists for maps, unknown and repeated members, escapes (A6, A12)") {
  Scene scene;
  const std::string body = R"({
    "gid": "g1", "trans_type": "saga", "subType": "x", "subType": "y",
    "steps": [{"action": "http:\/\/a\/do", "compensate": null, "try": 7}],
    "payloads": ["{}"], "custom_data": null, "query_prepared": "", "protocol": "",
    "branch_headers": [], "passthrough_headers": null, "concurrent": false, "wait_result": true,
    "timeout_to_fail": 0, "retry_interval": null, "request_timeout": 8, "retry_limit": 0,
    "branch_id": "", "op": "", "phase2_url": "", "dtm": "http://x", "status": "prepared"
  })";
  CHECK(scene.Post("submit", body) == kSuccess);
  CHECK(scene.world.calls()[0].url == "http://a/do");
  const std::string shown = scene.Query("g1");
  CHECK(Has(shown, R"(\"request_timeout\":8,)"));
  CHECK(Has(shown, R"("protocol":"http")"));
  CHECK(Has(shown, R"(\"concurrent\":false}")"));
}

TEST_CASE("gateway input: a step may carry its payload itself (A11)") {
  Scene scene;
  CHECK(scene.Post("submit",
                   R"({"gid":"g1","trans_type":"saga","wait_result":true,)"
                   R"("steps":[{"action":"http://a/do","compensate":"","data":"{\"n\":1}"},)"
                   R"({"action":"http://b/do","data":""}]})") == kSuccess);
  CHECK(scene.world.calls()[0].payload == R"({"n":1})");
  CHECK(scene.world.calls()[1].payload.empty());
}

TEST_CASE(
    "gateway input: orders with string keys, null, and as the list that PHP makes of them (S9)") {
  const auto first_called = [](std::string_view custom_data) {
    Scene scene;
    scene.world.Branch("http://a/do").Ongoing().Times(1);
    const std::string more =
        R"("concurrent":true,"custom_data":")" + std::string(custom_data) + "\"";
    CHECK(scene.Post("submit", Steps(more)) == kSuccess);
    scene.world.Advance(1s);
    std::string hosts;
    for (const RecordedCall& call : scene.world.calls()) hosts += call.url.substr(7, 1);
    scene.world.RunUntilIdle();
    CHECK(Has(scene.Query("g1"), R"("status":"succeed")"));
    return hosts;
  };
  CHECK(first_called(R"({\"concurrent\":true,\"orders\":null})") == "abc");
  CHECK(first_called(R"({\"concurrent\":true,\"orders\":{\"2\":[0,1]}})") == "ab");
  CHECK(first_called(R"({\"concurrent\":true,\"orders\":{\"1\":[0],\"2\":[0]}})") == "a");
  CHECK(first_called(R"({\"concurrent\":true,\"orders\":[null,[0],[1]]})") == "a");
  CHECK(first_called(R"({\"concurrent\":true,\"orders\":[]})") == "abc");
  CHECK(first_called("") == "abc");
}

TEST_CASE("gateway input: in sequence, orders say nothing") {
  Scene scene;
  CHECK(scene.Post("submit",
                   Steps(R"("custom_data":"{\"concurrent\":false,\"orders\":{\"0\":[1]}}")")) ==
        kSuccess);
  scene.world.RunUntilIdle();
  CHECK(scene.world.calls()[0].url == "http://a/do");
}

TEST_CASE("gateway input: options reach the calls (N1, N4, N5, N6, S15, S19)") {
  Scene scene;
  scene.world.Branch("http://b/TransIn").Answer(500).Always();
  CHECK(scene.Post("submit", TransferJson("g1", R"(,"retry_interval":150,"retry_limit":1,)"
                                                R"("branch_headers":{"Tenant":"7"})")) == kSuccess);
  scene.world.Advance(149s);
  CHECK(scene.world.Branch("http://b/TransIn").calls() == 1);
  scene.world.Advance(2s);
  CHECK(scene.world.Branch("http://b/TransIn").calls() == 2);
  for (const RecordedCall& call : scene.world.calls()) {
    REQUIRE(call.context.headers.size() == 1);
    CHECK(call.context.headers[0] == Header{"Tenant", "7"});
  }
  scene.world.RunUntilIdle();
  CHECK(Has(scene.Query("g1"),
            R"("rollback_reason":"RetryCount is greater than RetryLimit, RetryLimit: 1")"));
  CHECK(BranchStates(scene.Query("g1")) ==
        "compensate=succeed action=succeed compensate=succeed action=prepared");

  Scene late;
  late.world.Branch("http://a/TransOut").Hang().Always();
  CHECK(late.Post("submit", TransferJson("g2", R"(,"request_timeout":60,"timeout_to_fail":90)")) ==
        kSuccess);
  late.world.Advance(59s);
  CHECK_FALSE(late.world.calls()[0].ended.has_value());
  late.world.RunUntilIdle();
  const std::string shown = late.Query("g2");
  CHECK(Has(shown, R"("rollback_reason":"Timeout after 90 seconds")"));
  CHECK(BranchStates(shown) ==
        "compensate=succeed action=prepared compensate=prepared action=prepared");
}

TEST_CASE(
    "gateway input: an empty payload is a GET, whatever else is empty an immediate success (L14)") {
  Scene scene;
  CHECK(scene.Post("submit",
                   R"({"gid":"g1","trans_type":"saga","wait_result":true,"payloads":[null,"x"],)"
                   R"("steps":[{"action":"","compensate":""},{"action":"http://b/do"}]})") ==
        kSuccess);
  CHECK(scene.world.calls().size() == 1);
}

TEST_CASE(
    "gateway input: what is wrong is refused with its name, and nothing is stored (A4, A5, A7, A8, "
    "A10)") {
  Scene scene;
  const auto refused = [&](std::string_view body, std::string_view message) {
    const std::string answer = scene.Post("submit", body);
    CHECK_MESSAGE(answer == Refusal(message), answer);
  };
  refused("", "not JSON: empty");
  refused("hello", "not JSON: wrong at byte 1");
  refused("{} {}", "not JSON: wrong at byte 4");
  refused("[]", "body: not a JSON object");
  refused("null", "body: not a JSON object");
  refused(R"({"trans_type":"saga"})", "gid: empty");
  refused(R"({"gid":7,"trans_type":"saga"})", "gid: not a string");
  refused(R"({"gid":"g1"})", "trans_type: empty");
  refused(R"({"gid":"g1","trans_type":"sage"})", "trans_type: not saga, tcc, xa, msg or workflow");
  refused(R"({"gid":"g1","trans_type":"saga"})", "steps: none");
  refused(R"({"gid":"g1","trans_type":"saga","steps":{}})", "steps: not a list of objects");
  refused(R"({"gid":"g1","trans_type":"saga","steps":[7],"payloads":[""]})",
          "steps[0]: not an object");
  refused(R"({"gid":"g1","trans_type":"saga","steps":[{"action":7}],"payloads":[""]})",
          "steps[0].action: not a string");
  refused(R"({"gid":"g1","trans_type":"saga","steps":[{"action":"http://a"}],"payloads":[]})",
          "payloads: 0 for 1 steps");
  refused(
      R"({"gid":"g1","trans_type":"saga","steps":[{"action":"http://a"}],"payloads":[{"a":1}]})",
      "payloads[0]: not a string");
  refused(R"({"gid":"g1","trans_type":"saga","steps":[{"action":"ftp://a"}],"payloads":[""]})",
          "steps[0].action: URL: it must begin with http://, https:// or local:");
  refused(R"({"gid":"g1\n","trans_type":"saga","steps":[{"action":""}],"payloads":[""]})",
          "gid: has control characters");
  refused(Steps(R"("custom_data":{})"), "custom_data: not a string");
  refused(Steps(R"("custom_data":"{")"), "custom_data: not JSON: wrong at byte 2");
  refused(Steps(R"("custom_data":"[1]")"), "custom_data: not a JSON object");
  refused(Steps(R"("custom_data":"{\"concurrent\":true,\"orders\":{\"x\":[0]}}")"),
          R"(custom_data.orders: "x" is no step number)");
  refused(Steps(R"("custom_data":"{\"concurrent\":true,\"orders\":{\"2\":[0.5]}}")"),
          "custom_data.orders[2]: not a list of step numbers, which count from 0");
  refused(Steps(R"("custom_data":"{\"concurrent\":true,\"orders\":{\"2\":[7]}}")"),
          "custom_data.orders[2]: there is no step 7");
  refused(Steps(R"("protocol":"carrier pigeon")"), "protocol: not http, grpc or json-rpc");
  refused(R"({"gid":"g1","trans_type":"msg","protocol":"json-rpc","payloads":["30"],)"
          R"("steps":[{"action":"http://a/rpc?method=TransIn"}]})",
          "payloads[0]: not a JSON object, which a call by JSON-RPC takes");
  refused(R"({"gid":"g1","trans_type":"workflow"})", "req_extra.status: not succeed or failed");
  refused(Steps(R"("concurrent":1)"), "concurrent: not true or false");
  refused(Steps(R"("timeout_to_fail":-1)"), "timeout_to_fail: negative");
  refused(Steps(R"("timeout_to_fail":"35")"), "timeout_to_fail: not a number");
  refused(Steps(R"("retry_interval":1e300)"),
          "retry_interval: not 0, and not from 0.001 to 1000000000 seconds");
  refused(Steps(R"("retry_limit":1.5)"), "retry_limit: not a whole number up to 1000000000");
  refused(Steps(R"("branch_headers":{"a":1})"), "branch_headers.a: not a string");
  refused(Steps(R"("branch_headers":["a"])"), "branch_headers: not an object of strings");
  CHECK(scene.Post("submit", Steps(R"("branch_headers":{"a":"b\r\nX: y"})")).starts_with("400 "));
  CHECK(scene.Post("submit", Steps(R"("request_timeout":999999999999)")).starts_with("400 "));
  CHECK(scene.Post("submit", Steps(R"("timeout_to_fail":1e999)")).starts_with("400 "));
  CHECK(scene.Post("submit", "{\"gid\":\"\xff\"}").starts_with("400 "));
  CHECK(Has(scene.Get("all"), R"("transactions":[])"));
}

TEST_CASE("gateway input: what the coordinator refuses is said by the wire's names, in each mode") {
  Scene scene;
  const std::string big((4u << 20) + 1, 'x');
  const auto refused = [&](std::string_view route, std::string_view body,
                           std::string_view message) {
    const std::string answer = scene.Post(route, body);
    const std::string start = "400 {\"message\":\"" + std::string(message);
    CHECK_MESSAGE(answer.starts_with(start), answer.substr(0, 200));
  };
  const auto all = [&](std::string_view member, std::string_view message) {
    const std::string more = std::string(member) + "}";
    refused("submit", TransferJson("g1", "," + std::string(member)), message);
    refused(
        "submit",
        R"({"gid":"g1","trans_type":"msg","steps":[{"action":"http://a/do"}],"payloads":[""],)" +
            more,
        message);
    refused("prepare", R"({"gid":"g1","trans_type":"tcc",)" + more, message);
    refused("prepare", R"({"gid":"g1","trans_type":"xa",)" + more, message);
    refused("prepareWorkflow",
            R"({"gid":"g1","trans_type":"workflow","query_prepared":"http://ap/",)"
            R"("custom_data":"{\"name\":\"n\"}",)" +
                more,
            message);
  };
  all(R"("retry_interval":5e8)", "retry_interval: more than ten years");
  all(R"("request_timeout":5e8)", "request_timeout: more than ten years");
  all(R"("branch_headers":{"A":"a\nb"})", "branch_headers[0].value: has control characters");
  all(R"("branch_headers":{"Host":"x"})", "branch_headers[0].name: Host is set by the transport");
  refused("submit", TransferJson("g1", R"(,"timeout_to_fail":5e8)"),
          "timeout_to_fail: more than ten years");
  refused("prepare", R"({"gid":"g1","trans_type":"tcc","timeout_to_fail":5e8})",
          "timeout_to_fail: more than ten years");
  refused("submit",
          R"({"gid":"g1","trans_type":"msg","steps":[{"action":"http://a/do"}],"payloads":[""],)"
          R"("custom_data":"{\"delay\":5e8}"})",
          "custom_data.delay: more than ten years");
  refused("submit",
          R"({"gid":"g1","trans_type":"saga","steps":[{"action":"http://a/do"}],"payloads":[")" +
              big + "\"]}",
          "payloads[0]: 4194305 bytes");
  scene.Post("prepare", R"({"gid":"t","trans_type":"tcc"})");
  refused("registerBranch",
          R"({"gid":"t","trans_type":"tcc","branch_id":"01","data":")" + big + "\"}",
          "data: 4194305 bytes");
  refused("prepareWorkflow",
          R"({"gid":"g1","trans_type":"workflow","protocol":"json-rpc",)"
          R"("query_prepared":"http://ap/?method=Back",)"
          R"("custom_data":"{\"name\":\"n\",\"data\":\"WzFd\"}"})",
          "custom_data.data: not a JSON object");
  CHECK(Has(scene.Query("g1"), R"("transaction":null)"));
}

TEST_CASE("gateway input: every request about one transaction names a gid that can be one (A8)") {
  Scene scene;
  const std::string longest(128, 'g');
  for (const std::string_view route : {"prepare", "submit", "abort", "forceStop",
                                       "resetNextCronTime", "registerBranch", "prepareWorkflow"}) {
    const auto said = [&](std::string_view gid) {
      const std::string body = "{" + std::string(gid) + R"("trans_type":"tcc","branch_id":"01"})";
      return scene.Ask({.method = "POST",
                        .path = "/api/dtmsvr/" + std::string(route),
                        .query = {},
                        .headers = {{"Troth-Author", "ann"}},
                        .body = body});
    };
    const auto refused = [&](std::string_view gid, std::string_view why) {
      const std::string answer = said(gid);
      CHECK_MESSAGE(answer.starts_with("400 {\"message\":\"gid: " + std::string(why) + "\""),
                    route << answer);
    };
    refused("", "empty");
    refused(R"("gid":"",)", "empty");
    refused(R"("gid":")" + longest + R"(g",)", "longer than 128 bytes");
    refused(R"("gid":"a\n",)", "has control characters");
    CHECK_FALSE(Has(said(R"("gid":")" + longest + R"(",)"), "gid: longer"));
    CHECK_FALSE(Has(said(R"("gid":"a;b",)"), "\"gid: "));
  }
  CHECK(Has(scene.Query("a;b"), R"("gid":"a;b")"));
  CHECK(Has(scene.Query("ab"), R"("transaction":null)"));
}

TEST_CASE("gateway input: registerBranch says which field is wrong (A13, A14, A15)") {
  Scene scene;
  scene.Post("prepare", R"({"gid":"g1","trans_type":"tcc"})");
  const auto refused = [&](std::string_view body, std::string_view message) {
    const std::string answer = scene.Post("registerBranch", body);
    CHECK_MESSAGE(answer == Refusal(message), answer);
  };
  refused(R"({"gid":"g1","trans_type":"msg","branch_id":"01"})",
          "trans_type: unknow trans type: msg");
  refused(R"({"gid":"g1","trans_type":"tcc","branch_id":7})", "branch_id: not a string");
  refused(R"({"gid":"g1","trans_type":"tcc"})", "branch_id: empty");
  refused(R"({"gid":"g1","trans_type":"tcc","branch_id":"00"})",
          "branch_id: 00 is the check-back's");
  refused(R"({"gid":"g1","trans_type":"xa","branch_id":"00","url":"http://a/"})",
          "branch_id: 00 is the check-back's");
  refused(R"({"trans_type":"tcc","branch_id":"01"})", "gid: empty");
  refused(R"({"gid":"g1","trans_type":"xa","branch_id":"01"})", "url: empty");
  refused(R"({"gid":"g1","trans_type":"tcc","branch_id":"01","confirm":"x"})",
          "confirm: URL: it must begin with http://, https:// or local:");
  CHECK(scene.Query("g1").starts_with(R"(200 {"branches":[],)"));
}

TEST_CASE("gateway input: bounds of depth, values and bytes hold") {
  Scene scene({.body_bytes = 2000, .json_depth = 8, .json_values = 100});
  std::string deep;
  for (int i = 0; i < 9; ++i) deep += "[";
  CHECK(scene.Post("submit", deep) == R"(400 {"message":"JSON: nested deeper than 8 levels"})");
  std::string many = "[0";
  for (int i = 0; i < 200; ++i) many += ",0";
  CHECK(scene.Post("submit", many + "]") == R"(400 {"message":"JSON: more than 100 values"})");
  CHECK(scene.Post("submit", std::string(2001, ' ')) ==
        R"(413 {"message":"body: more than 2000 bytes"})");
  CHECK(scene.Post("submit", TransferJson("g1")) == kSuccess);
}

}  // namespace troth::testing
