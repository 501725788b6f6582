// What a message does next, from every state.
#include <doctest/doctest.h>

#include "mode_state.h"

namespace troth::internal {
namespace {

constexpr Milliseconds kPast{-1};
constexpr Milliseconds kLater{5'000};

TEST_CASE("plan, message: prepared, the check-back is asked past the deadline or after a cancel") {
  Check(Mode::kMessage,
        {
            {"it waits", {.branches = ". ?.", .deadline = kLater}, "wake:+5000"},
            {"at the deadline", {.branches = ". ?.", .deadline = Milliseconds{0}}, "call:00/msg"},
            {"past it", {.branches = ". ?.", .deadline = kPast}, "call:00/msg"},
            {"cancelled", {.branches = ". ?.", .cancel = true, .deadline = kLater}, "call:00/msg"},
            {"it is being asked", {.branches = ". ?i", .deadline = kPast}, ""},
            {"it is asked again", {.branches = ". ?r", .deadline = kPast}, "wake:+10000"},
            {"it is parked", {.branches = ". ?x", .deadline = kPast}, "park:00/msg(retries)"},
            {"it said yes", {.branches = ". ?d", .deadline = kPast}, "commit"},
            {"it said no", {.branches = ". ?f", .deadline = kPast}, "fail(failure)"},
            {"yes counts after a cancel too", {.branches = ". ?d", .cancel = true}, "commit"},
            {"restored", {.branches = ". ?.", .restored = true}, "park:all(restored)"},
        });
}

TEST_CASE("plan, message: actions are marked, then called, in order") {
  Check(
      Mode::kMessage,
      {
          {"marks come first, one ahead", {At::kCommit, ". . ."}, "mark:01/action mark:02/action"},
          {"a mark in a write allows nothing", {At::kCommit, "p p ."}, ""},
          {"a durable one does", {At::kCommit, "m m ."}, "call:01/action"},
          {"in flight", {At::kCommit, "i m ."}, ""},
          {"then the next", {At::kCommit, "d m m"}, "call:02/action"},
          {"a retry holds the rest", {At::kCommit, "r . ."}, "wake:+10000"},
          {"a skipped one does not", {At::kCommit, "s m"}, "call:02/action"},
          {"a skipped one behind it changes nothing", {At::kCommit, "r s ."}, "wake:+10000"},
          {"one ahead, past a skipped one",
           {At::kCommit, "m s ."},
           "mark:03/action call:01/action"},
          {"an empty one is done", {At::kCommit, "e m"}, "done:01/action"},
          {"all done, and that is durable", {At::kCommit, "d s"}, "end"},
          {"all done, the commit is in a write", {At::kCommitPending, "d"}, ""},
          {"the check-back is nobody's business any more", {At::kCommit, "m ?i"}, "call:01/action"},
          {"nor is its late no", {At::kCommit, "d ?f"}, "end"},
          {"ended", {At::kEnded, "d ?."}, ""},
          {"late is parked: the barrier's rows are gone",
           {.at = At::kCommit, .branches = "r", .first_action = Milliseconds{-100'001}},
           "park:01/action(barrier)"},
      });
}

TEST_CASE("plan, message: past park_after an action is parked, and holds those behind it") {
  Check(Mode::kMessage, {
                            {"in order", {At::kCommit, "x ."}, "park:01/action(retries)"},
                            {"in order, and the one behind it was skipped",
                             {At::kCommit, "x s ."},
                             "park:01/action(retries)"},
                            {"at once: the others go on",
                             {At::kCommit, "x m", true},
                             "call:02/action park:01/action(retries)"},
                        });
}

TEST_CASE("plan, message: concurrent, all at once") {
  Check(Mode::kMessage,
        {
            {"marked", {At::kCommit, ". .", true}, "mark:01/action mark:02/action"},
            {"called", {At::kCommit, "m m", true}, "call:01/action call:02/action"},
            {"nobody is held", {At::kCommit, "i r m", true}, "call:03/action wake:+10000"},
            {"all done", {At::kCommit, "d d", true}, "end"},
        });
}

TEST_CASE("plan, message: before its time nothing is marked, and it can be cancelled") {
  Check(Mode::kMessage,
        {
            {"delayed", {.at = At::kCommit, .branches = ". .", .start = kLater}, "wake:+5000"},
            {"its time has come",
             {.at = At::kCommit, .branches = ".", .start = Milliseconds{0}},
             "mark:01/action"},
            {"cancelled",
             {.at = At::kCommit, .branches = ". .", .cancel = true, .start = kLater},
             "fail(cancelled)"},
            {"a step that was skipped has begun it",
             {.at = At::kCommit, .branches = "s .", .cancel = true, .start = kLater},
             "wake:+5000"},
            {"prepared, the delay changes nothing",
             {.branches = ". ?.", .deadline = kPast, .start = kLater},
             "call:00/msg"},
        });
}

}  // namespace
}  // namespace troth::internal
