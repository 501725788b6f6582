// Branches behind HTTP that do nothing: saga-http, dead-host, restart.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "branches.h"
#include "groups.h"
#include "local.h"
#include "machine.h"

namespace troth::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kClients = 64;

Load LoadOf(const Bench& bench) { return {.clients = kClients, .time = bench.round_time()}; }

// --- saga-http ---

double PlainCalls(Child& server, const Load& load) {
  PlainClient client;
  const std::string url = UrlOf(server);
  return Rate(load, [&](int) { client.CallBoth(SagaAt(url + "/first", url + "/second")); });
}

void SagaHttp(Bench& bench) {
  Child server(kNoOpServer, {});
  const Load load = LoadOf(bench);
  bench.AddByTurns(
      {.name = "saga-http",
       .value = {},
       .unit = "sagas/s",
       .counted = "two steps, no-op HTTP branches in another process, by 64 clients: "
                  "durable accepted and durable ended, waited for",
       .against = "the same two calls by the same HTTP client without a coordinator",
       .goal = AtLeast(0.5)},
      [&] { return SagasOverHttp(server, load); }, [&] { return PlainCalls(server, load); });
}

// --- dead-host ---

constexpr int kHosts = 10;
constexpr int kHealthy = kHosts - 2;
// What waits at each dead host from the beginning, and what comes there later.
constexpr int kStuck = 1'000;
constexpr milliseconds kBetweenArrivals{5};

// A port that nobody serves: connections are taken by the system and nobody answers, or refused.
class DeadPort {
 public:
  DeadPort(const char* address, bool listens) : address_(address) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    inet_pton(AF_INET, address, &name.sin_addr);
    socklen_t size = sizeof name;
    Check(bind(socket_, reinterpret_cast<sockaddr*>(&name), size) == 0, "bind");
    Check(!listens || listen(socket_, 4'096) == 0, "listen");
    Check(getsockname(socket_, reinterpret_cast<sockaddr*>(&name), &size) == 0, "getsockname");
    port_ = ntohs(name.sin_port);
  }
  ~DeadPort() { close(socket_); }
  DeadPort(const DeadPort&) = delete;
  DeadPort& operator=(const DeadPort&) = delete;
  std::string Url() const { return "http://" + address_ + ":" + std::to_string(port_); }

 private:
  const std::string address_;
  const int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
};

// Submits to both, and waits for none of it.
class DeadLoad {
 public:
  DeadLoad(Coordinator& coordinator, const DeadPort& hangs, const DeadPort& refuses)
      : coordinator_(coordinator), urls_{hangs.Url(), refuses.Url()} {
    for (int i = 0; i < kStuck; ++i) SubmitBoth();
    thread_ = std::thread([this] {
      for (; !stop_; std::this_thread::sleep_for(kBetweenArrivals)) SubmitBoth();
    });
  }
  ~DeadLoad() {
    stop_ = true;
    thread_.join();
  }

 private:
  void SubmitBoth() {
    for (const std::string& url : urls_) (void)coordinator_.Submit(SagaAt(url, url));
  }

