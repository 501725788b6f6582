// All groups of cases, one function for each file of them.
#pragma once

#include "bench.h"

namespace troth::bench {

Group LocalCases();  // local.cc

}  // namespace troth::bench
