// Counters of a coordinator, for a monitor to read now and then.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troth {

// Transactions of one mode.
struct ModeStatistics {
  uint64_t accepted = 0;   // stored for the first time, prepared ones included
  uint64_t succeeded = 0;  // ended
  uint64_t failed = 0;     // ended, `forced` ones included
  uint64_t forced = 0;     // ended by Stop()
};

// What has happened since Open(); all of it is in memory only. The sizes are as of now.
struct Statistics {
  ModeStatistics saga = {};
  ModeStatistics tcc = {};
  ModeStatistics xa = {};
  ModeStatistics message = {};

  // Calls of branches that have ended, each in one of these.
  uint64_t calls_succeeded = 0;
  uint64_t calls_failed = 0;   // a failure that decides, or one that is not allowed
  uint64_t calls_ongoing = 0;  // 425 or 202
  uint64_t calls_unknown = 0;  // no answer, or one without a verdict
  uint64_t calls_not_sent = 0;
  uint64_t retries = 0;  // calls begun of operations that had been called before

  uint64_t alerts = 0;
  uint64_t alerts_lost = 0;  // whose POST found no success

  uint64_t commits = 0;          // of batches
  uint64_t writes = 0;           // of transactions, in these
  uint64_t commits_refused = 0;  // by the store; what they held is written later or was refused
  uint64_t store_troubles = 0;   // as many as events of that kind
  uint64_t notices_dropped = 0;  // a callback was too slow

  size_t live = 0;       // transactions in memory
  size_t in_flight = 0;  // calls
  size_t parked = 0;     // transactions in the store that wait for a person

  ModeStatistics workflow = {};
};

}  // namespace troth
