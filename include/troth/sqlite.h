// The sub-transaction barrier on SQLite: makes a branch's work happen once, however often, late or
// out of order its calls arrive.
//
//   troth::BranchResult TransOut(const troth::BranchContext& context, std::string_view payload) {
//     sqlite3* db = …;                       // a connection that this thread alone uses
//     troth::SqliteBarrier barrier(context);
//     return barrier.Call(db, [&] { return Withdraw(db, payload); });
//   }
//
// Every operation leaves a row in a table of the business database, in the same transaction as the
// work itself. From the rows that are there the barrier knows:
//
//   a duplicate          the operation was done: it is not done again, and the answer is success;
//   a null compensation  the action never ran: there is nothing to undo, and the row that is left
//                        says so to an action that comes late;
//   a hanging action     it comes after its compensation: it must not run any more.
//
// The rows are dtm's in name and meaning. This is part of the library troth_branch.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "troth/branch.h"
#include "troth/export.h"
#include "troth/status.h"

struct sqlite3;

namespace troth {

// What the barrier found. Only kRun allows the work.
enum class BarrierVerdict {
  kRun,
  kDuplicate,         // this operation was done before
  kNullCompensation,  // what is to be undone never happened
  kHanging,           // what undoes this operation was here first
};
// "run", "duplicate", "null compensation", "hanging".
TROTH_EXPORT std::string_view BarrierVerdictName(BarrierVerdict verdict);

struct SqliteBarrierOptions {
  // In the schema `main`. Letters, digits and _, no digit first, at most 64. Each operation of a
  // branch must use the same table.
  std::string table = "troth_barrier";
};

// The barrier of one request: make one in the handler, drop it when the handler returns.
//
// A handler may do its work in several local transactions. Each passes the barrier on its own, with
// the number 01, 02, … that it has in the handler; so an action and its compensation must pass it
// equally often and in the same order. The number is used up by Enter() when it answers a verdict,
// and by Call() when it answers success or failure: after ongoing or unknown the same Call may be
// repeated on the spot.
//
// Not thread-safe; nor is a connection that is inside a transaction: one thread at a time, one
// connection for each. What BEGIN IMMEDIATE cannot get within the connection's busy time-out
// (sqlite3_busy_timeout; SQLite's default is none) ends as unknown and is called again by the
// coordinator, so set one.
class TROTH_EXPORT SqliteBarrier {
 public:
  // Copies what it needs. An unusable context (empty gid, branch_id or op) or table name is what
  // the other methods then refuse.
  explicit SqliteBarrier(const BranchContext& context, SqliteBarrierOptions options = {});
  SqliteBarrier(SqliteBarrier&&) = default;
  SqliteBarrier& operator=(SqliteBarrier&&) = default;
  SqliteBarrier(const SqliteBarrier&) = delete;
  SqliteBarrier& operator=(const SqliteBarrier&) = delete;

  // Does it all in one transaction of its own: BEGIN IMMEDIATE, Enter, `work`, then
  //
  //   work answers success           COMMIT, and that answer
  //   failure, ongoing, unknown      ROLLBACK, and that answer
  //   work throws                    ROLLBACK, unknown with the exception's text
  //   duplicate, null compensation,  COMMIT, success with an empty body; `work` is not run. Only
  //   hanging                        for the operation `msg` unknown, "DUPLICATED": then the
  //                                  check-back knows whether the first one went through
  //   SQLite cannot (busy, full, …)  rolled back, unknown with SQLite's text
  //
  // Unknown, and nothing was touched, when `db` is inside a transaction already. `work` uses `db`
  // and must not end the transaction. It must look at every error of SQLite and answer unknown: a
  // full disk or an I/O error rolls the transaction back under it, and what it writes after that
  // is on its own. (Call notices it, and answers unknown, but cannot take that back.)
  //
  // A failed COMMIT is unknown and no more: after a power loss it can turn out to have happened.
  // The repeat finds out.
  BranchResult Call(sqlite3* db, const std::function<BranchResult()>& work);

  // For those who hold the transaction themselves: joins the one that is open on `db`, and says
  // whether the work may be done. It never begins, commits or rolls back that transaction. Open it
  // with BEGIN IMMEDIATE: one that has read first may be refused as busy for good.
  //
  // Commit after every verdict, not only after kRun: a null compensation is only remembered then.
  // Roll back when the work failed, and the row goes with it. To repeat a transaction that was
  // rolled back, make a new SqliteBarrier.
  //
  // On an error the transaction is as it was, unless SQLite itself has ended it, which the message
  // then says: roll back and answer unknown. kFailedPrecondition: no transaction is open, or no
  // such table (CreateTable). kInvalidArgument: an unusable context or table name. Else SQLite's:
  // kUnavailable (busy, I/O), kResourceExhausted, kPermissionDenied, kDataLoss, kCancelled.
  Result<BarrierVerdict> Enter(sqlite3* db);

  // The check-back of a two-phase message: did the local transaction that its sender passed through
  // the barrier with (gid, branch "00", op "msg") commit? Success: yes. Failure: no, and from now
  // on it cannot any more. Unknown: SQLite cannot say now, or `db` is inside a transaction. Uses
  // the context's gid and trans_type only.
  BranchResult QueryPrepared(sqlite3* db);

  // Makes the table and its indexes where they are not there, inside the transaction that is open
  // on `db`, or else in one of its own. kFailedPrecondition: a table of that name is there and has
  // other columns, or lacks the unique index. Other errors as Enter.
  static Status CreateTable(sqlite3* db, const SqliteBarrierOptions& options = {});

  // Deletes at most `rows_max` rows that were made before `before`, oldest first, and answers how
  // many: call it until that is less than `rows_max`. One statement, by an index; it holds the
  // write lock about as long as inserting so many rows would. Never purge what a coordinator may
  // still call about: not before its barrier_retention (90 days) has passed.
  static Result<size_t> Purge(sqlite3* db, std::chrono::sys_time<std::chrono::milliseconds> before,
                              size_t rows_max, const SqliteBarrierOptions& options = {});

 private:
  Status Check(sqlite3* db) const;
  Result<BarrierVerdict> Judge(sqlite3* db) const;
  BranchResult RunInside(sqlite3* db, const std::function<BranchResult()>& work) const;

  std::string trans_type_;
  std::string gid_;
  std::string branch_id_;
  std::string op_;
  SqliteBarrierOptions options_;
  int number_ = 1;  // of the next transaction of this request
};

}  // namespace troth
