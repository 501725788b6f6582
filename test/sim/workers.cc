#include "workers.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/check.h"

namespace troth::sim {
namespace {

// No seed takes a second.
constexpr unsigned kSeedSecondsMax = 60;

// In memory that the worker shares with its parent.
struct Worker {
  std::atomic<uint64_t> next{0};  // the seed that it is at
  std::atomic<uint64_t> passed{0};
  std::atomic<uint64_t> failed{0};
  Counts counts;
};

Worker* NewWorker() {
  void* const place =
      mmap(nullptr, sizeof(Worker), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  TROTH_CHECK(place != MAP_FAILED);
  return new (place) Worker;
}

using Clock = std::chrono::steady_clock;

// What the workers share: where their seeds end, how far apart one's are, and until when they
// begin.
struct Shift {
  uint64_t end;
  uint64_t stride;
  Clock::time_point close;
};

void Work(Worker& worker, const Shift& shift, const SeedRun& run) {
  for (; worker.next < shift.end && Clock::now() < shift.close; worker.next += shift.stride) {
    alarm(kSeedSecondsMax);
    ++(run(worker.next, worker.counts) ? worker.passed : worker.failed);
  }
}

pid_t Fork(Worker& worker, const Shift& shift, const SeedRun& run) {
  std::fflush(nullptr);
  const pid_t child = fork();
  TROTH_CHECK(child >= 0);
  if (child > 0) return child;
  Work(worker, shift, run);
  std::fflush(nullptr);
  _exit(0);
}

void TellDeath(Worker& worker, int status) {
  const auto seed = static_cast<unsigned long long>(worker.next.load());
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    std::printf("FAIL seed %llu: ended by signal %d%s (replay: test/run sim --seed %llu)\n", seed,
                signal, signal == SIGALRM ? ", it did not end" : "", seed);
  } else {
    std::printf("FAIL seed %llu: exit status %d (replay: test/run sim --seed %llu)\n", seed,
                WEXITSTATUS(status), seed);
  }
  std::fflush(stdout);
  ++worker.failed;
}

}  // namespace

int RunAll(const SeedRange& range, const SeedRun& run) {
  const auto begun = Clock::now();
  const uint64_t cores = std::max(1u, std::thread::hardware_concurrency());
  const uint64_t stride = std::min<uint64_t>(cores, std::max<uint64_t>(range.count, 1));
  const Shift shift{.end = range.first + range.count,
                    .stride = stride,
                    .close = range.time ? begun + *range.time : Clock::time_point::max()};
  std::vector<Worker*> workers;
  std::vector<pid_t> children;
  for (uint64_t i = 0; i < stride; ++i) {
    workers.push_back(NewWorker());
    workers[i]->next = range.first + i;
    children.push_back(Fork(*workers[i], shift, run));
  }
  for (uint64_t i = 0; i < stride; ++i) {
    int status = 0;
    while (waitpid(children[i], &status, 0) == children[i] && status != 0) {
      TellDeath(*workers[i], status);
      workers[i]->next += stride;
      children[i] = Fork(*workers[i], shift, run);
    }
  }
  const std::chrono::duration<double> took = Clock::now() - begun;
  Counts all;
  unsigned long long passed = 0;
  unsigned long long failed = 0;
  for (const Worker* worker : workers) {
    passed += worker->passed;
    failed += worker->failed;
    all.transactions += worker->counts.transactions;
    all.lives += worker->counts.lives;
    all.calls += worker->counts.calls;
    all.commits += worker->counts.commits;
    all.requests += worker->counts.requests;
  }
  std::printf(
      "%.0f seeds a second in %llu processes: %llu transactions, %llu lives, %llu calls, "
      "%llu commits, %llu requests in %.1f s\n",
      static_cast<double>(passed + failed) / took.count(), static_cast<unsigned long long>(stride),
      static_cast<unsigned long long>(all.transactions), static_cast<unsigned long long>(all.lives),
      static_cast<unsigned long long>(all.calls), static_cast<unsigned long long>(all.commits),
      static_cast<unsigned long long>(all.requests), took.count());
  std::printf("%llu passed, %llu failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace troth::sim
