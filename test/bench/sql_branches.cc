// saga-sql: branches that do what branches do, two statements of SQL in a transaction of their own
// database, with a barrier.
#include <functional>
#include <mutex>

#include "branches.h"
#include "database.h"
#include "groups.h"
#include "local.h"
#include "machine.h"
#include "troth/sqlite.h"

namespace troth::bench {
namespace {

constexpr char kBank[] = "bank";

// One connection, one transaction at a time.
class Bank {
 public:
  explicit Bank(const std::string& path) : database_(path) {
    database_.Execute(
        "CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);"
        "CREATE TABLE entry(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, amount INTEGER);"
        "INSERT INTO account(balance) VALUES(0)");
    Check(SqliteBarrier::CreateTable(database_.get()), "barrier");
    update_ = database_.Prepare("UPDATE account SET balance=balance+30 WHERE id=1");
    insert_ = database_.Prepare("INSERT INTO entry(account,amount) VALUES(1,30)");
  }

  BranchResult WithBarrier(const BranchContext& context) {
    const std::lock_guard lock(mutex_);
    return SqliteBarrier(context).Call(database_.get(), [this] { return Book(); });
  }

  BranchResult WithoutBarrier() {
    const std::lock_guard lock(mutex_);
    database_.Execute("BEGIN IMMEDIATE");
    BranchResult result = Book();
    database_.Execute("COMMIT");
    return result;
  }

 private:
  BranchResult Book() {
    database_.Check(update_.Run());
    database_.Check(insert_.Run());
    return BranchResult::Success();
  }

  std::mutex mutex_;
  Database database_;
  internal::sqlite::Statement update_;
  internal::sqlite::Statement insert_;
};

void RunBank(const Arguments& arguments) {
  Bank bank(arguments.at(0));
  ServeBranches(
      {{"/barrier",
        [&](const BranchContext& context, std::string_view) { return bank.WithBarrier(context); }},
       {"/plain", [&](const BranchContext&, std::string_view) { return bank.WithoutBarrier(); }}});
}

struct Banks {
  TemporaryFolder folder;
  Child first{kBank, {folder.File("first.db")}};
  Child second{kBank, {folder.File("second.db")}};

  Saga SagaFor(const char* path) { return SagaAt(UrlOf(first) + path, UrlOf(second) + path); }
};

double WithCoordinator(Banks& banks, const Load& load, const char* path) {
  const TemporaryFolder folder;
  Coordinator coordinator = OpenLocal({.store = folder.File("troth.db")});
  const double rate = Rate(load, [&](int) { RunSaga(coordinator, banks.SagaFor(path)); });
  Check(coordinator.Close(), "close");
  return rate;
}

double WithoutCoordinator(Banks& banks, const Load& load) {
  PlainClient client;
  return Rate(load, [&](int) { client.CallBoth(banks.SagaFor("/plain")); });
}

// The services' own part: what a coordinator tells them is in the requests.
double WithBarrierAlone(Banks& banks, const Load& load) {
  PlainClient client;
  return Rate(load, [&](int) {
    const std::string path = "/barrier?trans_type=saga&branch_id=01&op=action&gid=" + NewGid();
    client.CallBoth(banks.SagaFor(path.c_str()));
  });
}

void SagaSql(Bench& bench) {
  Banks banks;
  const Load load{.clients = 64, .time = bench.round_time()};
  const auto add = [&](const char* name, const char* counted, Goal goal,
                       const std::function<double()>& rate) {
    bench.AddByTurns({.name = name,
                      .value = {},
                      .unit = "sagas/s",
                      .counted = counted,
                      .against = "the same services called without coordinator and barrier",
                      .goal = goal},
                     rate, [&] { return WithoutCoordinator(banks, load); });
  };
  add("saga-sql",
      "two steps at two services, each with a barrier and two statements on its own SQLite file, "
      "by 64 clients: durable accepted and durable ended, waited for",
      AtLeast(0.9), [&] { return WithCoordinator(banks, load, "/barrier"); });
  // What of that each of the two costs.
  add("saga-sql/coordinator", "as saga-sql, without a barrier", NoGoal(),
      [&] { return WithCoordinator(banks, load, "/plain"); });
  add("saga-sql/barrier", "as saga-sql, with a barrier and without a coordinator", NoGoal(),
      [&] { return WithBarrierAlone(banks, load); });
}

}  // namespace

Group SqlBranchCases() {
  return {.cases = {{.name = "saga-sql", .run = SagaSql}},
          .roles = {{.name = kBank, .run = RunBank}}};
}

}  // namespace troth::bench
