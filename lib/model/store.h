// Where transactions are kept: the interface of every store, and what crosses it.
//
// A Store is passive and synchronous; who calls it from which thread is its driver's business
// (driver/writer.h). A store knows rows, bytes and versions, and nothing of what they mean:
// recovery, decisions and retries are the engine's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "troth/status.h"
#include "troth/topic.h"
#include "troth/transaction.h"

namespace troth::internal {

// The columns of troth_transaction, the state apart.
struct TransactionRow {
  int64_t id = 0;  // 0: not stored yet
  std::string gid;
  Mode mode = Mode::kSaga;
  TransactionStatus status = TransactionStatus::kPrepared;
  std::optional<Time> due;  // nothing to do without it
  Time created{};
  Time updated{};
  std::optional<Time> finished;
  ReasonCode parked = ReasonCode::kNone;
  uint64_t version = 0;
  std::string digest;
};

inline bool HasEnded(TransactionStatus status) {
  return status == TransactionStatus::kSucceed || status == TransactionStatus::kFailed;
}

// An immutable document of a transaction: 0 is the definition, later ones are edits and registered
// branches.
struct Part {
  uint16_t number = 0;
  std::shared_ptr<const std::string> document;
};

struct StoredTransaction {
  TransactionRow row;
  std::string state;        // empty in a tombstone
  std::vector<Part> parts;  // by number; empty in a tombstone
};

// An insert has row.id 0 and row.version 1. An update names row.id and changes the row only if the
// stored version is row.version - 1; it never inserts, and changes neither gid, mode, created nor
// digest. `parts` are added in either case.
struct Write {
  TransactionRow row;
  std::string state;
  std::vector<Part> parts;
  bool insert() const { return row.id == 0; }
};

struct WriteResult {
  enum class Kind : uint8_t {
    kOk,
    kGidExists,   // insert: `existing` is the row that has the gid; nothing written
    kStale,       // update: no row with this id and the version before, or a tombstone; nothing
                  // written
    kNotWritten,  // for certain; `status` says why (kDataLoss: this write alone can't be stored;
                  // else try again later)
  };
  Kind kind = Kind::kOk;
  int64_t id = 0;  // with kOk
  std::optional<TransactionRow> existing;
  Status status;
};

// What became of a batch. R24: one bad write harms no other.
struct BatchResult {
  enum class Kind : uint8_t {
    kCommitted,   // durable, as each write's result says
    kNotWritten,  // nothing of it, for certain: disk full or a lock before COMMIT, read-only, …
                  // `status`; may be repeated
    kUnknown,  // COMMIT failed: it may or may not come back (R4). Nothing else may be asked of the
               // store but Recover
    kLostOwner,  // another process owns the store now (R25). Final. Nothing of it is written; of
                 // what was in doubt nobody here will know
  };
  Kind kind = Kind::kCommitted;
  std::vector<WriteResult> writes;  // one per write, with kCommitted
  Status status;
};

struct StoreOptions {
  std::string path;  // or ":memory:"
  bool read_only = false;
  bool restored = false;
};

struct StoreInfo {
  uint64_t epoch = 0;
  bool unclean = false;                 // the last owner did not close it
  bool restored = false;                // opened as a restored backup: park what is unended
  std::optional<Time> highest_updated;  // after an unclean stop perhaps 50 ms too late
};

// What lies at or before a due time, in (due, id) order. Give the last row's due and id to go on
// after it.
struct DuePosition {
  Time due{};
  int64_t id = 0;
};
struct DuePage {
  std::vector<StoredTransaction> transactions;
  bool more = false;             // there are further rows at or before `until`
  std::optional<Time> next_due;  // without `more`: the earliest due after `until`
};

struct RowFilter {
  std::optional<TransactionStatus> status;
  std::optional<Mode> mode;
  std::optional<Time> created_from;
  std::optional<Time> created_to;
  bool parked = false;
  bool unended = false;  // neither succeed nor failed
};
// Newest (highest id) first; `before` 0 means from the newest.
struct RowPage {
  std::vector<TransactionRow> rows;
  int64_t next_before = 0;  // 0: the end
};

// Where a walk that purges stands; a fresh one starts at the oldest row.
struct PurgePass {
  int64_t position = 0;
  size_t purged = 0;      // rows turned into tombstones in this pass
  size_t deleted = 0;     // tombstones deleted
  size_t examined = 0;    // rows looked at
  bool finished = false;  // the pass has reached the end
  // Then: what `finished_before` must have passed for the next row to be old enough (with
  // `tombstones_before` moving along), as far as this pass saw.
  std::optional<Time> next;
};

// What is asked of one topic. Its meaning is ApplyTopicChange's (model/topic.h); the store brings
// the stored topic and keeps what comes out.
struct TopicChange {
  enum class Kind : uint8_t { kSubscribe, kUnsubscribe, kDelete };
  Kind kind = Kind::kSubscribe;
  std::string topic;
  Subscriber subscriber;  // of an unsubscription only the URL; of a deletion nothing
  // Bounds that a subscription may not pass.
  size_t topics_max = 0;
  size_t subscribers_max = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // Everything else needs it first. kFailedPrecondition: owned by another, not ours, newer, a
  // backup without `restored`.
  virtual Result<StoreInfo> Open(const StoreOptions& options) = 0;
  // Marks the close as clean and frees the ownership. The store can't be used any more.
  virtual void Close() = 0;

