// Trouble of the whole coordinator is no answer about a transaction: never FAILURE, which a client
// would book.
#include "../store/sqlite/database.h"
#include "../store/temporary_folder.h"
#include "scene.h"

namespace troth::testing {
namespace {

struct Ask {
  std::string_view route;
  std::string_view body;
};

constexpr std::string_view kWorkflow =
    R"({"gid":"w","trans_type":"workflow","query_prepared":"http://ap/back",)"
    R"("custom_data":"{\"name\":\"n\"}","req_extra":{"status":"succeed"}})";
constexpr std::string_view kMessage =
    R"({"gid":"m","trans_type":"msg","query_prepared":"http://ap/back",)"
    R"("steps":[{"action":"http://a/do"}],"payloads":["1"]})";

std::string Post(Gateway& gateway, const Ask& ask) {
  const GatewayAnswer answer = gateway.Handle({.method = "POST",
                                               .path = "/api/dtmsvr/" + std::string(ask.route),
                                               .query = {},
                                               .headers = {{"Troth-Author", "ann"}},
                                               .body = ask.body,
                                               .peer = "127.0.0.1"});
  return std::to_string(answer.status) + " " + answer.body;
}

// Over a real file, with one transaction of each kind that stays as it is: nothing is called.
struct Place {
  Place() {
    REQUIRE(coordinator.Pause().ok());
    REQUIRE(Post(gateway, {"prepare", R"({"gid":"t","trans_type":"tcc"})"}) == kSuccess);
    REQUIRE(Post(gateway, {"prepare", kMessage}) == kSuccess);
    REQUIRE(Post(gateway, {"prepareWorkflow", kWorkflow}).starts_with("200 "));
    REQUIRE(Post(gateway, {"submit", TransferJson("g")}) == kSuccess);
  }

  internal::TemporaryFolder folder;
  Coordinator coordinator = *Coordinator::Open({.store = folder.File("t.db")});
  Gateway gateway{coordinator};
};

// What changes something; each says `why` it can't be done.
void CheckAllSay(Gateway& gateway, std::string_view why) {
  const std::string transfer = TransferJson("g");
  const std::string waits = TransferJson("g", R"(,"wait_result":true)");
  const std::string fresh = TransferJson("new");
  for (
      const Ask& ask : std::initializer_list<Ask>{
          {"prepare", R"({"gid":"t","trans_type":"tcc"})"},
          {"prepare", R"({"gid":"new","trans_type":"tcc"})"},
          {"prepare", kMessage},
          {"prepareWorkflow", kWorkflow},
          {"submit", R"({"gid":"t","trans_type":"tcc"})"},
          {"submit", R"({"gid":"t","trans_type":"tcc","wait_result":true})"},
          {"submit", kMessage},
          {"submit", kWorkflow},
          {"submit", transfer},
          {"submit", waits},
          {"submit", fresh},
          {"registerBranch", R"({"gid":"t","trans_type":"tcc","branch_id":"01"})"},
          {"registerBranch",
           R"({"gid":"w","trans_type":"workflow","branch_id":"01","op":"action","status":"succeed"})"},
          {"abort", R"({"gid":"t","trans_type":"tcc"})"},
          {"forceStop", R"({"gid":"t"})"},
          {"resetNextCronTime", R"({"gid":"t"})"},
      }) {
    const std::string answer = Post(gateway, ask);
    CHECK_MESSAGE(answer.starts_with("500 "), ask.route << ask.body << answer);
    CHECK_MESSAGE(Has(answer, why), ask.route << ask.body << answer);
    CHECK_FALSE(Has(answer, "FAILURE"));
  }
}

}  // namespace

TEST_CASE("gateway trouble: a closed coordinator is no FAILURE, and says that it is closed") {
  Place place;
  REQUIRE(place.coordinator.Close().ok());
  CheckAllSay(place.gateway, "the coordinator is closed");
}

TEST_CASE("gateway trouble: nor is one that only reads") {
  Place place;
  Coordinator reader = *Coordinator::Open({.store = place.folder.File("t.db"), .read_only = true});
  Gateway gateway(reader);
  CheckAllSay(gateway, "read-only");
}

TEST_CASE("gateway trouble: nor is one that has lost its store to another process") {
  Place place;
  internal::Database(place.folder.File("t.db"))
      .Execute("UPDATE troth_meta SET value=value+1 WHERE name='epoch'");
  CHECK(
      Post(place.gateway, {"prepare", R"({"gid":"lost","trans_type":"tcc"})"}).starts_with("500 "));
  REQUIRE_FALSE(place.coordinator.GetHealth().owner);
  CheckAllSay(place.gateway, place.coordinator.GetHealth().store_problem);
}

TEST_CASE("gateway trouble: what the state forbids is refused as before") {
  Place place;
  CHECK(Post(place.gateway, {"submit", R"({"gid":"t","trans_type":"xa"})"}).starts_with("409 "));
  CHECK(Post(place.gateway, {"submit", R"({"gid":"g","trans_type":"tcc"})"}).starts_with("409 "));
  CHECK(Post(place.gateway, {"abort", TransferJson("g")}).starts_with("409 "));
}

}  // namespace troth::testing
