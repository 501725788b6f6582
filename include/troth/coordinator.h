// The coordinator: opens a store, accepts global transactions, and sees each of them to its end,
// through any crash.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "troth/branch.h"
#include "troth/event.h"
#include "troth/export.h"
#include "troth/message.h"
#include "troth/options.h"
#include "troth/saga.h"
#include "troth/statistics.h"
#include "troth/status.h"
#include "troth/topic.h"
#include "troth/transaction.h"

namespace troth {

namespace internal {
struct Access;  // the library's own way in
}

// The library's version, as in "0.1.0".
TROTH_EXPORT std::string_view Version();

// A branch in this process, called for "local:<name>" URLs. It runs on a thread of the
// coordinator's own pool, several transactions at once. It may be called again for the same (gid,
// branch, op), so it needs a barrier like any branch. Past its request_timeout the token asks it to
// stop; until it has returned the same operation is not called again. An exception counts as
// unknown. `context` and `payload` live until it returns. It may neither Wait() on its coordinator
// nor close, destroy or assign it. One that does not return outlives Close() and the coordinator
// (they wait half a second for it): what it captures must outlive its return.
using LocalFunction = std::function<BranchResult(const BranchContext& context,
                                                 std::string_view payload, std::stop_token stop)>;

struct LocalBranch {
  std::string name = {};  // [A-Za-z0-9._-], 1 to 64 characters; stored with transactions, so
                          // renaming it is a migration
  LocalFunction function = {};
};

// How to reach one host, where the defaults do not do.
struct HostOptions {
  // As in the URL, without the scheme: "bank.example", or "bank.example:8443", which wins for that
  // port.
  std::string host = {};
  std::string client_certificate = {};  // PEM file
  std::string client_key = {};          // PEM file
  std::string proxy = {};               // "http://proxy.example:3128"
};

// A host that gives no HTTP answer, or 502, 503 or 504, is down: its transactions wait, and one
// call at a time probes it. After the k-th failure in a row the next probe goes out in
// first × 2^(k-1), at most cap; the first answer lets all that wait go on.
struct ProbeOptions {
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds cap{60'000};  // at least `first`
};

// What is being called, for headers_for.
struct CallInfo {
  std::string_view url;
  std::string_view gid;
  std::string_view branch_id;
  std::string_view op;
};

// Bounds, each at least 1. A transaction of more steps, or of more bytes of payload, header or URL,
// is refused with kInvalidArgument; what passes `live`, `unwritten_bytes`, `topics` or
// `subscribers` with kResourceExhausted; both before anything is stored. Calls past their limits
// wait.
// Beside these, at most 1,000 requests of one transaction wait at once for its write or its call;
// past that they are refused with kResourceExhausted, and nothing of them is done.
struct Limits {
  size_t steps = 1000;                   // of one transaction; at most 10,000
  size_t payload_bytes = 4u << 20;       // of one step
  size_t transaction_bytes = 16u << 20;  // of one definition in all
  size_t header_bytes = 16u << 10;       // of one step's headers
  size_t url_bytes = 4u << 10;
  // Transactions in memory at once. At it new ones are refused; stored ones wait for room.
  size_t live = 100'000;
  size_t unwritten_bytes = 256u << 20;  // accepted, not yet durable; a single one may have more
  size_t calls_per_host = 256;          // in flight
  // In flight in all, local functions apart. Each HTTP call takes two descriptors; a process that
  // has none left (RLIMIT_NOFILE, often 1,024 until it is raised) makes it a second later instead.
  size_t calls = 1024;
  size_t local_threads =
      64;  // one that calls another, in a nested session, holds its own meanwhile
  size_t answer_bytes = 1u << 20;  // of one HTTP answer; a larger one counts as unknown
  size_t topics = 10'000;
  size_t subscribers = 1000;  // of one topic
};

struct CoordinatorOptions {
  // The path of the SQLite file, made with mode 0600 if it is not there (its folder must be);
  // beside it stand "-wal", "-shm" and "-owner". Or ":memory:", which nothing survives. Not on a
  // network file system.
  std::string store = {};
  // Reads only: Query, List, GetHealth, Backup. Needs no ownership, so it works beside a running
  // coordinator.
  bool read_only = false;
  // Says that this file is a restored backup: transactions that it holds as unended may have gone
  // further in the meantime, so each is parked until a person acts. Without it, opening a backup is
  // refused. For one Open only: it parks whatever the file is, each time; the backup's mark is gone
  // afterwards.
  bool restored = false;

