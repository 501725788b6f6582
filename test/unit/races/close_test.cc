// Close against everything: what was acknowledged is there when the file is opened again, and no
// call is left waiting.
#include <algorithm>
#include <initializer_list>

#include "../outbox/scene.h"
#include "duel.h"
#include "troth/outbox.h"
#include "troth/xa.h"

namespace troth {
namespace {

using internal::Database;

// What one thread was told.
struct Told {
  Names there;        // must be there, whatever has become of it
  Names committed;    // must succeed
  Names rolled_back;  // must fail
  Names untouched;    // must fail, and no action may have been called
  Names stopped;      // must fail, by force
  Names orders;       // must be accepted exactly when the application's row is there
};

bool MayCloseSay(const Status& status, std::initializer_list<StatusCode> also = {}) {
  const std::initializer_list<StatusCode> always{StatusCode::kFailedPrecondition,
                                                 StatusCode::kCancelled, StatusCode::kAborted,
                                                 StatusCode::kUnavailable};
  const auto has = [&](const auto& codes) {
    return std::find(codes.begin(), codes.end(), status.code()) != codes.end();
  };
  const bool may = status.ok() || has(always) || has(also);
  if (!may) MESSAGE(status.ToString());
  return may;
}

// Keeps the gid where the answer was OK.
void Keep(Names& gids, const std::string& gid, const Status& status) {
  CHECK(MayCloseSay(status));
  if (status.ok()) gids.push_back(gid);
}

// What each thread does, until it is refused as the coordinator was closed.

void UseTcc(Coordinator& coordinator, Told& told) {
  for (int i = 0;; ++i) {
    Result<Tcc> tcc = Tcc::Begin(coordinator);
    CHECK(MayCloseSay(tcc.status()));
    if (!tcc.ok()) return;
    told.there.push_back(tcc->gid());
    CHECK(MayCloseSay(tcc->Call(LocalTcc()).status()));
    Result<Tcc> joined = Tcc::Join(
        coordinator, {.gid = tcc->gid(), .trans_type = "tcc", .branch_id = "01", .op = "try"});
    REQUIRE(joined.ok());  // nothing is checked before the first call
    const Status nested = joined->Call(LocalTcc()).status();
    CHECK(MayCloseSay(nested));
    const bool commits = i % 3 != 0 && nested.ok();
    Keep(commits ? told.committed : told.rolled_back, tcc->gid(),
         commits ? tcc->Commit() : tcc->Rollback("race"));
  }
}

void RunSessions(Coordinator& coordinator, Told& told) {
  for (int i = 0;; ++i) {
    const Status wanted = i % 3 == 0 ? Status(StatusCode::kUnknown, "no") : Status();
    const auto said = [&](const Status& called) { return called.ok() ? wanted : called; };
    const TccOptions tcc;
    const XaOptions xa;
    const bool is_tcc = i % 2 == 0;
    const Status status =
        is_tcc ? RunTcc(coordinator, tcc, [&](Tcc& t) { return said(t.Call(LocalTcc()).status()); })
                     .status()
               : RunXa(coordinator, xa, [&](Xa& x) {
                   return said(x.Call({.url = "local:branch"}).status());
                 }).status();
    const std::string& gid = is_tcc ? tcc.gid : xa.gid;
    Keep(told.committed, gid, status);
    if (status.code() == StatusCode::kAborted) {
      told.rolled_back.push_back(gid);
    } else if (!status.ok()) {
      return;
    }
  }
}

void UseMessages(Coordinator& coordinator, Told& told) {
  for (int i = 0;; ++i) {
    const Message message = LocalMessage();
    const Status prepared = coordinator.Prepare(message).status();
    Keep(told.there, message.gid, prepared);
    if (!prepared.ok()) return;
    const bool commits = i % 3 != 0;
    Keep(commits ? told.committed : told.untouched, message.gid,
         commits ? coordinator.SubmitPrepared(message).status()
                 : coordinator.Abort(message.gid, "race"));
  }
}

// What waits for a function that is not there is stopped, edited, cancelled or skipped.
void Act(Coordinator& coordinator, Told& told) {
  for (int i = 0;; ++i) {
    Saga saga = LocalSaga();
    saga.steps[0].action = "local:nobody";
    Message message = LocalMessage();
    message.steps[0].action = "local:nobody";
    const bool skips = i % 4 == 3;
    const std::string& gid = skips ? message.gid : saga.gid;
    const Status submitted =
        (skips ? coordinator.Submit(message) : coordinator.Submit(saga)).status();
    Keep(told.there, gid, submitted);
    if (!submitted.ok()) return;
    CHECK(MayCloseSay(coordinator.RetryNow(gid, kAnn)));
    if (i % 4 == 0) Keep(told.stopped, gid, coordinator.Stop(gid, kAnn));
    if (i % 4 == 1) {
      Keep(told.committed, gid,
           coordinator.EditBranch(gid, {"01", "action"}, {.url = "local:branch"}, kAnn));
    }
    if (i % 4 == 2) Keep(told.untouched, gid, coordinator.Cancel(gid, kAnn));
    if (skips) Keep(told.committed, gid, coordinator.SkipBranch(gid, {"01", "action"}, kAnn));
  }
}

void UseOutbox(Coordinator& coordinator, Told& told, const std::string& app) {
  Database db(app);
  for (int i = 0;; ++i) {
    const Saga saga = LocalSaga();
    REQUIRE(db.Run("BEGIN IMMEDIATE") == SQLITE_OK);
    REQUIRE(db.AddOrder(saga.gid) == SQLITE_OK);
    told.orders.push_back(saga.gid);
    Result<OutboxTicket> ticket = SubmitInTransaction(coordinator, db.get(), saga);
    CHECK(MayCloseSay(ticket.status()));
    const bool commits = ticket.ok() && i % 3 != 0;
    REQUIRE(db.Run(commits ? "COMMIT" : "ROLLBACK") == SQLITE_OK);
    CHECK(MayCloseSay(PokeOutboxes(coordinator)));
    Message message = LocalMessage();
    message.query_prepared.clear();
    message.timeout_to_fail = 1ms;
    told.orders.push_back(message.gid);
    const Status done = DoAndSubmit(coordinator, message, db.get(), [&] {
                          return db.AddOrder(message.gid) == SQLITE_OK
                                     ? BranchResult::Success()
                                     : BranchResult::Unknown("busy");
                        }).status();
    Keep(told.committed, message.gid, done);
    if (!ticket.ok()) return;
  }
}

void UseTheRest(Coordinator& coordinator, Told& told, const std::string& copy) {
  const std::string url = "http://mail.example/";
  for (int i = 0;; ++i) {
    const Saga saga = LocalSaga();
    const Status submitted = coordinator.Submit(saga).status();
    Keep(told.committed, saga.gid, submitted);
    CHECK(MayCloseSay(coordinator.Pause()));
    CHECK(MayCloseSay(coordinator.Resume()));
    CHECK(MayCloseSay(coordinator.Wait(saga.gid, 30s).status()));
    CHECK(MayCloseSay(coordinator.Query(saga.gid).status()));
    CHECK(MayCloseSay(coordinator.List().status()));
    coordinator.GetHealth();
    coordinator.GetStatistics();
    CHECK(MayCloseSay(coordinator.Cancel(saga.gid, kAnn)));
    CHECK(MayCloseSay(coordinator.RegisterLocal(
        {"other", [](const BranchContext&, std::string_view, std::stop_token) {
           return BranchResult::Success();
         }})));
    // A change whose answer was lost may be there, or not.
    const auto kThere = StatusCode::kAlreadyExists, kGone = StatusCode::kNotFound;
    CHECK(MayCloseSay(coordinator.Subscribe("orders", url), {kThere}));
    CHECK(MayCloseSay(coordinator.GetTopic("orders").status(), {kGone}));
    CHECK(MayCloseSay(coordinator.ListTopics().status()));
    CHECK(MayCloseSay(coordinator.Unsubscribe("orders", url), {kGone}));
    CHECK(MayCloseSay(coordinator.DeleteTopic("orders"), {kGone}));
    CHECK(MayCloseSay(coordinator.Backup(copy + std::to_string(i))));
    if (!submitted.ok()) return;
  }
}

void CheckKept(Coordinator& again, CallLog& log, const Told& told, Database& app) {
  for (const std::string& gid : told.there) CHECK(again.Query(gid).ok());
  for (const std::string& gid : told.committed) {
    CHECK(Ended(again, gid).succeeded());
    CHECK(Count(log.Of(gid), "/cancel") + Count(log.Of(gid), "/rollback") == 0);
  }
  for (const std::string& gid : told.rolled_back) {
    CHECK(Ended(again, gid).status == TransactionStatus::kFailed);
    CHECK(Count(log.Of(gid), "/confirm") + Count(log.Of(gid), "/commit") == 0);
  }
  for (const std::string& gid : told.untouched) {
    CHECK(Ended(again, gid).status == TransactionStatus::kFailed);
    CHECK(Count(log.Of(gid), "/action") == 0);
  }
  for (const std::string& gid : told.stopped) CHECK(Ended(again, gid).forced);
  for (const std::string& gid : told.orders) {
    const bool accepted = again.Query(gid).ok() && Ended(again, gid).succeeded();
    CHECK(app.Has(gid) == accepted);
  }
}

void OneClose(CallLog& log, Jitter& jitter) {
  const internal::TemporaryFolder folder;
  const std::string app = folder.File("app.db");
  internal::MakeShop(app);
  CoordinatorOptions options = OptionsOf(folder.File("store"), log);
  options.outboxes = {app};
  std::vector<Told> told(6);
  {
    Coordinator coordinator = Opened(options);
    std::vector<std::thread> threads;
    threads.emplace_back([&] { UseTcc(coordinator, told[0]); });
    threads.emplace_back([&] { RunSessions(coordinator, told[1]); });
    threads.emplace_back([&] { UseMessages(coordinator, told[2]); });
    threads.emplace_back([&] { Act(coordinator, told[3]); });
    threads.emplace_back([&] { UseOutbox(coordinator, told[4], app); });
    threads.emplace_back([&] { UseTheRest(coordinator, told[5], folder.File("copy")); });
    jitter.Spin(40'000us);
    Status second;
    std::thread closes_too([&] { second = coordinator.Close(); });
    CHECK(coordinator.Close().ok());
    closes_too.join();
    CHECK(second.ok());
    for (std::thread& thread : threads) thread.join();
  }
  Coordinator again = Opened(options);
  Database db(app);
  for (const Told& one : told) CheckKept(again, log, one, db);
  CHECK(again.Close().ok());
}

TEST_CASE("race: close against everything, on a file") {
  Jitter jitter;
  const int rounds = Rounds(200);
  for (int round = 0; round < rounds; ++round) {
    CallLog log;
    OneClose(log, jitter);
  }
}

TEST_CASE("race: destruction without Close against sessions that live on") {
  CallLog log;
  Duel duel;
  const int rounds = Rounds(1'000);
  int committed = 0;
  for (int round = 0; round < rounds; ++round) {
    std::optional<Coordinator> coordinator(Opened(OptionsOf(":memory:", log)));
    Result<Tcc> tcc = Tcc::Begin(*coordinator);
    REQUIRE(tcc.ok());
    Status commit;
    duel.Run([&] { coordinator.reset(); },
             [&] {
               CHECK(MayCloseSay(tcc->Call(LocalTcc()).status()));
               commit = tcc->Commit();
             },
             5ms);
    CHECK(MayCloseSay(commit));
    CHECK(tcc->Commit().code() == StatusCode::kFailedPrecondition);
    committed += commit.ok() ? 1 : 0;
  }
  CheckBothWin(committed, rounds);
}

}  // namespace
}  // namespace troth
