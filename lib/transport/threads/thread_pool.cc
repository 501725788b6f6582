#include "transport/threads/thread_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace troth::internal {
namespace {

using Clock = std::chrono::steady_clock;

// One idle thread. It lives on that thread's stack, and is touched only with the pool's lock held.
struct Idle {
  std::condition_variable wake;
  bool woken = false;
};

// Of which pool this thread is about to look for work (ThreadPool::LastAct), and since when.
thread_local const void* free_soon = nullptr;
thread_local Clock::time_point last_act_since;

}  // namespace

struct ThreadPool::State : std::enable_shared_from_this<State> {
  explicit State(const ThreadPoolOptions& o) : options(o) {}

  const ThreadPoolOptions options;
  mutable std::mutex mutex;
  std::condition_variable ended;
  std::condition_variable helper;  // who has come, and waits whether it is needed
  struct Queued {
    uint64_t number;
    std::shared_ptr<Job> job;
  };
  std::deque<Queued> queue;
  uint64_t next = 0;            // the number of the next job
  std::vector<Idle*> idle;      // the newest last
  std::vector<pthread_t> live;  // those that have begun
  std::optional<pthread_t> to_join;
  size_t threads = 0;  // started, not ended
  uint64_t wake_ups = 0;
  bool waking = false;      // one thread is on its way
  uint64_t taken = 0;       // jobs, in all
  size_t at_work = 0;       // threads
  bool short_jobs = false;  // the last one that ended was short, and no one has stuck since
  bool stopping = false;
  bool detached = false;

  // With the lock held. True: the caller must start a thread, with Spawn, without the lock.
  bool WakeOne() {
    if (queue.empty() || stopping) return false;
    if (waking) {
      if (at_work == 0) helper.notify_one();  // who waits there is needed now
      return false;
    }
    if (!idle.empty()) {
      Idle* newest = idle.back();
      idle.pop_back();
      waking = true;
      ++wake_ups;
      newest->woken = true;
      newest->wake.notify_one();
      return false;
    }
    if (threads >= options.threads_max) return false;
    waking = true;
    ++wake_ups;
    ++threads;
    return true;
  }

  // Whether anyone is left to do what is queued.
  bool Spawn() {
    if (StartThread(options.thread, [self = shared_from_this()] { self->Run(); })) return true;
    std::lock_guard lock(mutex);
    waking = false;
    --threads;
    ended.notify_all();
    return threads > 0;
  }

  void Run() {
    std::unique_lock lock(mutex);
    live.push_back(pthread_self());
    if (detached) pthread_detach(pthread_self());
    WaitUntilNeeded(lock);
    while (!stopping && (!queue.empty() || WaitForWork(lock))) {
      if (!queue.empty()) RunOne(lock);
    }
    Leave(lock);
  }

  void RunOne(std::unique_lock<std::mutex>& lock) {
    std::shared_ptr<Job> job = std::move(queue.front().job);
    queue.pop_front();
    ++taken;
    ++at_work;
    const bool spawn = WakeOne();
    lock.unlock();
    if (spawn) Spawn();
    const Clock::time_point begun = Clock::now();
    last_act_since = Clock::time_point::max();
    job->Run();
    job = nullptr;  // what it owns is freed here, without the lock
    const bool was_short = std::min(last_act_since, Clock::now()) - begun < options.short_job;
    lock.lock();
    --at_work;
    short_jobs = was_short;
  }

  // Of the thread that has just come. While it waits here nobody else is sent for. It waits also
  // when nothing has been done since: often it came before the one that sent for it could go on.
  void WaitUntilNeeded(std::unique_lock<std::mutex>& lock) {
    while (!stopping && !queue.empty() && at_work > 0 && short_jobs) {
      const uint64_t newer = next;
      const uint64_t taken_before = taken;
      helper.wait_for(lock, options.short_job,
                      [this] { return stopping || (at_work == 0 && !queue.empty()); });
      if (queue.empty() || at_work == 0) break;
      if (taken == taken_before) short_jobs = false;
      if (queue.front().number < newer) break;
    }
    waking = false;
  }

