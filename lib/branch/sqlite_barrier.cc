// The barrier's rules on SQLite. Every decision is taken and recorded inside one transaction, under
// SQLite's write lock; nothing is remembered between calls but the number of the next one.
//
// Why all orders of one action A and its compensation C end at nothing or once:
//   A, C          C finds A's row and undoes it.
//   C, A          C leaves a row in A's place (null compensation); A finds it and is refused.
//   A fails       Its row is rolled back with its work. A repeat that comes before C runs anew, and
//                 may succeed: then its row is there, and C undoes it. One that comes after C is
//                 refused.
//   C interrupted Both its rows are rolled back, and C is called again.
//   A, A or C, C  The second finds its own row.
// A and C at the same time are one after the other: the transaction begins with the write lock.
#include <sqlite3.h>

#include <exception>
#include <utility>

#include "base/text.h"
#include "branch/barrier_table.h"
#include "branch/unit_of_work.h"
#include "troth/sqlite.h"

namespace troth {
namespace {

using internal::Concat;
using internal::branch::BarrierKey;
using internal::branch::BarrierTable;
using internal::branch::UnitOfWork;

// The check-back's row: dtm's names.
constexpr std::string_view kMessageBranch = "00";
constexpr std::string_view kMessageOp = "msg";
constexpr std::string_view kMessageNumber = "01";
constexpr std::string_view kMessageRolledBack = "rollback";

// Which operation `op` undoes; empty for those that undo nothing.
std::string_view UndoneBy(std::string_view op) {
  if (op == "cancel") return "try";
  if (op == "compensate" || op == "rollback") return "action";
  return {};
}

std::string BarrierId(int number) { return number < 10 ? Concat("0", number) : Concat(number); }

bool InTransaction(sqlite3* db) { return sqlite3_get_autocommit(db) == 0; }

BranchResult UnknownFor(const Status& status) { return BranchResult::Unknown(status.message()); }

BranchResult InsideAlready() {
  return BranchResult::Unknown(
      "barrier: the connection is inside a transaction already: pass one that is not, or use "
      "Enter()");
}

// The one place where the user's function is called.
BranchResult RunUserFunction(const std::function<BranchResult()>& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    return BranchResult::Unknown(Concat("exception: ", error.what()));
  } catch (...) {
    return BranchResult::Unknown("an exception of an unknown type");
  }
}

}  // namespace

std::string_view BarrierVerdictName(BarrierVerdict verdict) {
  switch (verdict) {
    case BarrierVerdict::kRun:
      return "run";
    case BarrierVerdict::kDuplicate:
      return "duplicate";
    case BarrierVerdict::kNullCompensation:
      return "null compensation";
    case BarrierVerdict::kHanging:
      return "hanging";
  }
  return "";
}

SqliteBarrier::SqliteBarrier(const BranchContext& context, SqliteBarrierOptions options)
    : trans_type_(context.trans_type),
      gid_(context.gid),
      branch_id_(context.branch_id),
      op_(context.op),
      options_(std::move(options)) {}

Status SqliteBarrier::Check(sqlite3* db) const {
  const std::string_view missing = gid_.empty()         ? "gid"
                                   : branch_id_.empty() ? "branch_id"
                                   : op_.empty()        ? "op"
                                                        : "";
  if (!missing.empty()) {
    return {StatusCode::kInvalidArgument, Concat("barrier: context: ", missing, ": empty")};
  }
  return BarrierTable(db, options_.table).Check();
}

Result<BarrierVerdict> SqliteBarrier::Judge(sqlite3* db) const {
  const BarrierTable table(db, options_.table);
  const std::string id = BarrierId(number_);
  const std::string_view undone = UndoneBy(op_);
  bool never_ran = false;
  if (!undone.empty()) {
    const Result<bool> inserted = table.Insert(trans_type_, {gid_, branch_id_, undone, id}, op_);
    if (!inserted.ok()) return inserted.status();
    never_ran = *inserted;
  }
  const BarrierKey own{gid_, branch_id_, op_, id};
  const Result<bool> inserted = table.Insert(trans_type_, own, op_);
  if (!inserted.ok()) return inserted.status();
  if (*inserted) return never_ran ? BarrierVerdict::kNullCompensation : BarrierVerdict::kRun;
  const Result<std::string> reason = table.ReadReason(own);
  if (!reason.ok()) return reason.status();
  return *reason == op_ ? BarrierVerdict::kDuplicate : BarrierVerdict::kHanging;
}

