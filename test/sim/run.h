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

// `log` is filled as things happen.
void Run(const Scenario& scenario, Log& log, Counts& counts);

}  // namespace troth::sim
