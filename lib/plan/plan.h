// What must a transaction do next? One pure function, one file a mode.
//
// A plan is derived from the state alone: it remembers nothing, so a transaction loaded after a
// crash is planned like any other. No I/O, no clock, no threads, no random numbers. What a plan
// says is not done until the engine has done it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/transaction.h"

namespace troth::internal {

// A change of phase or outcome. It must be durable before anything that needs it is sent.
struct PlannedDecision {
  Phase phase;
  Decision outcome;
  Reason reason;  // of a rollback; empty at an end
};

inline constexpr uint16_t kWholeTransaction = 0xFFFF;
struct PlannedParking {
  uint16_t branch;  // or kWholeTransaction
  ReasonCode code;
};

struct Plan {
  // Nothing else is planned beside a decision: the state is planned again once it is applied.
  std::optional<PlannedDecision> decision;
  std::vector<uint16_t>
      done;  // branches with an empty URL whose turn it is: they succeed without a call
  std::vector<uint16_t>
      marks;  // actions that may run next: to be written as started before they are called (R1)
  std::vector<uint16_t> calls;         // due now, and allowed by what is durable
  std::optional<Time> wake;            // when to plan again if nothing happens before
  std::vector<PlannedParking> parked;  // what waits for a person
};

// Looks at, in this order: ended; a decision; the end; marks; calls; the next wake-up and what is
// parked (semantics.md §2).
Plan PlanNext(const GlobalTransaction& t, Time now);

// How many actions may be marked as started without having been called (R1, I13).
inline constexpr size_t kMarkedAheadMax = 16;

}  // namespace troth::internal