  // From one thread, the writer's.
  // -----------------------------------------------------------------------------------

  // One transaction for all of it, durable on kCommitted.
  virtual BatchResult Apply(std::span<const Write> writes) = 0;
  // After kUnknown: makes the outcome certain and finds out what it was (kCommitted with each
  // write's result, kNotWritten for a write that is not there), or answers kUnknown again: then
  // call it again later.
  virtual BatchResult Recover(std::span<const Write> writes) = 0;
  virtual Result<DuePage> LoadDue(std::optional<DuePosition> after, Time until, size_t max) = 0;
  // As Load; waits for nobody who reads.
  virtual Result<std::optional<StoredTransaction>> LoadForWriter(std::string_view gid) {
    return Load(gid);
  }
  // Parks all that is unended: writes `parked`, clears `due`. For a restored store, before anything
  // else.
  virtual Result<size_t> ParkUnended(ReasonCode reason) = 0;
  // Goes on with `pass` for about `slice`. Rows finished before `finished_before` become
  // tombstones, tombstones finished before `tombstones_before` go.
  virtual Status Purge(PurgePass& pass, Time finished_before, Time tombstones_before,
                       std::chrono::milliseconds slice) = 0;
  // One change, durable on OK. Refused with nothing changed: kNotFound, kAlreadyExists,
  // kResourceExhausted. kUnavailable: the commit failed, and whether the change is there is not
  // known; the same again tells. kFailedPrecondition: not open for writing, or another process owns
  // the store now (R25).
  virtual Status ChangeTopic(const TopicChange& change) = 0;
  // Called when nothing waits: housekeeping that must not delay a write (a checkpoint). False:
  // nothing left to do.
  virtual bool Idle() = 0;

  // From any thread.
  // -------------------------------------------------------------------------------------------------

  virtual Result<std::optional<StoredTransaction>> Load(std::string_view gid) const = 0;
  virtual Result<RowPage> List(const RowFilter& filter, int64_t before, size_t max) const = 0;
  virtual Result<std::optional<Topic>> LoadTopic(std::string_view name) const = 0;
  // All of them, by name. R24: one that can't be read has a `problem`, and harms no other.
  virtual Result<std::vector<Topic>> ListTopics() const = 0;
  // How many transactions wait for a person.
  virtual Result<size_t> CountParked() const = 0;
  virtual Status Backup(const std::string& path) const = 0;
  // A foreign reader that keeps the log from being restarted, and the like; empty: nothing to
  // report.
  virtual std::string Problem() const = 0;
  // Close() will come: whoever reads for long, as Backup, gives up with kUnavailable. Does not
  // wait.
  virtual void StopReads() = 0;
};

}  // namespace troth::internal
