// One piece of work for a store, and how it is done: what the writer thread and the simulator's
// store have in common.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "engine/event.h"
#include "model/store.h"

namespace troth::internal {

struct CommitWork {
  Batch batch;
};
struct LoadDueWork {
  std::optional<DuePosition> after;
  Time until;
  size_t max;
};
struct LoadWork {
  std::string gid;
};
struct PurgeWork {
  PurgePass pass;
  Time finished_before;
  Time tombstones_before;
};
struct TopicWork {
  TopicRequest request;
};
using StoreWork = std::variant<CommitWork, LoadDueWork, LoadWork, PurgeWork, TopicWork>;

// Behind all that is queued: together with the batch that stands there last, if both are not too
// much for one commit.
void QueueCommit(std::deque<StoreWork>& queue, Batch&& batch);

// Reads, changes a topic, or purges a slice of 2 ms, and says what came of it. Not for CommitWork.
EngineEvent DoStoreWork(Store& store, StoreWork&& work);

}  // namespace troth::internal
