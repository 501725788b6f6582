// saga-local: durable accepted and durable ended, waited for, beside what SQLite alone can commit
// of the same writes.
//
// 64 threads; each submits a saga of two steps with local branches that do nothing, and waits for
// its end. The ceiling is one writer that commits the same INSERTs and UPDATEs in groups, both
// awaited by as many threads. Rounds alternate, so that a noisy machine is noisy for both; only the
// ratio of the medians carries over to another machine.
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "group_commit.h"
#include "troth/coordinator.h"
#include "troth/saga.h"

namespace troth::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kThreads = 64;
constexpr int kRounds = 5;
constexpr milliseconds kRoundTime{2'000};
// What a two-step saga's writes have, measured from a store.
constexpr size_t kDefinitionBytes = 150;
constexpr size_t kDigestBytes = 33;
constexpr size_t kStateBytes = 8;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troth-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string File(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// How often a second `once` is done by all threads together.
double Rate(const std::function<void(int thread)>& once) {
  std::atomic<bool> stop{false};
  std::atomic<size_t> count{0};
  std::vector<std::thread> threads;
  const auto start = steady_clock::now();
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      while (!stop) {
        once(i);
        ++count;
      }
    });
  }
  std::this_thread::sleep_for(kRoundTime);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = steady_clock::now() - start;
  return static_cast<double>(count) / took.count();
}

double SagasPerSecond() {
  const TemporaryFolder folder;
  const auto nothing = [](const BranchContext&, std::string_view, std::stop_token) {
    return BranchResult::Success();
  };
  auto coordinator =
      Coordinator::Open({.store = folder.File("troth.db"), .local = {{"nothing", nothing}}});
  if (!coordinator.ok()) {
    std::fprintf(stderr, "%s\n", coordinator.status().ToString().c_str());
    std::exit(1);
  }
  const double rate = Rate([&](int) {
    Saga saga;
    saga.Add({.action = "local:nothing", .compensate = "local:nothing"});
    saga.Add({.action = "local:nothing", .compensate = "local:nothing"});
    const bool accepted = coordinator->Submit(saga).ok();
    const auto outcome = coordinator->Wait(saga.gid, std::chrono::minutes(1));
    if (!accepted || !outcome.ok() || !outcome->succeeded()) std::abort();
  });
  if (!coordinator->Close().ok()) std::abort();
  return rate;
}

double CeilingPerSecond() {
  const TemporaryFolder folder;
  GroupCommit sqlite(folder.File("ceiling.db"));
  return Rate([&](int) {
    Work work;
    work.gid = NewGid();
    work.digest.assign(kDigestBytes, 'd');
    work.state.assign(kStateBytes, 's');
    work.definition.assign(kDefinitionBytes, 'p');
    sqlite.Do(work);
    work.insert = false;
    sqlite.Do(work);
  });
}

struct Spread {
  double low, median, high;
};
Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

int Main() {
  std::vector<double> sagas;
  std::vector<double> ceiling;
  for (int round = 0; round < kRounds; ++round) {
    ceiling.push_back(CeilingPerSecond());
    sagas.push_back(SagasPerSecond());
  }
  const Spread ours = SpreadOf(sagas);
  const Spread theirs = SpreadOf(ceiling);
  std::printf(
      "saga-local, %d threads, two steps, durable accepted and durable ended, waited for;\n",
      kThreads);
  std::printf("median of %d rounds of %lld s, interleaved (lowest, highest):\n", kRounds,
              static_cast<long long>(kRoundTime.count() / 1000));
  std::printf("  troth          %9.0f sagas/s  (%.0f, %.0f)\n", ours.median, ours.low, ours.high);
  std::printf("  SQLite %-7s %9.0f sagas/s  (%.0f, %.0f)\n", sqlite3_libversion(), theirs.median,
              theirs.low, theirs.high);
  std::printf("  ratio          %9.2f\n", ours.median / theirs.median);
  return 0;
}

}  // namespace
}  // namespace troth::bench

int main() { return troth::bench::Main(); }
