// What holds for every saga, whatever happens to it.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "random_run.h"
#include "saga_state.h"

namespace troth::internal {
namespace {

constexpr uint64_t kRuns = 300;

TEST_CASE("any saga ends once its branches answer success, and keeps every promise on the way") {
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    CAPTURE(seed);
    RandomRun run(seed, RandomSaga(seed, seed % 10 == 0 ? 40 : 6), {});
    REQUIRE(run.ToTheEnd(5'000));
  }
}

TEST_CASE("a saga in constant trouble keeps every promise too") {
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    CAPTURE(seed);
    RandomRun run(seed, RandomSaga(seed, 8),
                  {.failure = 20, .unknown = 40, .not_sent = 20, .ongoing = 10, .crash = 10});
    REQUIRE(run.ToTheEnd(5'000));
  }
}

// The same value in the next life: what a load forgets is forgotten here by hand.
GlobalTransaction Reborn(GlobalTransaction t) {
  for (Branch& b : t.branches) {
    b.in_flight = 0;
    b.called = b.started == Started::kYes;
  }
  return t;
}

bool Contains(const std::vector<uint16_t>& branches, uint16_t branch) {
  return std::count(branches.begin(), branches.end(), branch) > 0;
}

// Whether a call that only the loaded one plans is a repeated one, or a null compensation.
bool MayBeAdded(const GlobalTransaction& here, uint16_t branch) {
  const Branch& b = here.branches[branch];
  if (b.in_flight != 0) return true;
  if (b.op == Op::kForward) return false;
  const Branch& action = here.branches[branch + 1];
  const bool marked_ahead = action.started != Started::kNo && !action.called;
  // R7 holds within a life: the call of the action died with the process.
  return marked_ahead || action.in_flight != 0;
}

TEST_CASE("a loaded saga is planned like the one that was saved, but for repeated calls") {
  size_t writes = 0;
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    CAPTURE(seed);
    RandomRun run(seed, RandomSaga(seed, 8), {.failure = 10, .not_sent = 10});
    run.at_write = [&](const GlobalTransaction& here, const GlobalTransaction& loaded, Time now) {
      ++writes;
      const Plan before = PlanNext(here, now);
      const Plan after = PlanNext(loaded, now);
      CAPTURE(Show(before, now));
      CAPTURE(Show(after, now));
      CHECK(Show(after, now) == Show(PlanNext(Reborn(here), now), now));
      // A decision is never lost or invented, but for an end: that waits for what is compensated
      // again.
      if (!before.decision || before.decision->phase != Phase::kEnded) {
        CHECK(before.decision.has_value() == after.decision.has_value());
      }
      const bool undecided = here.outcome == Decision::kUndecided;
      for (const uint16_t branch : after.calls) {
        CHECK((Contains(before.calls, branch) || MayBeAdded(here, branch)));
      }
      for (const uint16_t branch : before.calls) {
        // A compensation may have to wait for a null compensation.
        if (undecided) CHECK(Contains(after.calls, branch));
      }
      if (undecided) {
        CHECK(before.done == after.done);
        for (const uint16_t branch : before.marks) CHECK(Contains(after.marks, branch));
      }
      CHECK(before.parked.size() == after.parked.size());
    };
    REQUIRE(run.ToTheEnd(5'000));
  }
  CHECK(writes > kRuns * 3);
}

}  // namespace
}  // namespace troth::internal
