// What a TCC and an XA transaction do next, from every state.
#include <doctest/doctest.h>

#include "mode_state.h"

namespace troth::internal {
namespace {

constexpr Milliseconds kPast{-1};
constexpr Milliseconds kLater{5'000};

TEST_CASE("plan, tcc and xa: prepared, nothing is called; a cancel or the deadline rolls back") {
  for (const Mode mode : {Mode::kTcc, Mode::kXa}) {
    Check(mode, {
                    {"it waits for the application", {.branches = ".. .."}, ""},
                    {"or for its deadline", {.branches = "..", .deadline = kLater}, "wake:+5000"},
                    {"at its deadline", {.deadline = Milliseconds{0}}, "rollback(timeout)"},
                    {"and past it", {.branches = "..", .deadline = kPast}, "rollback(timeout)"},
                    {"a try in flight holds no decision",
                     {.branches = "..h", .deadline = kPast},
                     "rollback(timeout)"},
                    {"cancelled", {.branches = "..", .cancel = true}, "rollback(cancelled)"},
                    {"the cancel was first",
                     {.branches = "..", .cancel = true, .deadline = kPast},
                     "rollback(cancelled)"},
                    {"restored", {.branches = "..", .restored = true}, "park:all(restored)"},
                });
  }
}

TEST_CASE("plan, tcc and xa: phase two calls nothing before its decision is durable, and ends") {
  for (const Mode mode : {Mode::kTcc, Mode::kXa}) {
    Check(mode, {
                    {"commit in a write", {At::kCommitPending, ".. .."}, ""},
                    {"rollback in a write", {At::kRollbackPending, ".. .."}, ""},
                    {"no branches", {At::kCommit, ""}, "end"},
                    {"no branches", {At::kRollback, ""}, "end"},
                    {"all confirmed", {At::kCommit, ".d .d"}, "end"},
                    {"all cancelled", {At::kRollback, "d. d."}, "end"},
                    {"skipped counts", {At::kCommit, ".s .d"}, "end"},
                    {"skipped counts", {At::kRollback, "s. d."}, "end"},
                    {"not while a try is in flight", {At::kRollback, "d. s.h"}, ""},
                    {"ended", {At::kEnded, ".d .d"}, ""},
                    {"a late deadline and cancel change nothing",
                     {.at = At::kCommit, .branches = ".d", .cancel = true, .deadline = kPast},
                     "end"},
                });
  }
}

TEST_CASE("plan, tcc: in reverse order of registration, one at a time") {
  Check(Mode::kTcc,
        {
            {"the last first", {At::kCommit, ".. .. .."}, "call:03/confirm"},
            {"the last first", {At::kRollback, ".. .. .."}, "call:03/cancel"},
            {"then the one before", {At::kCommit, ".. .. .d"}, "call:02/confirm"},
            {"then the one before", {At::kRollback, ".. .. d."}, "call:02/cancel"},
            {"one in flight holds the rest", {At::kCommit, ".. .i"}, ""},
            {"one that is retried does", {At::kRollback, ".. r."}, "wake:+10000"},
            {"one that is parked does", {At::kCommit, ".. .x"}, "park:02/confirm(retries)"},
            {"one that is skipped does not", {At::kCommit, ".. .s"}, "call:01/confirm"},
            {"an empty one is done", {At::kCommit, ".. .e"}, "done:02/confirm"},
            {"an empty one is done", {At::kRollback, ".. e."}, "done:02/cancel"},
            {"a try in flight holds its own and those before", {At::kRollback, ".. ..h"}, ""},
            {"and not those after", {At::kRollback, "..h .."}, "call:02/cancel"},
            {"of an empty cancel too", {At::kRollback, ".. e.h"}, ""},
            {"of a confirm too", {At::kCommit, "..h .d"}, ""},
            {"late is parked: the barrier's rows are gone",
             {.at = At::kRollback, .branches = "..", .first_action = Milliseconds{-100'001}},
             "park:01/cancel(barrier)"},
        });
}

TEST_CASE("plan, tcc: concurrent, all at once") {
  Check(Mode::kTcc,
        {
            {"all", {At::kCommit, ".. ..", true}, "call:02/confirm call:01/confirm"},
            {"all", {At::kRollback, ".. ..", true}, "call:02/cancel call:01/cancel"},
            {"nobody is held", {At::kCommit, ".. .i .r", true}, "call:01/confirm wake:+10000"},
            {"a try in flight holds its own", {At::kRollback, ".. ..h", true}, "call:01/cancel"},
        });
}

TEST_CASE("plan, xa: all at once, whatever the option says") {
  for (const bool concurrent : {false, true}) {
    Check(Mode::kXa,
          {
              {"all", {At::kCommit, ".. ..", concurrent}, "call:02/commit call:01/commit"},
              {"all", {At::kRollback, ".. ..", concurrent}, "call:02/rollback call:01/rollback"},
              {"a dead one holds nobody",
               {At::kCommit, ".. .r .x", concurrent},
               "call:01/commit wake:+10000 park:03/commit(retries)"},
              {"an action in flight holds its own",
               {At::kRollback, ".. ..h", concurrent},
               "call:01/rollback"},
          });
  }
}

}  // namespace
}  // namespace troth::internal
