// A run, told in one line for each thing that happened.
#pragma once

#include <cstdint>
#include <string>

#include "log.h"

namespace troth::sim {

// All of it, or what concerns one transaction.
std::string StoryOf(const Log& log, const std::string& gid = {});

// A number that two logs share if, and only if, they tell the same.
uint64_t HashOf(const Log& log);

}  // namespace troth::sim
