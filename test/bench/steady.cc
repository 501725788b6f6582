// half-load: how evenly transactions are served when they arrive at half of the rate that can be
// served at most.
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "groups.h"
#include "local.h"
#include "machine.h"

namespace troth::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kClients = 64;

struct Quantiles {
  double p50_ms = 0;
  double p99_ms = 0;
};

Quantiles QuantilesOf(std::vector<double> times) {
  Check(!times.empty(), "nothing has arrived");
  std::sort(times.begin(), times.end());
  return {.p50_ms = times[times.size() / 2], .p99_ms = times[times.size() * 99 / 100]};
}

// Arrivals are independent of each other and of what is served, and a time counts from the moment
// at which its saga was to arrive: whoever is late because of the one before has waited too.
Quantiles Serve(double per_second, std::chrono::milliseconds time) {
  const TemporaryFolder folder;
  Coordinator coordinator = OpenLocal({.store = folder.File("troth.db")});
  std::vector<double> times;
  std::mutex mutex;
  std::exception_ptr failure;
  std::vector<std::thread> clients;
  const auto start = steady_clock::now();
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      prctl(PR_SET_TIMERSLACK, 1);
      std::mt19937_64 random(static_cast<uint64_t>(client));
      std::exponential_distribution<double> gap(per_second / kClients);
      std::vector<double> own;
      try {
        auto arrival = start;
        for (;;) {
          arrival += std::chrono::duration_cast<steady_clock::duration>(
              std::chrono::duration<double>(gap(random)));
          if (arrival > start + time) break;
          std::this_thread::sleep_until(arrival);
          RunSaga(coordinator, LocalSaga());
          own.push_back(
              std::chrono::duration<double, std::milli>(steady_clock::now() - arrival).count());
        }
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
      const std::lock_guard lock(mutex);
      times.insert(times.end(), own.begin(), own.end());
    });
  }
  for (std::thread& client : clients) client.join();
  if (failure) std::rethrow_exception(failure);
  Check(coordinator.Close(), "close");
  return QuantilesOf(std::move(times));
}

void HalfLoad(Bench& bench) {
  std::vector<double> p99;
  std::vector<double> p50;
  std::vector<double> ratios;
  for (int round = 0; round < bench.rounds(); ++round) {
    const double most = SagasPerSecond({.clients = kClients, .time = bench.round_time()});
    const Quantiles served = Serve(most / 2, 2 * bench.round_time());
    p99.push_back(served.p99_ms);
    p50.push_back(served.p50_ms);
    ratios.push_back(served.p99_ms / served.p50_ms);
  }
  bench.Add({.name = "half-load",
             .value = SpreadOf(p99),
             .unit = "ms",
             .counted = "the 99th percentile, from a saga's arrival to its end that is waited for; "
                        "random arrivals at half of the rate of saga-local/64",
             .against = "the median of the same sagas",
             .ceiling = SpreadOf(p50),
             .ratio = SpreadOf(ratios),
             .goal = AtMost(5)});
}

}  // namespace

Group SteadyCases() { return {.cases = {{.name = "half-load", .run = HalfLoad}}}; }

}  // namespace troth::bench
