// Power loss and I/O errors at the n-th operation of the disk, for n = 1, 2, 3, … until a whole run
// gets through, under the whole coordinator and under an
// application's outbox, in virtual time.
//
//   power                    all sweeps; the last line is `N passed, N failed`
//   power --only WORDS       those whose name has these words
//   power --n N              that point alone
#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/text.h"
#include "disk_store.h"
#include "outbox_run.h"
#include "power_run.h"

namespace troth::sim {
namespace {

constexpr uint64_t kPointsMax = 20'000;
constexpr uint64_t kTornSeeds = 10;
// So many operations in a row fail where a trouble lasts.
constexpr uint64_t kLasting = 12;
constexpr uint64_t kCutsPerFailure = 30;
constexpr size_t kFailuresShown = 5;

struct Sweep {
  std::string name;
  std::function<Trouble(uint64_t n)> at;
};

struct Arguments {
  std::string only;
  uint64_t n = 0;
};

std::vector<Sweep> PowerSweeps() {
  std::vector<Sweep> sweeps;
  const auto add = [&](std::string name, Loss loss, uint64_t seed) {
    sweeps.push_back({std::move(name), [loss, seed](uint64_t n) {
                        Trouble trouble{.cut_at = n, .loss = loss, .seed = seed * 100'000 + n};
                        // Torn ones are cut once more while they recover, or soon after.
                        if (loss == Loss::kRandom) trouble.cut_again = 1 + n * seed % 37;
                        return trouble;
                      }});
  };
  add("power lost, unsynced dropped", Loss::kDropAll, 1);
  add("power lost, unsynced kept", Loss::kKeepAll, 1);
  for (uint64_t seed = 1; seed <= kTornSeeds; ++seed) {
    add(internal::Concat("power lost twice, unsynced torn, seed ", seed), Loss::kRandom, seed);
  }
  return sweeps;
}

std::vector<Sweep> FaultSweeps() {
  std::vector<Sweep> sweeps;
  const auto add = [&](const std::string& name, DiskOperation operation, int code) {
    for (const uint64_t count : {uint64_t{1}, kLasting, kForEver}) {
      const char* how = count == 1          ? " once"
                        : count == kForEver ? " until it is healed"
                                            : " for a while";
      sweeps.push_back({name + how, [=](uint64_t n) {
                          Trouble trouble;
                          trouble.fault = DiskFault{
                              .operation = operation, .at = n, .count = count, .code = code};
                          trouble.synced_commits = operation == DiskOperation::kSync;
                          return trouble;
                        }});
    }
  };
  add("read fails", DiskOperation::kRead, 0);
  add("write fails", DiskOperation::kWrite, 0);
  add("disk full", DiskOperation::kWrite, SQLITE_FULL);
  add("sync fails", DiskOperation::kSync, 0);
  add("sync of the folder fails", DiskOperation::kSyncFolder, 0);
  add("truncation fails", DiskOperation::kTruncate, 0);
  add("open fails", DiskOperation::kOpen, 0);
  add("lock fails", DiskOperation::kLock, 0);
  add("lock is taken", DiskOperation::kLock, SQLITE_BUSY);
  add("shared memory fails", DiskOperation::kMap, 0);
  add("deletion fails", DiskOperation::kDelete, 0);
  // What a failed sync left is not to be trusted, and no later sync makes it so (R4). An
  // application at synchronous=NORMAL is helpless there, whoever it is: where SQLite's automatic
  // checkpoint can't sync the log, nobody is told, and what is committed behind that goes with it.
  const auto add_pairs = [&](const std::string& what, Loss loss, bool kill) {
    sweeps.push_back({"sync fails once, then " + what, [loss, kill](uint64_t n) {
                        Trouble trouble{.loss = loss, .seed = n, .kill_first = kill};
                        trouble.fault = DiskFault{.operation = DiskOperation::kSync,
                                                  .at = 1 + (n - 1) / kCutsPerFailure};
                        trouble.cut_after_fault = 1 + (n - 1) % kCutsPerFailure;
                        trouble.synced_commits = true;
                        if (kill) trouble.cut_again = 1 + n * 7 % 61;
                        return trouble;
                      }});
  };
  add_pairs("power lost, unsynced dropped", Loss::kDropAll, false);
  add_pairs("power lost, unsynced torn", Loss::kRandom, false);
  add_pairs("killed, then power lost, unsynced dropped", Loss::kDropAll, true);
  add_pairs("killed, then power lost, unsynced torn", Loss::kRandom, true);
  return sweeps;
}

struct Tally {
  int passed = 0;
  int failed = 0;
  uint64_t points = 0;
};

// Plays one run; what was wrong with it.
template <class Run>
std::vector<std::string> Play(const Trouble& trouble, bool& disturbed) {
  Run run(trouble);
  try {
    run.Play();
  } catch (const GivenUp&) {
  }
  disturbed = run.ordeal().disturbed();
  return run.ordeal().wrong();
}

template <class Run>
void Through(const char* what, const Sweep& sweep, const Arguments& arguments, Tally& tally) {
  const std::string name = internal::Concat(what, ": ", sweep.name);
  if (name.find(arguments.only) == std::string::npos) return;
  const auto begun = std::chrono::steady_clock::now();
  uint64_t points = 0;
  size_t failures = 0;
  bool disturbed = true;
  for (uint64_t n = arguments.n != 0 ? arguments.n : 1; disturbed && n < kPointsMax; ++n) {
    const std::vector<std::string> wrong = Play<Run>(sweep.at(n), disturbed);
    if (disturbed) ++points;
    if (!wrong.empty() && ++failures <= kFailuresShown) {
      std::printf("FAIL %s: %s; replay: power --only '%s' --n %llu\n", name.c_str(),
                  wrong.front().c_str(), name.c_str(), static_cast<unsigned long long>(n));
    }
    if (arguments.n != 0) {
      for (const std::string& one : wrong) std::printf("     %s\n", one.c_str());
      break;
    }
  }
  if (points == 0 && arguments.n == 0) {
    ++failures;
    std::printf("FAIL %s: never met\n", name.c_str());
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%s %s: %llu points, %zu wrong, %.1f s\n", failures == 0 ? "ok  " : "    ",
              name.c_str(), static_cast<unsigned long long>(points), failures, took.count());
  std::fflush(stdout);
  ++(failures == 0 ? tally.passed : tally.failed);
  tally.points += points;
}

int Main(const Arguments& arguments) {
  TuneForOneThread();
  Tally tally;
  for (const Sweep& sweep : PowerSweeps()) {
    Through<PowerRun>("coordinator", sweep, arguments, tally);
    Through<OutboxRun>("outbox", sweep, arguments, tally);
  }
  for (const Sweep& sweep : FaultSweeps()) {
    Through<PowerRun>("coordinator", sweep, arguments, tally);
    Through<OutboxRun>("outbox", sweep, arguments, tally);
  }
  std::printf("%llu points in all\n%d passed, %d failed\n",
              static_cast<unsigned long long>(tally.points), tally.passed, tally.failed);
  return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace troth::sim

int main(int count, char** values) {
  troth::sim::Arguments arguments;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = values[i];
    if (name == "--only") arguments.only = values[i + 1];
    if (name == "--n") arguments.n = std::strtoull(values[i + 1], nullptr, 10);
  }
  return troth::sim::Main(arguments);
}
