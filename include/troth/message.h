// The two-phase message: actions that run if, and only if, the application's own local transaction
// commits.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "troth/options.h"
#include "troth/saga.h"
#include "troth/transaction.h"

namespace troth {

struct MessageStep {
  // Called until it succeeds: a failure counts as unknown. Empty: done at once. "topic://<name>":
  // one branch for each subscriber of that topic, "02-01", "02-02", … in the place of "02" (and
  // "02" itself for a single one), in the order in which they subscribed.
  std::string action = {};
  std::string payload = {};
  Headers headers = {};
  CallOptions options = {};
};

// A value: build it, prepare or submit it, keep or drop it.
struct Message {
  std::string gid = NewGid();           // a copy is the same transaction: see Saga::gid
  std::vector<MessageStep> steps = {};  // 1 to CoordinatorOptions::limits.steps

  // False: in order, step n+1 starts after step n succeeded. True: all at once.
  bool concurrent = false;
  // No action before that: so long after the Prepare (after the Submit, where there was none; after
  // SubmitPrepared, where it is given there first), or at that time. At most one of them.
  std::optional<std::chrono::milliseconds> delay = {};
  std::optional<Time> start = {};

  // Asked, by GET with op=msg on branch 00, whether the local transaction committed, when a
  // prepared message is neither submitted nor aborted in time. Prepare needs it; an http(s) or
  // local: URL.
  std::string query_prepared = {};
  // So long after the Prepare the check-back is first asked.
  std::chrono::milliseconds timeout_to_fail{35'000};

  // Sent with every call of the transaction, the check-back's too.
  Headers headers = {};
  CallOptions options = {};

  Message& Add(MessageStep step) {
    steps.push_back(std::move(step));
    return *this;
  }
};

}  // namespace troth
