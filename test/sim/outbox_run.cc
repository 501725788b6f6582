#include "outbox_run.h"

#include <fstream>

#include "base/text.h"
#include "troth/message.h"
#include "troth/saga.h"

namespace troth::sim {

using internal::Concat;
using namespace std::chrono_literals;

namespace {

constexpr char kDeliver[] = "http://shop/deliver";

std::string MakeEmptyFile(std::string path) {
  const std::ofstream file(path);
  return path;
}

testing::WorldOptions Options(const std::string& app) {
  testing::WorldOptions options;
  options.coordinator.outboxes = {app};
  options.coordinator.defaults.retry = {.first = 200ms, .cap = 2s};
  options.coordinator.patience = 2s;
  options.commit_time = 2ms;
  return options;
}

}  // namespace

OutboxRun::OutboxRun(const Trouble& trouble)
    : app_(MakeEmptyFile(folder_.File("app.db"))),
      ordeal_(trouble, Options(app_), {kStorePath, app_}) {
  ordeal_.disk().MakeDefault();
  ordeal_.world().Branch(kDeliver).Do([this](const BranchContext& context, std::string_view) {
    delivered_.insert(context.gid);
    return BranchResult::Success();
  });
  MakeShop();
}

void OutboxRun::MakeShop() {
  Connect();
  db_->Run("CREATE TABLE orders(id INTEGER PRIMARY KEY, gid TEXT)");
  db_->Run("PRAGMA wal_checkpoint(TRUNCATE)");
  (void)ordeal_.disk().files().SyncFolderOf(app_);
}

// As many an application does it: a commit is not durable by itself, unless it matters.
void OutboxRun::Connect() {
  db_.reset();
  db_ = std::make_unique<Database>(ordeal_.disk(), app_);
  db_->Run("PRAGMA journal_mode=WAL");
  db_->Run(ordeal_.trouble().synced_commits ? "PRAGMA synchronous=FULL"
                                            : "PRAGMA synchronous=NORMAL");
  db_->Run("PRAGMA wal_autocheckpoint=4");
}

int64_t OutboxRun::Orders(const std::string& gid) {
  return db_->Int(Concat("SELECT count(*) FROM orders WHERE gid = '", gid, "'"));
}

bool OutboxRun::Recovered() {
  if (!ordeal_.Recovered()) return false;
  Connect();
  CheckDeliveries();
  return true;
}

void OutboxRun::Play() {
  ordeal_.Begin();
  Connect();
  for (const char* gid : {"order-1", "order-2"}) Order(gid);
  for (const char* gid : {"message-1", "message-2"}) OrderInTwoPhases(gid);
  CheckBooks();
  // Once more from what is durable now.
  ordeal_.LosePowerNow();
  Connect();
  CheckBooks();
}

// The application repeats what has not committed.
void OutboxRun::Order(const std::string& gid) {
  gids_.insert(gid);
  for (;;) {
    if (Orders(gid) == 0) CommitOrder(gid);
    if (Recovered()) continue;
    if (Orders(gid) == 1) return;
    ordeal_.Wait();
    Connect();  // what it reads may be wrong for this connection alone
  }
}

void OutboxRun::CommitOrder(const std::string& gid) {
  Saga saga;
  saga.gid = gid;
  saga.Add({.action = kDeliver, .compensate = {}, .payload = "1"});
  bool committed = db_->Run("BEGIN IMMEDIATE") == SQLITE_OK &&
                   db_->Run(Concat("INSERT INTO orders(gid) VALUES('", gid, "')")) == SQLITE_OK;
  auto ticket = committed ? SubmitInTransaction(ordeal_.coordinator(), db_->get(), saga)
                          : Result<OutboxTicket>(Status(StatusCode::kUnavailable, "no order"));
  if (!ticket.ok()) ordeal_.CheckCode(ticket.status(), "submit in a transaction " + gid);
  committed = ticket.ok() && db_->Run("COMMIT") == SQLITE_OK;
  if (!committed) db_->Run("ROLLBACK");
  if (committed && ticket->WaitAdopted(20s).ok()) promised_.insert(gid);
}

void OutboxRun::OrderInTwoPhases(const std::string& gid) {
  gids_.insert(gid);
  Message message;
  message.gid = gid;
  message.timeout_to_fail = 500ms;
  message.Add({.action = kDeliver, .payload = "1"});
  const auto accepted = DoAndSubmit(ordeal_.coordinator(), message, db_->get(), [&] {
    const std::string insert = Concat("INSERT INTO orders(gid) VALUES('", gid, "')");
    return db_->Run(insert) == SQLITE_OK ? BranchResult::Success()
                                         : BranchResult::Unknown(sqlite3_errmsg(db_->get()));
  });
  if (accepted.ok()) promised_.insert(gid);
  if (accepted.status().code() == StatusCode::kAborted) refused_.insert(gid);
  if (sqlite3_get_autocommit(db_->get()) == 0) db_->Run("ROLLBACK");
  (void)Recovered();
}

// Until it has ended, if it is there.
void OutboxRun::Settle(const std::string& gid) {
  for (;;) {
    (void)PokeOutboxes(ordeal_.coordinator());
    ordeal_.world().Advance(5s);
    const auto record = ordeal_.coordinator().Query(gid);
    if (Recovered()) continue;
    if (record.ok() && record->finished) return;
    const bool absent = record.status().code() == StatusCode::kNotFound;
    if (absent && Orders(gid) == 0) return;
    ordeal_.Wait();
    Connect();
  }
}

void OutboxRun::CheckBooks() {
  for (const std::string& gid : gids_) Settle(gid);
  ordeal_.disk().ForgetFaults();
  Connect();
  for (const std::string& gid : gids_) {
    const auto record = ordeal_.coordinator().Query(gid);
    const bool succeeded = record.ok() && record->status == TransactionStatus::kSucceed;
    ordeal_.Check((Orders(gid) == 1) == succeeded,
                  Concat(gid, Orders(gid) == 1 ? ": the order is there" : ": there is no order",
                         succeeded ? ", the transaction has succeeded" : ", no success"));
    ordeal_.Check(!promised_.contains(gid) || succeeded, gid + ": was promised");
    ordeal_.Check(!refused_.contains(gid) || !succeeded, gid + ": was refused");
    ordeal_.Check(!succeeded || delivered_.contains(gid), gid + ": was not delivered");
  }
  CheckDeliveries();
  for (const OutboxHealth& box : ordeal_.coordinator().GetHealth().outboxes) {
    ordeal_.Check(box.problem.empty() && box.waiting == 0 && box.refused.empty(),
                  "outbox: " + box.problem);
  }
}

// What left the house has its order in every later image.
void OutboxRun::CheckDeliveries() {
  if (ordeal_.disk().off()) return;  // once more: nothing can be read
  for (const std::string& gid : delivered_) {
    ordeal_.Check(Orders(gid) == 1, gid + ": delivered, and the order is gone");
  }
}

}  // namespace troth::sim
