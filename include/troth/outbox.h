// One commit with the application's own SQLite database: either its rows and the global transaction
// are there, or neither.
//
//   sqlite3_exec(db, "BEGIN IMMEDIATE", …);
//   sqlite3_exec(db, "INSERT INTO orders …", …);
//   auto ticket = troth::SubmitInTransaction(coordinator, db, saga);
//   sqlite3_exec(db, ticket.ok() ? "COMMIT" : "ROLLBACK", …);   // from here it will end
//
// The database is one named in CoordinatorOptions::outboxes. The coordinator keeps a table
// `troth_outbox` in it: a row is inserted in the application's transaction, found after its commit,
// made durable in the coordinator's own store, and deleted by a later SubmitInTransaction. It
// installs no hook, and writes to that file in between only where more than 1,000 rows are left or
// nobody submitted for ten minutes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "troth/branch.h"
#include "troth/coordinator.h"
#include "troth/export.h"
#include "troth/message.h"
#include "troth/saga.h"
#include "troth/status.h"

struct sqlite3;

namespace troth {

namespace internal::outbox {
class Outboxes;
class TicketMaker;
}  // namespace internal::outbox

// Tells the coordinator when to look. Destroy it after COMMIT or ROLLBACK, on the thread that uses
// the connection, and before that is closed. Move-only; not thread-safe. One that was moved from
// has no gid, and answers kFailedPrecondition.
//
// Its destructor never blocks. When the transaction has ended by then, the coordinator looks once.
// When it is still open, it looks again after 1, 2, 4, … ms, up to a minute apart and at most 20
// times. What is committed later than that, or by a process that dies, is found by PokeOutboxes(),
// by the next ticket of that database, or by the next Open().
class TROTH_EXPORT OutboxTicket {
 public:
  OutboxTicket(OutboxTicket&&) noexcept;
  OutboxTicket& operator=(OutboxTicket&&) noexcept;
  ~OutboxTicket();

  const std::string& gid() const;

  // Waits, after COMMIT, until the coordinator's own store has the transaction: from then on Wait()
  // and Query() know it. Nothing depends on this call but that.
  // kFailedPrecondition: the application's transaction is still open, or the coordinator is gone.
  // kNotFound: it was rolled back. kAlreadyExists: refused, see OutboxHealth. kDeadlineExceeded:
  // not yet; it will be.
  Result<Accepted> WaitAdopted(std::chrono::milliseconds timeout);

 private:
  friend class internal::outbox::TicketMaker;
  struct State;
  explicit OutboxTicket(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Submits as a part of the transaction that is open on `db`, on the thread that uses that
// connection. OK promises nothing until the COMMIT; after it, and no sooner, the transaction will
// be seen to its end. After a ROLLBACK, or a crash before the COMMIT, it never was. A deadline
// counts from the adoption, a message's delay from this call.
//
// `db` has the database as its schema `main`; an attached file can't be used, for SQLite does not
// commit several files in WAL mode as one. It costs one look into the coordinator's store and one
// insert. Best inside BEGIN IMMEDIATE: SQLite refuses to let a transaction write that has read
// before another connection wrote. At synchronous=NORMAL a power loss can take the COMMIT back,
// but then all of it; at OFF nothing is promised. One gap is left at NORMAL: where a COMMIT at FULL
// on another connection of the application's has failed for its disk, and the program goes on, a
// power loss may take rows whose transaction was adopted (SQLite tells nobody else of it). Have all
// connections at FULL, or end the process then.
//
// On an error the application's transaction is as it was (or the text says that SQLite has ended
// it): it may go on, or roll back. kInvalidArgument: a field, with its name; or a connection that
// can't be used. kFailedPrecondition: no transaction is open on `db`; its file is not in
// `outboxes`. kAlreadyExists: the gid is taken, in the store or in the outbox; if by a COMMIT whose
// answer was lost, that one has happened: roll back. kUnavailable: busy or an I/O error; roll back
// and repeat. Others as SQLite has them: kResourceExhausted (disk full), kPermissionDenied,
// kDataLoss.
TROTH_EXPORT Result<OutboxTicket> SubmitInTransaction(Coordinator& coordinator, sqlite3* db,
                                                      const Saga& saga);
// The message is decided with it: no check-back is ever asked.
TROTH_EXPORT Result<OutboxTicket> SubmitInTransaction(Coordinator& coordinator, sqlite3* db,
                                                      const Message& message);

// Looks into all outboxes now, once. Does not wait. Any thread. kFailedPrecondition: the
// coordinator has none, or was moved from.
TROTH_EXPORT Status PokeOutboxes(Coordinator& coordinator);

// The two-phase message in one call: prepares it, runs `work` on `db` in a transaction of its own
// (BEGIN IMMEDIATE … COMMIT) with the row that a check-back looks for, and submits it. All on the
// calling thread; nobody else may use `db` meanwhile. `work` must not end that transaction; see
// SqliteBarrier::Call. The table `troth_barrier` is made if it is not
// there.
//
// Without `query_prepared` the database must be one of CoordinatorOptions::outboxes: then the
// coordinator looks for the row by itself, after a crash too, and no handler is needed. The address
// of that check-back names the database by an id that is kept in it; where a later Open() does not
// name that database, the message waits, and Query() and List() show it as "not callable".
// With `query_prepared` any SQLite database will do; its handler asks SqliteBarrier::QueryPrepared.
//
//   OK                   committed and submitted
//   kAborted             `work` answered failure, or something came between and nothing committed:
//                        rolled back, no action ever runs
//   kAlreadyExists       this gid's local transaction had committed before: `work` was not run, the
//                        message is submitted. Or: the gid has another content
//   kUnknown             `work` ended in an error, and all the same its transaction has committed:
//                        the message is submitted
//   kUnavailable         not known yet whether the transaction committed, or whether the message is
//                        submitted. The check-back finds out after timeout_to_fail
//   kFailedPrecondition  among others: the message had been prepared before, and has failed
//   kInvalidArgument, kFailedPrecondition, and others of Prepare: `work` was not run
TROTH_EXPORT Result<Accepted> DoAndSubmit(Coordinator& coordinator, const Message& message,
                                          sqlite3* db, const std::function<BranchResult()>& work);

}  // namespace troth
