// One commit: from a saga or a message to a row in the application's transaction, and the ticket
// that says when it has ended.
#include <sqlite3.h>

#include <utility>

#include "base/text.h"
#include "outbox/caller.h"
#include "outbox/document.h"
#include "outbox/outboxes.h"
#include "troth/outbox.h"

namespace troth {

using internal::Concat;
using internal::outbox::FileIdentity;
using internal::outbox::Host;
using internal::outbox::Outboxes;
using internal::outbox::Parts;
using internal::outbox::Submission;

struct OutboxTicket::State {
  std::string gid;
  sqlite3* db;
  size_t box;
  std::weak_ptr<Outboxes> outboxes;
  std::weak_ptr<Host> host;
};

namespace internal::outbox {

class TicketMaker {
 public:
  static OutboxTicket Make(const Parts& parts, sqlite3* db, size_t box, std::string gid) {
    return OutboxTicket(std::make_unique<OutboxTicket::State>(
        OutboxTicket::State{std::move(gid), db, box, parts.outboxes, parts.host}));
  }
};

namespace {

// So that what is deleted costs a submit little, and more goes than comes.
constexpr size_t kDeletesMax = 16;

Status Usable(const Parts& parts, sqlite3* db) {
  if (parts.host == nullptr) {
    return {StatusCode::kFailedPrecondition, "the coordinator was moved from"};
  }
  if (db == nullptr) return {StatusCode::kInvalidArgument, "outbox: no connection"};
  if (parts.outboxes == nullptr) {
    return {StatusCode::kFailedPrecondition, "outbox: the coordinator was opened without outboxes"};
  }
  if (sqlite3_get_autocommit(db) != 0) {
    return {StatusCode::kFailedPrecondition,
            "outbox: no transaction is open on the connection: BEGIN IMMEDIATE first"};
  }
  return {};
}

template <class Transaction>
Result<OutboxTicket> Submit(Coordinator& coordinator, sqlite3* db, const Transaction& transaction) {
  const Parts parts = PartsOf(coordinator);
  if (Status usable = Usable(parts, db); !usable.ok()) return usable;
  const Result<Submission> submission = parts.host->Check(transaction);
  if (!submission.ok()) return submission.status();
  const Result<FileIdentity> file = MainFileOf(db);
  if (!file.ok()) return file.status();
  const Result<size_t> box = parts.outboxes->Find(*file);
  if (!box.ok()) return box.status();
  const Result<bool> taken = parts.host->Holds(submission->gid);
  if (!taken.ok()) return taken.status();
  if (*taken) {
    return Status(StatusCode::kAlreadyExists,
                  Concat(submission->gid, " is in the store already: it was submitted before"));
  }
  const Status inserted = InsertRow(db, {submission->gid, EncodeDocument(*submission)},
                                    parts.outboxes->Done(*box, kDeletesMax));
  if (!inserted.ok()) return inserted;
  return TicketMaker::Make(parts, db, *box, submission->gid);
}

}  // namespace
}  // namespace internal::outbox

OutboxTicket::OutboxTicket(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutboxTicket::OutboxTicket(OutboxTicket&&) noexcept = default;

OutboxTicket& OutboxTicket::operator=(OutboxTicket&& other) noexcept {
  const OutboxTicket dropped = std::move(*this);
  state_ = std::move(other.state_);
  return *this;
}

OutboxTicket::~OutboxTicket() {
  if (state_ == nullptr) return;
  const auto outboxes = state_->outboxes.lock();
  if (outboxes == nullptr) return;
  if (sqlite3_get_autocommit(state_->db) != 0) {
    outboxes->Look(state_->box);
  } else {
    outboxes->Expect(state_->box, std::move(state_->gid));
  }
}

const std::string& OutboxTicket::gid() const {
  static const std::string& none = *new std::string;  // never destroyed
  return state_ == nullptr ? none : state_->gid;
}

Result<Accepted> OutboxTicket::WaitAdopted(std::chrono::milliseconds timeout) {
  if (state_ == nullptr) {
    return Status(StatusCode::kFailedPrecondition, "the ticket was moved from");
  }
  const auto outboxes = state_->outboxes.lock();
  const auto host = state_->host.lock();
  if (outboxes == nullptr || host == nullptr) {
    return Status(StatusCode::kFailedPrecondition, "the coordinator of this ticket is gone");
  }
  if (sqlite3_get_autocommit(state_->db) == 0) {
    return Status(StatusCode::kFailedPrecondition,
                  "outbox: the transaction is open still: COMMIT first");
  }
  const Result<Outboxes::Seen> seen = outboxes->Await(state_->box, state_->gid, timeout);
  if (!seen.ok()) return seen.status();
  if (!seen->there) {
    // Adopted, and deleted by a later submit in between; or it never came.
    const Result<bool> held = host->Holds(state_->gid);
    if (!held.ok()) return held.status();
    if (!*held) {
      return Status(StatusCode::kNotFound,
                    Concat(state_->gid, ": its transaction was rolled back"));
    }
  }
  return Accepted{.gid = state_->gid};
}

Result<OutboxTicket> SubmitInTransaction(Coordinator& coordinator, sqlite3* db, const Saga& saga) {
  return internal::outbox::Submit(coordinator, db, saga);
}

Result<OutboxTicket> SubmitInTransaction(Coordinator& coordinator, sqlite3* db,
                                         const Message& message) {
  return internal::outbox::Submit(coordinator, db, message);
}

Status PokeOutboxes(Coordinator& coordinator) {
  const Parts parts = internal::outbox::PartsOf(coordinator);
  if (parts.outboxes == nullptr) {
    return {StatusCode::kFailedPrecondition, "outbox: the coordinator has no outboxes"};
  }
  parts.outboxes->LookAtAll();
  return {};
}

}  // namespace troth
