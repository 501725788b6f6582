// What a wait that was too short says, where the store can't be read at one moment and can at the
// next.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "ordeal.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;

Saga OneStep(const std::string& gid) {
  Saga saga;
  saga.gid = gid;
  saga.Add({.action = "http://bank/do", .compensate = {}, .payload = {}});
  return saga;
}

TEST_CASE("wait: of what has ended nobody is told that it goes on, whichever read fails") {
  int unknown = 0;
  for (uint64_t count = 1; count <= 12; ++count) {
    CAPTURE(count);
    testing::WorldOptions options;
    options.coordinator.patience = 1ms;
    options.commit_time = 5s;
    Ordeal ordeal({}, options, {kStorePath});
    ordeal.Begin();
    Coordinator& coordinator = ordeal.coordinator();
    (void)coordinator.Submit(OneStep("g"));
    REQUIRE(coordinator.Wait("g", 1min).ok());
    // The store is busy with another one, for longer than the wait lasts.
    CHECK(coordinator.Submit(OneStep("other")).status().code() == StatusCode::kUnavailable);
    ordeal.disk().Plan({.operation = DiskOperation::kRead, .count = count});
    const Result<Outcome> outcome = coordinator.Wait("g", 1ms);
    if (outcome.ok()) {
      CHECK(outcome->succeeded());
    } else {
      CHECK_MESSAGE(outcome.status().code() == StatusCode::kUnavailable,
                    outcome.status().ToString());
      ++unknown;
    }
    ordeal.disk().ForgetFaults();
    CHECK(coordinator.Wait("g", 1ms).ok());
  }
  CHECK(unknown > 0);
}

}  // namespace
}  // namespace troth::sim
