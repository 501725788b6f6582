// What can be set for one step, one transaction, or all transactions of a coordinator.
//
// What is set for a step wins over its transaction's, which wins over the coordinator's; what is
// set nowhere has the default written here. The effective values are stored with the transaction
// when it is submitted: a later change of the coordinator's options, or of a default in a later
// release, does not reach a transaction that has begun.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "troth/branch.h"

namespace troth {

// "No limit", said explicitly: an unset field means "as one level up".
inline constexpr int32_t kNoLimit = -1;
inline constexpr std::chrono::milliseconds kNoTimeLimit{-1};

// When a call whose result is unknown (no answer, 5xx, …) is made again. The k-th wait is first ×
// factor^(k-1), at most cap. A success or an "ongoing" starts over; "ongoing" always waits `first`
// and never counts as an attempt that failed.
struct RetryPolicy {
  std::optional<std::chrono::milliseconds> first = {};  // default 10 s; at least 1 ms
  std::optional<double> factor = {};                    // default 2; 1 to 100
  std::optional<std::chrono::milliseconds> cap = {};    // default 10 min; at least `first`
  std::optional<bool> jitter = {};  // default false; true ("full"): each is drawn from [0, wait]

  // Only a saga's action obeys `limit` and `give_up_after`: past them the saga rolls back.
  // Everything else that the coordinator repeats (compensate, confirm, cancel, commit, rollback, a
  // message's action, its check-back, a workflow's call-back) obeys `park_after`. A try is never
  // repeated.

  // So many retries of one operation without a result. Default kNoLimit. 0 means one call only.
  std::optional<int32_t> limit = {};
  // How long after its first call an operation may be without a result, looked at between calls.
  // Default kNoTimeLimit, which only this field takes.
  std::optional<std::chrono::milliseconds> give_up_after = {};
  // After so many retries the transaction waits until a person acts. Default kNoLimit: retried at
  // the cap for ever, seen in List() and as events.
  std::optional<int32_t> park_after = {};
};

struct CallOptions {
  RetryPolicy retry = {};
  // How long one call may take, from the start of the name lookup (if any) to the last byte of the
  // answer. Default 3 s.
  std::optional<std::chrono::milliseconds> request_timeout = {};
  // Whether the text ONGOING or FAILURE in the body of a 2xx answer is a verdict, as dtm's services
  // from before 1.10 say it. Default true for http(s), and never for local functions.
  std::optional<bool> body_verdicts = {};
  // Whether an http(s) URL whose query names a method ("http://bank/rpc?method=TransIn") is called
  // by JSON-RPC 2.0: a POST with the payload's members (a JSON object, or empty), gid, trans_type,
  // branch_id and op as `params`; nothing is added to the URL. The answer's error.code -32901 is a
  // failure, -32902 ongoing, any other error unknown. Default false.
  std::optional<bool> json_rpc = {};
};

}  // namespace troth
