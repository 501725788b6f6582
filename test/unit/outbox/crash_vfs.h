// A VFS that ends the process at the n-th write, sync or truncation of any file, and keeps beside
// each file what a power loss at that moment would leave of it: what was there at its last sync.
#pragma once

#include <string>
#include <vector>

namespace troth::internal {

// Becomes SQLite's default. `at` 0: never ends.
void InstallCrashVfs(int at);

// Before the process that is to crash: everything is on the disk.
void MakeAllDurable(const std::vector<std::string>& files);
// After it: every file is what it was at its last sync, or is not there.
void LosePower(const std::vector<std::string>& files);

}  // namespace troth::internal
