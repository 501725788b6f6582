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
  std::string action;  // called until it succeeds: a failure counts as unknown. Empty: done at once
  std::string payload = {};
  Headers headers = {};
  CallOptions options = {};
};

// A value: build it, prepare or submit it, keep or drop it.
struct Message {
  std::string gid = NewGid();
  std::vector<MessageStep> steps;  // in order, one after another

  // False: step n+1 starts after step n succeeded. True: all at once.
  bool concurrent = false;
  // No action before that: so long after the submit, or at that time. At most one of them.
  std::optional<std::chrono::milliseconds> delay = {};
  std::optional<Time> start = {};

  // Asked, by GET with op=msg on branch 00, whether the local transaction committed, when a
  // prepared message is neither submitted nor aborted in time. Prepare needs it; an http(s) or
  // local: URL.
  std::string query_prepared = {};
  std::chrono::milliseconds timeout_to_fail{35'000};

  Headers headers = {};
  CallOptions options = {};

  Message& Add(MessageStep step) {
    steps.push_back(std::move(step));
    return *this;
  }
};

}  // namespace troth
