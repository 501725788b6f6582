// Thousands of branches at once that each take a while: a server of one thread that answers every
// request after the same time, so that what is measured is the coordinator and not the branches.
#pragma once

#include <chrono>

namespace troth::bench {

// In a child: serves on all of this machine's addresses, and says its port.
[[noreturn]] void ServeSlowly(std::chrono::milliseconds each);

// Connections and files that this process may have open at once.
void AllowManyFiles(size_t count);

}  // namespace troth::bench
