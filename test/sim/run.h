// One run: a scenario lived through from beginning to end, with its log as the result.
#pragma once

#include "log.h"
#include "scenario.h"

namespace troth::sim {

// What it took.
struct Counts {
  uint64_t seeds = 0;
  uint64_t transactions = 0;
  uint64_t lives = 0;
  uint64_t calls = 0;
  uint64_t commits = 0;
  uint64_t requests = 0;  // of the API
};

// The wall clock within a life, which nobody should look at (I31): it goes on, or jumps at every
// step.
enum class WallClock { kSteady, kUnruly };

// `log` is filled as things happen.
void Run(const Scenario& scenario, Log& log, Counts& counts,
         WallClock wall_clock = WallClock::kSteady);

}  // namespace troth::sim
