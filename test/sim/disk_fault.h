// The faults of a scenario, on a simulated disk: the same for the coordinator's store and for the
// application's own database.
#pragma once

#include <string>

#include "disk.h"
#include "scenario.h"

namespace troth::sim {

// Does nothing for what is no disk's matter.
void BeginFault(Disk& disk, const StoreFault& fault);
// Most end by themselves, or with one that lasts.
void EndFault(Disk& disk, const StoreFault& fault);

// "sync 3 fails, and 2 after it".
std::string NameOf(const StoreFault& fault);

}  // namespace troth::sim
