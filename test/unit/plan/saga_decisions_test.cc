// What decides a saga, in which order, and what the reason says.
#include <doctest/doctest.h>

#include <array>

#include "saga_state.h"

namespace troth::internal {
namespace {

TEST_CASE("saga: a failed or exhausted action rolls back, and nothing is planned beside it") {
  Check({
      {"failure", {"d. f. .."}, "rollback(02/action failure)"},
      {"failure, others run",
       {.steps = "i. f. m. ..", .concurrent = true},
       "rollback(02/action failure)"},
      {"past the limit", {"d. x. m."}, "rollback(02/action retries)"},
      {"past the limit, a call is in flight", {"d. X. m."}, ""},
      {"given up", {"g. m."}, "rollback(01/action gave up)"},
      {"not yet given up: looked at when it will be", {"h. m."}, "wake:+25000"},
      {"the first in the order of steps",
       {.steps = "d. x. f.", .concurrent = true},
       "rollback(02/action retries)"},
  });
}

TEST_CASE("saga: the limit of retries counts unknown results after the first call") {
  GlobalTransaction t = SagaOf({"r. m."});
  t.branches[1].unknowns = 2;
  CHECK(Show(PlanNext(t, kNow)) == "wake:+10000");
  t.branches[1].unknowns = 3;
  CHECK(Show(PlanNext(t, kNow)) == "rollback(01/action retries)");
}

TEST_CASE("saga: a limit of 0 means one call only; none means never") {
  for (const auto& [limit, expected] :
       {std::pair{0, "rollback(01/action retries)"}, std::pair{kNoLimit, "wake:+10000"}}) {
    GlobalTransaction t = SagaOf({"r. m."});
    Definition definition = *t.definition;
    definition.policies[0].limit = limit;
    t.definition = std::make_shared<const Definition>(definition);
    CHECK(Show(PlanNext(t, kNow)) == expected);
  }
}

TEST_CASE("saga: the deadline decides at once, also with a call in flight, only while undecided") {
  const auto late = [](std::string_view steps, int ms, Decided outcome = Decided::kUndecided) {
    return SagaState{.steps = steps, .outcome = outcome, .deadline = Milliseconds{ms}};
  };
  Check({
      {"in time", late("i. m.", 1), "wake:+1"},
      {"the earlier of deadline and retry", late("r. m.", 3'000), "wake:+3000"},
      {"the earlier of deadline and retry", late("r. m.", 13'000), "wake:+10000"},
      {"passed, a call in flight", late("i. m.", 0), "rollback(timeout)"},
      {"passed, nothing called", late(".. ..", -5), "rollback(timeout)"},
      {"decided before", late("d. f.", -5, Decided::kRollback), "call:2c"},
      {"decided before, and no wake for it", late("d. fi", 5, Decided::kRollback), ""},
  });
}

TEST_CASE("saga: results come before timers and before a cancel") {
  Check({
      {"all done at the deadline", {.steps = "d. d.", .deadline = Milliseconds{0}}, "commit"},
      {"all done and cancelled", {.steps = "d. d.", .cancel = true}, "commit"},
      {"failed at the deadline",
       {.steps = "f. ..", .deadline = Milliseconds{0}},
       "rollback(01/action failure)"},
      {"exhausted and cancelled",
       {.steps = "x. ..", .cancel = true},
       "rollback(01/action retries)"},
      {"cancelled", {.steps = "i. m.", .cancel = true}, "rollback(cancelled)"},
      {"cancelled before anything", {.steps = ".. ..", .cancel = true}, "rollback(cancelled)"},
  });
}

TEST_CASE("saga: whatever an action's state, a cancel or the deadline decides in its favour") {
  constexpr std::string_view kActions = ".pmicruwXhd";
  for (const char first : kActions) {
    for (const char second : kActions) {
      if (first == 'd' && second == 'd') continue;
      for (const bool concurrent : {false, true}) {
        const std::string steps = {first, '.', ' ', second, '.'};
        CAPTURE(steps);
        CHECK(PlanOf({.steps = steps, .concurrent = concurrent, .cancel = true}) ==
              "rollback(cancelled)");
        CHECK(PlanOf({.steps = steps, .concurrent = concurrent, .deadline = Milliseconds{0}}) ==
              "rollback(timeout)");
      }
    }
  }
}

TEST_CASE("saga: no action is planned once a failure is known, whatever the others' states") {
  constexpr std::string_view kActions = ".pmicruwXhd";
  for (const char other : kActions) {
    for (const char failed : {'f', 'x', 'g'}) {
      const std::string steps = {other, '.', ' ', failed, '.', ' ', other, '.'};
      CAPTURE(steps);
      const Plan plan = PlanNext(SagaOf({.steps = steps, .concurrent = true}), kNow);
      REQUIRE(plan.decision);
      CHECK(plan.decision->outcome == Decision::kRollback);
      CHECK(plan.decision->phase == Phase::kRunning);  // by way of aborting
      CHECK(plan.calls.empty());
      CHECK(plan.marks.empty());
      CHECK(plan.done.empty());
      // Decided and not durable: still nothing, of either kind.
      CHECK(PlanOf({.steps = steps, .concurrent = true, .outcome = Decided::kRollbackNotDurable}) ==
            "");
    }
  }
}

TEST_CASE("saga: the reason names the branch, what it said, and at which attempt") {
  GlobalTransaction t = SagaOf({"d. f. .."});
  t.branches[3].failures = {
      Reason{.code = ReasonCode::kHttpStatus, .http_status = 500, .text = "oops", .attempt = 1},
      Reason{.code = ReasonCode::kActionFailed,
             .http_status = 409,
             .text = "no money",
             .attempt = 2,
             .at = kNow - Milliseconds{3}}};
  const Reason reason = PlanNext(t, kNow).decision->reason;
  CHECK(reason.code == ReasonCode::kActionFailed);
  CHECK(reason.branch_id == "02");
  CHECK(reason.op == "action");
  CHECK(reason.http_status == 409);
  CHECK(reason.text == "no money");
  CHECK(reason.attempt == 2);
  CHECK(reason.at == kNow - Milliseconds{3});
}

TEST_CASE("saga: a cancel's reason names its author, a time-out its length") {
  GlobalTransaction t = SagaOf({.steps = ".. ..", .cancel = true});
  CHECK(PlanNext(t, kNow).decision->reason.author == "ann");
  t.cancel_asked.reset();
  t.deadline = t.created + Milliseconds{30'000};
  CHECK(PlanNext(t, kNow).decision->reason.text == "Timeout after 30 seconds");
  t.deadline = t.created + Milliseconds{1'500};
  CHECK(PlanNext(t, kNow).decision->reason.text == "Timeout after 1500 milliseconds");
  CHECK(PlanNext(t, kNow).decision->reason.at == kNow);
}

}  // namespace
}  // namespace troth::internal
