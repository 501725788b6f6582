// The simulator: many random lives of the whole coordinator, and a check of every promise after
// each.
//
//   sim [--seeds N] [--seed FIRST] [--minutes M] [--whole] [--story]
//
// Runs N seeds from FIRST on, as many at once as there are cores; FIRST alone is one seed, M alone
// as many as there is time for. A seed that breaks a promise is told with its story, the invariant,
// and the command that replays it:
//
//   test/run sim --seed SEED      the same run again, with what concerns the transaction
//   .build/release/test/sim/sim --seed SEED --story     with everything that happened
//
// Before it is told it is shrunk: whatever can be left out so that the same transaction breaks the
// same promise is left out. With --whole nothing is.
//
// The same seed is the same run, byte for byte: every 50th is run twice to show that, and another
// one once more under a wall clock that jumps all the time, which must change no call.
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checker.h"
#include "coverage.h"
#include "disk_store.h"
#include "run.h"
#include "shrink.h"
#include "story.h"
#include "workers.h"

namespace troth::sim {
namespace {

constexpr uint64_t kTwiceEvery = 50;
constexpr uint64_t kUnrulyTurn = 25;  // of these
constexpr int kShrunkMax = 3;
constexpr unsigned kShrinkSecondsMax = 5;
// So many should take every transition there is: what they don't is named.
constexpr uint64_t kCoveringSeeds = 10'000;
// How many run where nothing is said, and where only a time is.
constexpr uint64_t kSomeSeeds = 1'000;
constexpr uint64_t kForever = 1'000'000'000;

struct Arguments {
  std::optional<uint64_t> seeds;
  std::optional<uint64_t> first;
  std::optional<uint64_t> minutes;
  bool story = false;
  bool whole = false;
};

// What is under way, for a run that ends its process.
const Log* current = nullptr;

void TellLast(int signal) {
  std::signal(signal, SIG_DFL);
  const std::string story = StoryOf(*current);
  size_t from = story.size();
  for (int lines = 0; lines < 40 && from > 0; ++lines) {
    from = story.rfind('\n', from - 1);
    if (from == std::string::npos) from = 0;
  }
  std::printf("%s", story.c_str() + from);
  std::fflush(stdout);
  std::raise(signal);
}

Log RunOnce(const Scenario& scenario, Counts& counts, WallClock wall_clock = WallClock::kSteady) {
  Log log;
  current = &log;
  std::signal(SIGABRT, TellLast);
  Run(scenario, log, counts, wall_clock);
  std::signal(SIGABRT, SIG_DFL);
  return log;
}

void TellViolations(uint64_t seed, const std::string& heading, const Log& log,
                    const std::vector<Violation>& violations) {
  std::string text = heading;
  const Violation& first = violations.front();
  if (!first.gid.empty()) text += StoryOf(log, first.gid);
  for (size_t i = 0; i < violations.size() && i < 5; ++i) {
    const Violation& one = violations[i];
    text += "seed " + std::to_string(seed) + ": I" + std::to_string(one.invariant) + " broken";
    if (!one.gid.empty()) text += " by " + one.gid;
    if (one.seq != 0) text += " at #" + std::to_string(one.seq);
    text += ": " + one.what + "\n";
  }
  std::printf("%sFAIL seed %llu (replay: test/run sim --seed %llu)\n", text.c_str(),
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  std::fflush(stdout);
}

// In a process of its own, as a run that lacks something may end its process or hang.
bool StillBreaks(const Scenario& scenario, const Violation& violation) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stdout) == nullptr) _exit(1);
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
    alarm(kShrinkSecondsMax);
    Counts counts;
    const auto violations = CheckLog(RunOnce(scenario, counts));
    const bool same = !violations.empty() && violations[0].invariant == violation.invariant &&
                      violations[0].gid == violation.gid;
    _exit(same ? 0 : 1);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && status == 0;
}

// The story of a smaller scenario that breaks the same promise.
void TellSmallest(uint64_t seed, const Scenario& scenario, const Violation& violation) {
  const Scenario smallest = Shrink(scenario, violation.gid, [&](const Scenario& smaller) {
    return StillBreaks(smaller, violation);
  });
  Counts counts;
  const Log log = RunOnce(smallest, counts);
  const std::string heading =
      "of " + SummaryOf(scenario) + ", these are enough: " + SummaryOf(smallest) + "\n";
  TellViolations(seed, heading, log, CheckLog(log));
}

