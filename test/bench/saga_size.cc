// steps: what a saga of a thousand steps costs beside as many steps in small sagas. Whatever grows
// with the square of the steps shows here.
#include <atomic>
#include <chrono>
#include <exception>
#include <latch>
#include <thread>
#include <vector>

#include "groups.h"
#include "local.h"
#include "machine.h"

namespace troth::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kSteps = 1'000;
constexpr int kSmallSagas = kSteps / 2;
constexpr int kClients = 64;

double MillisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

double LargeSaga(Coordinator& coordinator, bool concurrent) {
  Saga saga;
  saga.concurrent = concurrent;
  for (int i = 0; i < kSteps; ++i) {
    saga.Add({.action = "local:nothing", .compensate = "local:nothing"});
  }
  const auto start = steady_clock::now();
  RunSaga(coordinator, saga);
  return MillisecondsSince(start);
}

double SmallSagasInTurn(Coordinator& coordinator) {
  const auto start = steady_clock::now();
  for (int i = 0; i < kSmallSagas; ++i) RunSaga(coordinator, LocalSaga());
  return MillisecondsSince(start);
}

double SmallSagasAtOnce(Coordinator& coordinator) {
  std::latch begin(kClients + 1);
  std::atomic<int> left{kSmallSagas};
  std::exception_ptr failure;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      begin.arrive_and_wait();
      try {
        while (left.fetch_sub(1) > 0) RunSaga(coordinator, LocalSaga());
      } catch (...) {
        failure = std::current_exception();
      }
    });
  }
  begin.arrive_and_wait();
  const auto start = steady_clock::now();
  for (std::thread& client : clients) client.join();
  const double took = MillisecondsSince(start);
  if (failure) std::rethrow_exception(failure);
  return took;
}

void Steps(Bench& bench) {
  const TemporaryFolder folder;
  Coordinator coordinator = OpenLocal({.store = folder.File("troth.db")});
  LargeSaga(coordinator, /*concurrent=*/true);  // threads start
  bench.AddByTurns(
      {.name = "steps/sequential",
       .value = {},
       .unit = "ms",
       .counted = "one saga of 1,000 steps in turn, from the submit to its end",
       .against = "500 sagas of two steps, one after the other",
       .goal = AtMost(1.5)},
      [&] { return LargeSaga(coordinator, /*concurrent=*/false); },
      [&] { return SmallSagasInTurn(coordinator); });
  bench.AddByTurns(
      {.name = "steps/concurrent",
       .value = {},
       .unit = "ms",
       .counted = "one saga of 1,000 steps at once, from the submit to its end",
       .against = "500 sagas of two steps, by 64 clients",
       .goal = AtMost(1.5)},
      [&] { return LargeSaga(coordinator, /*concurrent=*/true); },
      [&] { return SmallSagasAtOnce(coordinator); });
  Check(coordinator.Close(), "close");
}

}  // namespace

Group SagaSizeCases() { return {.cases = {{.name = "steps", .run = Steps}}}; }

}  // namespace troth::bench
