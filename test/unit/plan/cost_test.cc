// The longest sagas: counted, not timed.
#include <doctest/doctest.h>

#include "random_run.h"

namespace troth::internal {
namespace {

constexpr size_t kSteps = 1'000;
constexpr Chances kQuiet{.failure = 0,
                         .unknown = 0,
                         .not_sent = 0,
                         .ongoing = 0,
                         .crash = 0,
                         .cancel = 0,
                         .deadline = false,
                         .limits = false,
                         .troubled_moves = 0};

TEST_CASE("a saga of 1,000 steps one after the other needs a bounded number of plans and bytes") {
  RandomRun run(1, LongSaga(kSteps, false), kQuiet);
  REQUIRE(run.ToTheEnd(10'000));
  CHECK(run.t().outcome == Decision::kCommit);
  CHECK(run.calls() == kSteps);
  CHECK(run.plans() <= 4 * kSteps);
  CHECK(run.writes() <= kSteps + 1);
  CHECK(run.largest_state() < 100);
  CHECK(run.bytes_written() < run.writes() * 100);
}

TEST_CASE("a saga of 1,000 concurrent steps needs a bounded number of plans and bytes") {
  RandomRun run(1, LongSaga(kSteps, true), kQuiet);
  REQUIRE(run.ToTheEnd(10'000));
  CHECK(run.t().outcome == Decision::kCommit);
  CHECK(run.calls() == kSteps);
  CHECK(run.plans() <= 4 * kSteps);
  // In groups of 16 marks.
  CHECK(run.writes() <= kSteps / 4);
  CHECK(run.largest_state() < 10'000);
}

TEST_CASE("a saga of 1,000 steps that fails in the end is compensated step by step") {
  for (const bool concurrent : {false, true}) {
    Definition definition = LongSaga(kSteps, concurrent);
    RandomRun run(7, std::move(definition), [] {
      Chances chances = kQuiet;
      chances.cancel = 1;
      chances.troubled_moves = 5'000;
      return chances;
    }());
    REQUIRE(run.ToTheEnd(20'000));
    CHECK(run.t().outcome == Decision::kRollback);
    CHECK(run.calls() <= 2 * kSteps);
    CHECK(run.plans() <= 20'000);
    CHECK(run.largest_state() < 10'000);
  }
}

}  // namespace
}  // namespace troth::internal
