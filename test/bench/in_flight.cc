// in-flight: thousands of calls that wait at the same time.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "branches.h"
#include "groups.h"
#include "http_load.h"
#include "local.h"
#include "machine.h"
#include "slow_server.h"

namespace troth::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kSagas = 5'000;
constexpr int kClients = 64;
constexpr std::chrono::milliseconds kEachCall{1'000};
constexpr double kIdealSeconds = 2;
constexpr char kSlowServer[] = "slow-server";
constexpr char kManySagas[] = "many-sagas";
constexpr char kBareCalls[] = "bare-calls";
// One for each call, and a few.
constexpr size_t kFiles = kSagas + 1'000;

int RoundsOf(const Bench& bench) { return bench.long_form() ? 5 : 2; }

void RunSlowServer(const Arguments&) {
  AllowManyFiles(kFiles);
  ServeSlowly(kEachCall);
}

// PORT HOSTS: submits them all, and says how long it took until all had ended.
void RunManySagas(const Arguments& arguments) {
  AllowManyFiles(kFiles);
  const int hosts = std::stoi(arguments.at(1));
  const TemporaryFolder folder;
  std::mutex mutex;
  std::condition_variable changed;
  int ended = 0;
  CoordinatorOptions options{.store = folder.File("troth.db"),
                             .limits = {.calls_per_host = kSagas, .calls = kSagas}};
  options.on_finished = [&](const Outcome& outcome) {
    if (!outcome.succeeded()) std::abort();
    const std::lock_guard lock(mutex);
    if (++ended == kSagas) changed.notify_one();
  };
  Coordinator coordinator = OpenLocal(std::move(options));
  const auto start = steady_clock::now();
  std::atomic<int> next{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      for (int number = 0; (number = next++) < kSagas;) {
        const std::string url =
            "http://127.0.0." + std::to_string(1 + number % hosts) + ":" + arguments.at(0) + "/";
        if (!coordinator.Submit(SagaAt(url, url)).ok()) std::abort();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  std::unique_lock lock(mutex);
  Check(changed.wait_for(lock, std::chrono::minutes(2), [&] { return ended == kSagas; }),
        "they do not end");
  const std::chrono::duration<double> took = steady_clock::now() - start;
  const Statistics statistics = coordinator.GetStatistics();
  Say("retries", static_cast<double>(statistics.retries));
  Say("seconds", took.count());
  Say("peak_mb", PeakMegabytes());
  lock.unlock();
  Check(coordinator.Close(), "close");
}

// PORT: the same calls by a client of one thread that does nothing else.
void RunBareCalls(const Arguments& arguments) {
  AllowManyFiles(kFiles);
  NumberedRequest request("/", R"({"number":"########"})");
  const auto start = steady_clock::now();
  HttpClients clients(std::stoi(arguments.at(0)), kSagas);
  clients.AskEach(request, 2);
  const std::chrono::duration<double> took = steady_clock::now() - start;
  Say("seconds", took.count());
}

void AddSeconds(Bench& bench, const std::string& name, const std::string& counted,
                const std::vector<double>& seconds, Goal goal) {
  std::vector<double> ratios;
  for (const double each : seconds) ratios.push_back(each / kIdealSeconds);
  bench.Add({.name = name,
             .value = SpreadOf(seconds),
             .unit = "s",
             .counted = counted,
             .against = "what the branches take",
             .ceiling = Spread{kIdealSeconds, kIdealSeconds, kIdealSeconds},
             .ratio = SpreadOf(ratios),
             .goal = goal});
}

void AddBareCalls(Bench& bench, Child& server) {
  std::vector<double> seconds;
  for (int round = 0; round < RoundsOf(bench); ++round) {
    Child calls(kBareCalls, {std::to_string(static_cast<int>(server.Number("port")))});
    seconds.push_back(calls.Number("seconds"));
    calls.Wait();
  }
  AddSeconds(
      bench, "in-flight/bare",
      "the same calls over 5,000 connections by one thread with epoll, without a coordinator",
      seconds, NoGoal());
}

void AddFor(Bench& bench, Child& server, int hosts) {
  const std::string name = "in-flight/" + std::to_string(hosts);
  const std::string at = hosts == 1 ? "one host" : std::to_string(hosts) + " hosts";
  std::vector<double> seconds;
  std::vector<double> peaks;
  for (int round = 0; round < RoundsOf(bench); ++round) {
    Child sagas(kManySagas,
                {std::to_string(static_cast<int>(server.Number("port"))), std::to_string(hosts)});
    seconds.push_back(sagas.Number("seconds"));
    peaks.push_back(sagas.Number("peak_mb"));
    sagas.Wait();
  }
  AddSeconds(bench, name,
             "5,000 sagas of two HTTP branches that take 1 s each, at " + at +
                 ": from the first submit to the last end",
             seconds, AtMost(1.2));
  bench.Add({.name = name + "/memory",
             .value = SpreadOf(peaks),
             .unit = "MB",
             .counted = "the most memory of the process with the coordinator meanwhile",
             .goal = AtMost(250)});
}

void InFlight(Bench& bench) {
  Child server(kSlowServer, {});
  for (const int hosts : {1, 50}) AddFor(bench, server, hosts);
  AddBareCalls(bench, server);
}

}  // namespace

Group InFlightCases() {
  return {.cases = {{.name = "in-flight", .run = InFlight}},
          .roles = {{.name = kSlowServer, .run = RunSlowServer},
                    {.name = kManySagas, .run = RunManySagas},
                    {.name = kBareCalls, .run = RunBareCalls}}};
}

}  // namespace troth::bench
