// What the public API asks of the engine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/reply.h"
#include "model/transaction.h"
#include "troth/coordinator.h"

namespace troth::internal {

// Everything of it was made on the submitting thread.
struct SubmitRequest {
  std::unique_ptr<GlobalTransaction> transaction;
  std::shared_ptr<const std::string> document;  // the encoded definition
  Milliseconds delay{0};                        // msg: no action so long after the submit
  std::optional<Time> start;                    // msg: no action before it
  // Not OK: a new transaction is refused with it. Only what repeats a stored one gets another
  // answer.
  Status refusal = {};
};
// Decides what is prepared to commit.
struct CommitRequest {
  std::string digest;  // empty: whatever its content
  Milliseconds delay{0};
  std::optional<Time> start;
  std::optional<Mode> mode = {};  // what it must be, where no digest says so
};
// A workflow that is there already is prepared again: its function gives a sign of life.
struct RenewRequest {
  std::string digest;
};
struct AbortRequest {
  std::string why;
};
struct RegisterRequest {
  Mode mode = Mode::kTcc;  // of the session
  std::shared_ptr<const Step> step;
  std::shared_ptr<const std::string> document;  // the encoded step
};
// A workflow has a result of one of its operations.
struct RecordRequest {
  std::shared_ptr<const Progress> progress;
  std::shared_ptr<const std::string> document;  // the encoded progress
};
// A workflow's function has come to its end.
struct FinishRequest {
  bool succeeded = true;
  std::string reason;                           // why it failed
  std::shared_ptr<const std::string> result;    // what it returned; none: nothing
  std::shared_ptr<const std::string> document;  // the encoded result
};
// A session registers a branch, and calls it once that is durable: a try, an xa action. Made once;
// its result goes to the caller, who sleeps once.
struct SessionCallRequest {
  RegisterRequest joins;
  std::string op;
  std::string url;
  std::string phase2_url;
  std::shared_ptr<const std::string> payload;
  // The engine's: the branch is registered once this version is durable. Then the call is due, and
  // its asker can't give up any more.
  uint64_t version = 0;
  bool registered = false;
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
  bool leave_in_doubt = false;
};

// About one transaction.
struct Request {
  using Body =
      std::variant<SubmitRequest, CommitRequest, RenewRequest, AbortRequest, RegisterRequest,
                   RecordRequest, FinishRequest, SessionCallRequest, WaitRequest, ForgetWaitRequest,
                   CancelRequest, RetryRequest, EditRequest, SkipRequest, StopRequest>;
  std::string gid;
  Body body;
  Reply reply;
  Time give_up{};          // of an act that waits for a call in flight (R19)
  bool under_way = false;  // when it came, its transaction had not durably ended
};

// About a topic. The store answers by itself; the engine only passes it on.
struct TopicRequest {
  TopicChange change;
  Reply reply;
};

// About the whole coordinator.
struct ControlRequest {
  enum class Kind { kPause, kResume, kRegistered, kClose, kHealth, kStatistics };
  Kind kind;
  std::string name;  // kRegistered: the local function's
  std::function<void(const Health&)> done;
  std::function<void(const Statistics&)> statistics = {};  // with kStatistics
};

}  // namespace troth::internal
