// What the system says about itself and about a process, and a folder that goes away.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace troth::bench {

// What is measured on, in one line: processors, kernel, SQLite, and how long a commit takes.
std::string MachineText();

// In megabytes of 10^6 bytes; of this process without a pid.
double ResidentMegabytes(pid_t pid = 0);
// The most that it ever was.
double PeakMegabytes(pid_t pid = 0);
// How long its threads have been at work, in seconds of one processor.
double ProcessorSeconds(pid_t pid);
// How often the threads of that process, as they are now, have given up a processor: each wake-up
// that there ever was is followed by one.
uint64_t Switches(pid_t pid);

class TemporaryFolder {
 public:
  explicit TemporaryFolder(
      const std::filesystem::path& in = std::filesystem::temp_directory_path());
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string File(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace troth::bench
