// Who is served, and which branches may be named.
#include "scene.h"

namespace troth::testing {
namespace {

int StatusOf(Scene& scene, const GatewayRequest& request) {
  return scene.gateway.Handle(request).status;
}

GatewayRequest From(std::string peer, Headers headers = {}) {
  return {.method = "GET",
          .path = "/api/dtmsvr/version",
          .query = {},
          .headers = std::move(headers),
          .body = {},
          .peer = std::move(peer)};
}

std::string SagaOf(std::string_view url) {
  return R"({"gid":"g1","trans_type":"saga","payloads":[""],"steps":[{"action":")" +
         std::string(url) + R"("}]})";
}

}  // namespace

TEST_CASE("access: without an authorization only peers on this machine are served") {
  Scene scene;
  for (const char* peer : {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"}) {
    CHECK_MESSAGE(StatusOf(scene, From(peer)) == 200, peer);
  }
  for (const char* peer : {"", "10.0.0.1", "::ffff:10.0.0.1", "::2", "fe80::1", "1127.0.0.1"}) {
    CHECK_MESSAGE(StatusOf(scene, From(peer)) == 403, peer);
  }
  CHECK(
      scene.gateway.Handle(From("10.0.0.1")).body ==
      R"({"message":"not served: only peers on this machine are, as no authorization is set up"})");
}

TEST_CASE("access: without an authorization no web page in a browser on this machine is served") {
  Scene scene;
  CHECK(StatusOf(scene, From("::1", {{"origin", "http://evil.example"}})) == 403);
  CHECK(StatusOf(scene, From("::1", {{"Sec-Fetch-Site", "cross-site"}})) == 403);
  CHECK(StatusOf(scene, From("::1", {{"Sec-Fetch-Site", "none"}})) == 200);
  CHECK(StatusOf(scene, From("::1", {{"Host", "rebound.example:36789"}})) == 403);
  for (const char* host : {"localhost:36789", "LOCALHOST", "127.0.0.1:36789", "[::1]:36789"}) {
    CHECK_MESSAGE(StatusOf(scene, From("::1", {{"Host", host}})) == 200, host);
  }
}

TEST_CASE("access: the authorization is asked once a request, and sees no body") {
  std::vector<std::string> asked;
  Scene scene({.authorize = [&](const GatewayRequest& request) -> std::optional<std::string> {
    asked.push_back(request.path + " " + std::string(request.body));
    if (request.peer == "10.0.0.1") return "ann";
    return std::nullopt;
  }});
  const auto submit = [&](std::string peer) {
    GatewayRequest request = From(std::move(peer));
    request.method = "POST";
    request.path = "/api/dtmsvr/submit";
    request.body = "{}";
    return request;
  };
  CHECK(StatusOf(scene, submit("10.0.0.1")) == 400);
  CHECK(StatusOf(scene, submit("10.0.0.2")) == 403);
  CHECK(asked == std::vector<std::string>(2, "/api/dtmsvr/submit "));

  // In two steps, as a server does that reads the body in between.
  asked.clear();
  const GatewayCaller ann = scene.gateway.Admit(submit("10.0.0.1"));
  CHECK(ann.name == "ann");
  CHECK_FALSE(ann.refusal);
  CHECK(scene.gateway.Handle(submit("10.0.0.1"), ann).status == 400);
  const GatewayCaller other = scene.gateway.Admit(submit("10.0.0.2"));
  REQUIRE(other.refusal);
  CHECK(other.refusal->body == R"({"message":"not served: not authorized"})");
  CHECK(scene.gateway.Handle(submit("10.0.0.2"), other).status == 403);
  CHECK(asked.size() == 2);
  GatewayRequest workflow = submit("10.0.0.2");
  workflow.path = "/api/dtmsvr/prepareWorkflow";  // dtm's Go SDK dies without a transaction
  CHECK(scene.gateway.Admit(workflow).refusal->body.find("transaction") != std::string::npos);
}

TEST_CASE("access: an authorization decides for every peer, and what it throws refuses") {
  Scene scene({.authorize = [](const GatewayRequest& request) -> std::optional<std::string> {
    if (request.HeaderValue("X-Throw")) throw 7;
    if (request.peer == "10.0.0.1") return "ann";
    return std::nullopt;
  }});
  CHECK(StatusOf(scene, From("10.0.0.1", {{"Origin", "https://console.example"}})) == 200);
  CHECK(StatusOf(scene, From("127.0.0.1")) == 403);
  CHECK(StatusOf(scene, From("10.0.0.1", {{"x-throw", "1"}})) == 403);
}

TEST_CASE("access: bearer tokens") {
  Scene scene({.authorize = BearerTokens({{"s3cret", "ann"}, {"other", "bob"}, {"", "nobody"}})});
  const auto with = [&](const char* header) {
    return StatusOf(scene, From("10.0.0.1", {{"Authorization", header}}));
  };
  CHECK(with("Bearer s3cret") == 200);
  CHECK(with("bearer other") == 200);
  for (const char* wrong : {"Bearer s3cre", "Bearer s3crets", "Bearer s3creT", "Bearer ", "Bearer",
                            "Basic s3cret", "s3cret", ""}) {
    CHECK_MESSAGE(with(wrong) == 403, wrong);
  }
  CHECK(StatusOf(scene, From("127.0.0.1")) == 403);
}

TEST_CASE("access: any http branch may be named by default, and no local function") {
  Scene scene;
  CHECK(scene.Post("submit", SagaOf("https://anywhere.example/x")) == kSuccess);
  CHECK(
      scene.Post("submit", SagaOf("local:reserve")) ==
      R"(400 {"message":"steps[0].action: this local function is not for callers of the gateway"})");
}

TEST_CASE("access: a list of branch URLs is kept to, by scheme, host, port and path") {
  Scene scene(
      {.branch_urls = {"http://bank.example/api", "https://shop.example:8443", "local:reserve"}},
      {.coordinator = {
           .local = {{"reserve", [](const BranchContext&, std::string_view, std::stop_token) {
                        return BranchResult::Success();
                      }}}}});
  const auto allowed = [&](std::string_view url) {
    const std::string answer = scene.Post("submit", SagaOf(url));
    const bool refused = answer.starts_with("400 {\"message\":\"steps[0].action: ");
    CHECK((refused || answer == kSuccess || answer.starts_with("409 ")));  // 409: stored before
    return !refused;
  };
  for (const char* url : {"http://bank.example/api", "http://BANK.example:80/api/TransOut",
                          "http://bank.example/api?x=1", "http://bank.example/api/x;v=1/y",
                          "https://shop.example:8443/", "https://shop.example:8443/any/thing",
                          "local:reserve", "local:reserve?room=7"}) {
    CHECK_MESSAGE(allowed(url), url);
  }
  for (const char* url :
       {"https://bank.example/api", "http://bank.example/apis", "http://bank.example/",
        "http://bank.example.evil.example/api", "http://bank.example:81/api",
        "http://bank.example/api/../admin", "http://bank.example/api/%2e%2E/admin",
        "http://bank.example/api/..%2fadmin", "http://bank.example/api/..;/admin",
        "http://bank.example/api/x/..%3b/..;a=b/admin", "http://bank.example/api/.;x/admin",
        "http://bank.example@evil.example/api", "https://shop.example/", "http://127.0.0.1/api",
        "local:reserve2", "local:"}) {
    CHECK_MESSAGE(!allowed(url), url);
  }
}

TEST_CASE("access: a list that no branch URL can be of is refused, by the place in it") {
  const auto check = [](std::vector<std::string> urls) {
    return Gateway::Check({.branch_urls = std::move(urls)});
  };
  CHECK(check({"http://bank.example/api", "local:reserve"}).ok());
  CHECK(check({"http://bank.example", "ftp://shop.example"}) ==
        Status(StatusCode::kInvalidArgument,
               "options.branch_urls[1]: URL: it must begin with http://, https:// or local:"));
  CHECK(check({"local:reserve?room=7"}) ==
        Status(StatusCode::kInvalidArgument,
               "options.branch_urls[0]: URL: a local function is named without a query"));
}

TEST_CASE("access: every URL of a request is looked at") {
  Scene scene({.branch_urls = {"http://a/"}});
  const auto refuses = [&](std::string_view route, std::string_view body, std::string_view field) {
    const std::string answer = scene.Post(route, body);
    CHECK_MESSAGE(answer.starts_with("400 {\"message\":\"" + std::string(field) + ": not one of"),
                  answer);
  };
  refuses(
      "submit",
      R"({"gid":"g","trans_type":"saga","payloads":[""],"steps":[{"action":"http://a/","compensate":"http://b/"}]})",
      "steps[0].compensate");
  refuses(
      "prepare",
      R"({"gid":"g","trans_type":"msg","payloads":[""],"steps":[{"action":"http://a/"}],"query_prepared":"http://b/"})",
      "query_prepared");
  scene.Post("prepare", R"({"gid":"t","trans_type":"tcc"})");
  refuses(
      "registerBranch",
      R"({"gid":"t","trans_type":"tcc","branch_id":"01","confirm":"http://b/","cancel":"http://a/"})",
      "confirm");
  refuses(
      "registerBranch",
      R"({"gid":"t","trans_type":"tcc","branch_id":"01","confirm":"http://a/","cancel":"http://b/"})",
      "cancel");
  refuses("registerBranch", R"({"gid":"t","trans_type":"xa","branch_id":"01","url":"http://b/"})",
          "url");
  CHECK(scene.Get("subscribe", {{"topic", "t"}, {"url", "http://b/"}})
            .starts_with(R"(400 {"message":"url: not one of)"));
}

TEST_CASE("access: a topic with a subscriber that is not allowed is refused, with its name") {
  Scene scene({.branch_urls = {"http://a/"}});
  const auto add = [&](std::string_view url) {
    REQUIRE(scene.world.coordinator().Subscribe("news", url).ok());  // as C++, or an older list
  };
  const auto message = [](std::string_view gid) {
    return R"({"gid":")" + std::string(gid) +
           R"(","trans_type":"msg","query_prepared":"http://a/back","payloads":["1","2"],)"
           R"("steps":[{"action":"http://a/do"},{"action":"topic://news"}]})";
  };
  add("http://a/on");
  CHECK(scene.Post("prepare", message("g1")) == kSuccess);
  add("http://b/on");
  const std::string refused =
      R"(400 {"message":"steps[1].action: topic news: subscriber http://b/on: not one of the )"
      R"(branch URLs that this gateway allows"})";
  CHECK(scene.Post("prepare", message("g2")) == refused);
  CHECK(scene.Post("submit", message("g2")) == refused);
  // What was accepted before goes to those who had subscribed.
  CHECK(scene.Post("submit", message("g1")) == kSuccess);
  scene.world.RunUntilIdle();
  CHECK(scene.world.Branch("http://a/on").calls() == 1);
  CHECK(scene.world.Branch("http://b/on").calls() == 0);

  Scene open;
  REQUIRE(open.world.coordinator().Subscribe("news", "local:on").ok());
  CHECK(open.Post("submit", message("g1")) ==
        R"(400 {"message":"steps[1].action: topic news: subscriber local:on: this local function )"
        R"(is not for callers of the gateway"})");
}

}  // namespace troth::testing
