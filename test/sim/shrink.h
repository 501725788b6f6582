// A failing scenario, made as small as is cheap: what goes wrong without a trouble is easier to
// understand without it.
#pragma once

#include <functional>

#include "scenario.h"

namespace troth::sim {

// Takes out transactions, deeds, faults, ends of lives and bad weather, one thing at a time, as
// long as the scenario that is left still `fails`. The transaction of that gid stays.
Scenario Shrink(Scenario scenario, const std::string& gid,
                const std::function<bool(const Scenario&)>& fails);

// What is left in it, in a line.
std::string SummaryOf(const Scenario& scenario);

}  // namespace troth::sim
