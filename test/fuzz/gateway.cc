// A request to the gateway: its route, and a body that nobody vouches for.
//
// Properties: it is answered, with one of the statuses that there are, by JSON that can be read
// (metrics apart); the body of a success does not say FAILURE; what is refused as a bad request has
// stored nothing; and whatever was accepted comes to rest.
#include <algorithm>
#include <array>
#include <memory>

#include "base/check.h"
#include "input.h"
#include "model/json.h"
#include "troth/gateway.h"
#include "troth/testing/world.h"

namespace troth {
namespace {

constexpr std::array<std::string_view, 12> kRoutes = {"POST /api/dtmsvr/submit",
                                                      "POST /api/dtmsvr/prepare",
                                                      "POST /api/dtmsvr/abort",
                                                      "POST /api/dtmsvr/registerBranch",
                                                      "POST /api/dtmsvr/forceStop",
                                                      "POST /api/dtmsvr/resetNextCronTime",
                                                      "POST /api/json-rpc",
                                                      "GET /api/dtmsvr/all",
                                                      "GET /api/dtmsvr/query",
                                                      "GET /api/dtmsvr/subscribe",
                                                      "POST /api/dtmsvr/prepareWorkflow",
                                                      "DELETE /api/dtmsvr/topic/t"};
constexpr std::array<int, 8> kStatuses = {200, 400, 403, 404, 405, 409, 425, 500};
constexpr int kLives = 200;  // inputs for one world

struct Scene {
  testing::World world;
  Gateway gateway{world.coordinator(), {.wait = std::chrono::milliseconds(100)}};
  int inputs = 0;
};

uint64_t Stored(Scene& scene) {
  const Statistics s = scene.world.coordinator().GetStatistics();
  return s.saga.accepted + s.tcc.accepted + s.xa.accepted + s.message.accepted +
         s.workflow.accepted;
}

void Check(fuzz::Input input) {
  static std::unique_ptr<Scene> scene;
  if (scene == nullptr || ++scene->inputs > kLives) scene = std::make_unique<Scene>();
  const std::string_view route = kRoutes[input.Byte() % kRoutes.size()];
  const size_t blank = route.find(' ');
  const std::string body = input.Rest();
  GatewayRequest request{.method = std::string(route.substr(0, blank)),
                         .path = std::string(route.substr(blank + 1)),
                         .query = {},
                         .headers = {{"Troth-Author", "fuzzer"}},
                         .body = body,
                         .peer = "127.0.0.1"};
  if (request.method == "GET") {
    for (const char* name : {"gid", "limit", "position", "createTimeStart", "topic", "url"}) {
      request.query.emplace_back(name, input.Piece());
    }
  }
  const uint64_t before = Stored(*scene);
  const GatewayAnswer answer = scene->gateway.Handle(request);
  TROTH_CHECK(std::find(kStatuses.begin(), kStatuses.end(), answer.status) != kStatuses.end());
  const auto said = internal::ParseJson(answer.body, {});
  TROTH_CHECK(said.ok() && said->kind == internal::Json::Kind::kObject);
  if (answer.status == 400) TROTH_CHECK(Stored(*scene) == before);
  const bool reads = route.starts_with("GET");  // which may show a reason
  if (answer.status == 200 && !reads && route != "POST /api/json-rpc") {
    TROTH_CHECK(answer.body.find("FAILURE") == std::string::npos);
  }
  scene->world.RunUntilIdle(std::chrono::hours(24 * 365 * 100));
  TROTH_CHECK(scene->world.coordinator().GetStatistics().in_flight == 0);
}

}  // namespace
}  // namespace troth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::Check(troth::fuzz::Input(data, size));
  return 0;
}