// True: it kept every promise.
bool RunSeed(uint64_t seed, const Arguments& arguments, Counts& counts, Coverage& coverage) {
  const Scenario scenario = Draw(seed);
  const Log log = RunOnce(scenario, counts);
  coverage.Add(log);
  if (arguments.story) std::fputs(StoryOf(log).c_str(), stdout);
  std::vector<Violation> violations = CheckLog(log);
  // The first ones of each process; of many that fail alike a few are enough.
  static int shrunk = 0;
  if (!violations.empty() && !arguments.whole && shrunk++ < kShrunkMax) {
    TellSmallest(seed, scenario, violations[0]);
    return false;
  }
  if (violations.empty() && seed % kTwiceEvery == 0) {
    Counts again;
    const Log second = RunOnce(scenario, again);
    if (HashOf(log) != HashOf(second)) violations = CheckSameRun(log, second);
    if (violations.empty() && HashOf(log) != HashOf(second)) {
      violations.push_back({.invariant = 35, .gid = {}, .what = "a second run was another one"});
    }
  }
  if (violations.empty() && seed % kTwiceEvery == kUnrulyTurn) {
    Counts again;
    violations = CheckSameCalls(log, RunOnce(scenario, again, WallClock::kUnruly));
  }
  if (violations.empty()) return true;
  TellViolations(seed, {}, log, violations);
  return false;
}

void TellCoverage(const Coverage& coverage, uint64_t seeds) {
  const std::vector<std::string> missing = coverage.Missing();
  std::printf("%zu of %zu transitions of the plans' tables were taken\n",
              coverage.all() - missing.size(), coverage.all());
  if (seeds < kCoveringSeeds) return;
  for (const std::string& name : missing) std::printf("never taken: %s\n", name.c_str());
}

// A whole number, or the end of the process.
uint64_t NumberOf(const char* name, const char* word) {
  uint64_t number = 0;
  const std::string_view text = word == nullptr ? "" : word;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  std::fprintf(stderr, "sim: %s needs a number\n", name);
  std::exit(2);
}

Arguments Parse(char** words) {
  Arguments arguments;
  while (*++words != nullptr) {
    const std::string_view word = *words;
    if (word == "--story") {
      arguments.story = arguments.whole = true;
    } else if (word == "--whole") {
      arguments.whole = true;
    } else if (word == "--seeds" || word == "--seed" || word == "--minutes") {
      const uint64_t number = NumberOf(words[0], words[1]);
      if (word == "--seeds") arguments.seeds = number;
      if (word == "--seed") arguments.first = number;
      if (word == "--minutes") arguments.minutes = number;
      ++words;
    } else {
      std::fprintf(stderr,
                   "sim [--seeds N] [--seed FIRST] [--minutes M] [--whole] [--story]; not %s\n",
                   *words);
      std::exit(2);
    }
  }
  return arguments;
}

SeedRange RangeOf(const Arguments& arguments) {
  SeedRange range;
  range.first = arguments.first.value_or(1);
  if (arguments.minutes) range.time = std::chrono::minutes(*arguments.minutes);
  const uint64_t unsaid = arguments.minutes ? kForever : arguments.first ? 1 : kSomeSeeds;
  range.count = arguments.seeds.value_or(unsaid);
  return range;
}

int Main(char** argv) {
  const Arguments arguments = Parse(argv);
  const SeedRange range = RangeOf(arguments);
  std::printf("seeds from %llu\n", static_cast<unsigned long long>(range.first));
  std::fflush(stdout);
  TuneForOneThread();
  Coverage coverage;
  const int status = RunAll(range, [&](uint64_t seed, Counts& counts) {
    return RunSeed(seed, arguments, counts, coverage);
  });
  TellCoverage(coverage, range.count);
  return status;
}

}  // namespace
}  // namespace troth::sim

int main(int, char** argv) { return troth::sim::Main(argv); }