  std::vector<LocalBranch> local = {};
  CallOptions defaults = {};
  Limits limits = {};

  // How long a call that must be durable waits for the store before it answers kUnavailable.
  std::chrono::milliseconds patience{10'000};
  // An ended transaction is kept this long, then only its gid and end (the tombstone) for
  // `tombstone_retention`: as long as either is there, the gid can't be used again.
  std::chrono::milliseconds retention = std::chrono::hours(24 * 7);
  std::chrono::milliseconds tombstone_retention = std::chrono::hours(24 * 90);
  // How long the branches keep their barrier rows. A transaction whose action was first called
  // longer ago is parked.
  std::chrono::milliseconds barrier_retention = std::chrono::hours(24 * 90);

  std::string ca_file = {};  // PEM; empty: the system's. TLS peers are always verified
  std::vector<HostOptions> hosts = {};
  // Adds headers at send time that are never stored: the place for tokens. Not for local functions.
  // A header of the same name replaces the transaction's. What it is given lives until it returns.
  // Called on transport threads, several at once; its time counts against request_timeout. If it
  // throws, or returns a name or value that HTTP forbids (a line break, Host, …), nothing is sent
  // and the call counts as unknown. It may not wait for the coordinator.
  std::function<Headers(const CallInfo&)> headers_for = {};

  // Called on one thread of the coordinator's own, never two at once, in order for each gid. They
  // may call everything but Wait and Close, and not destroy or assign the coordinator. What they
  // throw is dropped. In-process and for this life only: after a crash nothing is told again. One
  // that falls 100,000 notices behind loses the newest (the log says how many): for certainty use
  // Wait, Query, or a last step. Whether on_finished comes before Wait returns is not specified.
  std::function<void(const Outcome&)> on_finished = {};
  std::function<void(const Event&)> on_event = {};
  std::function<void(LogLevel, std::string_view)> log = {};

  // After so many results in a row of waits that say nothing, a branch is worth an alert: an event,
  // a call of `on_alert` (a callback like the others), and, if `alert_url` (http or https) is set,
  // a POST of {"gid","status","branch","error","retry_count"} to it, where `branch` is the URL that
  // was called. From then on once for each step up of the wait between calls; so at the cap it is
  // not repeated for every retry. Best effort, and nothing depends on it: it is not stored, not
  // repeated, and what the URL answers only shows in an event.
  int32_t alert_after = 3;
  std::string alert_url = {};
  std::function<void(const Alert&)> on_alert = {};

  // The application's own databases that SubmitInTransaction and DoAndSubmit (outbox.h) may use:
  // paths of SQLite files that are there, in WAL mode. Each belongs to the outboxes of one store
  // only: two would both adopt its rows. Open makes the table troth_outbox in them, and adopts what
  // they hold.
  std::vector<std::string> outboxes = {};

  // Where a Gateway (gateway.h) serves this coordinator, as branches reach it:
  // "http://10.0.0.5:36789/api/dtmsvr". A try, and the first call of an xa branch, carry it as
  // `dtm`, so that a branch in another process can register branches of its own, or itself. Empty:
  // they carry none.
  std::string gateway_url = {};

  ProbeOptions probe = {};
};

// Who acts, and why: kept in the transaction's history. Each 1 to 1,024 bytes without control
// characters.
struct Act {
  std::string author = {};
  std::string reason = {};
};

struct Accepted {
  std::string gid;
  bool repeated = false;  // the same transaction had been submitted before; nothing runs twice
  bool ended = false;     // and had succeeded when this came
};

// What is set must all hold.
struct ListFilter {
  std::optional<TransactionStatus> status = {};
  std::optional<Mode> mode = {};
  std::optional<Time> created_from = {};  // inclusive
  std::optional<Time> created_to = {};    // exclusive
  bool parked = false;   // only those that wait for a person, or for a function (kNotCallable)
  bool unended = false;  // only those that have not ended
};

struct ListPage {
  std::vector<TransactionSummary> transactions;  // newest first
  // What to pass as `position` for the next page; empty at the end. A page may be short, even
  // empty, before the end: a filter without an index examines a bounded number of rows a page.
  std::string next_position;
};

// Which operation of which branch: {"02", "compensate"}.
struct BranchKey {
  std::string branch_id = {};
  std::string op = {};
};

// What to change; unset stays as it is.
struct BranchEdit {
  std::optional<std::string> url = {};
  std::optional<std::string> payload = {};
  std::optional<Headers> headers = {};
};

struct HostHealth {
  std::string host;  // "http://bank.example:80"; "local:" for all local functions
  size_t in_flight = 0;
  size_t waiting = 0;  // transactions that wait for room or for the host to be back
  bool down = false;
  Time next_probe{};
  std::string problem;
};

// A row that could not be adopted, as its gid stands for something else: it stays until a person
// has settled the matter and deleted it from troth_outbox.
struct OutboxRefusal {
  std::string gid;
  std::string why;
};

struct OutboxHealth {
  std::string path;
  size_t waiting = 0;                  // committed, and not taken by the store yet
  std::vector<OutboxRefusal> refused;  // the first 100
  std::string problem;                 // what is in the way of adopting; tried again by itself
};

struct Health {
  bool open = false;
  bool owner = true;  // false: another process has taken the store over; nothing is called any more
  bool paused = false;
  std::string store_problem;                 // empty: the store can commit
  std::chrono::milliseconds clock_offset{};  // the coordinator's clock less the wall clock
  size_t live = 0;                           // transactions in memory
  size_t in_flight = 0;                      // calls
  std::vector<HostHealth> hosts;             // those that are down, or have transactions waiting
  std::vector<OutboxHealth> outboxes;        // all of CoordinatorOptions::outboxes
};

// A move-only handle. All methods but moving, assignment and destruction may be called from any
// thread, at once. A moved-from or closed coordinator answers kFailedPrecondition everywhere; so
// does one in a forked child ("opened before fork").
//
// "Durable" means: survives a crash of the process and a power loss (SQLite's synchronous=FULL).
// Errors that any method can answer are written here once:
//
// - kFailedPrecondition: closed, forked, read-only, or lost the store to another process.
// - kUnavailable: the store could not say within `patience`, or before another process took it
// over,
//   whether it holds the change. Repeat the same call, with the same gid.
// - kCancelled: Close() came first. Of a change, as kUnavailable: repeat it after the next Open().
// - kResourceExhausted: refused before anything was written; the text names the limit.
// - kDataLoss: the stored transaction can't be true and was set aside.
//
// No exception leaves a method, but memory that runs out while the coordinator works on its
// transactions ends the process (std::terminate): as safe as any other crash.
class TROTH_EXPORT Coordinator {
 public:
  // Opens the store, takes ownership of it, and goes on with every transaction that it holds
  // unended. kInvalidArgument names the option. kFailedPrecondition: another process (or this one)
  // has the store open; the file is not a Troth store, or a newer Troth's; it is a backup and
  // `restored` is not set; it lies on a network file system. kPermissionDenied, kNotFound,
  // kResourceExhausted, kDataLoss: what the file system or SQLite says, with the path; or no thread
  // can be started.
  static Result<Coordinator> Open(CoordinatorOptions options);

