// What happens to the engine: the results of what it asked for, and requests.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/request.h"
#include "model/store.h"
#include "model/transport.h"

namespace troth::internal {

// A reply that waits for a write, with what it will say once that is durable.
struct PendingReply {
  Reply reply;
  Answer answer;
};

// What is committed at once. replies[i] belong to writes[i].
struct Batch {
  std::vector<Write> writes;
  std::vector<std::vector<PendingReply>> replies;
  size_t bytes = 0;  // of the writes

  static constexpr size_t kWritesMax = 512;
  static constexpr size_t kBytesMax = 4u << 20;
  // It takes no more writes.
  bool full() const { return writes.size() >= kWritesMax || bytes >= kBytesMax; }
};

struct BatchDone {
  Batch batch;  // replies of writes that are durable, or whose gid exists, have been taken out and
                // answered
  BatchResult result;
};
// A commit may or may not have happened; the batch stays outstanding until that is known (R4).
struct StoreTrouble {
  Status status;
  size_t writes = 0;  // of that batch: the oldest that are outstanding
};

// A stored transaction as it was read; nothing where it is a tombstone, a Status where it can't be
// true.
struct Loaded {
  TransactionRow row;
  Result<std::unique_ptr<GlobalTransaction>> transaction;
};
struct DueLoaded {
  Status status;  // OK, or why nothing could be read
  std::vector<Loaded> transactions;
  std::optional<DuePosition> last;
  bool more = false;
  std::optional<Time> next_due;
};
struct GidLoaded {
  std::string gid;
  Status status;              // kNotFound: no such row
  std::vector<Loaded> found;  // one or none
};
struct Purged {
  PurgePass pass;
  Status status;
};

struct TopicChanged {
  Status status;
  Reply reply;
};

// Something that a person should know, seen beside the engine: told with its other events.
struct Notification {
  EventKind kind{};
  std::string gid;
  std::string text;
};

using EngineEvent = std::variant<BatchDone, StoreTrouble, CallEnded, DueLoaded, GidLoaded, Purged,
                                 TopicChanged, Request, TopicRequest, ControlRequest, Notification>;

// Where results and requests are left for the engine, which takes them in its next turn.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Post(EngineEvent&& event) = 0;
};

// The engine's way to its store: asynchronous, answered by events, in the order of asking.
class StorePort {
 public:
  virtual ~StorePort() = default;
  // BatchDone for each, in the order of asking; batches that it has not begun with yet may be
  // committed, and told of, as one.
  virtual void Commit(Batch&& batch) = 0;
  virtual void LoadDue(std::optional<DuePosition> after, Time until, size_t max) = 0;  // DueLoaded
  virtual void Load(std::string gid) = 0;                                              // GidLoaded
  virtual void Purge(PurgePass pass, Time finished_before, Time tombstones_before) = 0;  // Purged
  virtual void ChangeTopic(TopicRequest&& request) = 0;  // TopicChanged
};

// Whom the engine tells what has happened. Called in the engine's turn; never blocks.
class Observer {
 public:
  virtual ~Observer() = default;
  // False: nobody wants events, and none are made.
  virtual bool wants_events() const = 0;
  virtual bool wants_outcomes() const = 0;
  virtual void OnEvent(Event&& event) = 0;
  virtual void OnFinished(std::shared_ptr<const Outcome> outcome) = 0;
  virtual void OnAlert(Alert&& alert) = 0;
  // How many of these nobody was told of, for want of room.
  virtual uint64_t dropped() const = 0;
};

}  // namespace troth::internal
