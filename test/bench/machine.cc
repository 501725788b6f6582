#include "machine.h"

#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <thread>
#include <vector>

#include "bench.h"
#include "database.h"

namespace troth::bench {
namespace {

std::filesystem::path Proc(pid_t pid) {
  return std::filesystem::path("/proc") / (pid == 0 ? "self" : std::to_string(pid));
}

// The number behind `key` in a file of lines "key: number …".
double NumberIn(const std::filesystem::path& file, const std::string& key) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with(key + ":")) return std::strtod(line.c_str() + key.size() + 1, nullptr);
  }
  Fail(file.string() + " does not say " + key);
}

double Megabytes(pid_t pid, const char* key) {
  return NumberIn(Proc(pid) / "status", key) * 1024 / 1e6;
}

// Of one small row, synchronous=FULL.
double CommitMicroseconds() {
  const TemporaryFolder folder;
  Database database(folder.File("commit.db"));
  database.Execute("CREATE TABLE one(row)");
  std::vector<double> times;
  for (int i = 0; i < 100; ++i) {
    const auto start = std::chrono::steady_clock::now();
    database.Execute("INSERT INTO one VALUES(1)");
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
  }
  return SpreadOf(std::move(times)).median;
}

std::string ProcessorName() {
  std::ifstream in("/proc/cpuinfo");
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  }
  return "unknown";
}

}  // namespace

std::string MachineText() {
  utsname system{};
  uname(&system);
  return std::to_string(std::thread::hardware_concurrency()) + " processors (" + ProcessorName() +
         "), " + system.sysname + " " + system.release + ", SQLite " + sqlite3_libversion() +
         ", a commit takes " + std::to_string(std::lround(CommitMicroseconds())) + " µs";
}

double ResidentMegabytes(pid_t pid) { return Megabytes(pid, "VmRSS"); }
double PeakMegabytes(pid_t pid) { return Megabytes(pid, "VmHWM"); }

double ProcessorSeconds(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  Check(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &time) == 0,
        "no processor time of process " + std::to_string(pid));
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

uint64_t Switches(pid_t pid) {
  double sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator(Proc(pid) / "task")) {
    sum += NumberIn(thread.path() / "status", "voluntary_ctxt_switches");
    sum += NumberIn(thread.path() / "status", "nonvoluntary_ctxt_switches");
  }
  return static_cast<uint64_t>(sum);
}

TemporaryFolder::TemporaryFolder(const std::filesystem::path& in) {
  std::string pattern = (in / "troth-bench-XXXXXX").string();
  Check(mkdtemp(pattern.data()) != nullptr, "no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace troth::bench
