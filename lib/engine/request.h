// What the public API asks of the engine, and how it is answered.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "model/transaction.h"
#include "troth/coordinator.h"

namespace troth::internal {

struct Answer {
  Status status;
  bool repeated = false;                   // Submit
  std::shared_ptr<const Outcome> outcome;  // Wait, when the status is OK
};
// Called exactly once, from the engine's or the writer's thread; never blocks. It may be that
// nobody listens any more.
using Reply = std::function<void(Answer&&)>;

// Everything of it was made on the submitting thread.
struct SubmitRequest {
  std::unique_ptr<GlobalTransaction> transaction;
  std::shared_ptr<const std::string> document;  // the encoded definition
};
struct WaitRequest {
  uint64_t ticket = 0;  // to forget it by
};
struct ForgetWaitRequest {
  uint64_t ticket = 0;
};
struct CancelRequest {
  Act act;
};
struct RetryRequest {
  Act act;
};
struct EditRequest {
  BranchKey key;
  BranchEdit edit;
  Act act;
};
struct SkipRequest {
  BranchKey key;
  Act act;
};
struct StopRequest {
  Act act;
};

// About one transaction.
struct Request {
  using Body = std::variant<SubmitRequest, WaitRequest, ForgetWaitRequest, CancelRequest,
                            RetryRequest, EditRequest, SkipRequest, StopRequest>;
  std::string gid;
  Body body;
  Reply reply;
  Time give_up{};  // of an act that waits for a call in flight (R19)
};

// About the whole coordinator.
struct ControlRequest {
  enum class Kind { kPause, kResume, kRegistered, kClose, kHealth };
  Kind kind;
  std::string name;  // kRegistered: the local function's
  std::function<void(const Health&)> done;
};

}  // namespace troth::internal
