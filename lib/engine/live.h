// A transaction in memory, with what the engine knows about it beyond its value.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/event.h"
#include "engine/hosts.h"
#include "model/transaction.h"

namespace troth::internal {

// A result that nothing else writes waits so long (R3).
inline constexpr Milliseconds kProgressDelay{1'000};

struct Waiter {
  uint64_t ticket = 0;
  Reply reply;
};

struct Live {
  LiveId id = 0;
  GlobalTransaction t;
  bool touched = false;  // will be advanced in this turn

  // What has to be written, and what is being written.
  bool must_write = false;  // a decision, a mark, an act: at once
  bool dirty = false;       // progress: with the next write, or when it is due (R3)
  Time dirty_since{};
  bool write_pending = false;  // in the queue or with the store (R5)
  bool frozen = false;         // that write's outcome is unknown (R4)
  bool act_unwritten = false;  // what a person did is not durable, so no call may rest on it yet
  bool hides_stored =
      false;  // a submit in whose place a stored transaction was read, and passed over
  bool quarantined = false;                     // can't be true: nothing is done with it any more
  std::shared_ptr<const std::string> document;  // of an insert
  std::vector<Part> new_parts;                  // of the next write
  std::vector<PendingReply> replies;            // of the next write
  std::optional<Time> stored_due;
  ReasonCode stored_parked = ReasonCode::kNone;

  std::vector<Request> requests;       // wait for the pending write, or for a call in flight (R19)
  std::vector<Waiter> waiters;         // Wait()
  std::vector<Request> session_calls;  // not sent yet

  uint32_t in_flight = 0;        // calls
  uint32_t local_in_flight = 0;  // of these, local functions
  bool at_host = false;          // queued at a host, or known there
  bool not_callable = false;     // waits for the registration of a local function
  bool stuck_local = false;      // a local function does not return
};

inline uint64_t DurableVersion(const Live& live) {
  return live.t.version - (live.write_pending ? 1 : 0);
}

// A call in flight.
struct InFlight {
  LiveId live = 0;
  uint16_t branch = 0;
  bool called_before = false;
  bool local = false;
  Reply session;         // a session's own call: whom to tell; `branch` is the one that undoes it
  bool overdue = false;  // local: past its time-out, and asked to stop (R7)
  std::string host;
  Time sent{};
  Milliseconds timeout{};
};

}  // namespace troth::internal
