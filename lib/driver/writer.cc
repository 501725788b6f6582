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
// After a commit that took so long the next one is held for a part of that time, at most.
constexpr std::chrono::milliseconds kHoldFrom{2};
constexpr int kHoldShare = 2;
constexpr std::chrono::milliseconds kHoldMax{20};

}  // namespace

void Writer::Start() {
  answerer_.Start();
  thread_ = std::thread([this] { Run(); });
}

void Writer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  answerer_.Stop();
  std::deque<StoreWork> dropped;  // their replies say kCancelled, outside the lock
  const std::lock_guard lock(mutex_);
  std::swap(dropped, queue_);
}

void Writer::Commit(Batch&& batch) {
  const std::lock_guard lock(mutex_);
  QueueCommit(queue_, std::move(batch));
  WakeIfReady();
}
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
  WakeIfReady();
}

// With the lock.
void Writer::WakeIfReady() {
  if (!sleeping_ || !Ready()) return;
  sleeping_ = false;
  changed_.notify_one();
}

// With the lock.
bool Writer::Ready() const {
  if (stopping_ || queue_.size() > 1) return true;
  if (queue_.empty()) return false;
  const auto* const commit = std::get_if<CommitWork>(&queue_.front());
  return commit == nullptr || commit->batch.writes.size() >= wanted_;
}

// With the lock: what the writer waits for; until then others wake it.
bool Writer::MayGoOn() {
  sleeping_ = !Ready();
  return !sleeping_;
}

bool Writer::HasWork() {
  const std::lock_guard lock(mutex_);
  return !queue_.empty();
}

// Nothing: it is to stop. `idle_work`: something was done since the last housekeeping.
std::optional<StoreWork> Writer::NextWork(bool& idle_work) {
  std::unique_lock lock(mutex_);
  Hold(lock);
  const auto may_go_on = [&] { return MayGoOn(); };
  while (idle_work && !changed_.wait_for(lock, kIdleAfter, may_go_on)) {
    sleeping_ = false;
    lock.unlock();
    idle_work = store_.Idle();
    lock.lock();
  }
  changed_.wait(lock, may_go_on);
  if (stopping_) return std::nullopt;
  StoreWork work = std::move(queue_.front());
  queue_.pop_front();
  return work;
}

// With the lock. Where a commit takes long, whoever has just been answered comes back for the next
// one: it is held for a part of that time, until as many wait as were in the last one. Else the
// first to come back would start a commit alone, and all others would wait for the end of that as
// well. Who is alone is never held.
void Writer::Hold(std::unique_lock<std::mutex>& lock) {
  if (last_took_ < kHoldFrom) return;
  const Clock::duration most = std::min<Clock::duration>(last_took_ / kHoldShare, kHoldMax);
  last_took_ = {};
  wanted_ = last_writes_;
  changed_.wait_until(lock, last_end_ + most, [&] { return MayGoOn(); });
  sleeping_ = false;
  wanted_ = 1;
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
  const Clock::time_point began = Clock::now();
  BatchResult result = Settle(work.batch.writes);
  if (result.kind == BatchResult::Kind::kUnknown) return;  // stopped before it was known
  last_writes_ = work.batch.writes.size();
  last_end_ = Clock::now();
  last_took_ = last_end_ - began;
  Answers settled = TakeSettledReplies(work.batch, result);
  sink_.Leave(BatchDone{std::move(work.batch), std::move(result)});
  // Whoever has the next batch to write lets others go on with what came of the last.
  const bool busy = HasWork();
  if (busy) sink_.Wake();
  if (busy && settled.size() > 1) {
    answerer_.Give(std::move(settled));
  } else {
    Tell(std::move(settled));
  }
  if (!busy) sink_.Look();
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
    Post(StoreTrouble{result.status, writes.size()});
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