  Coordinator& coordinator_;
  const std::string urls_[2];
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

double HealthySagas(Child& server, const Load& load, bool with_dead) {
  const TemporaryFolder folder;
  const DeadPort hangs("127.0.0.9", /*listens=*/true);
  const DeadPort refuses("127.0.0.10", /*listens=*/false);
  Coordinator coordinator = OpenLocal({.store = folder.File("troth.db")});
  std::optional<DeadLoad> dead;
  if (with_dead) dead.emplace(coordinator, hangs, refuses);
  return Rate(load, [&](int client) {
    const std::string url = UrlOf(server, 1 + client % kHealthy);
    RunSaga(coordinator, SagaAt(url + "/first", url + "/second"));
  });
}

void DeadHost(Bench& bench) {
  Child server(kNoOpServer, {});
  const Load load = LoadOf(bench);
  bench.AddByTurns(
      {.name = "dead-host",
       .value = {},
       .unit = "sagas/s",
       .counted = "sagas over eight healthy hosts by 64 clients, while of two more "
                  "one hangs and one refuses: 1,000 sagas wait at each, and 200 more "
                  "come there a second",
       .against = "the same without those two",
       .goal = AtLeast(0.95)},
      [&] { return HealthySagas(server, load, /*with_dead=*/true); },
      [&] { return HealthySagas(server, load, /*with_dead=*/false); });
}

// --- restart ---

constexpr int kUnfinished = 100'000;
constexpr milliseconds kAfterRestart{2'000};

// STORE URL: accepts them, calls nobody, and waits to be killed.
void Accept(const Arguments& arguments) {
  Coordinator coordinator =
      OpenLocal({.store = arguments.at(0), .limits = {.live = 2 * kUnfinished}});
  Check(coordinator.Pause(), "pause");
  std::atomic<int> left{kUnfinished};
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&] {
      const std::string url = arguments.at(1);
      while (left.fetch_sub(1) > 0) {
        if (!coordinator.Submit(SagaAt(url + "/first", url + "/second")).ok()) std::abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Say("accepted", kUnfinished);
  StayUntilKilled();
}

// STORE: opens it, and says how long it took to the first call, and how many sagas ended a second
// after that. Then it dies again.
void Reopen(const Arguments& arguments) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<steady_clock::time_point> first;
  CoordinatorOptions options{.store = arguments.at(0)};
  std::atomic<bool> called{false};
  options.headers_for = [&](const CallInfo&) {
    if (called.exchange(true)) return Headers{};
    const std::lock_guard lock(mutex);
    first = steady_clock::now();
    changed.notify_one();
    return Headers{};
  };
  const auto start = steady_clock::now();
  Coordinator coordinator = OpenLocal(std::move(options));
  {
    std::unique_lock lock(mutex);
    Check(changed.wait_for(lock, std::chrono::minutes(1), [&] { return first.has_value(); }),
          "nobody is called");
  }
  Say("first_call_ms", std::chrono::duration<double, std::milli>(*first - start).count());
  std::this_thread::sleep_until(*first + kAfterRestart);
  const Statistics statistics = coordinator.GetStatistics();
  const std::chrono::duration<double> took = steady_clock::now() - *first;
  Say("rate", static_cast<double>(statistics.saga.succeeded) / took.count());
  _exit(0);
}

void Restart(Bench& bench) {
  const TemporaryFolder folder;
  const std::string store = folder.File("troth.db");
  Child server(kNoOpServer, {});
  {
    Child accepting("accept", {store, UrlOf(server)});
    accepting.Number("accepted");
  }
  std::vector<double> first_call;
  const auto reopen = [&] {
    Child reopened("reopen", {store});
    first_call.push_back(reopened.Number("first_call_ms"));
    const double rate = reopened.Number("rate");
    reopened.Wait();
    return rate;
  };
  bench.Add(Bench::ByTurns(
      {.name = "restart/rate",
       .value = {},
       .unit = "sagas/s",
       .counted = "ended in the first two seconds of calls after a kill -9 with up to "
                  "100,000 unfinished",
       .against = "saga-http: new ones on an empty store, by 64 clients",
       .goal = AtLeast(0.8)},
      reopen, [&] { return SagasOverHttp(server, LoadOf(bench)); }, 3));
  bench.Add({.name = "restart/first-call",
             .value = SpreadOf(first_call),
             .unit = "ms",
             .counted = "from the beginning of Open to the first call of a branch, in the same "
                        "lives",
             .goal = AtMost(1'000)});
}

}  // namespace

Group HttpCases() {
  return {.cases = {{.name = "saga-http", .run = SagaHttp},
                    {.name = "dead-host", .run = DeadHost},
                    {.name = "restart", .run = Restart}},
          .roles = {{.name = kNoOpServer, .run = RunNoOpServer},
                    {.name = "accept", .run = Accept},
                    {.name = "reopen", .run = Reopen}}};
}

}  // namespace troth::bench
