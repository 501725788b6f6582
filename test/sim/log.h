// What happened in one simulated run, as seen from outside: B what branches received and answered,
// S what became durable, A what callers of the API asked and were told; and what the run was meant
// to do and to suffer. The checker reads nothing else.
//
// Every record carries its place in the one order of all that happened. Plain structs; nothing here
// shares code with plan/ or engine/.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/store.h"
#include "model/transaction.h"
#include "troth/coordinator.h"

namespace troth::sim {

using std::chrono::milliseconds;

// When something happened.
struct Stamp {
  uint64_t seq = 0;   // its place in the order of everything in the run, from 1; 0: never
  Time at{};          // virtual time, which no clock jump touches
  uint32_t life = 0;  // the newest life that had been opened then, from 1; 0: before the first
};

// --- B: calls of branches ---

// A branch really ran a call: after a crash, a time-out or a lost reply too, and once more for each
// duplicate that the network made.
struct Arrival {
  Stamp when;
  std::string verdict;  // what the branch answered: "success", "failure", "ongoing", "unknown"
  int http_status = 0;  // 0: a local function
  std::string body;
  bool through = true;     // its barrier let the business code run; always true without a barrier
  bool changed = false;    // it changed a balance or a reservation
  bool duplicate = false;  // a second delivery of the same call, made by the network
};

// What the engine got to know of a call.
enum class CallResult : uint8_t {
  kNone,  // still in flight when its life ended, or when the run did
  kSuccess,
  kFailure,
  kOngoing,
  kUnknown,  // an answer that says nothing
  kLost,     // no answer: the branch may have run or not
  kNotSent,  // for certain nothing was sent
};

struct Call {
  Stamp sent;
  std::string gid;
  std::string trans_type;
  std::string branch_id;
  std::string op;
  std::string url;    // as the step has it, without the protocol's query; of a local one all of it
  std::string query;  // what the engine added to the URL: "gid=…&trans_type=…&…"
  Headers headers;
  std::string payload;
  bool post = false;
  bool local = false;
  bool session = false;  // a call that Tcc::Call or Xa::Call made: a try, an xa's action
  bool alert = false;    // the POST to alert_url; of no branch
  milliseconds timeout{};
  std::vector<Arrival> arrivals;
  std::optional<Stamp> ended;  // when the engine was told, in the life that sent it
  CallResult result = CallResult::kNone;
  int http_status = 0;
  ReasonCode code = ReasonCode::kNone;
  std::string text;
};

// A call that a run of a workflow's function made of one of its branches, without the coordinator.
struct Effort {
  Stamp sent;
  uint32_t run = 0;  // which of all runs, from 1
  std::string gid;
  std::string branch_id;
  std::string op;                         // "action", "commit", "rollback"
  std::vector<Stamp> arrivals;            // when the branch ran it; late and doubled ones too
  CallResult result = CallResult::kNone;  // as the run was told; kNone: it died before
};

// --- S: what is durable ---

struct Stored {
  enum class Kind : uint8_t {
    kCommitted,   // from here on it is durable for certain
    kUnknown,     // its commit failed and may come back: it is durable or what was before is
    kNotWritten,  // the store has said that it is not, after a kUnknown
    kImage,       // found when the store was opened, or read at the end of the run
    kPurged,      // turned into a tombstone
    kDeleted,     // the tombstone is gone
  };
  Kind kind = Kind::kCommitted;
  Stamp when;
  internal::TransactionRow row;
  // The stored value, as model's FromStored reads it; null in a tombstone, and where it can't be
  // read (then `unreadable` says why).
  std::shared_ptr<const internal::GlobalTransaction> transaction;
  std::string unreadable;
};

// All that the store held at an opening, before the coordinator did anything, or at the end.
struct Image {
  Stamp when;
  std::vector<Stored> rows;  // by id; all of kind kImage
  std::vector<Topic> topics;
};

// --- A: calls of the API ---

enum class Ask : uint8_t {
  kSubmit,          // a saga, or a whole message
  kPrepare,         // a message
  kSubmitPrepared,  // a message
  kAbort,
  kBegin,  // Tcc::Begin, Xa::Begin
  kJoin,   // Tcc::Join, from inside a try
  kCall,   // Tcc::Call, Xa::Call: registers a branch and calls it
  kCommit,
  kRollback,
  kLeave,  // a session was destroyed undecided
  kWait,
  kQuery,
  kList,
  kCancel,
  kRetry,
  kEdit,
  kSkip,
  kStop,
  kSubscribe,
  kUnsubscribe,
  kDeleteTopic,
  kPause,
  kResume,
  kRegisterLocal,
  kHealth,
  kClose,
  // In the application's own database.
  kSubmitInTransaction,  // OK promises nothing
  kCommitLocally,        // the COMMIT of that
  kAdopted,              // OutboxTicket::WaitAdopted
  kDoAndSubmit,
  kPokeOutboxes,
  kRun,  // RunTcc, RunXa
  kBackup,
  // Of a workflow's application, as they reach the coordinator.
  kPrepareWorkflow,
  kRecord,
  kFinish,
};

struct ApiCall {
  Stamp began;
  std::optional<Stamp> answered;  // none: a crash came first (then `status` is kCancelled)
  Ask what = Ask::kSubmit;
  std::string gid;
  uint32_t content = 0;   // submit, prepare, …: which of the gid's contents (Wanted::content)
  std::string branch_id;  // kCall: what it should be registered as; kEdit, kSkip, kRecord: whose
  std::string op;         // kEdit, kSkip, kRecord
  BranchEdit edit;        // kEdit
  std::string author;     // acts of a person
  std::string reason;     // and the `why` of kAbort and kRollback
  std::string name;       // a topic, or a local function
  std::string url;        // of a subscriber
  bool leave_in_doubt = false;  // kStop
  milliseconds timeout{};       // kWait, kAdopted
  bool synced = false;          // kCommitLocally: it is durable when it is answered OK
  bool failed = false;          // kRecord, kFinish
  std::string data;             // kRecord: of the result; kFinish: the workflow's own