  // False: it has been idle for long enough.
  bool WaitForWork(std::unique_lock<std::mutex>& lock) {
    Idle self;
    idle.push_back(&self);
    self.wake.wait_for(lock, options.idle, [&] { return self.woken || stopping; });
    if (self.woken) {
      WaitUntilNeeded(lock);
      return true;
    }
    idle.erase(std::find(idle.begin(), idle.end(), &self));
    return !queue.empty();
  }

  // Each thread that ends joins the one that ended before it, so that at most one waits for that.
  void Leave(std::unique_lock<std::mutex>& lock) {
    const pthread_t self = pthread_self();
    std::erase_if(live, [self](pthread_t other) { return pthread_equal(self, other) != 0; });
    std::optional<pthread_t> before;
    if (!detached) before = std::exchange(to_join, self);
    --threads;
    ended.notify_all();
    lock.unlock();
    if (before) pthread_join(*before, nullptr);
  }
};

ThreadPool::ThreadPool(const ThreadPoolOptions& options)
    : state_(std::make_shared<State>(options)) {}

ThreadPool::~ThreadPool() { Stop(std::chrono::milliseconds(0)); }

bool ThreadPool::Submit(std::function<void()> job) {
  struct Function final : Job {
    explicit Function(std::function<void()> f) : function(std::move(f)) {}
    void Run() override { function(); }
    std::function<void()> function;
  };
  return Submit(std::make_shared<Function>(std::move(job)));
}

bool ThreadPool::Submit(std::shared_ptr<Job> job) {
  bool spawn = false;
  uint64_t number = 0;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopping) return false;
    number = state_->next++;
    state_->queue.push_back({number, std::move(job)});
    const bool taken_here = free_soon == state_.get() && state_->queue.size() == 1;
    spawn = !taken_here && state_->WakeOne();
  }
  if (!spawn || state_->Spawn()) return true;
  // Nobody is left who would run it. What others have queued meanwhile stays theirs: the next
  // thread that can be started runs it.
  State::Queued dropped{};  // freed without the lock
  std::lock_guard lock(state_->mutex);
  if (state_->threads > 0) return true;
  const auto own = std::find_if(state_->queue.begin(), state_->queue.end(),
                                [&](const auto& queued) { return queued.number == number; });
  if (own == state_->queue.end()) return true;
  dropped = std::move(*own);
  state_->queue.erase(own);
  return false;
}

ThreadPool::LastAct::LastAct(const ThreadPool& pool) {
  free_soon = pool.state_.get();
  last_act_since = Clock::now();
}
ThreadPool::LastAct::~LastAct() { free_soon = nullptr; }

bool ThreadPool::Stop(std::chrono::milliseconds patience) {
  std::deque<State::Queued> dropped;
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  dropped.swap(state_->queue);
  state_->helper.notify_all();
  for (Idle* each : state_->idle) each->wake.notify_one();
  const auto nobody_to_wait_for = [this] { return state_->threads == 0 || state_->detached; };
  state_->ended.wait_for(lock, patience, nobody_to_wait_for);
  const bool all = state_->threads == 0;
  if (!all && !state_->detached) {
    state_->detached = true;
    for (const pthread_t each : state_->live) pthread_detach(each);
  }
  const std::optional<pthread_t> last = std::exchange(state_->to_join, std::nullopt);
  lock.unlock();
  if (last) pthread_join(*last, nullptr);
  return all;
}

size_t ThreadPool::threads() const {
  std::lock_guard lock(state_->mutex);
  return state_->threads;
}

uint64_t ThreadPool::wake_ups() const {
  std::lock_guard lock(state_->mutex);
  return state_->wake_ups;
}

}  // namespace troth::internal
