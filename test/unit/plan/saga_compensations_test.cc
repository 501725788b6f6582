// A saga that rolls back: what is owed, in which order, and when it has ended.
#include <doctest/doctest.h>

#include "saga_state.h"

namespace troth::internal {
namespace {

SagaState Back(std::string_view steps) { return {.steps = steps, .outcome = Decided::kRollback}; }

TEST_CASE("saga: compensations run in reverse, one at a time") {
  Check({
      {"the failed step first: a failure may have had an effect", Back("d. f. .."), "call:2c"},
      {"nothing while it is in flight", Back("d. fi .."), ""},
      {"then the one before", Back("d. fd .."), "call:1c"},
      {"a skipped one is settled", Back("d. fs .."), "call:1c"},
      {"nothing is owed any more", Back("dd fd .."), "end"},
      {"nothing was ever owed", Back(".. .. .."), "end"},
      {"done before step 3 ran", Back("d. d. .."), "call:2c"},
      {"an empty URL is done at once", Back("d. fe .."), "done:2c"},
      {"an empty one is done in its turn alone", Back("de f. .."), "call:2c"},
      {"an action without a URL is compensated like any other", Back("E. f. .."), "call:2c"},
      {"an action without a URL is compensated like any other", Back("E. fd .."), "call:1c"},
  });
}

TEST_CASE("saga: what may have run is compensated, what surely has not is not") {
  Check({
      {"called without a result", Back("d. r. .."), "call:2c"},
      {"called and due again: it is not called again", Back("d. c. .."), "call:2c"},
      {"out of retries", Back("d. x. .."), "call:2c"},
      {"marked and never called in this life", Back("d. m. .."), "call:1c"},
      {"nothing of its call was sent", Back("d. u. .."), "call:1c"},
      {"not even marked", Back("d. .. .."), "call:1c"},
  });
}

TEST_CASE("saga: a compensation waits until the call of its action has ended") {
  Check({
      {"in flight since before the decision", Back("d. i. .."), ""},
      {"the first step", Back("i. .. .."), ""},
      {"the rest of the others does not wait",
       {.steps = "d. f. i. ..", .concurrent = true, .outcome = Decided::kRollback},
       "call:1c,2c"},
      {"and it does not end before",
       {.steps = "dd fd i. ..", .concurrent = true, .outcome = Decided::kRollback},
       ""},
      {"nor when its compensation was skipped",
       {.steps = "dd fd is ..", .concurrent = true, .outcome = Decided::kRollback},
       ""},
  });
}

TEST_CASE("saga: a compensation may not fail: it is retried, and parked past park_after alone") {
  Check({
      {"retried, past the limit of actions too", Back("d. fr .."), "wake:+10000"},
      {"past park_after", Back("d. fx .."), "park:2c(retries)"},
      {"the earlier ones wait for it", Back("d. d. fx"), "park:3c(retries)"},
      {"concurrent ones do not",
       {.steps = "d. fx dr", .concurrent = true, .outcome = Decided::kRollback},
       "call:1c wake:+10000 park:2c(retries)"},
  });
  GlobalTransaction t = SagaOf(Back("d. f. .."));
  t.branches[2].unknowns = 5;
  CHECK_MESSAGE(Show(PlanNext(t, kNow)) == "call:2c", "as many retries as park_after");
  t.branches[2].unknowns = 6;
  CHECK(Show(PlanNext(t, kNow)) == "park:2c(retries)");
}

TEST_CASE("saga: a compensation has no deadline of its own") {
  GlobalTransaction t = SagaOf({.steps = "g. ..", .outcome = Decided::kRollback});
  t.branches[0].first_call = kNow - std::chrono::hours(1);
  t.branches[0].next = kNow + Milliseconds{40'000};
  CHECK(Show(PlanNext(t, kNow)) == "wake:+40000");
}

TEST_CASE("saga: a compensation later than the branches keep barrier rows waits for a person") {
  SagaState state = Back("d. f. ..");
  state.first_action = Milliseconds{-100'001};
  CHECK(PlanOf(state) == "park:2c(barrier)");
  state.first_action = Milliseconds{-100'000};
  CHECK(PlanOf(state) == "call:2c");
  // With nothing owed there is nothing to wait for.
  state = Back("dd fd ..");
  state.first_action = Milliseconds{-100'001};
  CHECK(PlanOf(state) == "end");
}

TEST_CASE("saga: neither a compensation nor the end comes before the rollback is durable") {
  for (const std::string_view steps : {"d. f. ..", "dd fd ..", ".. .. ..", "i. .. .."}) {
    CHECK(PlanOf({.steps = steps, .outcome = Decided::kRollbackNotDurable}) == "");
    CHECK(PlanOf({.steps = steps, .concurrent = true, .outcome = Decided::kRollbackNotDurable}) ==
          "");
  }
}

TEST_CASE("saga: compensations follow the orders in reverse") {
  // 1 → 2 and 3 → 4.
  const auto diamond = [](std::string_view steps) {
    return SagaState{
        .steps = steps, .after = {{}, {0}, {0}, {1, 2}}, .outcome = Decided::kRollback};
  };
  Check({
      {"the last one first", diamond("d. d. d. f."), "call:4c"},
      {"then both", diamond("d. d. d. fd"), "call:2c,3c"},
      {"one is done", diamond("d. dd d. fd"), "call:3c"},
      {"the first waits for both", diamond("d. dd di fd"), ""},
      {"the first waits for both, parked or not", diamond("d. dd dx fd"), "park:3c(retries)"},
      {"the first", diamond("d. dd ds fd"), "call:1c"},
      {"the end", diamond("dd dd dd fd"), "end"},
      {"one of two in flight", diamond("d. f. i. .."), "call:2c"},
      {"one of two never called", diamond("d. f. m. .."), "call:2c"},
      {"what was never called holds nobody back", diamond("d. fd m. m."), "call:1c"},
      {"failed at once", diamond("f. m. m. .."), "call:1c"},
  });
  const SagaState backwards{.steps = "f. d.", .after = {{1}, {}}, .outcome = Decided::kRollback};
  CHECK_MESSAGE(PlanOf(backwards) == "call:1c", "step 1 ran after step 2");
}

TEST_CASE("saga: in every mixture of states the rollback plans compensations alone") {
  constexpr std::string_view kActions = ".pmicruwxXhgdfeE";
  constexpr std::string_view kCompensations = ".irxdseE";
  for (const char first : kActions) {
    for (const char second : kActions) {
      for (const char compensation : kCompensations) {
        for (const bool concurrent : {false, true}) {
          const std::string steps = {first, '.', ' ', second, compensation};
          CAPTURE(steps);
          const GlobalTransaction t =
              SagaOf({.steps = steps, .concurrent = concurrent, .outcome = Decided::kRollback});
          const Plan plan = PlanNext(t, kNow);
          CHECK(plan.marks.empty());
          for (const uint16_t branch : plan.calls) {
            CHECK(branch % 2 == 0);
            CHECK(t.branches[branch].state == BranchState::kWaiting);
            CHECK(t.branches[branch].in_flight == 0);
            CHECK(t.branches[branch + 1].in_flight == 0);
            CHECK_FALSE(t.UrlOf(branch).empty());
          }
          if (plan.decision) CHECK(Show(plan) == "end");
        }
      }
    }
  }
}

}  // namespace
}  // namespace troth::internal