  Status status;
  bool repeated = false;                            // submit, prepare; kRetry: nothing waited
  std::string body;                                 // kCall that was answered OK
  std::shared_ptr<const Outcome> outcome;           // kWait
  std::shared_ptr<const TransactionRecord> record;  // kQuery
  std::vector<TransactionSummary> listed;           // kList, with ListFilter{} and all pages
  std::optional<Health> health;                     // kHealth
};

// --- the application's own database ---

struct ShopRow {
  std::string gid;
  uint32_t orders = 0;     // business rows
  bool in_outbox = false;  // there is a row in troth_outbox
  bool refused = false;    // which is marked as refused
};

// All that it held at an opening, after the store's image and before the coordinator did anything;
// and at the end of the run.
struct ShopImage {
  Stamp when;
  std::vector<ShopRow> rows;  // by gid
};

// --- lives, faults, and what was told by itself ---

struct Life {
  uint32_t number = 0;
  Stamp opened;
  std::optional<Stamp> ended;
  enum class End : uint8_t {
    kRunning,    // the run ended with it
    kClosed,     // Close() was answered, whatever it said
    kCrashed,    // as by SIGKILL: all that was written stays
    kPowerLost,  // what was not synced is dropped, kept or torn
  };
  End end = End::kRunning;
  bool clean = false;    // the life before it was closed, as the store says
  bool refused = false;  // opening failed (`why`), and it never ran
  std::string why;
  milliseconds wall{0};       // the wall clock less the virtual time during this life
  milliseconds offset{0};     // the coordinator's clock less the virtual time during this life
  size_t image = 0;           // index into Log::images: what it found
  uint64_t epoch = 0;         // of the store; 0: it was not opened
  std::optional<Stamp> lost;  // when a commit was told that another process has the store
};

// Another process has tried to open the store while a coordinator had it.
struct Stranger {
  Stamp when;
  bool owner_file_gone = false;  // the file that keeps it out early had been removed
  bool opened = false;           // the store is its own from then on
  uint64_t epoch = 0;            // then
  std::string why;
};

struct Fault {
  enum class Kind : uint8_t {
    kCrash,
    kPowerLoss,
    kClockJump,      // between lives
    kCommitFails,    // not written, for certain
    kCommitUnknown,  // its result can't be told for a while
    kCommitSlow,
    kDiskFull,
    kReadFails,
    kHostDown,
    kNetwork,      // one call: lost, delayed, hanging, doubled, odd answer
    kPaused,       // Pause() until Resume()
    kShop,         // on the disk of the application's own database
    kApplication,  // of workflows: its process dies
  };
  Kind kind{};
  Stamp from;
  std::optional<Stamp> until;  // of what lasts
  std::string what;            // "http://bank-b:80", "02/action: reply lost"
};

// So long does a commit take at most that begins while commits are slow, whenever that ends.
inline constexpr milliseconds kSlowestCommit{20'000};

// An event of CoordinatorOptions::on_event.
struct Told {
  Stamp when;
  Event event;
};

// --- what the run wanted ---

// The effective policy, step over transaction over coordinator, every default filled in.
struct WantedPolicy {
  milliseconds first{};
  double factor = 2;
  milliseconds cap{};
  bool jitter = false;
  int32_t limit = kNoLimit;
  milliseconds give_up_after = kNoTimeLimit;
  int32_t park_after = kNoLimit;
  milliseconds request_timeout{};
};

struct WantedStep {
  std::string branch_id;
  std::string forward;        // action or try
  std::string commit;         // confirm or commit
  std::string rollback;       // compensate, cancel or rollback
  std::string payload;        // of an xa's second phase there is none
  Headers headers;            // its own; those of the transaction come on top
  std::vector<size_t> after;  // orders: steps of this transaction, from 0
  WantedPolicy policy;

  std::string account;  // empty: it moves nothing
  int64_t amount = 0;
  bool barrier = true;  // its branch has one: every effect counts once, an undoing undoes what ran
  // What the branch is scripted to answer in the end, were there no faults.
  bool refuses = false;
};

// One transaction as the scenario means it. A gid has several of these when it is submitted with
// differing contents on purpose: `content` 0 is the one that came first in the scenario.
struct Wanted {
  std::string gid;
  uint32_t content = 0;
  Mode mode = Mode::kSaga;
  bool concurrent = false;
  std::vector<WantedStep> steps;  // of a session: those that it will register, nested ones too
  std::string query_prepared;
  Headers headers;
  std::optional<milliseconds> timeout_to_fail;
  milliseconds delay{0};      // msg
  std::optional<Time> start;  // msg
  WantedPolicy policy;        // of the transaction itself: the check-back's
  bool topics = false;        // a step's action is topic://…; `steps` are as submitted then
  // msg that was prepared: whether the application's local transaction committed, when it did. The
  // check-back tells the same.
  std::optional<Stamp> committed;
  // It belongs to an order in the application's own database, which is made with it.
  enum class Order : uint8_t { kNone, kOneCommit, kTwoPhases };
  Order order = Order::kNone;
  std::string workflow;  // its name
  std::string input;     // of a workflow
};

// What a run knows about itself.
struct Facts {
  uint64_t seed = 0;
  Limits limits;
  milliseconds patience{};
  milliseconds retention{};
  milliseconds tombstone_retention{};
  milliseconds barrier_retention{};
  milliseconds commit_time{};
  milliseconds call_time{};
  std::string store;  // "memory", "sqlite"
  // From `calm` on every branch answers, the store works, and nobody interferes but the person of
  // the calm phase, who retries what is parked. `unloaded`: branches answer success at once and no
  // limit is tight, so that the bounds on time hold (I24).
  Stamp calm;
  bool unloaded = false;
  bool calm_person = false;  // had to act
};

// What the books of the branches say at the end, of one branch of one transaction.
struct Effect {
  std::string gid;
  std::string branch_id;
  std::string account;
  int64_t balance = 0;       // final changes by this branch
  int64_t held = 0;          // reserved, and neither confirmed nor given back
  uint32_t ran_forward = 0;  // how often business code ran, as the barrier let it
  uint32_t ran_commit = 0;
  uint32_t ran_rollback = 0;
};

struct Ending {
  Stamp when;
  std::vector<Effect> effects;
  std::vector<TransactionSummary> listed;  // all pages of List() with no filter
  std::vector<TransactionRecord> records;  // Query of each of these
  Health health;
  Image image;          // what the store holds, read around the coordinator
  bool settled = true;  // nothing was under way or due any more when the run ended
  // How often time alone woke the coordinator in the best of the hours after that (I34). None: not
  // tried.
  std::optional<size_t> idle_wakes;
};

struct Log {
  Facts facts;
  std::vector<Wanted> wanted;
  std::vector<Call> calls;      // in order of `sent`
  std::vector<Effort> efforts;  // in order of `sent`
  std::vector<Stored> stored;   // in order of `when`; images apart
  std::vector<Image> images;
  std::vector<ApiCall> api;  // in order of `began`
  std::vector<ShopImage> shop;
  std::vector<Life> lives;
  std::vector<Stranger> strangers;
  std::vector<Fault> faults;
  std::vector<Told> told;
  Ending end;
  // The run on a copy of the store that began when this one had ended. Its first opening does not
  // say that it is one.
  std::shared_ptr<const Log> restored;
};

// What a check has found.
struct Violation {
  int invariant = 0;  // 5 for I5
  std::string gid;    // empty: of no transaction alone
  std::string what;   // one line, with what was expected and what was there
  uint64_t seq = 0;   // where in the run; 0: as a whole
};

}  // namespace troth::sim