Result<BarrierVerdict> SqliteBarrier::Enter(sqlite3* db) {
  if (Status status = Check(db); !status.ok()) return status;
  if (!InTransaction(db)) {
    return Status(StatusCode::kFailedPrecondition,
                  "barrier: Enter() needs an open transaction: BEGIN IMMEDIATE first, or use "
                  "Call()");
  }
  UnitOfWork savepoint(db, UnitOfWork::Kind::kSavepoint);
  if (!savepoint.begun().ok()) return savepoint.begun();
  Result<BarrierVerdict> verdict = Judge(db);
  const Status kept = verdict.ok() ? savepoint.Keep() : verdict.status();
  if (!kept.ok() && !InTransaction(db)) {
    return Status(kept.code(),
                  Concat(kept.message(), "; SQLite has rolled the whole transaction back"));
  }
  if (!kept.ok()) return kept;
  ++number_;
  return verdict;
}

BranchResult SqliteBarrier::RunInside(sqlite3* db,
                                      const std::function<BranchResult()>& work) const {
  const Result<BarrierVerdict> verdict = Judge(db);
  if (!verdict.ok()) return UnknownFor(verdict.status());
  if (*verdict == BarrierVerdict::kRun) return RunUserFunction(work);
  if (op_ == kMessageOp) {
    return BranchResult::Unknown(
        Concat("DUPLICATED: the message's local transaction: ", BarrierVerdictName(*verdict)));
  }
  return BranchResult::Success();
}

BranchResult SqliteBarrier::Call(sqlite3* db, const std::function<BranchResult()>& work) {
  if (Status status = Check(db); !status.ok()) return UnknownFor(status);
  if (InTransaction(db)) return InsideAlready();
  UnitOfWork transaction(db, UnitOfWork::Kind::kTransaction);
  if (!transaction.begun().ok()) return UnknownFor(transaction.begun());
  BranchResult result = RunInside(db, work);
  if (result.verdict() == BranchResult::Verdict::kSuccess) {
    if (Status kept = transaction.Keep(); !kept.ok()) return UnknownFor(kept);
    ++number_;
    return result;
  }
  // Its work stands in an open transaction still: whether it comes to nothing is not known.
  if (Status undone = transaction.Undo(); !undone.ok()) return UnknownFor(undone);
  if (result.verdict() == BranchResult::Verdict::kFailure) ++number_;
  return result;
}

BranchResult SqliteBarrier::QueryPrepared(sqlite3* db) {
  if (Status status = Check(db); !status.ok()) return UnknownFor(status);
  if (InTransaction(db)) return InsideAlready();
  UnitOfWork transaction(db, UnitOfWork::Kind::kTransaction);
  if (!transaction.begun().ok()) return UnknownFor(transaction.begun());
  const BarrierTable table(db, options_.table);
  const BarrierKey key{gid_, kMessageBranch, kMessageOp, kMessageNumber};
  const Result<bool> inserted = table.Insert(trans_type_, key, kMessageRolledBack);
  if (!inserted.ok()) return UnknownFor(inserted.status());
  const Result<std::string> reason = table.ReadReason(key);
  if (!reason.ok()) return UnknownFor(reason.status());
  if (Status kept = transaction.Keep(); !kept.ok()) return UnknownFor(kept);
  return *reason == kMessageRolledBack
             ? BranchResult::Failure("the message's local transaction did not commit")
             : BranchResult::Success();
}

Status SqliteBarrier::CreateTable(sqlite3* db, const SqliteBarrierOptions& options) {
  const BarrierTable table(db, options.table);
  if (Status status = table.Check(); !status.ok()) return status;
  UnitOfWork work(
      db, InTransaction(db) ? UnitOfWork::Kind::kSavepoint : UnitOfWork::Kind::kTransaction);
  if (!work.begun().ok()) return work.begun();
  if (Status status = table.Create(); !status.ok()) return status;
  if (Status status = table.CheckShape(); !status.ok()) return status;
  return work.Keep();
}

Result<size_t> SqliteBarrier::Purge(sqlite3* db,
                                    std::chrono::sys_time<std::chrono::milliseconds> before,
                                    size_t rows_max, const SqliteBarrierOptions& options) {
  const BarrierTable table(db, options.table);
  if (Status status = table.Check(); !status.ok()) return status;
  return table.Purge(before, rows_max);
}

}  // namespace troth
