// All groups of cases, one function for each file of them.
#pragma once

#include "bench.h"

namespace troth::bench {

Group LocalCases();     // local.cc
Group ModeCases();      // modes.cc
Group SagaSizeCases();  // saga_size.cc
Group SteadyCases();    // steady.cc

}  // namespace troth::bench
