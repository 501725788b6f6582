// A saga that is undecided: which actions are marked and called, one after the other.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "saga_state.h"

namespace troth::internal {
namespace {

TEST_CASE("saga: what may run next is marked, and one step further; what is marked is called") {
  Check({
      {"a submit marks the step that may run and the next one", {".. .. .."}, "mark:1,2"},
      {"one step alone", {".."}, "mark:1"},
      {"a mark that is not durable allows nothing", {"p. p. .."}, ""},
      {"durable marks: the first is called", {"m. m. .."}, "call:1"},
      {"nothing while it is in flight", {"i. m. .."}, ""},
      {"a call that is due again", {"c. m. .."}, "call:1"},
      {"success: the next is called at once, and the one after it marked",
       {"d. m. .."},
       "mark:3 call:2"},
      {"its mark is not durable yet", {"d. p. .."}, "mark:3"},
      {"after marks were withdrawn", {"d. .. .."}, "mark:2,3"},
      {"off the critical path: while step 2 is in flight", {"d. i. .."}, "mark:3"},
      {"not two steps ahead", {"i. m. .. .."}, ""},
      {"the last one is in flight", {"d. d. i."}, ""},
      {"all steps are done", {"d. d. d."}, "commit"},
  });
}

TEST_CASE("saga: nothing is marked behind a step that waits for a retry") {
  Check({
      {"retry", {"r. .. .."}, "wake:+10000"},
      {"further on", {"d. r. .."}, "wake:+10000"},
      {"what was marked before stays", {"r. m. .."}, "wake:+10000"},
      {"nothing of the call was sent", {"u. .. .."}, "wake:+10000"},
      {"once it is due", {"c. .. .."}, "mark:2 call:1"},
      {"nor the step itself, when its mark was taken back", {"w. .. .."}, "wake:+10000"},
      {"others are", {.steps = "w. r. ..", .concurrent = true}, "mark:3 wake:+10000"},
  });
}

TEST_CASE("saga: a step without a URL is done at once, in its turn and without a mark") {
  Check({
      {"first", {"e. .. .."}, "done:1 mark:2"},
      {"not before its turn", {"m. e. .."}, "call:1"},
      {"in its turn", {"d. e. m."}, "done:2"},
      {"done", {"E. .. .."}, "mark:2,3"},
      {"nothing but such steps", {"Ee Ee"}, "commit"},
      {"the last one", {"d. e."}, "done:2"},
  });
}

TEST_CASE("saga: concurrent steps run at once, in any mixture of states") {
  const auto at_once = [](std::string_view steps) {
    return SagaState{.steps = steps, .concurrent = true};
  };
  Check({
      {"all are marked", at_once(".. .. .."), "mark:1,2,3"},
      {"all are called", at_once("m. m. m."), "call:1,2,3"},
      {"each by itself", at_once("m. i. r. d. p. .."), "mark:6 call:1 wake:+10000"},
      {"the earliest of several", at_once("r. h. i."), "wake:+10000"},
      {"an empty one", at_once("e. m. i."), "done:1 call:2"},
      {"done", at_once("d. d. E."), "commit"},
      {"one is not", at_once("d. i. d."), ""},
  });
}

TEST_CASE("saga: orders hold a step back until all that it waits for have succeeded") {
  // 1 → 2 and 3 → 4.
  const auto diamond = [](std::string_view steps) {
    return SagaState{.steps = steps, .after = {{}, {0}, {0}, {1, 2}}};
  };
  const auto backwards = [](std::string_view steps) {
    return SagaState{.steps = steps, .after = {{1}, {}}};
  };
  Check({
      {"one further along each path", diamond(".. .. .. .."), "mark:1,2,3"},
      {"the first alone is called", diamond("m. m. m. .."), "call:1"},
      {"then both", diamond("d. m. m. .."), "mark:4 call:2,3"},
      {"one is done, the other in flight", diamond("d. d. i. .."), "mark:4"},
      {"marked, and still held back", diamond("d. d. i. m."), ""},
      {"no mark behind a retry", diamond("d. d. r. .."), "wake:+10000"},
      {"the last", diamond("d. d. d. m."), "call:4"},
      {"an empty one waits for its turn too", diamond("i. e. m. .."), ""},
      {"a step may wait for a later one: marks", backwards(".. .."), "mark:2,1"},
      {"a step may wait for a later one: call", backwards("m. m."), "call:2"},
      {"a step may wait for a later one: done", backwards("m. d."), "call:1"},
  });
}

TEST_CASE("saga: at most 16 actions are marked and not called") {
  std::string twenty = "..";
  for (int i = 1; i < 20; ++i) twenty += " ..";
  CHECK(PlanOf({.steps = twenty, .concurrent = true}) ==
        "mark:1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16");

  std::string marked = "m.";
  for (int i = 1; i < 14; ++i) marked += " m.";
  const Plan plan = PlanNext(SagaOf({.steps = marked + " .. p. .. ..", .concurrent = true}), kNow);
  CHECK_MESSAGE(plan.marks == std::vector<uint16_t>{29}, "14 marked, one being marked: room for 1");

  // What was called in this life is not ahead any more.
  CHECK(PlanOf({.steps = "i. c. d. f. r.", .concurrent = true}) != "");
  const Plan called = PlanNext(SagaOf({.steps = "i. r. .. i.", .concurrent = true}), kNow);
  CHECK(called.marks == std::vector<uint16_t>{5});
}

TEST_CASE("saga: the steps that may run are marked before those that wait for them") {
  // 17 steps wait for the last one. Sixteen marks of theirs would leave none for it, for ever.
  SagaState state;
  std::string steps;
  for (uint16_t i = 0; i < 17; ++i) {
    steps += ".. ";
    state.after.push_back({17});
  }
  steps += "..";
  state.steps = steps;
  state.after.emplace_back();
  const Plan plan = PlanNext(SagaOf(state), kNow);
  CHECK(std::count(plan.marks.begin(), plan.marks.end(), 35) == 1);
  CHECK(plan.marks.size() == 16);
}

TEST_CASE("saga: an action called longer ago than the branches keep barrier rows is not called") {
  Check({
      {"later than that",
       {.steps = "c. m.", .first_action = Milliseconds{-100'001}},
       "park:1(barrier)"},
      {"and nothing is marked behind it",
       {.steps = "c. ..", .first_action = Milliseconds{-100'001}},
       "park:1(barrier)"},
      {"a step that is parked needs no mark",
       {.steps = "d. .. ..", .first_action = Milliseconds{-100'001}},
       "park:2(barrier)"},
      {"just as long", {.steps = "c. m.", .first_action = Milliseconds{-100'000}}, "call:1"},
      {"the deadline decides all the same",
       {.steps = "c. m.", .deadline = Milliseconds{7}, .first_action = Milliseconds{-100'001}},
       "wake:+7 park:1(barrier)"},
  });
}

TEST_CASE("saga: a restored one waits for a person, whatever its state") {
  const auto restored = [](std::string_view steps) {
    return SagaState{.steps = steps, .deadline = Milliseconds{-1}, .restored = true};
  };
  Check({
      {"fresh", restored(".. .."), "park:all(restored)"},
      {"failed", restored("d. f."), "park:all(restored)"},
      {"all done", restored("d. d."), "park:all(restored)"},
  });
}

TEST_CASE("saga: nothing follows an end, forced or not") {
  for (const Decision outcome : {Decision::kUndecided, Decision::kCommit, Decision::kRollback}) {
    for (const bool forced : {false, true}) {
      for (const bool restored : {false, true}) {
        GlobalTransaction t = SagaOf({.steps = "d. c. m. ..", .deadline = Milliseconds{-1}});
        t.phase = Phase::kEnded;
        t.outcome = outcome;
        t.forced = forced;
        t.restored = restored;
        CHECK(Show(PlanNext(t, kNow)) == "");
        CHECK(Show(PlanNext(t, kNow + std::chrono::hours(24 * 365))) == "");
      }
    }
  }
}

}  // namespace
}  // namespace troth::internal
