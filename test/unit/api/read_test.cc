// Reading beside a running coordinator, lists page by page, health, backups.
#include <set>

#include "opened.h"

namespace troth {
namespace {

TEST_CASE("read-only: beside a running one it reads, and is refused what changes something") {
  const TemporaryFolder folder;
  const std::string path = folder.File("t.db");
  Coordinator running = MustOpen({.store = path, .local = {Local("yes")}});
  const Saga done = LocalSaga();
  const Saga waiting = LocalSaga("later");
  REQUIRE(running.Submit(done).ok());
  REQUIRE(running.Wait(done.gid, 1min).ok());
  REQUIRE(running.Submit(waiting).ok());

  Coordinator reader = MustOpen({.store = path, .read_only = true});
  CHECK(reader.Query(done.gid)->status == TransactionStatus::kSucceed);
  CHECK(reader.List()->transactions.size() == 2);
  CHECK(reader.Wait(done.gid, 1s)->succeeded());
  CHECK(reader.Wait(done.gid, 1s)->branches.back().payload.empty());  // as the owner's
  CHECK(reader.Wait(waiting.gid, 1s).status().code() == StatusCode::kFailedPrecondition);
  CHECK(reader.GetHealth().open);
  CHECK_FALSE(reader.GetHealth().owner);
  CHECK(reader.Backup(folder.File("copy.db")).ok());
  const auto refused = [](const Status& status) {
    CHECK(status.code() == StatusCode::kFailedPrecondition);
    CHECK(status.message().find("read-only") != std::string::npos);
  };
  refused(reader.Submit(LocalSaga()).status());
  refused(reader.Cancel(waiting.gid, kAnn));
  refused(reader.RetryNow(waiting.gid, kAnn));
  refused(reader.Stop(waiting.gid, kAnn));
  refused(reader.SkipBranch(waiting.gid, {"01", "compensate"}, kAnn));
  refused(reader.EditBranch(waiting.gid, {"01", "action"}, {.payload = "x"}, kAnn));
  refused(reader.Pause());
  refused(reader.Resume());
  refused(reader.RegisterLocal(Local("later")));
  // What the owner does now is seen.
  REQUIRE(running.RegisterLocal(Local("later")).ok());
  REQUIRE(running.Wait(waiting.gid, 1min).ok());
  CHECK(reader.Query(waiting.gid)->status == TransactionStatus::kSucceed);
  CHECK(running.Close().ok());
  CHECK(reader.Query(done.gid).ok());
  CHECK(reader.Close().ok());
  CHECK(reader.Query(done.gid).status().code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("list: pages and filters give each transaction once, newest first") {
  const TemporaryFolder folder;
  Coordinator coordinator =
      MustOpen({.store = folder.File("t.db"),
                .local = {Local("yes"), Local("no", BranchResult::Failure("no"))}});
  std::vector<std::string> gids;
  std::set<std::string> failed;
  for (int i = 0; i < 60; ++i) {
    const Saga saga = LocalSaga(i % 7 == 0 ? "no" : i % 11 == 0 ? "later" : "yes");
    REQUIRE(coordinator.Submit(saga).ok());
    if (i % 7 == 0) failed.insert(saga.gid);
    if (i % 7 == 0 || i % 11 != 0) REQUIRE(coordinator.Wait(saga.gid, 1min).ok());
    gids.push_back(saga.gid);
  }
  const auto all = [&](const ListFilter& filter, size_t limit) {
    std::vector<std::string> listed;
    std::string position;
    do {
      const Result<ListPage> page = coordinator.List(filter, limit, position);
      REQUIRE(page.ok());
      CHECK(page->transactions.size() <= limit);
      for (const auto& one : page->transactions) listed.push_back(one.gid);
      position = page->next_position;
    } while (!position.empty());
    return listed;
  };
  const std::vector<std::string> newest_first(gids.rbegin(), gids.rend());
  for (const size_t limit : {1u, 7u, 60u, 1000u}) CHECK(all({}, limit) == newest_first);
  const auto only_failed = all({.status = TransactionStatus::kFailed}, 4);
  CHECK(std::set<std::string>(only_failed.begin(), only_failed.end()) == failed);
  CHECK(only_failed.size() == failed.size());
  CHECK(all({.status = TransactionStatus::kSubmitted}, 10).size() == 5);
  CHECK(all({.mode = Mode::kSaga}, 10).size() == 60);
  CHECK(all({.mode = Mode::kXa}, 10).empty());
  const Time middle = coordinator.Query(gids[30])->created;
  const size_t from = all({.created_from = middle}, 10).size();
  const size_t to = all({.created_to = middle}, 10).size();
  CHECK(from + to == 60);
  CHECK(all({.created_from = middle, .created_to = middle}, 10).empty());
  CHECK(all({.parked = true}, 10).size() == 5);  // those that wait for a function
  CHECK(all({.unended = true}, 2) == all({.status = TransactionStatus::kSubmitted}, 10));

  CHECK(coordinator.List({}, 0).status().message().starts_with("limit"));
  CHECK(coordinator.List({}, 1001).status().message().starts_with("limit"));
  for (const char* position : {"x", "-1", "1x", "99999999999999999999"}) {
    CHECK(coordinator.List({}, 10, position).status().message().starts_with("position"));
  }
}

TEST_CASE("health: an open, idle coordinator has nothing to complain of") {
  Coordinator coordinator = MustOpen({.store = ":memory:", .local = {Local("yes")}});
  const Saga saga = LocalSaga();
  REQUIRE(coordinator.Submit(saga).ok());
  REQUIRE(coordinator.Wait(saga.gid, 1min).ok());
  const Health health = coordinator.GetHealth();
  CHECK(health.open);
  CHECK(health.owner);
  CHECK_FALSE(health.paused);
  CHECK(health.store_problem.empty());
  CHECK(health.in_flight == 0);
  CHECK(health.hosts.empty());
  CHECK(health.clock_offset < 1min);
  CHECK(coordinator.Close().ok());
  CHECK_FALSE(coordinator.GetHealth().open);
}

TEST_CASE("backup: a live copy is a store, opened only as restored, and then all in it is parked") {
  const TemporaryFolder folder;
  const std::string copy = folder.File("copy.db");
  const Saga done = LocalSaga();
  const Saga waiting = LocalSaga("later");
  const Saga after = LocalSaga();
  {
    Coordinator coordinator = MustOpen({.store = folder.File("t.db"), .local = {Local("yes")}});
    REQUIRE(coordinator.Submit(done).ok());
    REQUIRE(coordinator.Wait(done.gid, 1min).ok());
    REQUIRE(coordinator.Submit(waiting).ok());
    REQUIRE(coordinator.Backup(copy).ok());
    CHECK(coordinator.Backup(copy).code() == StatusCode::kAlreadyExists);
    CHECK(coordinator.Backup("").code() == StatusCode::kInvalidArgument);
    CHECK_FALSE(coordinator.Backup(folder.File("no/such/folder.db")).ok());
    REQUIRE(coordinator.Submit(after).ok());
  }
  const Status refused = Coordinator::Open({.store = copy}).status();
  CHECK(refused.code() == StatusCode::kFailedPrecondition);
  CHECK(refused.message().find("restored") != std::string::npos);

  CoordinatorOptions options{.store = copy, .restored = true, .local = {Local("yes")}};
  options.local.push_back(Local("later"));
  {
    Coordinator restored = MustOpen(options);
    CHECK(restored.Wait(done.gid, 0ms)->succeeded());
    CHECK(restored.Query(after.gid).status().code() == StatusCode::kNotFound);
    CHECK(restored.Query(waiting.gid)->parked == ReasonCode::kParkedRestored);
    CHECK(restored.List({.parked = true})->transactions.size() == 1);
    CHECK(restored.Wait(waiting.gid, 100ms).status().code() == StatusCode::kDeadlineExceeded);
    const Saga fresh = LocalSaga();  // new ones run
    REQUIRE(restored.Submit(fresh).ok());
    CHECK(restored.Wait(fresh.gid, 1min)->succeeded());
    CHECK(restored.Close().ok());
  }
  // It is a store like any other now, and what is parked stays so.
  options.restored = false;
  Coordinator again = MustOpen(options);
  CHECK(again.Wait(waiting.gid, 100ms).status().code() == StatusCode::kDeadlineExceeded);
  CHECK(again.Query(waiting.gid)->parked == ReasonCode::kParkedRestored);
  REQUIRE(again.RetryNow(waiting.gid, kAnn).ok());
  CHECK(again.Wait(waiting.gid, 1min)->succeeded());
}

}  // namespace
}  // namespace troth