  Coordinator(Coordinator&&) noexcept;
  Coordinator& operator=(Coordinator&&) noexcept;
  // Without Close() this is a crash by design, and as safe: calls in flight are cut off, and made
  // again after the next Open(). It waits for no branch, and up to half a second for local
  // functions to return.
  ~Coordinator();

  // Starts no new call, waits up to `grace` for those in flight, then up to 10 s for the store and
  // as long for callbacks that are behind, and frees the file. Every other call that is waiting
  // answers kCancelled. OK: everything known is written. kDeadlineExceeded: calls were still in
  // flight and were cut off; they are made again after the next Open(). kUnavailable: the store
  // could not take the last results; what was acknowledged is safe. A later Close waits for the
  // first, and is OK. kFailedPrecondition inside a callback or a local function: it would wait for
  // itself.
  Status Close(std::chrono::milliseconds grace = std::chrono::seconds(5));

  // Accepts a saga. OK: it is durable and will be seen to its end. The same gid and content again
  // is OK with `repeated` while it is submitted or has succeeded (then `ended` too); kAborted when
  // it is rolling back or has failed; kAlreadyExists when the stored content is another one.
  // Content is: mode, the steps' URLs, payloads, order and concurrency, query_prepared; headers,
  // options and time-outs are not compared, the first ones stay. kInvalidArgument names the field.
  // Blocks for about one commit.
  Result<Accepted> Submit(const Saga& saga);
  // Submits, and waits. Its errors are those of Submit and of Wait: after kDeadlineExceeded the
  // saga goes on. Inside a callback or a local function it is refused before it submits.
  Result<Outcome> Run(const Saga& saga, std::chrono::milliseconds timeout);

