// Transactions whose branches are functions that do nothing, beside what SQLite alone can commit of
// the same writes: saga-local, the same on a slow disk, submit-only.
#include <algorithm>
#include <chrono>

#include "group_commit.h"
#include "groups.h"
#include "load.h"
#include "local.h"
#include "machine.h"
#include "slow_disk.h"

namespace troth::bench {
namespace {

constexpr char kGroupCommit[] = "SQLite, the same writes by one writer in groups, each awaited";
// Where a sync takes longer, what the coordinator adds must show less.
constexpr double kSlowCommitUs = 1'000;
constexpr std::chrono::milliseconds kSlowSync{5};

Load LoadOf(const Bench& bench, int clients) {
  return {.clients = clients, .time = bench.round_time()};
}

double RunsPerSecond(const Load& load) {
  const TemporaryFolder folder;
  Coordinator coordinator = OpenLocal({.store = folder.File("troth.db")});
  const double rate = Rate(load, [&](int) {
    const Outcome outcome = Take(coordinator.Run(LocalSaga(), std::chrono::minutes(1)), "run");
    Check(outcome.succeeded(), "a saga has failed");
  });
  Check(coordinator.Close(), "close");
  return rate;
}

// In microseconds, each by one client: from the submit to the known end, and of an INSERT and an
// UPDATE that are committed one after the other.
double Latency(const Load& load) { return 1e6 / SagasPerSecond(load); }
double RawLatency(const Load& load, const Shape& shape) {
  const TemporaryFolder folder;
  GroupCommit sqlite(folder.File("ceiling.db"));
  return 1e6 / Rate(load, [&](int) {
           RawTransaction raw(shape);
           sqlite.InsertAlone(raw);
           sqlite.EndAlone(raw);
         });
}

void AddLatency(Bench& bench, const std::string& name, const Shape& shape) {
  const Load load = LoadOf(bench, 1);
  const double commits = RawLatency(load, shape);
  bench.AddByTurns(
      {.name = name,
       .value = {},
       .unit = "µs",
       .counted = "two steps, no-op local branches, one client: from the submit to "
                  "the durable end that is waited for",
       .against = "SQLite, two commits of the same rows on the client's own thread",
       .goal = AtMost(commits >= 2 * kSlowCommitUs ? 1.3 : 1.6)},
      [&] { return Latency(load); }, [&] { return RawLatency(load, shape); });
}

void AddThroughput(Bench& bench, const std::string& name, int clients, const Shape& shape) {
  const Load load = LoadOf(bench, clients);
  bench.AddByTurns(
      {.name = name,
       .value = {},
       .unit = "sagas/s",
       .counted = "two steps, no-op local branches, by " + std::to_string(clients) +
                  " clients: durable accepted and durable ended, waited for",
       .against = kGroupCommit,
       .goal = AtLeast(0.8)},
      [&] { return SagasPerSecond(load); }, [&] { return RawSagasPerSecond(load, shape); });
}

// As AddThroughput, by Run: the client sleeps once.
void AddRun(Bench& bench, const std::string& name, int clients, const Shape& shape) {
  const Load load = LoadOf(bench, clients);
  bench.AddByTurns(
      {.name = name,
       .value = {},
       .unit = "sagas/s",
       .counted = "two steps, no-op local branches, by " + std::to_string(clients) +
                  " clients with Run: durable ended, waited for once",
       .against = kGroupCommit,
       .goal = AtLeast(0.8)},
      [&] { return RunsPerSecond(load); }, [&] { return RawSagasPerSecond(load, shape); });
}

void AddAll(Bench& bench, const std::string& name) {
  const Shape shape = LocalSagaShape();
  AddLatency(bench, name + "/1", shape);
  for (const int clients : {64, 512}) {
    AddThroughput(bench, name + "/" + std::to_string(clients), clients, shape);
  }
  AddRun(bench, name + "/run", 64, shape);
}

void SagaLocal(Bench& bench) { AddAll(bench, "saga-local"); }

// Both sides are on it: group commit must carry the throughput.
void OnSlowDisk(Bench& bench) {
  const SlowDisk disk(kSlowSync);
  AddAll(bench, "slow-disk");
}

// The coordinator is paused: it accepts, and calls nobody. It ends without a Close, which would
// write what was marked and never called.
double Submits(const Load& load) {
  const TemporaryFolder folder;
  Coordinator coordinator =
      OpenLocal({.store = folder.File("troth.db"), .limits = {.live = 10'000'000}});
  Check(coordinator.Pause(), "pause");
  return Rate(load, [&](int) { Check(coordinator.Submit(LocalSaga()).status(), "submit"); });
}

double RawInserts(const Load& load, const Shape& shape) {
  const TemporaryFolder folder;
  GroupCommit sqlite(folder.File("ceiling.db"));
  return Rate(load, [&](int) {
    RawTransaction raw(shape);
    sqlite.Insert(raw);
  });
}

void SubmitOnly(Bench& bench) {
  const Shape shape = LocalSagaShape();
  const Load load = LoadOf(bench, 64);
  bench.AddByTurns(
      {.name = "submit-only",
       .value = {},
       .unit = "sagas/s",
       .counted = "two steps, by 64 clients: durable accepted, nothing is called",
       .against = "SQLite, the same INSERTs by one writer in groups, each awaited",
       .goal = AtLeast(0.8)},
      [&] { return Submits(load); }, [&] { return RawInserts(load, shape); });
}

}  // namespace

double SagasPerSecond(const Load& load) {
  const TemporaryFolder folder;
  Coordinator coordinator = OpenLocal({.store = folder.File("troth.db")});
  const double rate = Rate(load, [&](int) { RunSaga(coordinator, LocalSaga()); });
  Check(coordinator.Close(), "close");
  return rate;
}

double RawSagasPerSecond(const Load& load, const Shape& shape) {
  const TemporaryFolder folder;
  GroupCommit sqlite(folder.File("ceiling.db"));
  return Rate(load, [&](int) {
    RawTransaction raw(shape);
    sqlite.Insert(raw);
    sqlite.End(raw);
  });
}

Coordinator OpenLocal(CoordinatorOptions options) {
  options.local.push_back({"nothing", [](const BranchContext&, std::string_view, std::stop_token) {
                             return BranchResult::Success();
                           }});
  return Take(Coordinator::Open(std::move(options)), "open");
}

Saga LocalSaga() {
  Saga saga;
  saga.Add({.action = "local:nothing", .compensate = "local:nothing"});
  saga.Add({.action = "local:nothing", .compensate = "local:nothing"});
  return saga;
}

void RunSaga(Coordinator& coordinator, const Saga& saga) {
  Check(coordinator.Submit(saga).status(), "submit");
  const Outcome outcome = Take(coordinator.Wait(saga.gid, std::chrono::minutes(1)), "wait");
  Check(outcome.succeeded(), "a saga has failed");
}

Shape LocalSagaShape() {
  const TemporaryFolder folder;
  const std::string store = folder.File("troth.db");
  Coordinator coordinator = OpenLocal({.store = store});
  RunSaga(coordinator, LocalSaga());
  Check(coordinator.Close(), "close");
  return ShapeOf(store);
}

Group LocalCases() {
  return {.cases = {{.name = "saga-local", .run = SagaLocal},
                    {.name = "submit-only", .run = SubmitOnly},
                    {.name = "slow-disk", .run = OnSlowDisk}}};
}

}  // namespace troth::bench
