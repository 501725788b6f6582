// What must not grow, and what must not happen: burst, idle.
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "child.h"
#include "groups.h"
#include "local.h"
#include "machine.h"
#include "troth/message.h"

namespace troth::bench {
namespace {

using std::chrono::steady_clock;

// --- burst ---

constexpr int kThreads = 8;
constexpr int kSubmits = 100'000;
constexpr size_t kBound = 50'000;
constexpr char kBurst[] = "burst";

struct Submitted {
  std::vector<double> accepted_us;
  std::vector<double> refused_us;
};

Submitted SubmitAll(Coordinator& coordinator, int count) {
  Submitted all;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      Submitted own;
      for (int n = 0; n < count / kThreads; ++n) {
        const Saga saga = LocalSaga();
        const auto start = steady_clock::now();
        const Status status = coordinator.Submit(saga).status();
        const double us =
            std::chrono::duration<double, std::micro>(steady_clock::now() - start).count();
        if (!status.ok() && status.code() != StatusCode::kResourceExhausted) std::abort();
        (status.ok() ? own.accepted_us : own.refused_us).push_back(us);
      }
      const std::lock_guard lock(mutex);
      all.accepted_us.insert(all.accepted_us.end(), own.accepted_us.begin(), own.accepted_us.end());
      all.refused_us.insert(all.refused_us.end(), own.refused_us.begin(), own.refused_us.end());
    });
  }
  for (std::thread& thread : threads) thread.join();
  return all;
}

uint64_t Ended(Coordinator& coordinator) { return coordinator.GetStatistics().saga.succeeded; }

// STORE: the first half fills it up to its bound, the second half is too much. Then all that was
// accepted must end.
void RunBurst(const Arguments& arguments) {
  Coordinator coordinator = OpenLocal({.store = arguments.at(0), .limits = {.live = kBound}});
  Check(coordinator.Pause(), "pause");
  Submitted first = SubmitAll(coordinator, kSubmits / 2);
  Say("full_mb", PeakMegabytes());
  Submitted second = SubmitAll(coordinator, kSubmits / 2);
  Say("end_mb", PeakMegabytes());
  const size_t accepted = first.accepted_us.size() + second.accepted_us.size();
  Say("accepted", static_cast<double>(accepted));
  Say("accepted_us", SpreadOf(first.accepted_us).median);
  Say("refused_us", SpreadOf(second.refused_us).median);
  Check(coordinator.Resume(), "resume");
  const auto until = steady_clock::now() + std::chrono::minutes(1);
  while (Ended(coordinator) < accepted && steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  Say("lost", static_cast<double>(accepted) - static_cast<double>(Ended(coordinator)));
  Check(coordinator.Close(), "close");
}

Spread Once(double value) { return {value, value, value}; }

void Burst(Bench& bench) {
  const TemporaryFolder folder;
  Child burst(kBurst, {folder.File("troth.db")});
  const double lost = burst.Number("lost");
  const double full = burst.Number("full_mb");
  const double end = burst.Number("end_mb");
  burst.Wait();
  bench.Add({.name = "burst/memory",
             .value = Once(end),
             .unit = "MB",
             .counted = "the most memory after 100,000 submits by 8 threads where nothing ends and "
                        "50,000 may be in memory",
             .against = "when the bound was reached",
             .ceiling = Once(full),
             .ratio = Once(end / full),
             .goal = AtMost(1.05)});
  const double refused = burst.Number("refused_us");
  const double accepted = burst.Number("accepted_us");
  bench.Add({.name = "burst/refusal",
             .value = Once(refused),
             .unit = "µs",
             .counted = "a submit past the bound: kResourceExhausted",
             .against = "a submit that is accepted",
             .ceiling = Once(accepted),
             .ratio = Once(refused / accepted),
             .goal = AtMost(1)});
  bench.Add({.name = "burst/lost",
             .value = Once(lost),
             .unit = "sagas",
             .counted = "of " + std::to_string(static_cast<int>(burst.Number("accepted"))) +
                        " accepted, that have not ended afterwards",
             .goal = AtMost(0)});
}

// --- idle ---

constexpr char kIdle[] = "idle";
// Until threads that had something to do have ended.
constexpr std::chrono::seconds kSettle{7};
constexpr std::chrono::seconds kWatch{10};

// STORE: runs a saga, leaves a message that begins in a day, and does nothing any more.
void RunIdle(const Arguments& arguments) {
  Coordinator coordinator = OpenLocal({.store = arguments.at(0)});
  RunSaga(coordinator, LocalSaga());
  Message message;
  message.Add({.action = "local:nothing"});
  message.delay = std::chrono::hours(24);
  Check(coordinator.Submit(message).status(), "submit");
  Say("ready", 1);
  StayUntilKilled();
}

void Idle(Bench& bench) {
  const TemporaryFolder folder;
  Child idle(kIdle, {folder.File("troth.db")});
  idle.Number("ready");
  std::this_thread::sleep_for(kSettle);
  const uint64_t before = Switches(idle.pid());
  std::this_thread::sleep_for(kWatch);
  const auto switches = static_cast<double>(Switches(idle.pid()) - before);
  bench.Add({.name = "idle",
             .value = Once(switches),
             .unit = "wake-ups",
             .counted = "of all threads of a process in 10 s, with a message in the store that "
                        "begins in a day (/proc: switches)",
             .goal = AtMost(0)});
}

}  // namespace

Group BoundsCases() {
  return {.cases = {{.name = "burst", .run = Burst}, {.name = "idle", .run = Idle}},
          .roles = {{.name = kBurst, .run = RunBurst}, {.name = kIdle, .run = RunIdle}}};
}

}  // namespace troth::bench
