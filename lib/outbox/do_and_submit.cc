// The two-phase message in one call. Whatever comes between prepare and submit, the row in the
// application's database decides:
//
//   prepare fails                  nothing was run; perhaps since it was submitted before
//   work answers failure           rolled back → abort
//   work ends otherwise, or its    the row is asked for, and from then on can't appear any more:
//   COMMIT is in doubt             there → submit, and the error is returned all the same;
//                                  not there → abort; can't be asked → left to the check-back
//   a crash                        the check-back finds the row, or forbids it
#include <sqlite3.h>

#include <utility>

#include "base/text.h"
#include "outbox/caller.h"
#include "outbox/check_back.h"
#include "outbox/outboxes.h"
#include "outbox/sync_log.h"
#include "troth/outbox.h"
#include "troth/sqlite.h"

namespace troth {
namespace internal::outbox {
namespace {

using Verdict = BranchResult::Verdict;

BranchContext ContextOf(const Message& message) {
  return {.gid = message.gid,
          .trans_type = std::string(ModeName(Mode::kMessage)),
          .branch_id = "00",
          .op = "msg",
          .coordinator = {},
          .phase2_url = {},
          .headers = {}};
}

// The address of our own check-back, where the database is one of ours.
Result<std::string> OwnCheckBack(Coordinator& coordinator, sqlite3* db) {
  const Parts parts = PartsOf(coordinator);
  const Status none{StatusCode::kInvalidArgument,
                    "message.query_prepared: empty, and the database is not in options.outboxes"};
  if (parts.outboxes == nullptr) return none;
  const Result<FileIdentity> file = MainFileOf(db);
  if (!file.ok()) return file.status();
  const Result<size_t> box = parts.outboxes->Find(*file);
  return box.ok() ? Result<std::string>(parts.outboxes->CheckBackUrl(*box)) : none;
}

class Doing {
 public:
  Doing(Coordinator& coordinator, Message message, sqlite3* db)
      : coordinator_(coordinator), message_(std::move(message)), db_(db) {}

  Result<Accepted> Run(const std::function<BranchResult()>& work) {
    const Result<Accepted> prepared = coordinator_.Prepare(message_);
    if (!prepared.ok()) return WhereSubmitted(prepared.status());
    bool begun = false;
    bool committing = false;
    const BranchResult result = SqliteBarrier(ContextOf(message_)).Call(db_, [&] {
      begun = true;
      BranchResult worked = work();
      committing = worked.verdict() == Verdict::kSuccess;
      return worked;
    });
    switch (result.verdict()) {
      case Verdict::kSuccess:
        return Submit();
      case Verdict::kFailure:
        return Abort(result.text());
      case Verdict::kOngoing:
      case Verdict::kUnknown:
        break;
    }
    if (committing) DoubtLog(db_);
    return AskTheRow(result.text(), begun);
  }

 private:
  // At synchronous=NORMAL the commit is not durable yet, and the message must not outlive it.
  Result<Accepted> Submit() {
    if (Status synced = SyncLog(db_); !synced.ok()) return synced;
    return coordinator_.SubmitPrepared(message_);
  }

  // Of one that can't be prepared: whether that is because it has been submitted before.
  Status WhereSubmitted(const Status& refused) {
    if (refused.code() != StatusCode::kFailedPrecondition) return refused;
    // Else the coordinator refuses everything, and has not looked at the content.
    if (const Health health = coordinator_.GetHealth(); !health.open || !health.owner) {
      return refused;
    }
    const Result<TransactionRecord> record = coordinator_.Query(message_.gid);
    const bool submitted = record.ok() && (record->status == TransactionStatus::kSubmitted ||
                                           record->status == TransactionStatus::kSucceed);
    if (!submitted) return refused;
    return {StatusCode::kAlreadyExists,
            Concat(message_.gid, ": its transaction had committed before, the message is ",
                   "submitted")};
  }

  // If the abort is lost, the check-back says the same.
  Status Abort(const std::string& why) {
    (void)coordinator_.Abort(message_.gid, why);
    return {StatusCode::kAborted, Concat(message_.gid, " was rolled back: ", why)};
  }

  Status AskTheRow(const std::string& why, bool begun) {
    const BranchResult row = SqliteBarrier(ContextOf(message_)).QueryPrepared(db_);
    if (row.verdict() == Verdict::kFailure) return Abort(why);
    if (row.verdict() != Verdict::kSuccess) {
      DoubtLog(db_);
      return {
          StatusCode::kUnavailable,
          Concat(message_.gid, ": ", why, "; whether it committed is not known yet: ", row.text())};
    }
    if (const Result<Accepted> submitted = Submit(); !submitted.ok()) return submitted.status();
    return {
        begun ? StatusCode::kUnknown : StatusCode::kAlreadyExists,
        Concat(message_.gid, ": ", why, "; its transaction is committed, the message submitted")};
  }

  Coordinator& coordinator_;
  const Message message_;
  sqlite3* const db_;
};

}  // namespace
}  // namespace internal::outbox

Result<Accepted> DoAndSubmit(Coordinator& coordinator, const Message& message, sqlite3* db,
                             const std::function<BranchResult()>& work) {
  using namespace internal::outbox;
  if (db == nullptr) return Status(StatusCode::kInvalidArgument, "db: no connection");
  if (!work) return Status(StatusCode::kInvalidArgument, "work: there is none");
  if (sqlite3_get_autocommit(db) == 0) {
    return Status(StatusCode::kFailedPrecondition,
                  "db: inside a transaction already; DoAndSubmit makes its own");
  }
  Message complete = message;
  if (complete.query_prepared.empty()) {
    Result<std::string> own = OwnCheckBack(coordinator, db);
    if (!own.ok()) return own.status();
    complete.query_prepared = *std::move(own);
  }
  if (Status ready = EnsureBarrierTable(db); !ready.ok()) return ready;
  return Doing(coordinator, std::move(complete), db).Run(work);
}

}  // namespace troth
