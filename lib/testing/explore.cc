#include "troth/testing/explore.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "testing/unruly_network.h"
#include "testing/world_impl.h"

namespace troth::testing {

using internal::Concat;
using std::chrono::milliseconds;

namespace {

// Faults end when the application has been answered and so much time has passed.
constexpr milliseconds kUnruly = std::chrono::seconds(30);
constexpr milliseconds kLook{100};  // how soon a crash is noticed
constexpr milliseconds kHorizon = std::chrono::hours(24 * 30);
constexpr int kRepeatsMax = 1'000;

// One run of a scenario.
class Run {
 public:
  Run(uint64_t seed, size_t effects, const std::function<Scenario(World&)>& make,
      const ExploreOptions& options)
      : seed_(seed),
        effects_(effects),
        random_(seed),
        world_(OptionsOf(options, seed)),
        network_(WorldAccess::UniverseOf(world_), random_),
        scenario_(make(world_)) {}

  // What broke, if anything.
  std::optional<BrokenRun> Go() {
    Prepare();
    std::string what = Submit();
    Finish();
    if (what.empty()) what = Unended();
    if (what.empty() && scenario_.check) what = scenario_.check();
    if (what.empty()) return std::nullopt;
    return BrokenRun{.seed = seed_, .what = std::move(what), .story = network_.story()};
  }

  size_t effects() const { return world_.effects(); }
  void AddTo(Exploration& all) const {
    ++all.runs;
    all.crashes += crashes_;
    all.calls += world_.calls().size();
    all.faults += network_.faults();
  }

 private:
  static WorldOptions OptionsOf(const ExploreOptions& options, uint64_t seed) {
    WorldOptions world = options.world;
    world.seed = seed + 1;
    return world;
  }

  // Seed 0: nothing. Up to the first run's effects: a crash after each. Then: anything.
  void Prepare() {
    if (seed_ == 0) return;
    if (seed_ <= effects_) {
      world_.CrashAfter(seed_);
      return;
    }
    network_.BeUnruly();
    if (random_.Between(0, 3) > 0) world_.CrashAfter(1 + random_.Between(0, 2 * effects_));
    if (random_.Between(0, 3) == 0) {
      world_.MakeCommitUnknown(1 + random_.Between(0, effects_ / 2), random_.Between(0, 1) == 0);
      network_.Note("the outcome of a commit will be unknown");
    }
    if (random_.Between(0, 3) == 0) {
      world_.FailCommits(1 + random_.Between(0, 2), {StatusCode::kResourceExhausted, "disk full"},
                         random_.Between(0, effects_ / 2));
      network_.Note("a commit will fail: the disk is full");
    }
  }

  std::string Submit() {
    if (!scenario_.run) return "the scenario has no `run`";
    for (int i = 0; i < kRepeatsMax; ++i) {
      const Status status = scenario_.run(world_.coordinator());
      if (ReopenedAfterCrash()) continue;
      if (status.ok() || status.code() == StatusCode::kAborted) return {};
      const bool again = status.code() == StatusCode::kUnavailable ||
                         status.code() == StatusCode::kResourceExhausted;
      if (!again) return Concat("run answered ", status.ToString());
      world_.Advance(std::chrono::seconds(1));
      ReopenedAfterCrash();
    }
    return Concat("run has not answered OK in ", kRepeatsMax, " times");
  }

  void Finish() {
    for (const Time calm = world_.now() + kUnruly; world_.now() < calm;) {
      world_.Advance(kLook);
      ReopenedAfterCrash();
    }
    network_.Calm();
    do {
      world_.RunUntilIdle(kHorizon);
    } while (ReopenedAfterCrash());
  }

  bool ReopenedAfterCrash() {
    if (!world_.crashed()) return false;
    network_.Note("the process crashes, and is started again");
    ++crashes_;
    if (const Status opened = world_.Reopen(); !opened.ok()) {
      network_.Note(Concat("Open: ", opened.ToString()));
      return false;
    }
    if (crashes_ == 1 && random_.Between(0, 1) == 0) {
      world_.CrashAfter(1 + random_.Between(0, 7));
    }
    return true;
  }

  std::string Unended() {
    std::string position;
    do {
      const Result<ListPage> page = world_.coordinator().List({}, 1'000, position);
      if (!page.ok()) return Concat("List: ", page.status().ToString());
      for (const TransactionSummary& one : page->transactions) {
        if (!one.finished) return Concat(one.gid, " has not ended: ", Why(one));
      }
      position = page->next_position;
    } while (!position.empty());
    return {};
  }

  std::string Why(const TransactionSummary& one) {
    const Result<Outcome> waited = world_.coordinator().Wait(one.gid, milliseconds{0});
    return waited.ok() ? "" : waited.status().message();
  }

  const uint64_t seed_;
  const size_t effects_;
  SeededRandom random_;
  World world_;
  UnrulyNetwork network_;
  const Scenario scenario_;
  size_t crashes_ = 0;
};

}  // namespace

Exploration Explore(size_t runs, const std::function<Scenario(World&)>& make,
                    const ExploreOptions& options) {
  Exploration all;
  Run first(0, 0, make, options);
  all.broken = first.Go();
  first.AddTo(all);
  const size_t effects = first.effects();
  // A replay has just had its run without faults.
  const uint64_t begin = std::max<uint64_t>(options.first_seed, 1);
  for (uint64_t seed = begin; !all.broken && seed < options.first_seed + runs; ++seed) {
    Run run(seed, effects, make, options);
    all.broken = run.Go();
    run.AddTo(all);
  }
  return all;
}

std::string Exploration::ToString() const {
  if (broken) {
    return Concat("seed ", broken->seed, ": ", broken->what,
                  "\nreplay: Explore(1, …, {.first_seed = ", broken->seed, "})\n", broken->story);
  }
  return Concat(runs, " runs, ", crashes, " crashes, ", calls, " calls, ", faults,
                " faults: nothing broke");
}

}  // namespace troth::testing
