#include "driver/writer.h"

#include <algorithm>
#include <utility>

#include "engine/batch.h"

namespace troth::internal {
namespace {

// How long nothing must be asked before housekeeping is done.
constexpr std::chrono::milliseconds kIdleAfter{1'000};
constexpr std::chrono::milliseconds kFirstRecovery{20};
constexpr std::chrono::milliseconds kRecoveryCap{1'000};

}  // namespace

void Writer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Writer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  std::deque<StoreWork> dropped;  // their replies say kCancelled, outside the lock
  const std::lock_guard lock(mutex_);
  std::swap(dropped, queue_);
}

void Writer::Commit(Batch&& batch) { Queue(CommitWork{std::move(batch)}); }
void Writer::LoadDue(std::optional<DuePosition> after, Time until, size_t max) {
  Queue(LoadDueWork{after, until, max});
}
void Writer::Load(std::string gid) { Queue(LoadWork{std::move(gid)}); }
void Writer::Purge(PurgePass pass, Time finished_before, Time tombstones_before) {
  Queue(PurgeWork{pass, finished_before, tombstones_before});
}

void Writer::ChangeTopic(TopicRequest&& request) { Queue(TopicWork{std::move(request)}); }

void Writer::Queue(StoreWork&& work) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  if (queue_.size() == 1) changed_.notify_one();
}

// Nothing: it is to stop. `idle_work`: something was done since the last housekeeping.
std::optional<StoreWork> Writer::NextWork(bool& idle_work) {
  std::unique_lock lock(mutex_);
  const auto woken = [&] { return stopping_ || !queue_.empty(); };
  while (idle_work && !changed_.wait_for(lock, kIdleAfter, woken)) {
    lock.unlock();
    idle_work = store_.Idle();
    lock.lock();
  }
  changed_.wait(lock, woken);
  if (stopping_) return std::nullopt;
  StoreWork work = std::move(queue_.front());
  queue_.pop_front();
  return work;
}

void Writer::Run() {
  bool idle_work = true;
  while (std::optional<StoreWork> work = NextWork(idle_work)) {
    if (auto* commit = std::get_if<CommitWork>(&*work)) {
      idle_work = true;
      DoCommit(std::move(*commit));
    } else {
      idle_work = idle_work || std::holds_alternative<PurgeWork>(*work) ||
                  std::holds_alternative<TopicWork>(*work);
      Post(DoStoreWork(store_, std::move(*work)));
    }
  }
}

void Writer::DoCommit(CommitWork&& work) {
  BatchResult result = Settle(work.batch.writes);
  if (result.kind == BatchResult::Kind::kUnknown) return;  // stopped before it was known
  auto settled = TakeSettledReplies(work.batch, result);
  free_ = false;
  sink_.Leave(BatchDone{std::move(work.batch), std::move(result)});
  for (auto& [reply, answer] : settled) reply(std::move(answer));
  free_ = true;
  sink_.Look();
}

void Writer::Post(EngineEvent&& event) {
  sink_.Leave(std::move(event));
  sink_.Look();
}

// Applies the writes until it is certain what became of them (R4).
BatchResult Writer::Settle(const std::vector<Write>& writes) {
  BatchResult result = store_.Apply(writes);
  auto pause = kFirstRecovery;
  while (result.kind == BatchResult::Kind::kUnknown) {
    Post(StoreTrouble{result.status});
    if (!Pause(pause)) return result;
    pause = std::min(pause * 2, kRecoveryCap);
    result = store_.Recover(writes);
  }
  return result;
}

// False: it is to stop.
bool Writer::Pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [&] { return stopping_; });
}

}  // namespace troth::internal
