#include "branch/unit_of_work.h"

#include <sqlite3.h>

#include "sqlite/session.h"

namespace troth::internal::branch {

using session::Execute;

// A transaction takes the write lock at once: one that begins with a read would have to be repeated
// whenever another connection writes in between.
//
// An interrupted BEGIN or SAVEPOINT may have taken effect all the same, so it is undone too.
UnitOfWork::UnitOfWork(sqlite3* db, Kind kind)
    : db_(db),
      kind_(kind),
      begun_(kind == Kind::kTransaction
                 ? Execute(db, "BEGIN IMMEDIATE", "barrier: begin")
                 : Execute(db, "SAVEPOINT troth_barrier", "barrier: savepoint")),
      open_(true) {
  if (!begun_.ok()) (void)Undo();
}

UnitOfWork::~UnitOfWork() { (void)Undo(); }

Status UnitOfWork::Keep() {
  // Whoever ended the transaction in the meantime ended this too: SQLite does so by itself after
  // some errors (disk full, I/O, interrupt).
  if (!open_ || sqlite3_get_autocommit(db_) != 0) {
    open_ = false;
    return {StatusCode::kFailedPrecondition,
            "barrier: the transaction was ended before the barrier could commit it"};
  }
  return kind_ == Kind::kTransaction ? Commit() : Release();
}

Status UnitOfWork::Commit() {
  Status committed = Execute(db_, "COMMIT", "barrier: commit");
  if (!committed.ok()) {
    (void)Undo();
  } else {
    open_ = false;
  }
  return committed;
}

Status UnitOfWork::Release() {
  Status released = Execute(db_, "RELEASE troth_barrier", "barrier: release");
  if (released.ok()) {
    open_ = false;
    return released;
  }
  // An interrupted RELEASE may have taken effect; then there is no savepoint to go back to, and
  // what was done is kept.
  const Status undone = Undo();
  const bool kept =
      undone.code() == StatusCode::kFailedPrecondition && sqlite3_get_autocommit(db_) == 0;
  return kept ? Status() : released;
}

Status UnitOfWork::Undo() {
  if (!open_) return {};
  open_ = false;
  if (sqlite3_get_autocommit(db_) != 0) return {};
  if (kind_ == Kind::kTransaction) return Execute(db_, "ROLLBACK", "barrier: rollback");
  return Execute(db_, "ROLLBACK TO troth_barrier; RELEASE troth_barrier", "barrier: rollback");
}

}  // namespace troth::internal::branch
