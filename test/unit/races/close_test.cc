// Close against everything: what was acknowledged is there when the file is opened again, and no
// call is left waiting.
#include <stdlib.h>

#include <atomic>
#include <filesystem>

#include "duel.h"

namespace troth {
namespace {

struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troth-races-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

// What one thread was told.
struct Told {
  Names committed;    // must succeed
  Names rolled_back;  // must fail
  Names prepared;     // must be there
};

bool MayCloseSay(const Status& status) {
  return status.ok() || status.code() == StatusCode::kFailedPrecondition ||
         status.code() == StatusCode::kCancelled || status.code() == StatusCode::kAborted ||
         status.code() == StatusCode::kUnavailable;
}

void UseSessions(Coordinator& coordinator, const std::atomic<bool>& over, Told& told) {
  for (int i = 0; !over; ++i) {
    Result<Tcc> tcc = Tcc::Begin(coordinator);
    CHECK(MayCloseSay(tcc.status()));
    if (!tcc.ok()) continue;
    told.prepared.push_back(tcc->gid());
    CHECK(MayCloseSay(tcc->Call(LocalTcc()).status()));
    const bool commits = i % 3 != 0;
    const Status decided = commits ? tcc->Commit() : tcc->Rollback("race");
    CHECK(MayCloseSay(decided));
    if (decided.ok()) (commits ? told.committed : told.rolled_back).push_back(tcc->gid());
  }
}

void UseMessages(Coordinator& coordinator, const std::atomic<bool>& over, Told& told) {
  for (int i = 0; !over; ++i) {
    const Message message = LocalMessage();
    const Status prepared = coordinator.Prepare(message).status();
    CHECK(MayCloseSay(prepared));
    if (!prepared.ok()) continue;
    told.prepared.push_back(message.gid);
    const bool commits = i % 3 != 0;
    const Status decided = commits ? coordinator.SubmitPrepared(message).status()
                                   : coordinator.Abort(message.gid, "race");
    CHECK(MayCloseSay(decided));
    if (decided.ok()) (commits ? told.committed : told.rolled_back).push_back(message.gid);
  }
}

void UseTheRest(Coordinator& coordinator, const std::atomic<bool>& over, Told& told) {
  while (!over) {
    const Saga saga = LocalSaga();
    const Status submitted = coordinator.Submit(saga).status();
    CHECK(MayCloseSay(submitted));
    if (submitted.ok()) told.committed.push_back(saga.gid);
    CHECK(MayCloseSay(coordinator.Wait(saga.gid, 5s).status()));
    CHECK(MayCloseSay(coordinator.Query(saga.gid).status()));
    CHECK(MayCloseSay(coordinator.List().status()));
    coordinator.GetHealth();
    CHECK(MayCloseSay(coordinator.Cancel(saga.gid, kAnn)));
    CHECK(MayCloseSay(coordinator.RetryNow(saga.gid, kAnn)));
    CHECK(MayCloseSay(coordinator.RegisterLocal(
        {"other", [](const BranchContext&, std::string_view, std::stop_token) {
           return BranchResult::Success();
         }})));
  }
}

void OneClose(const std::string& file, CallLog& log, Jitter& jitter) {
  std::vector<Told> told(3);
  {
    Coordinator coordinator = Opened(OptionsOf(file, log));
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    threads.emplace_back([&] { UseSessions(coordinator, over, told[0]); });
    threads.emplace_back([&] { UseMessages(coordinator, over, told[1]); });
    threads.emplace_back([&] { UseTheRest(coordinator, over, told[2]); });
    jitter.Spin(20'000us);
    Status second;
    std::thread closes_too([&] { second = coordinator.Close(); });
    CHECK(coordinator.Close().ok());
    closes_too.join();
    CHECK(second.ok());
    over = true;
    for (std::thread& thread : threads) thread.join();
  }
  Coordinator again = Opened(OptionsOf(file, log));
  for (const Told& one : told) {
    for (const std::string& gid : one.prepared) CHECK(again.Query(gid).ok());
    for (const std::string& gid : one.committed) {
      CHECK(Ended(again, gid).succeeded());
      CHECK(Count(log.Of(gid), "/cancel") == 0);
    }
    for (const std::string& gid : one.rolled_back) {
      CHECK(Ended(again, gid).status == TransactionStatus::kFailed);
      CHECK(Count(log.Of(gid), "/confirm") + Count(log.Of(gid), "/action") == 0);
    }
  }
  CHECK(again.Close().ok());
}

TEST_CASE("race: close against everything, on a file") {
  Folder folder;
  Jitter jitter;
  for (int round = 0; round < 40; ++round) {
    CallLog log;
    OneClose((folder.path / ("store" + std::to_string(round))).string(), log, jitter);
  }
}

TEST_CASE("race: destruction without Close against sessions that live on") {
  CallLog log;
  for (int round = 0; round < 200; ++round) {
    Duel duel;
    std::optional<Coordinator> coordinator(Opened(OptionsOf(":memory:", log)));
    Result<Tcc> tcc = Tcc::Begin(*coordinator);
    REQUIRE(tcc.ok());
    duel.Run([&] { coordinator.reset(); },
             [&] {
               CHECK(MayCloseSay(tcc->Call(LocalTcc()).status()));
               CHECK(MayCloseSay(tcc->Commit()));
             });
    CHECK(tcc->Commit().code() == StatusCode::kFailedPrecondition);
  }
}

}  // namespace
}  // namespace troth
