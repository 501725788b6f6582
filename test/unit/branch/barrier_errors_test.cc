// What the barrier does when something goes wrong: nothing is left half-done, no transaction of the
// caller's is ended, no exception gets out.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "database.h"
#include "troth/sqlite.h"

namespace troth::test {
namespace {

using enum BranchResult::Verdict;

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

BranchResult CallAction(sqlite3* db, const std::function<BranchResult()>& work) {
  return SqliteBarrier(ContextFor("action")).Call(db, work);
}

}  // namespace

TEST_CASE("Enter without an open transaction is refused") {
  const Bank bank;
  const Connection db = bank.Connect();
  const Status status = SqliteBarrier(ContextFor("action")).Enter(db.get()).status();
  CHECK(status.code() == StatusCode::kFailedPrecondition);
  CHECK(Has(status.message(), "BEGIN IMMEDIATE"));
  CHECK(Rows(db.get()) == 0);
}

TEST_CASE("Enter leaves the caller's transaction open, and its rows go or stay with it") {
  const Bank bank;
  const Connection db = bank.Connect();
  for (const char* end : {"ROLLBACK", "COMMIT"}) {
    Run(db.get(), "BEGIN IMMEDIATE");
    (void)Deposit(db.get(), 1);
    CHECK(SqliteBarrier(ContextFor("action")).Enter(db.get()).value() == BarrierVerdict::kRun);
    CHECK(IsInTransaction(db.get()));
    Run(db.get(), end);
  }
  CHECK(Balance(db.get()) == 1);
  CHECK(Rows(db.get()) == 1);
}

TEST_CASE("Enter joins a savepoint of the caller's, and keeps those that have its own name") {
  const Bank bank;
  const Connection db = bank.Connect();
  Run(db.get(), "SAVEPOINT troth_barrier");
  CHECK(SqliteBarrier(ContextFor("action")).Enter(db.get()).value() == BarrierVerdict::kRun);
  Run(db.get(), "ROLLBACK TO troth_barrier; RELEASE troth_barrier");
  CHECK(Rows(db.get()) == 0);
}

TEST_CASE("Enter that fails half-way leaves the caller's transaction as it was") {
  const Bank bank;
  const Connection db = bank.Connect();
  // The first row goes in, the second is refused.
  Run(db.get(),
      "CREATE TRIGGER refuse BEFORE INSERT ON troth_barrier WHEN NEW.op = 'compensate'"
      " BEGIN SELECT RAISE(ABORT, 'refused'); END");
  SqliteBarrier barrier(ContextFor("compensate"));
  Run(db.get(), "BEGIN IMMEDIATE");
  (void)Deposit(db.get(), 7);
  const Status status = barrier.Enter(db.get()).status();
  CHECK(Has(status.message(), "refused"));
  CHECK(IsInTransaction(db.get()));
  CHECK(Rows(db.get()) == 0);
  Run(db.get(), "DROP TRIGGER refuse");
  // The number was not used up.
  CHECK(barrier.Enter(db.get()).value() == BarrierVerdict::kNullCompensation);
  CHECK(ReadText(db.get(), "SELECT max(barrier_id) FROM troth_barrier") == "01");
  Run(db.get(), "COMMIT");
  CHECK(Balance(db.get()) == 7);
}

TEST_CASE("Enter says when SQLite itself has rolled the caller's transaction back") {
  const Bank bank;
  const Connection db = bank.Connect();
  Run(db.get(),
      "CREATE TRIGGER refuse BEFORE INSERT ON troth_barrier"
      " BEGIN SELECT RAISE(ROLLBACK, 'refused'); END");
  Run(db.get(), "BEGIN IMMEDIATE");
  const Status status = SqliteBarrier(ContextFor("action")).Enter(db.get()).status();
  CHECK(Has(status.message(), "rolled the whole transaction back"));
  CHECK_FALSE(IsInTransaction(db.get()));
}

TEST_CASE("a database without the table is a clear unknown") {
  const Bank bank;
  const Connection db = bank.Connect();
  Run(db.get(), "DROP TABLE troth_barrier");
  const BranchResult result = CallAction(db.get(), [] { return BranchResult::Success(); });
  CHECK(result.verdict() == kUnknown);
  CHECK(Has(result.text(), "no such table: main.troth_barrier"));
  CHECK_FALSE(IsInTransaction(db.get()));
  Run(db.get(), "BEGIN IMMEDIATE");
  CHECK(SqliteBarrier(ContextFor("action")).Enter(db.get()).status().code() ==
        StatusCode::kFailedPrecondition);
}

TEST_CASE("an exception of the work rolls back and is answered as unknown") {
  const Bank bank;
  const Connection db = bank.Connect();
  const BranchResult known = CallAction(db.get(), [&]() -> BranchResult {
    (void)Deposit(db.get(), 5);
    throw std::runtime_error("out of ink");
  });
  CHECK(known.verdict() == kUnknown);
  CHECK(known.text() == "exception: out of ink");
  const BranchResult odd = CallAction(db.get(), [&]() -> BranchResult {
    (void)Deposit(db.get(), 5);
    throw 7;
  });
  CHECK(odd.verdict() == kUnknown);
  CHECK(CallAction(db.get(), nullptr).verdict() == kUnknown);
  CHECK(Balance(db.get()) == 0);
  CHECK(Rows(db.get()) == 0);
  CHECK_FALSE(IsInTransaction(db.get()));
}

TEST_CASE("Call and QueryPrepared on a connection inside a transaction touch nothing") {
  const Bank bank;
  const Connection db = bank.Connect();
  Run(db.get(), "BEGIN");
  (void)Deposit(db.get(), 1);
  bool ran = false;
  const BranchResult result = CallAction(db.get(), [&] {
    ran = true;
    return BranchResult::Success();
  });
  CHECK(result.verdict() == kUnknown);
  CHECK(Has(result.text(), "inside a transaction already"));
  CHECK_FALSE(ran);
  CHECK(SqliteBarrier(ContextFor("msg", "g1", "00")).QueryPrepared(db.get()).verdict() == kUnknown);
  CHECK(IsInTransaction(db.get()));
  Run(db.get(), "COMMIT");
  CHECK(Balance(db.get()) == 1);
  CHECK(Rows(db.get()) == 0);
}

TEST_CASE("a Call inside the work of another is refused, and the outer one goes on") {
  const Bank bank;
  const Connection db = bank.Connect();
  const BranchResult outer = CallAction(db.get(), [&] {
    const BranchResult inner = CallAction(db.get(), [&] { return Deposit(db.get(), 1); });
    CHECK(inner.verdict() == kUnknown);
    return Deposit(db.get(), 2);
  });
  CHECK(outer.verdict() == kSuccess);
  CHECK(Balance(db.get()) == 2);
}

TEST_CASE("a database that another connection writes to is unknown, and the same Call may repeat") {
  const Bank bank;
  const Connection db = bank.Connect(0);
  const Connection other = bank.Connect();
  Run(other.get(), "BEGIN IMMEDIATE");
  SqliteBarrier barrier(ContextFor("action"));
  const auto work = [&] { return Deposit(db.get(), 5); };
  const BranchResult busy = barrier.Call(db.get(), work);
  CHECK(busy.verdict() == kUnknown);
  CHECK(Has(busy.text(), "database is locked"));
  CHECK(SqliteBarrier::Purge(db.get(), {}, 1).status().code() == StatusCode::kUnavailable);
  Run(other.get(), "COMMIT");
  CHECK(barrier.Call(db.get(), work).verdict() == kSuccess);
  CHECK(CallAction(db.get(), work).verdict() == kSuccess);  // the coordinator's repeat
  CHECK(Balance(db.get()) == 5);
}

TEST_CASE("a commit that is refused is unknown, and everything is rolled back") {
  const Bank bank;
  const Connection db = bank.Connect();
  sqlite3_commit_hook(
      db.get(), [](void*) { return 1; }, nullptr);
  const auto work = [&] { return Deposit(db.get(), 5); };
  CHECK(CallAction(db.get(), work).verdict() == kUnknown);
  CHECK(SqliteBarrier(ContextFor("msg", "g2", "00")).QueryPrepared(db.get()).verdict() == kUnknown);
  CHECK_FALSE(IsInTransaction(db.get()));
  sqlite3_commit_hook(db.get(), nullptr, nullptr);
  CHECK(Balance(db.get()) == 0);
  CHECK(Rows(db.get()) == 0);
  CHECK(CallAction(db.get(), work).verdict() == kSuccess);
  CHECK(Balance(db.get()) == 5);
}

TEST_CASE("a deferred constraint that fails at the commit leaves no transaction open") {
  const Bank bank;
  const Connection db = bank.Connect();
  Run(db.get(), "PRAGMA foreign_keys = ON");
  Run(db.get(),
      "CREATE TABLE owner(id INTEGER PRIMARY KEY);"
      "CREATE TABLE card(owner REFERENCES owner(id) DEFERRABLE INITIALLY DEFERRED)");
  const BranchResult result = CallAction(db.get(), [&] {
    Run(db.get(), "INSERT INTO card VALUES(7)");
    return BranchResult::Success();
  });
  CHECK(result.verdict() == kUnknown);
  CHECK(Has(result.text(), "FOREIGN KEY"));
  CHECK_FALSE(IsInTransaction(db.get()));
  CHECK(Rows(db.get()) == 0);
}

TEST_CASE("work that ends the transaction itself is answered as unknown") {
  const Bank bank;
  const Connection db = bank.Connect();
  const BranchResult result = CallAction(db.get(), [&] {
    Run(db.get(), "ROLLBACK");
    return BranchResult::Success();
  });
  CHECK(result.verdict() == kUnknown);
  CHECK(Has(result.text(), "ended before the barrier could commit"));
  CHECK(Rows(db.get()) == 0);
}

TEST_CASE("no connection and an empty context are refused") {
  const Bank bank;
  const Connection db = bank.Connect();
  CHECK(CallAction(nullptr, [] { return BranchResult::Success(); }).verdict() == kUnknown);
  CHECK(SqliteBarrier(ContextFor("action")).Enter(nullptr).status().code() ==
        StatusCode::kInvalidArgument);
  CHECK(SqliteBarrier::CreateTable(nullptr).code() == StatusCode::kInvalidArgument);
  CHECK(SqliteBarrier::Purge(nullptr, {}, 1).status().code() == StatusCode::kInvalidArgument);
  const BranchResult result =
      SqliteBarrier(BranchContext()).Call(db.get(), [] { return BranchResult::Success(); });
  CHECK(result.verdict() == kUnknown);
  CHECK(result.text() == "barrier: context: gid: empty");
}

}  // namespace troth::test
