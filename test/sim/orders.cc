#include "orders.h"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "troth/outbox.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kTriesMax = 40;

// Whoever is answered so knows how it ended, or that it can't be.
bool IsDefinite(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
    case StatusCode::kAborted:
    case StatusCode::kAlreadyExists:
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:  // of a topic
      return true;
    default:
      return false;
  }
}

}  // namespace

// One local transaction, on a connection of its own.
class Orders::Attempt {
 public:
  Attempt(Orders& orders, const Planned& planned, Database& db)
      : client_(orders.client_),
        fibers_(orders.fibers_),
        universe_(orders.universe_),
        shop_(*orders.shop_),
        planned_(planned),
        db_(db),
        life_(client_.life()) {}

  // True: it knows how it ended.
  bool Make() {
    if (planned_.wanted[0].order == Wanted::Order::kTwoPhases) return InTwoPhases();
    const int64_t there = Shop::Orders(db_, planned_.gid());
    if (there != 0) return there > 0;
    const bool over = InOneCommit();
    if (sqlite3_get_autocommit(db_.get()) == 0) db_.Run("ROLLBACK");
    return over;
  }

 private:
  bool Runs() const { return client_.life() == life_ && client_.up(); }

  // Something was done that a crash may follow; then the process does nothing more. False: it has
  // crashed, or was closed.
  bool Effect() {
    if (!Runs()) return false;
    universe_.CountEffect();
    if (universe_.crashed()) shop_.Cut();
    return Runs();
  }
  bool Think() {
    if (planned_.order.thinks == 0ms) return Runs();
    fibers_.SleepUnless(planned_.order.thinks, [this] { return !Runs(); });
    return Runs();
  }

  bool InOneCommit() {
    if (db_.Run("BEGIN IMMEDIATE") != SQLITE_OK || !Think()) return false;
    if (Shop::AddOrder(db_, planned_.gid()) != SQLITE_OK || !Effect() || !Think()) return false;
    Result<OutboxTicket> ticket = Submit();
    if (!ticket.ok()) return IsDefinite(ticket.status());
    if (!Effect() || !Think()) return false;
    if (planned_.order.drops_ticket) ticket = Status(StatusCode::kCancelled, "dropped");
    if (!planned_.order.commits) return db_.Run("ROLLBACK") == SQLITE_OK && Effect();
    if (client_.CommitLocally(planned_.gid(), db_.get(), shop_.synced()) != SQLITE_OK) {
      db_.Run("ROLLBACK");
      return false;
    }
    if (!Effect()) return false;
    if (planned_.order.keeps_ticket > 0ms) {
      fibers_.SleepUnless(planned_.order.keeps_ticket, [this] { return !Runs(); });
    }
    if (ticket.ok() && planned_.order.waits) {
      (void)client_.WaitAdopted(*ticket, planned_.gid(), planned_.order.patience);
    }
    return true;
  }

  Result<OutboxTicket> Submit() {
    if (planned_.mode() == Mode::kSaga) {
      return client_.SubmitInTransaction(planned_.sagas[0], db_.get());
    }
    return client_.SubmitInTransaction(planned_.messages[0], db_.get());
  }

  bool InTwoPhases() {
    Message message = planned_.messages[0];
    if (planned_.order.own_check_back) message.query_prepared.clear();
    const Status done = client_.DoAndSubmit(message, db_.get(), [this] { return Work(); });
    if (!Effect()) return false;
    return IsDefinite(done) || done.code() == StatusCode::kUnknown;
  }

  BranchResult Work() {
    if (!Think()) return BranchResult::Unknown("the process has ended");
    if (Shop::AddOrder(db_, planned_.gid()) != SQLITE_OK) {
      return BranchResult::Unknown(sqlite3_errmsg(db_.get()));
    }
    if (!Effect() || !Think()) return BranchResult::Unknown("the process has ended");
    return planned_.order.commits ? BranchResult::Success() : BranchResult::Failure("no order");
  }

  Client& client_;
  Fibers& fibers_;
  testing::Universe& universe_;
  Shop& shop_;
  const Planned& planned_;
  Database& db_;
  const uint32_t life_;
};

void Orders::Run(const Planned& planned) {
  for (int i = 0; i < kTriesMax; ++i) {
    client_.AwaitUp();
    {
      const std::unique_ptr<Database> db = shop_->Connect();
      if (db != nullptr && Attempt(*this, planned, *db).Make()) return;
    }
    client_.Sleep(planned.pause + milliseconds{int64_t{1} << std::min(i, 16)});
  }
}

}  // namespace troth::sim