  // The two-phase message (message.h): Prepare, the application's local transaction, SubmitPrepared
  // or Abort; when neither comes in time, its check-back is asked. Or Submit at once, for actions
  // that need no local transaction.

  // OK: durable, and nothing runs yet. The same again while it is prepared is OK with `repeated`.
  // kFailedPrecondition: it was prepared before and is decided. kAlreadyExists: other content.
  // kInvalidArgument names the field.
  Result<Accepted> Prepare(const Message& message);
  // OK: decided, durably; every action will run. Answers a repetition as Submit does. kNotFound.
  Result<Accepted> SubmitPrepared(const Message& message);
  // Accepts it at once, without a local transaction to wait for; one that is prepared with the same
  // content is decided.
  Result<Accepted> Submit(const Message& message);
  // Takes a prepared message, or a session's transaction, back. OK also when that was done before.
  // kFailedPrecondition: it is submitted. kNotFound.
  Status Abort(std::string_view gid, std::string_view why);

  // Waits until the transaction has ended; with a `timeout` of zero or less it only looks. OK also
  // when it failed: look at the Outcome. Works for
  // any gid in the store, after a restart too, and for purged ones (then without branches).
  // kDeadlineExceeded: it goes on; the message says how far it is. kNotFound. kCancelled: Close()
  // came. Refused inside a callback or a local function (kFailedPrecondition): it would wait for
  // itself; and of a read-only coordinator where the transaction has not ended.
  Result<Outcome> Wait(std::string_view gid, std::chrono::milliseconds timeout);

  // What is durable about a transaction now; after an OK it shows that change or a later one.
  // kNotFound.
  Result<TransactionRecord> Query(std::string_view gid) const;

  // Newest first, at most `limit` (1 to 1,000) a page. kInvalidArgument: the position is not one of
  // ours.
  Result<ListPage> List(const ListFilter& filter = {}, size_t limit = 100,
                        std::string_view position = {}) const;

  // The acts of a person. Each is durable on OK, and kept in the history with author and reason;
  // kInvalidArgument when one of them is empty; kNotFound; kFailedPrecondition when the
  // transaction's state forbids it.

