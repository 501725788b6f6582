// The barrier's table: made once, named freely, purged in bounded steps.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "branch/barrier_table.h"
#include "database.h"
#include "troth/sqlite.h"

namespace troth::test {
namespace {

using Milliseconds = std::chrono::sys_time<std::chrono::milliseconds>;

Connection Memory() {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(":memory:", &db) == SQLITE_OK);
  return Connection(db);
}

// `count` rows made at 0, 1, 2, … ms.
void Fill(sqlite3* db, int count) {
  Run(db, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < " +
              std::to_string(count) +
              ") INSERT INTO troth_barrier(trans_type, gid, branch_id, op, barrier_id, reason,"
              " create_time) SELECT 'saga', 'g' || i, '01', 'action', '01', 'action', i FROM n");
}

}  // namespace

TEST_CASE("the table is made where it is not there, and left alone where it is") {
  const Connection db = Memory();
  CHECK(SqliteBarrier::CreateTable(db.get()).ok());
  Fill(db.get(), 3);
  CHECK(SqliteBarrier::CreateTable(db.get()).ok());
  CHECK(Rows(db.get()) == 3);
  CHECK_FALSE(IsInTransaction(db.get()));
}

TEST_CASE("the table is made inside the caller's transaction, and goes with it") {
  const Connection db = Memory();
  Run(db.get(), "BEGIN");
  CHECK(SqliteBarrier::CreateTable(db.get()).ok());
  CHECK(IsInTransaction(db.get()));
  Run(db.get(), "ROLLBACK");
  CHECK(ReadInt(db.get(), "SELECT count(*) FROM sqlite_schema") == 0);
}

TEST_CASE("a table that is there without the unique index is refused, and stays as it was") {
  const Connection db = Memory();
  Run(db.get(),
      "CREATE TABLE troth_barrier(id INTEGER PRIMARY KEY, trans_type, gid, branch_id, op,"
      " barrier_id, reason, create_time, update_time)");
  const Status status = SqliteBarrier::CreateTable(db.get());
  CHECK(status.code() == StatusCode::kFailedPrecondition);
  CHECK(ReadInt(db.get(), "SELECT count(*) FROM sqlite_schema") == 1);
  const BranchResult result =
      SqliteBarrier(ContextFor("action")).Call(db.get(), [] { return BranchResult::Success(); });
  CHECK(result.verdict() == BranchResult::Verdict::kUnknown);
}

TEST_CASE("rows go into the table that is named, in the database's own schema") {
  const Connection db = Memory();
  const SqliteBarrierOptions options{.table = "order"};
  Run(db.get(), "CREATE TEMP TABLE \"order\"(gid)");
  REQUIRE(SqliteBarrier::CreateTable(db.get(), options).ok());
  const BranchResult result = SqliteBarrier(ContextFor("action"), options).Call(db.get(), [] {
    return BranchResult::Success();
  });
  CHECK_MESSAGE(result.verdict() == BranchResult::Verdict::kSuccess, result.text());
  CHECK(ReadInt(db.get(), "SELECT count(*) FROM main.\"order\"") == 1);
  CHECK(ReadInt(db.get(), "SELECT count(*) FROM temp.\"order\"") == 0);
}

TEST_CASE("the check-back reads the table that is named") {
  const Connection db = Memory();
  const SqliteBarrierOptions options{.table = "order"};
  REQUIRE(SqliteBarrier::CreateTable(db.get(), options).ok());
  const BranchContext message = ContextFor("msg", "g1", "00");
  const BranchResult done =
      SqliteBarrier(message, options).Call(db.get(), [] { return BranchResult::Success(); });
  CHECK(done.verdict() == BranchResult::Verdict::kSuccess);
  const auto verdict_of = [&](const char* gid) {
    return SqliteBarrier(ContextFor("msg", gid, "00"), options).QueryPrepared(db.get()).verdict();
  };
  CHECK(verdict_of("g1") == BranchResult::Verdict::kSuccess);
  CHECK(verdict_of("g2") == BranchResult::Verdict::kFailure);
}

TEST_CASE("a table name that could be more than a name is refused everywhere") {
  const Connection db = Memory();
  for (const std::string& name :
       {std::string(), std::string("a\"b"), std::string("a b"), std::string("1a"),
        std::string("main.a"), std::string("SQLite_x"), std::string(65, 'a')}) {
    CAPTURE(name);
    const SqliteBarrierOptions options{.table = name};
    CHECK(SqliteBarrier::CreateTable(db.get(), options).code() == StatusCode::kInvalidArgument);
    CHECK(SqliteBarrier::Purge(db.get(), Milliseconds(), 1, options).status().code() ==
          StatusCode::kInvalidArgument);
    Run(db.get(), "BEGIN");
    CHECK(SqliteBarrier(ContextFor("action"), options).Enter(db.get()).status().code() ==
          StatusCode::kInvalidArgument);
    Run(db.get(), "ROLLBACK");
  }
}

TEST_CASE("a purge deletes the oldest rows, as many as it may, and none that are younger") {
  const Connection db = Memory();
  REQUIRE(SqliteBarrier::CreateTable(db.get()).ok());
  Fill(db.get(), 100);
  const Milliseconds before(std::chrono::milliseconds(50));
  CHECK(SqliteBarrier::Purge(db.get(), before, 0).value() == 0);
  CHECK(SqliteBarrier::Purge(db.get(), before, 30).value() == 30);
  CHECK(ReadInt(db.get(), "SELECT min(create_time) FROM troth_barrier") == 30);
  CHECK(SqliteBarrier::Purge(db.get(), before, 30).value() == 20);
  CHECK(SqliteBarrier::Purge(db.get(), before, SIZE_MAX).value() == 0);
  CHECK(ReadInt(db.get(), "SELECT min(create_time) FROM troth_barrier") == 50);
}

TEST_CASE("a purge inside the caller's transaction is undone with it") {
  const Connection db = Memory();
  REQUIRE(SqliteBarrier::CreateTable(db.get()).ok());
  Fill(db.get(), 10);
  Run(db.get(), "BEGIN");
  CHECK(SqliteBarrier::Purge(db.get(), Milliseconds(std::chrono::milliseconds(5)), 100).value() ==
        5);
  Run(db.get(), "ROLLBACK");
  CHECK(Rows(db.get()) == 10);
}

TEST_CASE("a purge finds its rows by the index on their time, without a sort") {
  const Connection db = Memory();
  REQUIRE(SqliteBarrier::CreateTable(db.get()).ok());
  const internal::branch::BarrierTable table(db.get(), "troth_barrier");
  const std::string plan = ReadText(db.get(), "EXPLAIN QUERY PLAN " + table.PurgeSql());
  CAPTURE(plan);
  CHECK(plan.find("USING COVERING INDEX troth_barrier_create_time (create_time<?)") !=
        std::string::npos);
  CHECK(plan.find("SCAN") == std::string::npos);
  CHECK(plan.find("TEMP B-TREE") == std::string::npos);
}

TEST_CASE("a row that was inserted without times has them") {
  const Connection db = Memory();
  REQUIRE(SqliteBarrier::CreateTable(db.get()).ok());
  Run(db.get(),
      "INSERT OR IGNORE INTO troth_barrier(trans_type, gid, branch_id, op, barrier_id, reason)"
      " VALUES('saga', 'g', '01', 'action', '01', 'action')");
  CHECK(ReadInt(db.get(),
                "SELECT abs(create_time - strftime('%s', 'now') * 1000) < 60000 AND"
                " typeof(create_time) = 'integer' FROM troth_barrier") == 1);
}

}  // namespace troth::test
