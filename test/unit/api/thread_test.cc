// Many threads at once, with everything they may do racing.
#include <atomic>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "opened.h"

namespace troth {
namespace {

// Counts what ran, as a branch with a barrier would: once per step and operation.
class Ledger {
 public:
  LocalFunction Function(bool may_refuse) {
    return [this, may_refuse](const BranchContext& context, std::string_view payload,
                              std::stop_token) {
      const bool refuse = may_refuse && context.op == "action" && payload == "refuse";
      if (refuse) return BranchResult::Failure("refused");
      const std::lock_guard lock(mutex_);
      ran_.insert(context.gid + "/" + context.branch_id + "/" + context.op);
      return BranchResult::Success();
    };
  }
  bool Ran(const std::string& gid, const std::string& branch, const std::string& op) const {
    const std::lock_guard lock(mutex_);
    return ran_.contains(gid + "/" + branch + "/" + op);
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> ran_;
};

TEST_CASE("threads: thousands of sagas from many threads, with acts racing, each ends as it must") {
  constexpr int kThreads = 16;
  constexpr int kSagas = 150;
  const TemporaryFolder folder;
  Ledger ledger;
  std::atomic<int> finished{0};
  CoordinatorOptions options{.store = folder.File("t.db"),
                             .local = {{"a", ledger.Function(false)}, {"b", ledger.Function(true)}},
                             .defaults = {.retry = {.first = 1ms}}};
  options.on_finished = [&](const Outcome&) { ++finished; };
  Coordinator coordinator = MustOpen(options);
  std::mutex mutex;
  std::map<std::string, Outcome> outcomes;
  std::vector<std::string> wrong;
  const auto work = [&](int thread) {
    for (int i = 0; i < kSagas; ++i) {
      Saga saga;
      const char* payload = (i + thread) % 5 == 0 ? "refuse" : "go";
      saga.Add({.action = "local:a", .compensate = "local:a", .payload = payload});
      saga.Add({.action = "local:b", .compensate = "local:b", .payload = payload});
      saga.concurrent = i % 2 == 0;
      const Status submitted = coordinator.Submit(saga).status();
      Status act;
      if (i % 7 == 0) act = coordinator.Cancel(saga.gid, kAnn);
      if (i % 11 == 0) act = coordinator.RetryNow(saga.gid, kAnn);
      if (i % 13 == 0) {
        act = coordinator.EditBranch(saga.gid, {"02", "action"}, {.payload = "go"}, kAnn);
      }
      Result<Outcome> outcome = coordinator.Wait(saga.gid, 1min);
      const std::lock_guard lock(mutex);
      const bool act_ok = act.ok() || act.code() == StatusCode::kFailedPrecondition;
      if (!submitted.ok()) wrong.push_back(submitted.ToString());
      if (!act_ok) wrong.push_back(act.ToString());
      if (!outcome.ok()) wrong.push_back(outcome.status().ToString());
      if (outcome.ok()) outcomes.emplace(saga.gid, *std::move(outcome));
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong.empty());
  for (const std::string& what : wrong) MESSAGE(what);
  CHECK(outcomes.size() == kThreads * kSagas);
  for (const auto& entry : outcomes) {
    const std::string& gid = entry.first;
    const Outcome& outcome = entry.second;
    CAPTURE(gid);
    for (const char* branch : {"01", "02"}) {
      const bool acted = ledger.Ran(gid, branch, "action");
      const bool undone = ledger.Ran(gid, branch, "compensate");
      if (outcome.succeeded()) CHECK((acted && !undone));
      if (!outcome.succeeded() && acted) CHECK(undone);
    }
  }
  CHECK(coordinator.Close().ok());
  CHECK(finished == kThreads * kSagas);
  Coordinator again = MustOpen({.store = folder.File("t.db")});
  for (const auto& [gid, outcome] : outcomes) CHECK(again.Query(gid)->status == outcome.status);
}

TEST_CASE("threads: the same saga submitted by many at once is one transaction") {
  Ledger ledger;
  std::atomic<int> calls{0};
  CoordinatorOptions options{.store = ":memory:"};
  options.local = {{"f", [&](const BranchContext&, std::string_view, std::stop_token) {
                      ++calls;
                      return BranchResult::Success();
                    }}};
  Coordinator coordinator = MustOpen(options);
  for (int round = 0; round < 50; ++round) {
    const Saga saga = LocalSaga("f", "");
    std::atomic<int> fresh{0};
    std::atomic<int> repeated{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        const Result<Accepted> accepted = coordinator.Submit(saga);
        if (accepted.ok()) ++(accepted->repeated ? repeated : fresh);
        (void)coordinator.Wait(saga.gid, 1min);
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(fresh == 1);
    CHECK(repeated == 7);
  }
  CHECK(calls == 50);
}

TEST_CASE("threads: Close races with everything, and nobody hangs") {
  const TemporaryFolder folder;
  for (int round = 0; round < 10; ++round) {
    Coordinator coordinator = MustOpen({.store = folder.File("t.db"), .local = {Local("yes")}});
    std::atomic<int> accepted{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (;;) {
          const Saga saga = LocalSaga();
          if (!coordinator.Submit(saga).ok()) return;
          ++accepted;
          if (!coordinator.Wait(saga.gid, 1min).ok()) return;
          (void)coordinator.List({}, 5);
          (void)coordinator.GetHealth();
        }
      });
    }
    while (accepted < 20) std::this_thread::yield();
    CHECK(coordinator.Close().ok());
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_CASE("threads: Close comes through a crowd that goes on reading") {
  for (int round = 0; round < 3; ++round) {
    Coordinator coordinator = MustOpen({.store = ":memory:"});
    std::atomic<bool> stop{false};
    std::atomic<int> read{0};
    std::vector<std::thread> crowd;
    for (int i = 0; i < 8; ++i) {
      crowd.emplace_back([&] {
        while (!stop) {
          (void)coordinator.Query("none");
          ++read;
        }
      });
    }
    while (read < 100) std::this_thread::yield();
    CHECK(coordinator.Close().ok());
    stop = true;
    for (std::thread& thread : crowd) thread.join();
  }
}

std::set<std::string> Threads() {
  std::set<std::string> threads;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    threads.insert(task.path().filename());
  }
  return threads;
}

// Of all threads but `others`: the test's own, and those that a sanitizer runs.
uint64_t VoluntarySwitches(const std::set<std::string>& others) {
  uint64_t sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (others.contains(task.path().filename())) continue;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("voluntary_ctxt_switches:")) sum += std::stoull(line.substr(24));
    }
  }
  return sum;
}

// In real time: there is no other way to see that nothing happens.
TEST_CASE("threads: an idle coordinator sleeps, whatever waits in its store") {
  std::thread([] {}).join();  // a sanitizer starts its own thread with the first one
  const std::set<std::string> others = Threads();
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen({.store = folder.File("t.db"), .local = {Local("yes")}});
  for (int i = 0; i < 20; ++i) {
    const Saga done = LocalSaga();
    REQUIRE(coordinator.Submit(done).ok());
    REQUIRE(coordinator.Wait(done.gid, 1min).ok());
    REQUIRE(coordinator.Submit(LocalSaga("nobody")).ok());
  }
  std::this_thread::sleep_for(1500ms);  // let housekeeping end
  const uint64_t before = VoluntarySwitches(others);
  std::this_thread::sleep_for(1s);
  CHECK(VoluntarySwitches(others) - before <= 2);
}

}  // namespace
}  // namespace troth
