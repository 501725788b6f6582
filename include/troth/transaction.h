// What can be read about a transaction: its status, its branches, the reason of everything.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "troth/export.h"
#include "troth/options.h"

namespace troth {

// Milliseconds since 1970, by the coordinator's clock: it starts at the wall clock when the store
// is opened and never jumps (see Health::clock_offset).
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

enum class Mode : uint8_t { kSaga = 1, kTcc = 2, kXa = 3, kMessage = 4, kWorkflow = 5 };
// "saga", "tcc", "xa", "msg", "workflow": the protocol's names.
TROTH_EXPORT std::string_view ModeName(Mode mode);

// The protocol's status. It moves only forward: prepared → submitted → succeed, prepared or
// submitted → aborting → failed; and to failed from any that has not ended, by Stop(). A workflow
// is prepared until it has ended.
enum class TransactionStatus : uint8_t {
  kPrepared = 1,
  kSubmitted = 2,
  kSucceed = 3,  // every action ran
  kAborting = 4,
  kFailed = 5,  // every action that may have run was compensated (or the outcome says `forced` or
                // names what was skipped)
};
TROTH_EXPORT std::string_view StatusName(TransactionStatus status);

// Why something was decided, waits, or was parked. The numbers are stored and never reused.
enum class ReasonCode : uint16_t {
  kNone = 0,
  // Decisions.
  kActionFailed = 101,      // a branch answered failure
  kRetriesExhausted = 102,  // an action had no result within its retry limit
  kGaveUp = 103,            // an action had no result within give_up_after
  kTimeout = 104,           // timeout_to_fail passed
  kCancelled = 105,         // a person or the application cancelled
  kStopped = 106,           // force stop: branches were left in doubt
  kRolledBack = 107,        // the application rolled back, or let its session go undecided
  // Parked: nothing goes on until a person acts (RetryNow, EditBranch, SkipBranch, Cancel, Stop).
  kParkedRetries = 201,         // an operation that may not fail is past park_after
  kParkedRestored = 202,        // the store is a restored backup
  kParkedBarrierExpired = 203,  // the action was called longer ago than barrier_retention
  kParkedNotReturning = 204,    // a local function has not returned for twice its time-out
  kParkedUnreadable = 205,      // the stored row can't be true; the rest of the store goes on
  // One call without a result, or with one that the rules turn into none.
  kNoAnswer = 301,           // refused, reset, lookup failed: see the text
  kCallTimeout = 302,        // request_timeout passed
  kHttpStatus = 303,         // a status that is neither success, failure nor ongoing
  kFailureNotAllowed = 304,  // failure from an operation that may not fail: retried
  kNotCallable =
      305,  // a local function that is not registered: waits for RegisterLocal, no attempt
  kAnswerTooLarge = 306,
  kBranchUnknown = 307,  // a local function answered unknown, or threw; an error by JSON-RPC
  kNotSent = 308,        // ended before the first byte: no attempt
  kOngoing = 309,
  kNotEnded = 310,  // a workflow's call-back answered success, and the workflow has not ended
};
// "action failed", "retry limit", …: a short text for each code.
TROTH_EXPORT std::string_view ReasonText(ReasonCode code);

struct Reason {
  ReasonCode code = ReasonCode::kNone;
  std::string branch_id;  // empty where no branch is concerned
  std::string op;
  int http_status = 0;   // 0: no HTTP answer
  std::string text;      // what the branch or the person said; at most 1 kB
  uint32_t attempt = 0;  // which call of the operation, from 1; 0 where no call is concerned
  std::string author;    // who, where a person acted
  Time at{};
  // One line for a log: "action failed: 02/action answered 409 at attempt 1: insufficient balance".
  TROTH_EXPORT std::string ToString() const;
};

enum class BranchStatus : uint8_t { kPrepared = 1, kSucceed = 2, kFailed = 3, kSkipped = 4 };
TROTH_EXPORT std::string_view BranchStatusName(BranchStatus status);

// One operation of one branch, in the protocol's order (of a saga step: compensate, action).
struct BranchRecord {
  std::string branch_id;
  std::string op;
  std::string url;
  BranchStatus status = BranchStatus::kPrepared;
  bool may_have_run = false;  // its call was made, or was allowed by a durable mark
  uint32_t attempts = 0;      // calls made
  std::optional<Time> first_call;
  std::optional<Time> next_call;        // when it may be called again
  std::optional<Reason> first_failure;  // the first result that was not success
  std::vector<Reason> newest_failures;  // the last three, oldest first
  // What its calls carry; of a workflow's step, what was recorded of it. Empty in an Outcome.
  std::string payload;
};

// One act of a person, or one thing that a person should know.
struct HistoryRecord {
  Time at{};
  std::string author;
  std::string what;  // "cancel", "retry now", "edit 02/compensate", "skip 02/compensate", "stop", …
  std::string reason;
};

struct TransactionSummary {
  std::string gid;
  Mode mode = Mode::kSaga;
  TransactionStatus status = TransactionStatus::kPrepared;
  Time created{};
  Time updated{};
  std::optional<Time> finished;
  std::optional<Time> due;  // when there is something to do; empty while parked and when ended
  ReasonCode parked = ReasonCode::kNone;
};

struct TransactionRecord : TransactionSummary {
  bool concurrent = false;
  std::optional<Time> deadline;  // past it an undecided transaction rolls back
  Reason reason;                 // of the rollback, or of the forced end
  bool forced = false;  // ended by Stop(): the branches named in `in_doubt` were left as they were
  std::vector<std::string> in_doubt;  // "02/compensate"
  std::vector<BranchRecord> branches;
  std::vector<HistoryRecord> history;
  bool purged = false;         // a tombstone: only gid, mode, status and times are left
  std::string query_prepared;  // of a message or a workflow
  Headers headers;             // sent with every call
  CallOptions options;         // those in force for what says nothing itself; nothing is unset
  std::string result;          // of a workflow that has ended: what its function returned
  std::vector<std::string> skipped;  // operations that a person skipped: "02/compensate"
};

// How a transaction ended.
struct Outcome {
  std::string gid;
  TransactionStatus status = TransactionStatus::kSucceed;  // kSucceed or kFailed
  Reason reason;                                           // why it failed
  bool forced =
      false;  // by Stop(): what is in `in_doubt` was neither done nor compensated for certain
  std::vector<std::string> in_doubt;  // "02/compensate"
  std::vector<std::string> skipped;   // operations that a person skipped
  std::vector<BranchRecord> branches;

  bool succeeded() const { return status == TransactionStatus::kSucceed; }
};

}  // namespace troth
