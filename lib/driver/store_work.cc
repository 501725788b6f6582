#include "driver/store_work.h"

#include <utility>

#include "base/check.h"
#include "engine/batch.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

constexpr std::chrono::milliseconds kPurgeSlice{2};

Loaded Read(const StoredTransaction& stored) { return Loaded{stored.row, FromStored(stored)}; }

DueLoaded Do(Store& store, const LoadDueWork& work) {
  DueLoaded loaded;
  Result<DuePage> page = store.LoadDue(work.after, work.until, work.max);
  if (!page.ok()) {
    loaded.status = page.status();
    return loaded;
  }
  for (const StoredTransaction& stored : page->transactions) {
    loaded.transactions.push_back(Read(stored));
    loaded.last = DuePosition{stored.row.due.value_or(Time{}), stored.row.id};
  }
  loaded.more = page->more;
  loaded.next_due = page->next_due;
  return loaded;
}

GidLoaded Do(Store& store, LoadWork&& work) {
  GidLoaded loaded{.gid = std::move(work.gid), .status = {}, .found = {}};
  const Result<std::optional<StoredTransaction>> stored = store.LoadForWriter(loaded.gid);
  if (!stored.ok()) {
    loaded.status = stored.status();
  } else if (stored->has_value()) {
    loaded.found.push_back(Read(**stored));
  }
  return loaded;
}

Purged Do(Store& store, PurgeWork&& work) {
  Purged purged{.pass = work.pass, .status = {}};
  purged.status =
      store.Purge(purged.pass, work.finished_before, work.tombstones_before, kPurgeSlice);
  return purged;
}

TopicChanged Do(Store& store, TopicWork&& work) {
  return TopicChanged{.status = store.ChangeTopic(work.request.change),
                      .reply = std::move(work.request.reply)};
}

}  // namespace

void QueueCommit(std::deque<StoreWork>& queue, Batch&& batch) {
  auto* const last = queue.empty() ? nullptr : std::get_if<CommitWork>(&queue.back());
  if (last != nullptr && TryAppend(last->batch, batch)) return;
  queue.emplace_back(CommitWork{std::move(batch)});
}

EngineEvent DoStoreWork(Store& store, StoreWork&& work) {
  if (auto* due = std::get_if<LoadDueWork>(&work)) return Do(store, *due);
  if (auto* load = std::get_if<LoadWork>(&work)) return Do(store, std::move(*load));
  if (auto* purge = std::get_if<PurgeWork>(&work)) return Do(store, std::move(*purge));
  if (auto* topic = std::get_if<TopicWork>(&work)) return Do(store, std::move(*topic));
  TROTH_CHECK(false && "a commit is not done here");
  return Purged{};
}

}  // namespace troth::internal
