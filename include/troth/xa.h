// XA, the coordinator's part: each branch prepares a local transaction of its own database; then
// all commit, or all roll back.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "troth/coordinator.h"
#include "troth/export.h"
#include "troth/options.h"
#include "troth/saga.h"
#include "troth/status.h"

namespace troth {

namespace internal {
class Session;
}

struct XaOptions {
  std::string gid = NewGid();  // used once: another transaction needs another one
  // Undecided for longer, it rolls back.
  std::chrono::milliseconds timeout_to_fail{35'000};
  Headers headers = {};
  CallOptions options = {};
};

struct XaBranch {
  // Called with op=action (do the work, and prepare it), then op=commit or op=rollback. The first
  // call also carries phase2_url, for branches that register themselves; here they are registered
  // already, and told success.
  std::string url = {};
  std::string payload = {};  // of the first call; the second phase has none
  Headers headers = {};
  CallOptions options = {};  // over the transaction's
};

// As Tcc (see there): move-only, one thread at a time, rolls back when it ends undecided.
class TROTH_EXPORT Xa {
 public:
  // Begins one: OK says that it is durable. kInvalidArgument names the field. kAlreadyExists,
  // kFailedPrecondition: the gid was used before.
  static Result<Xa> Begin(Coordinator& coordinator, const XaOptions& options = {});

  Xa(Xa&&) noexcept;
  Xa& operator=(Xa&&) noexcept;
  ~Xa();

  const std::string& gid() const;

  // Registers the branch, durably, before it is called: a branch that prepares and then loses its
  // connection is known. Errors as of Tcc::Call.
  Result<std::string> Call(const XaBranch& branch);
  // As Tcc's. The second phase goes to all branches at once: one that is down does not hold the
  // locks of the others.
  Status Commit();
  Status Rollback(std::string_view why);

 private:
  friend TROTH_EXPORT Result<Accepted> RunXa(Coordinator&, const XaOptions&,
                                             const std::function<Status(Xa&)>&);
  explicit Xa(std::unique_ptr<internal::Session> session);
  std::unique_ptr<internal::Session> session_;
};

// As RunTcc.
TROTH_EXPORT Result<Accepted> RunXa(Coordinator& coordinator, const XaOptions& options,
                                    const std::function<Status(Xa&)>& function);

}  // namespace troth
