#include "driver/threaded_driver.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

namespace troth::internal {
namespace {

using std::chrono::milliseconds;

// The longest sleep while something is due later: a condition variable does not count suspended
// time, the clock does.
constexpr milliseconds kSleepMax{60'000};
// How long an orderly end waits for a store that can't commit.
constexpr milliseconds kFlushPatience{10'000};
constexpr milliseconds kDrainPatience{10'000};
// So many turns are taken by a thread that has come for something else.
constexpr size_t kShareOfAGuest = 16;

}  // namespace

ThreadedDriver::SystemRandom::SystemRandom() {
  std::random_device device;
  state_ = (static_cast<uint64_t>(device()) << 32) | device();
}

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
uint64_t ThreadedDriver::SystemRandom::Next() {
  uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

ThreadedDriver::ThreadedDriver(Store& store, Transport& transport, Callbacks callbacks,
                               EngineOptions options, std::optional<Time> highest_updated)
    : transport_(transport),
      clock_(highest_updated),
      notifier_(std::move(callbacks)),
      writer_(store, *this),
      engine_(std::make_unique<Engine>(writer_, transport, static_cast<CallSink&>(*this), random_,
                                       notifier_, std::move(options))) {}

void ThreadedDriver::Start(bool restored) {
  const auto tell = [&](EventKind kind, std::string text) {
    if (!notifier_.wants_events()) return;
    Event event;
    event.kind = kind;
    event.at = clock_.Now();
    event.text = std::move(text);
    notifier_.OnEvent(std::move(event));
  };
  if (clock_.store_was_ahead()) {
    tell(EventKind::kClock,
         "the store's newest time is more than a day ahead of the wall clock, which is used");
  }
  if (restored)
    tell(EventKind::kRestored, "the store is a restored backup: what is unended is parked");
  writer_.Start();
  {
    const std::lock_guard lock(mutex_);
    wake_ = clock_.Now();
    engine_->Start(*wake_, clock_.store_was_ahead());
  }
  thread_ = std::thread([this] { Run(); });
}

void ThreadedDriver::Post(EngineEvent&& event) {
  std::unique_lock lock(mutex_);
  if (ended_) return;
  queue_.push_back(std::move(event));
  TakeTurns(lock, kShareOfAGuest);
}

void ThreadedDriver::Leave(EngineEvent&& event) {
  const std::lock_guard lock(mutex_);
  if (!ended_) queue_.push_back(std::move(event));
}

void ThreadedDriver::Look() {
  std::unique_lock lock(mutex_);
  looked_at_ = true;
  TakeTurns(lock, kShareOfAGuest);
}

void ThreadedDriver::Wake() {
  const std::lock_guard lock(mutex_);
  looked_at_ = true;
  if (!taking_turns_) woken_.notify_one();
}

bool ThreadedDriver::Await(PendingCall& call, std::optional<milliseconds> timeout) {
  return call.WaitFor(timeout);
}

void ThreadedDriver::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    TakeTurns(lock, std::numeric_limits<size_t>::max());
    if (stopping_) return;
    // Whoever is at it wakes this thread afterwards, if it has to set its alarm.
    sleeps_until_ = taking_turns_ ? std::nullopt : wake_;
    if (sleeps_until_) {
      woken_.wait_for(lock, std::clamp(*wake_ - clock_.Now(), milliseconds{0}, kSleepMax));
    } else {
      woken_.wait(lock);
    }
    sleeps_until_.reset();
  }
}

// With the lock.
bool ThreadedDriver::MustTakeTurn() const {
  return looked_at_ || !queue_.empty() || (wake_ && *wake_ <= clock_.Now());
}

// With the lock: takes turns while something waits, unless somebody else does. What is left after
// `most` of them is for the engine's own thread.
void ThreadedDriver::TakeTurns(std::unique_lock<std::mutex>& lock, size_t most) noexcept {
  if (taking_turns_) return;
  taking_turns_ = true;
  for (size_t turn = 0; turn < most && !stopping_ && MustTakeTurn(); ++turn) TakeTurn(lock);
  taking_turns_ = false;
  if (stopping_) free_.notify_all();
  if (looked_at_ || !queue_.empty() || (wake_ && (!sleeps_until_ || *wake_ < *sleeps_until_)))
    woken_.notify_one();
}

void ThreadedDriver::TakeTurn(std::unique_lock<std::mutex>& lock) {
  looked_at_ = false;
  std::swap(taken_, queue_);
  lock.unlock();
  engine_->Handle(taken_, clock_.Now());
  taken_.clear();
  const std::optional<Time> wake = engine_->NextWake();
  const bool calling = engine_->calls_in_flight() > 0;
  lock.lock();
  wake_ = wake;
  calling_ = calling;
  if (!closing_) return;
  quiet_ = engine_->Quiet();
  quiet_changed_.notify_all();  // also where it is as quiet as before: the queue counts too
}

bool ThreadedDriver::WaitQuiet(milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return quiet_changed_.wait_for(lock, timeout, [&] { return quiet_ && queue_.empty(); });
}

bool ThreadedDriver::IsCalling() {
  const std::lock_guard lock(mutex_);
  return calling_;
}

Driver::Closed ThreadedDriver::Close(milliseconds grace) {
  Closed closed;
  if (!engine_) return closed;
  // The engine hears of it before it may be found quiet.
  Post(ControlRequest{
      .kind = ControlRequest::Kind::kClose, .name = {}, .done = [this](const Health&) {
        const std::lock_guard lock(mutex_);
        closing_ = true;
      }});
  const bool quiet = WaitQuiet(grace);
  // What an engine that calls nobody has left to the transport is an alert at most, or a thread
  // that has delivered its answer and not returned yet.
  const bool calling = IsCalling();
  closed.in_time = transport_.Close(milliseconds{0}) || !calling;
  closed.written = quiet || WaitQuiet(kFlushPatience);
  StopEngineThread();
  writer_.Stop();
  engine_.reset();
  notifier_.Stop(kDrainPatience);
  return closed;
}

void ThreadedDriver::Abandon() {
  StopEngineThread();
  transport_.Close(milliseconds{0});
  writer_.Stop();
  engine_.reset();
  notifier_.Stop(milliseconds{0});
}

void ThreadedDriver::StopEngineThread() {
  std::vector<EngineEvent> dropped;  // their replies say kCancelled, outside the lock
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ended_ = true;
    woken_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  std::unique_lock lock(mutex_);
  free_.wait(lock, [&] { return !taking_turns_; });
  std::swap(dropped, queue_);
}

}  // namespace troth::internal
