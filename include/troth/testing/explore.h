// Runs a scenario of your own under faults, again and again, and tells which run broke it.
//
//   const auto found = troth::testing::Explore(1'000, [](World& world) {
//     auto bank = std::make_shared<Bank>();  // fresh for each run
//     world.Branch("http://bank/in").Do(bank->In());
//     world.Branch("http://bank/back").Do(bank->Back());
//     const troth::Saga saga = Transfer();
//     return Scenario{.run = [=](Coordinator& c) { return c.Submit(saga).status(); },
//                     .check = [=] { return bank->sum == 0 ? "" : "money was made or lost"; }};
//   });
//   CHECK_MESSAGE(found.ok(), found.ToString());
//
// The handlers are the user's own code, so what is found may be the user's own mistake: a handler
// that does its work twice when it is called twice, or undoes what was never done. Each run is a
// World (world.h) of its own, on one thread and in virtual time: a thousand take about a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "troth/coordinator.h"
#include "troth/export.h"
#include "troth/status.h"
#include "troth/testing/world.h"

namespace troth::testing {

// What is tried out, made anew for each run.
struct Scenario {
  // What the application does with its coordinator: submits what is to be done. It is repeated
  // until it answers OK: after a crash, as an application does that is started again, and after
  // kUnavailable. So it must ask for the same each time, by the same gids. kAborted counts as OK:
  // what it submits has failed already. Any other error breaks the run.
  std::function<Status(Coordinator& coordinator)> run;
  // When every transaction has ended: what is wrong; empty: nothing.
  std::function<std::string()> check;
};

struct ExploreOptions {
  WorldOptions world = {};  // of each run; its `seed` is drawn
  // To replay one run: its seed here, and one run in all.
  uint64_t first_seed = 0;
};

// The first run that went wrong.
struct BrokenRun {
  uint64_t seed = 0;
  std::string what;   // by the scenario's check, or what became of a transaction
  std::string story;  // what happened, a line each
};

struct Exploration {
  size_t runs = 0;
  size_t crashes = 0;
  size_t calls = 0;
  size_t faults = 0;  // calls that were lost, doubled, late or refused, and commits that failed
  std::optional<BrokenRun> broken;

  bool ok() const { return !broken; }
  // One line of figures; or what broke, how to replay it, and its story.
  TROTH_EXPORT std::string ToString() const;
};

// Makes `runs` runs. The first, of seed 0, has no faults. The next crash the coordinator once,
// after each effect of the first run in turn (see World::CrashAfter), and again soon after its
// restart. The rest draw everything from their seed: crashes, calls that are refused, answered late
// or not at all though they ran, delivered twice or after the time-out, answers that say nothing,
// and commits that fail or of which nobody knows for a while. From some time on the faults end, and
// everything must come to its end: what is then still under way, or parked, is what broke. Stops at
// the first run that breaks.
TROTH_EXPORT Exploration Explore(size_t runs, const std::function<Scenario(World&)>& make,
                                 const ExploreOptions& options = {});

}  // namespace troth::testing
