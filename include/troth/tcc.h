// TCC: try, confirm, cancel. The application tries each branch in turn and then decides; the
// coordinator confirms all or cancels all, until every branch has said yes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "troth/branch.h"
#include "troth/coordinator.h"
#include "troth/export.h"
#include "troth/options.h"
#include "troth/saga.h"
#include "troth/status.h"

namespace troth {

namespace internal {
class Session;
}

struct TccOptions {
  std::string gid = NewGid();  // used once: another transaction needs another one
  // Undecided for longer, it rolls back.
  std::chrono::milliseconds timeout_to_fail{35'000};
  // Confirms and cancels go out in reverse order of the calls, one at a time; true: all at once.
  bool concurrent = false;
  Headers headers = {};  // sent with every call
  CallOptions options = {};
};

struct TccBranch {
  std::string try_url = {};      // reserves; called once, by Call(). Empty: nothing to reserve
  std::string confirm_url = {};  // makes the reservation final; may not fail. Empty: nothing to do
  std::string cancel_url =
      {};                    // gives it back; also called when it is not known whether the try ran
  std::string payload = {};  // sent to all three
  Headers headers = {};
  CallOptions options = {};  // over the transaction's
};

// One global transaction that is being put together. Move-only; used from one thread at a time. It
// holds no lock and no coordinator: after the coordinator is closed every method answers
// kFailedPrecondition or kCancelled.
//
// A session that ends undecided (destroyed, or its process dies) rolls back: at once, or at its
// time-out.
class TROTH_EXPORT Tcc {
 public:
  // Begins one: OK says that it is durable. kInvalidArgument names the field. kFailedPrecondition,
  // kAlreadyExists: the gid was used before.
  static Result<Tcc> Begin(Coordinator& coordinator, const TccOptions& options = {});
  // For a branch that has branches of its own: joins the transaction that it was called for. What
  // it calls is registered under its own branch id, and confirmed or cancelled with the rest;
  // Commit and Rollback stay with who began it. A branch that is called again and makes the same
  // calls in the same order registers nothing twice. Nothing is checked before the first Call.
  static Result<Tcc> Join(Coordinator& coordinator, const BranchContext& context);

  Tcc(Tcc&&) noexcept;
  Tcc& operator=(Tcc&&) noexcept;
  ~Tcc();  // undecided: asks for the rollback, and does not wait for it

  const std::string& gid() const;

  // Registers the branch, durably, and then calls its try. The answer's body when that succeeded.
  // kAborted: the branch said no, or the transaction is rolling back: roll back. kUnavailable: it
  // is not known whether the try ran: roll back too, its cancel will find out. kInvalidArgument
  // names the field, kResourceExhausted the limit (steps, transaction_bytes); nothing was
  // registered. kFailedPrecondition: the try is a local function that is not there: roll back.
  Result<std::string> Call(const TccBranch& branch);

  // OK: the decision is durable, and every branch will be confirmed. Wait() tells when that is
  // done. kAborted: it is rolling back already (time-out, cancelled), or a Call has not succeeded,
  // so that only a rollback is left. A repeated Commit is OK.
  Status Commit();
  // OK: the decision is durable, and every branch will be cancelled. `why` becomes the reason.
  // kFailedPrecondition: it is committed. A repeated Rollback is OK.
  Status Rollback(std::string_view why);

 private:
  friend TROTH_EXPORT Result<Accepted> RunTcc(Coordinator&, const TccOptions&,
                                              const std::function<Status(Tcc&)>&);
  explicit Tcc(std::unique_ptr<internal::Session> session);
  std::unique_ptr<internal::Session> session_;
};

// Begins a transaction, runs `function`, and commits when that returns OK; else it rolls back, with
// the status as its reason. OK: committed, durably. kAborted: rolled back; the message says why
// (also where `function` threw: no exception leaves the library). Any other code is that of Begin
// or Commit.
TROTH_EXPORT Result<Accepted> RunTcc(Coordinator& coordinator, const TccOptions& options,
                                     const std::function<Status(Tcc&)>& function);

}  // namespace troth