  // Rolls back a saga, TCC or XA that is still undecided; OK also when it is rolling back already.
  // A workflow, which another process runs through a Gateway, decides by itself
  // (kFailedPrecondition). Of a prepared message the check-back is asked at once, for the
  // application may have committed; a delayed one that has not begun ends as failed.
  Status Cancel(std::string_view gid, const Act& act);
  // Calls what waits for a retry or is parked now, with its retry counts reset. OK also where
  // nothing does (a delay is waited for, or the time-out); then nothing is changed, nor kept in the
  // history.
  Status RetryNow(std::string_view gid, const Act& act);
  // Changes an operation that has not succeeded, for all later calls, and wakes it. Waits up to 5 s
  // for a call of it in flight (kDeadlineExceeded: nothing was changed). The data that a workflow's
  // call-back carries stays as it is (kFailedPrecondition).
  Status EditBranch(std::string_view gid, const BranchKey& branch, const BranchEdit& edit,
                    const Act& act);
  // Takes an operation that may not fail as done, without calling it; the outcome names it. Waits
  // like EditBranch.
  Status SkipBranch(std::string_view gid, const BranchKey& branch, const Act& act);
  // Ends the transaction as failed at once, whatever its branches have done; the outcome is
  // `forced` and names what was left in doubt.
  // `leave_in_doubt`: a TCC, XA or workflow is stopped only with it (kFailedPrecondition): its
  // branches keep what they reserved or locked.
  Status Stop(std::string_view gid, const Act& act, bool leave_in_doubt = false);

  // Topics (topic.h). A message whose step says "topic://<name>" goes to those who are subscribed
  // at its Prepare, or at its Submit where that comes first: they are looked up then and kept with
  // it, and whoever comes or goes later changes nothing of it. Each change is durable on OK and
  // seen by the next Prepare or Submit. kInvalidArgument names the field. kUnavailable: whether the
  // change is there is unknown; the same again tells.

  // Adds a subscriber, and the topic with its first one. kAlreadyExists: that URL has subscribed.
  // kResourceExhausted: limits.topics or limits.subscribers.
  Status Subscribe(std::string_view topic, std::string_view url, std::string_view remark = {});
  // kNotFound: no such topic, or no such subscriber. A topic without subscribers stays.
  Status Unsubscribe(std::string_view topic, std::string_view url);
  // kNotFound.
  Status DeleteTopic(std::string_view topic);
  // kNotFound.
  Result<Topic> GetTopic(std::string_view topic) const;
  // All of them, by name. One that can't be read is there with its `problem`.
  Result<std::vector<Topic>> ListTopics() const;

  // Starts no new calls until Resume(); accepts and stores everything meanwhile, and calls in
  // flight go on. Not stored: a new Open() is not paused.
  Status Pause();
  Status Resume();

  // Adds or replaces the function behind local:<name>, and wakes what waited for it. Not stored.
  // kInvalidArgument: the name is not one (see LocalBranch), or begins with "troth.", which is the
  // library's; there is no function.
  Status RegisterLocal(LocalBranch branch);

  // Copies the store, as of now and while it is in use, into a new file at `path`, and marks it as
  // a backup. OK: it is whole and synced to disk; on any error there is no such file.
  // kAlreadyExists: the path is taken. kPermissionDenied, kNotFound, kResourceExhausted (disk
  // full): what the file system or SQLite says.
  Status Backup(const std::string& path) const;

  // Never fails: `open` is false when it is closed, moved from, or in a forked child.
  Health GetHealth() const;

  // The coordinator's clock, which all times of transactions are of; read-only or moved-from, the
  // wall clock.
  Time Now() const;

  // Counters since Open(); all zero when it is closed. It waits for the engine's next turn.
  Statistics GetStatistics() const;

  class Impl;

 private:
  friend struct internal::Access;
  explicit Coordinator(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace troth
