// Opening, closing, crashing, owning, backing up.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "opened.h"

namespace troth::internal {
namespace {

TEST_CASE("store: a closed store opens clean, a crashed one unclean, each under a new epoch") {
  OpenedStore store;
  CHECK(store->Open(store.home().Options()).ok() == false);
  const StoreInfo crashed = store.Reopen();
  CHECK(crashed.unclean);
  CHECK_FALSE(crashed.restored);
  store->Close();
  const StoreInfo closed = store.Reopen();
  CHECK_FALSE(closed.unclean);
  CHECK(closed.epoch == crashed.epoch + 1);
}

TEST_CASE("store: a new store is clean and has no clock") {
  const auto home = MakeHome();
  const auto store = home->NewStore();
  const StoreInfo info = store->Open(home->Options()).value();
  CHECK_FALSE(info.unclean);
  CHECK_FALSE(info.highest_updated.has_value());
}

TEST_CASE("store: what was committed is there after a crash") {
  OpenedStore store;
  const Write first = NewWrite("g");
  const int64_t id = store.ApplyOne(first).id;
  store.ApplyOne(NextWrite(first, id));
  store.Reopen();
  CHECK(store.LoadOne("g").state == "state 2");
  Write third = NextWrite(NextWrite(first, id), id);
  CHECK(store.ApplyOne(third).kind == WriteResult::Kind::kOk);
}

TEST_CASE("store: the latest time of a change is exact after a close, and never early") {
  OpenedStore store;
  Write write = NewWrite("g");
  write.row.updated = At(77'777);
  store.ApplyOne(write);
  Write older = NewWrite("h");
  older.row.updated = At(66'666);
  store.ApplyOne(older);
  SUBCASE("closed") {
    store->Close();
    CHECK(store.Reopen().highest_updated == At(77'777));
  }
  SUBCASE("crashed") {
    const StoreInfo info = store.Reopen();
    CHECK(*info.highest_updated >= At(77'777));
    CHECK(*info.highest_updated <= At(77'827));
  }
}

TEST_CASE("store: a second owner is refused while the first is there") {
  OpenedStore store;
  const auto second = store.home().NewStore();
  const auto refused = second->Open(store.home().Options());
  CHECK(refused.status().code() == StatusCode::kFailedPrecondition);
  store->Close();
  CHECK(store.home().NewStore()->Open(store.home().Options()).ok());
}

TEST_CASE(
    "store: whoever only reads sees what is committed, beside the owner, and writes nothing") {
  OpenedStore store;
  StoreOptions options = store.home().Options();
  options.read_only = true;
  const auto reader = store.home().NewStore();
  REQUIRE(reader->Open(options).ok());
  store.ApplyOne(NewWrite("g"));
  CHECK(reader->Load("g").value().has_value());
  CHECK(reader->List({}, 0, 10).value().rows.size() == 1);
  const Write write = NewWrite("h");
  CHECK(reader->Apply({&write, 1}).kind == BatchResult::Kind::kNotWritten);
  CHECK_FALSE(reader->ParkUnended(ReasonCode::kParkedRestored).ok());
  CHECK_FALSE(reader->LoadDue(std::nullopt, At(9'999), 1).ok());
  PurgePass pass;
  CHECK_FALSE(reader->Purge(pass, At(0), At(0), std::chrono::milliseconds(1)).ok());
  reader->Close();
  CHECK(store.ApplyOne(write).kind == WriteResult::Kind::kOk);
}

TEST_CASE("store: a closed store refuses everything") {
  OpenedStore store;
  store->Close();
  store->Close();
  const Write write = NewWrite("g");
  CHECK(store->Apply({&write, 1}).kind == BatchResult::Kind::kNotWritten);
  CHECK(store->Load("g").status().code() == StatusCode::kFailedPrecondition);
  CHECK(store->List({}, 0, 1).status().code() == StatusCode::kFailedPrecondition);
  CHECK(store->Backup(store.home().BackupPath()).code() == StatusCode::kFailedPrecondition);
  CHECK_FALSE(store->Idle());
}

TEST_CASE("store: a backup is of its moment, is refused as it is, and opens as a restored one") {
  OpenedStore store;
  store.ApplyOne(NewWrite("before"));
  const std::string path = store.home().BackupPath();
  const Status status = store->Backup(path);
  REQUIRE_MESSAGE(status.ok(), status.ToString());
  CHECK(store->Backup(path).code() == StatusCode::kAlreadyExists);
  store.ApplyOne(NewWrite("after"));

  const auto refused = store.home().NewStoreOnBackup()->Open({.path = path});
  CHECK(refused.status().code() == StatusCode::kFailedPrecondition);
  CHECK(refused.status().message().find(".restored = true") != std::string::npos);
  {
    // A crash before anything was parked leaves it a backup.
    CHECK(store.home().NewStoreOnBackup()->Open({.path = path, .restored = true}).ok());
    CHECK_FALSE(store.home().NewStoreOnBackup()->Open({.path = path}).ok());
  }
  const auto copy = store.home().NewStoreOnBackup();
  CHECK(copy->Open({.path = path, .restored = true}).value().restored);
  CHECK(copy->ParkUnended(ReasonCode::kParkedRestored).value() == 1);
  CHECK(copy->Load("before").value()->row.parked == ReasonCode::kParkedRestored);
  CHECK_FALSE(copy->Load("after").value().has_value());
  copy->Close();
  CHECK_FALSE(store.home().NewStoreOnBackup()->Open({.path = path}).value().restored);
}

TEST_CASE("store: nothing is wrong with a new store, and nothing is left to do when idle") {
  OpenedStore store;
  store.ApplyOne(NewWrite("g"));
  CHECK_FALSE(store->Idle());
  CHECK(store->Problem().empty());
}

TEST_CASE("store: other threads load and list while batches are written") {
  OpenedStore store;
  const Write first = NewWrite("g");
  const int64_t id = store.ApplyOne(first).id;
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      uint64_t last = 0;
      do {
        const auto loaded = store->Load("g");
        const auto listed = store->List({}, 0, 10);
        const bool good = loaded.ok() && loaded->has_value() && listed.ok() &&
                          (*loaded)->row.version >= last && (*loaded)->parts.size() == 1;
        if (!good) ++wrong;
        if (good) last = (*loaded)->row.version;
        (void)store->Problem();
      } while (!stop);
    });
  }
  Write write = first;
  for (int i = 0; i < 100; ++i) {
    write = NextWrite(write, id);
    CHECK(store.ApplyOne(write).kind == WriteResult::Kind::kOk);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace troth::internal
