// A store that can't be written for a while: patience, what is said, recovery by itself.
#include <sqlite3.h>

#include <thread>

#include "opened.h"

namespace troth {
namespace {

// A stranger's lock on the file, as a backup tool or a forgotten shell holds it.
class ForeignLock {
 public:
  explicit ForeignLock(const std::string& path) {
    REQUIRE(sqlite3_open(path.c_str(), &db_) == SQLITE_OK);
    REQUIRE(sqlite3_busy_timeout(db_, 10'000) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db_, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  ~ForeignLock() { Release(); }
  ForeignLock(const ForeignLock&) = delete;
  ForeignLock& operator=(const ForeignLock&) = delete;
  void Release() {
    sqlite3_close(db_);
    db_ = nullptr;
  }

 private:
  sqlite3* db_ = nullptr;
};

TEST_CASE("locked: a submit is answered within patience, and the same again is one transaction") {
  const TemporaryFolder folder;
  const std::string path = folder.File("t.db");
  Coordinator coordinator = MustOpen({.store = path, .local = {Local("yes")}, .patience = 300ms});
  ForeignLock lock(path);
  const Saga saga = LocalSaga();
  const auto begin = std::chrono::steady_clock::now();
  const Status status = coordinator.Submit(saga).status();
  CHECK((status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kResourceExhausted));
  CHECK(std::chrono::steady_clock::now() - begin < 10s);
  CHECK(coordinator.Query(saga.gid).status().code() == StatusCode::kNotFound);  // readers go on
  lock.Release();
  Status again = status;
  while (!again.ok()) {
    again = coordinator.Submit(saga).status();
    const bool wait = again.ok() || again.code() == StatusCode::kUnavailable ||
                      again.code() == StatusCode::kResourceExhausted;
    REQUIRE_MESSAGE(wait, again);
  }
  CHECK(coordinator.Wait(saga.gid, 1min)->succeeded());
  CHECK(coordinator.List()->transactions.size() == 1);
}

TEST_CASE("locked: what is under way resumes by itself, and health and events say so") {
  const TemporaryFolder folder;
  const std::string path = folder.File("t.db");
  Gate gate;
  std::mutex mutex;
  std::condition_variable changed;
  bool trouble = false;
  bool recovered = false;
  CoordinatorOptions options{.store = path, .local = {Local("yes")}};
  options.local.push_back({"slow", [&](const BranchContext&, std::string_view, std::stop_token) {
                             gate.Pass();
                             return BranchResult::Success();
                           }});
  options.on_event = [&](const Event& event) {
    const std::lock_guard lock(mutex);
    trouble = trouble || event.kind == EventKind::kStoreTrouble;
    recovered = recovered || event.kind == EventKind::kStoreRecovered;
    changed.notify_all();
  };
  Coordinator coordinator = MustOpen(options);
  Saga saga = LocalSaga("slow");
  saga.Add(LocalSaga().steps[0]);
  REQUIRE(coordinator.Submit(saga).ok());
  gate.AwaitArrival();
  ForeignLock foreign(path);
  gate.Open();
  {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, 1min, [&] { return trouble; }));
  }
  CHECK_FALSE(coordinator.GetHealth().store_problem.empty());
  CHECK(coordinator.Query(saga.gid)->status == TransactionStatus::kSubmitted);
  foreign.Release();
  CHECK(coordinator.Wait(saga.gid, 1min)->succeeded());
  {
    std::unique_lock lock(mutex);
    CHECK(changed.wait_for(lock, 1min, [&] { return recovered; }));
  }
  CHECK(coordinator.GetHealth().store_problem.empty());
}

}  // namespace
}  // namespace troth
