// What one run is to be: drawn from the seed before anything happens, and the same however the
// library behaves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dice.h"
#include "log.h"
#include "troth/message.h"
#include "troth/saga.h"
#include "troth/tcc.h"
#include "troth/xa.h"

namespace troth::sim {

// A branch of a session, as it will be called.
struct PlannedCall {
  TccBranch tcc;
  XaBranch xa;
  size_t step = 0;                       // index into Wanted::steps
  std::vector<PlannedCall> nested = {};  // tcc: what its try calls itself
};

// What the application does with a transaction once it has begun it.
enum class Plan : uint8_t {
  kSubmit,  // at once; a message without a prepare
  kCommit,  // a session: Commit(); a message: prepare, local transaction, SubmitPrepared
  kRollback,
  kLeave,       // it forgets about it: the time-out, or the check-back, decides
  kSubmitLate,  // a message: prepared, then left alone until after its time-out, then submitted
};

// How the application makes an order of its own (Wanted::order).
struct PlannedOrder {
  bool commits = true;           // else its local transaction is rolled back
  milliseconds thinks{0};        // between the parts of that
  bool drops_ticket = false;     // before the commit
  milliseconds keeps_ticket{0};  // else, after it
  bool waits = false;            // for the adoption
  milliseconds patience{0};      // then
  bool own_check_back = true;    // two phases: the outbox's, else the application's
};

// A function of an application's, which calls its branches itself and records what came of each.
struct PlannedWorkflow {
  enum class Kind : uint8_t {
    kSaga,  // an action, and its rollback
    kTcc,   // a try, its confirm and its cancel
    kXa,    // the same of a local XA transaction, inside of which `business` is recorded
  };
  CallOptions options;
  Headers headers;
  std::vector<Kind> kinds;  // of the steps
  // Two runs may come to two ends. So each records what it has chosen, as an operation of a branch
  // of no meaning, before anything of the second phase, which is that of all steps then; else a run
  // executes each of the operations of that and then records it, as dtm's SDKs do.
  bool careful = false;
  bool moody = false;  // some runs roll back for no reason
  // A step that was refused is rolled back as well.
  bool undoes_refused = false;
};

struct Planned {
  std::vector<Wanted> wanted;  // by content; [0] is what the client submits
  std::vector<Saga> sagas;     // one for each content, of the mode in question
  std::vector<Message> messages;
  TccOptions tcc;
  XaOptions xa;
  std::vector<PlannedCall> calls;
  PlannedWorkflow workflow;
  Plan plan = Plan::kSubmit;
  milliseconds begins{0};
  milliseconds pause{0};       // between its calls of the API
  uint32_t clients = 1;        // that submit the same, at once
  bool runs_function = false;  // a session: by RunTcc or RunXa
  bool local_commits = true;   // a message: whether the local transaction commits
  PlannedOrder order;
  bool waits = false;
  bool stubborn = true;                  // repeats until it gets a definite answer
  std::optional<milliseconds> conflict;  // when somebody submits content 1
  std::optional<milliseconds> late;      // when somebody submits content 0 once more

  const std::string& gid() const { return wanted[0].gid; }
  Mode mode() const { return wanted[0].mode; }
};

struct StoreFault {
  // kSyncs: of the application's disk alone.
  enum class Kind : uint8_t { kFails, kUnknown, kReads, kFull, kSlow, kSyncs };
  Kind kind{};
  milliseconds from{0};
  milliseconds lasts{0};
  size_t count = 1;  // kFails: commits; kUnknown: recoveries that fail
  bool committed = false;
  uint64_t at = 1;  // the first of the disk's operations that fails, once it has begun
};

// The application's own database.
struct PlannedShop {
  bool open = false;    // there is one
  bool synced = false;  // a commit in it is durable; else it is once somebody syncs the log
  int checkpoint_frames = 1'000;  // 0: it makes no checkpoint by itself
  std::vector<StoreFault> faults = {};
  std::vector<milliseconds> pokes = {};  // when somebody says that the outbox be looked into
};

// How calls fare, in percent of them.
struct Weather {
  uint32_t lost = 0;      // the reply
  uint32_t vanished = 0;  // the call
  uint32_t refused = 0;   // the connection
  uint32_t slow = 0;      // longer than a moment, maybe than the time-out
  uint32_t doubled = 0;
  uint32_t failing = 0;  // the branch can't just now: 500 and the like, and nothing has run
  uint32_t ongoing = 0;
  uint32_t odd = 0;  // it has run, and the answer says nothing
};

struct HostTrouble {
  uint32_t host = 0;
  milliseconds from{0};
  milliseconds until{0};
  bool answers_503 = false;  // else connections are refused, or vanish
  bool vanishes = false;
};

// The end of a life: after so many effects, or at a time.
struct LifeEnd {
  size_t effects = 0;  // 0: by time
  milliseconds after{0};
  bool close = false;
  bool power = false;         // lost, not only the process
  uint64_t changes = 0;       // power: at that change of the disk, in place of `effects`
  uint64_t shop_changes = 0;  // the same, of the application's disk; power or not
  bool at_failure = false;    // at the first of the operations of that disk that fails
  milliseconds grace{0};      // of a close
  milliseconds down{0};       // before it is opened again
  milliseconds wall{0};       // the clock jumps meanwhile
};

// The process that runs workflows dies, between two of its effects.
struct ApplicationEnd {
  size_t effects = 1;  // since the one before
  bool both = false;   // the coordinator's with it
  milliseconds down{0};
};

enum class Deed : uint8_t {
  kCancel,
  kRetry,
  kEdit,
  kSkip,
  kStop,
  kAbort,
  kQuery,
  kList,
  kWait,
  kHealth,
  kSubscribe,
  kUnsubscribe,
  kDeleteTopic,
  kPause,
  kKnock,     // another process opens the store
  kTakeOver,  // the same, and nothing keeps it out
};

// What a person, or another program, does at some time.
struct PlannedDeed {
  Deed deed{};
  milliseconds at{0};
  size_t transaction = 0;
  size_t branch = 0;  // which of those that it has then
  milliseconds lasts{0};
  bool leave_in_doubt = false;
  std::string topic = {};
  std::string url = {};
};

struct Scenario {
  Facts facts;
  CoordinatorOptions options;
  uint32_t hosts = 1;
  std::vector<std::string> topics;       // that have a subscriber in the beginning
  std::vector<std::string> late_locals;  // registered only at `locals_at`
  milliseconds locals_at{0};
  milliseconds chaos{0};  // how long the trouble lasts
  Weather weather;
  std::vector<Planned> transactions;
  std::vector<PlannedDeed> deeds;
  std::vector<HostTrouble> hosts_down;
  std::vector<StoreFault> store_faults;
  std::vector<LifeEnd> life_ends;
  std::vector<ApplicationEnd> application_ends;
  PlannedShop shop;
  std::optional<milliseconds> backup;  // when a copy is made; once all has ended it takes the place
  bool sqlite = false;
};

Scenario Draw(uint64_t seed);

// Whom a topic has in the beginning.
std::string SubscriberOf(const std::string& topic);

}  // namespace troth::sim
