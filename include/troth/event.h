// What a coordinator tells its host while it runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "troth/export.h"
#include "troth/transaction.h"

namespace troth {

enum class EventKind : uint8_t {
  kSubmitted = 1,  // durable
  kDecided = 2,    // durable; of a rollback `reason` says why
  kCallEnded = 3,  // with the verdict and the rule that applied in `text`
  // These two are told when it happens, before the store has it.
  kParked = 4,
  kWoken = 5,         // by a person, a registered function or a host that is back
  kEnded = 6,         // durable; `status` says how
  kStoreTrouble = 7,  // `text` says what; retried by itself
  kStoreRecovered = 8,
  kHostDown = 9,  // `text` names the host; it gets one probe at a time
  kHostUp = 10,
  kLocalSlow = 11,   // a local function is past its time-out
  kUnreadable = 12,  // a row that can't be true was set aside
  kClock = 13,       // the wall clock and the store disagree by more than a day
  kRestored = 14,    // the store is a restored backup; everything unended is parked
  kAlert = 15,       // see CoordinatorOptions::alert_after
  kAlertLost = 16,   // the alert URL did not answer with success; not repeated
  // A check-back that came after the decision says the opposite of it: the application committed
  // and took its message back, or submitted what it did not commit. Or
  // who runs a workflow reports the other outcome than the one that is fixed. A person should look.
  kContradiction = 17,
  kOutboxRefused = 18,  // see OutboxRefusal; `text` names the file and says why
};
TROTH_EXPORT std::string_view EventName(EventKind kind);

struct Event {
  EventKind kind{};
  Time at{};
  std::string gid;             // empty where no transaction is concerned
  TransactionStatus status{};  // where a transaction is concerned
  Reason reason;
  std::string text;
  // How long the call took, with kCallEnded.
  std::chrono::milliseconds took{};
};

// A branch that does not get through: see CoordinatorOptions::alert_after.
struct Alert {
  std::string gid = {};
  TransactionStatus status{};
  std::string branch_id = {};  // "02"
  std::string op = {};         // "compensate"
  std::string url = {};
  std::string error = {};    // its last failure, in one line
  uint32_t retry_count = 0;  // results that said nothing, since the start or a person's reset
};

enum class LogLevel : uint8_t { kDebug = 1, kInfo = 2, kWarning = 3, kError = 4 };

}  // namespace troth
