#include "workflows.h"

#include <algorithm>
#include <utility>

#include "workflow_run.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kTriesMax = 20;
constexpr milliseconds kPatience{3'000};  // of a run, with whatever it calls
constexpr uint64_t kStream = 0x5EED0F4E77EF10A5u;

}  // namespace

Workflows::Workflows(const Scenario& scenario, Client& client, Fibers& fibers,
                     testing::Universe& universe, Bank& bank)
    : scenario_(scenario),
      client_(client),
      fibers_(fibers),
      universe_(universe),
      bank_(bank),
      dice_(scenario.facts.seed * kStream + 1) {}

void Workflows::Begin(const Planned& planned) {
  for (int i = 0; i < kTriesMax; ++i) {
    bool known = false;
    const BranchResult result = RunOnce(planned, planned.wanted[0].input, known);
    const bool ended = result.verdict() == BranchResult::Verdict::kSuccess ||
                       result.verdict() == BranchResult::Verdict::kFailure;
    // What the coordinator has, it calls back.
    if (ended || !planned.stubborn || (known && dice_.Chance(70))) return;
    client_.Sleep(planned.pause + milliseconds{int64_t{1} << std::min(i, 16)});
  }
}

void Workflows::BeginOnce(const Planned& planned, uint32_t content) {
  bool known = false;
  (void)RunOnce(planned, planned.wanted[content].input, known);
}

BranchResult Workflows::RunOnce(const Planned& planned, const std::string& input, bool& known) {
  if (!up_) return BranchResult::Unknown("the application is down");
  WorkflowRun run(*this, planned, input);
  try {
    BranchResult result = run.Go();
    known = run.known();
    return result;
  } catch (const Killed&) {
    known = run.known();
    return BranchResult::Unknown("died");
  }
}

void Workflows::CallBack(const BranchContext& context, const std::string& input,
                         std::function<void(BranchResult)> done) {
  if (!up_) return done(BranchResult::Unknown("the application is down"));
  const auto planned = std::find_if(scenario_.transactions.begin(), scenario_.transactions.end(),
                                    [&](const Planned& one) { return one.gid() == context.gid; });
  // Some answer that they have heard, and go on by themselves.
  if (Roll(weather_.odd)) std::exchange(done, [](const BranchResult&) {})(BranchResult::Success());
  fibers_.Start([this, &planned = *planned, input, done = std::move(done)] {
    const uint32_t process = process_;
    bool known = false;
    const BranchResult result = RunOnce(planned, input, known);
    if (process == process_) done(result);
  });
}

void Workflows::CountEffect() {
  if (calm_ || next_end_ == scenario_.application_ends.size()) return;
  const ApplicationEnd& end = scenario_.application_ends[next_end_];
  if (++effects_ < end.effects) return;
  effects_ = 0;
  ++next_end_;
  ++process_;
  up_ = false;
  universe_.At(universe_.now() + end.down, [this] { up_ = true; });
  client_.recorder().Begin(Fault::Kind::kApplication, end.both ? "with the coordinator" : "");
  if (end.both && client_.up()) universe_.SetCrashed(true);
  throw Killed{};
}

bool Workflows::Exchange(uint32_t process, const std::shared_ptr<Parcel>& parcel,
                         const Deliver& deliver) {
  CheckAlive(process);
  CountEffect();
  const milliseconds timeout = kPatience;
  if (Roll(weather_.refused)) return false;
  milliseconds there = scenario_.facts.call_time;
  if (Roll(weather_.slow)) there = milliseconds{dice_.Skewed(1, 3 * timeout.count())};
  const Time now = universe_.now();
  if (!Roll(weather_.vanished)) {
    universe_.At(now + there, [=, this] { Arrive(parcel, deliver, /*copy=*/false); });
  }
  for (int i = 0; i < 2 && Roll(weather_.doubled); ++i) {
    const milliseconds again{dice_.Skewed(0, 4 * timeout.count())};
    universe_.At(now + again, [=, this] { Arrive(parcel, deliver, /*copy=*/true); });
  }
  fibers_.SleepUnless(timeout,
                      [this, process, parcel] { return parcel->answered || process != process_; });
  CheckAlive(process);
  CountEffect();
  return parcel->answered;
}

// Nobody hears what a copy is answered, nor what is lost on the way.
void Workflows::Arrive(const std::shared_ptr<Parcel>& parcel, const Deliver& deliver, bool copy) {
  fibers_.Start([this, parcel, deliver, copy] {
    Parcel answer;
    deliver(answer);
    if (copy || !answer.answered || Roll(weather_.lost)) return;
    if (Roll(weather_.slow)) client_.Sleep(milliseconds{dice_.Skewed(1, 2 * kPatience.count())});
    *parcel = std::move(answer);
  });
}

}  // namespace troth::sim
