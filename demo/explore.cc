// A handler without a barrier is caught, before production does it.
//
// The bank adds to a balance whatever it is called for. Once in a while a call comes twice, comes
// late, or comes back after its answer was lost; then money is made or lost. Explore() runs the
// saga under such faults, and under crashes after every step, until a run breaks, and tells its
// story. With the barrier no run breaks.
#include <sqlite3.h>
#include <troth/sqlite.h>
#include <troth/testing/explore.h>

#include <iostream>
#include <memory>
#include <string>

using troth::BranchContext;
using troth::BranchResult;
using namespace troth::testing;

// A service with a database of its own, which adds `amount` for each call.
class Bank {
 public:
  explicit Bank(bool barrier) : barrier_(barrier) {
    sqlite3_open(":memory:", &db_);
    sqlite3_exec(db_, "CREATE TABLE account(sum INTEGER); INSERT INTO account VALUES(0)", nullptr,
                 nullptr, nullptr);
    if (!troth::SqliteBarrier::CreateTable(db_).ok()) std::abort();
  }
  ~Bank() { sqlite3_close(db_); }

  Handler Adds(int amount) {
    return [this, amount](const BranchContext& context, std::string_view) {
      const auto add = [&] {
        const std::string sql = "UPDATE account SET sum = sum + " + std::to_string(amount);
        const bool done = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
        return done ? BranchResult::Success() : BranchResult::Unknown(sqlite3_errmsg(db_));
      };
      return barrier_ ? troth::SqliteBarrier(context).Call(db_, add) : add();
    };
  }

  int Sum() {
    sqlite3_stmt* read = nullptr;
    sqlite3_prepare_v2(db_, "SELECT sum FROM account", -1, &read, nullptr);
    const int sum = sqlite3_step(read) == SQLITE_ROW ? sqlite3_column_int(read, 0) : 0;
    sqlite3_finalize(read);
    return sum;
  }

 private:
  const bool barrier_;
  sqlite3* db_ = nullptr;
};

Exploration ExploreTransfer(bool barrier) {
  return Explore(300, [barrier](World& world) {
    const auto bank = std::make_shared<Bank>(barrier);  // fresh for each run
    world.Branch("http://bank/out").Do(bank->Adds(-30));
    world.Branch("http://bank/out/undo").Do(bank->Adds(30));
    world.Branch("http://bank/in").Do(bank->Adds(30));
    world.Branch("http://bank/in/undo").Do(bank->Adds(-30));

    troth::Saga saga;
    saga.gid = "transfer";
    saga.Add({.action = "http://bank/out", .compensate = "http://bank/out/undo"});
    saga.Add({.action = "http://bank/in", .compensate = "http://bank/in/undo"});
    return Scenario{
        .run = [saga](troth::Coordinator& c) { return c.Submit(saga).status(); },
        .check =
            [bank] { return bank->Sum() == 0 ? "" : "the sum is " + std::to_string(bank->Sum()); }};
  });
}

int main() {
  const Exploration without = ExploreTransfer(/*barrier=*/false);
  std::cout << "without a barrier: " << without.ToString() << "\n";
  const Exploration with = ExploreTransfer(/*barrier=*/true);
  std::cout << "with a barrier: " << with.ToString() << std::endl;
  return !without.ok() && with.ok() ? 0 : 1;
}
