// All groups of cases, one function for each file of them.
#pragma once

#include "bench.h"

namespace troth::bench {

Group LocalCases();        // local.cc
Group ModeCases();         // modes.cc
Group HttpCases();         // http.cc
Group SqlBranchCases();    // sql_branches.cc
Group InFlightCases();     // in_flight.cc
Group ManyRowsCases();     // many_rows.cc
Group BoundsCases();       // bounds.cc
Group SteadyCases();       // steady.cc
Group SagaSizeCases();     // saga_size.cc
Group ProgramSizeCases();  // program_size.cc
Group SoakCases();         // soak.cc
Group GatewayCases();      // gateway.cc

}  // namespace troth::bench
