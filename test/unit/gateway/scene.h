// A gateway over a coordinator in a world of its own, and words for what SDKs ask of it.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "troth/gateway.h"
#include "troth/testing/world.h"

namespace troth::testing {

using namespace std::chrono_literals;

inline constexpr std::string_view kSuccess = R"(200 {"dtm_result":"SUCCESS"})";

// What a request is answered: "200 {…}".
class Scene {
 public:
  explicit Scene(GatewayOptions options = {}, WorldOptions world_options = {})
      : world(std::move(world_options)), gateway(world.coordinator(), std::move(options)) {}

  std::string Ask(GatewayRequest request) {
    if (request.peer.empty()) request.peer = "127.0.0.1";
    const GatewayAnswer answer = gateway.Handle(request);
    return std::to_string(answer.status) + " " + answer.body;
  }
  // `path` is below the base path, unless it begins with /api.
  std::string Get(std::string_view path,
                  std::vector<std::pair<std::string, std::string>> query = {}) {
    return Ask({.method = "GET", .path = Whole(path), .query = std::move(query)});
  }
  std::string Post(std::string_view path, std::string_view body) {
    return Ask({.method = "POST", .path = Whole(path), .body = body});
  }
  std::string Query(const std::string& gid) { return Get("query", {{"gid", gid}}); }

  World world;
  Gateway gateway;

 private:
  static std::string Whole(std::string_view path) {
    if (path.starts_with("/api")) return std::string(path);
    return "/api/dtmsvr/" + std::string(path);
  }
};

inline bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// A saga of two steps, the first out of bank a, the second into bank b; `more` are further members.
inline std::string TransferJson(std::string_view gid, std::string_view more = "") {
  return R"({"gid":")" + std::string(gid) +
         R"(","trans_type":"saga","steps":[)"
         R"({"action":"http://a/TransOut","compensate":"http://a/TransOutRevert"},)"
         R"({"action":"http://b/TransIn","compensate":"http://b/TransInRevert"}],)"
         R"("payloads":["{\"amount\":30}","{\"amount\":30}"])" +
         std::string(more) + "}";
}

// The text of the next member of that name from `at` on, which is then behind it; npos: there is
// none.
inline std::string TakeMember(std::string_view answer, std::string_view name, size_t& at) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  at = answer.find(key, at);
  if (at == std::string_view::npos) return {};
  at += key.size();
  return std::string(answer.substr(at, answer.find('"', at) - at));
}

// "compensate=prepared action=succeed …", in the order of the answer to a query.
inline std::string BranchStates(const std::string& answer) {
  std::string states;
  size_t at = 0;
  const size_t end = answer.find("\"transaction\":");
  for (;;) {
    const std::string op = TakeMember(answer, "op", at);
    if (op.empty() || at > end) return states;
    states += (states.empty() ? "" : " ") + op + "=" + TakeMember(answer, "status", at);
  }
}

}  // namespace troth::testing
