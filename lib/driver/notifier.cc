#include "driver/notifier.h"

#include <utility>

#include "base/text.h"
#include "base/thread_mark.h"

namespace troth::internal {
namespace {

// A callback that is this far behind loses notices rather than the process its memory.
constexpr size_t kQueueMax = 100'000;

// The one place that calls an application's callback.
template <class Function, class... Arguments>
void CallDroppingExceptions(const Function& function, const Arguments&... arguments) {
  if (!function) return;
  try {
    function(arguments...);
  } catch (...) {  // documented: what a callback throws is dropped
  }
}

}  // namespace

LogLevel LogLevelOf(const Event& event) {
  switch (event.kind) {
    case EventKind::kStoreTrouble:
    case EventKind::kUnreadable:
    case EventKind::kContradiction:
    case EventKind::kOutboxRefused:
      return LogLevel::kError;
    case EventKind::kParked:
    case EventKind::kHostDown:
    case EventKind::kLocalSlow:
    case EventKind::kClock:
    case EventKind::kRestored:
    case EventKind::kAlert:
    case EventKind::kAlertLost:
      return LogLevel::kWarning;
    case EventKind::kCallEnded:
      return event.reason.code == ReasonCode::kNone ? LogLevel::kDebug : LogLevel::kInfo;
    default:
      return LogLevel::kInfo;
  }
}

std::string LogLine(const Event& event) {
  std::string line;
  if (!event.gid.empty()) line = Concat("gid=", event.gid, " ");
  line += EventName(event.kind);
  if (event.kind == EventKind::kEnded) line += Concat(" ", StatusName(event.status));
  if (event.kind == EventKind::kCallEnded) {
    line += Concat(" branch=", event.reason.branch_id, "/", event.reason.op,
                   " attempt=", event.reason.attempt, " took=", event.took.count(), "ms");
  }
  if (!event.text.empty()) line += Concat(": ", event.text);
  if (event.reason.code != ReasonCode::kNone) line += Concat(" (", event.reason.ToString(), ")");
  return line;
}

void Notify(const Callbacks& callbacks, const Notice& notice) {
  if (const auto* event = std::get_if<Event>(&notice)) {
    CallDroppingExceptions(callbacks.on_event, *event);
    if (callbacks.log) CallDroppingExceptions(callbacks.log, LogLevelOf(*event), LogLine(*event));
  } else if (const auto* alert = std::get_if<Alert>(&notice)) {
    CallDroppingExceptions(callbacks.on_alert, *alert);
  } else {
    CallDroppingExceptions(callbacks.on_finished,
                           *std::get<std::shared_ptr<const Outcome>>(notice));
  }
}

Notifier::Notifier(Callbacks callbacks) : callbacks_(std::move(callbacks)) {
  if (callbacks_.any()) thread_ = std::thread([this] { Run(); });
}

void Notifier::Stop(std::chrono::milliseconds drain) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    draining_ = drain.count() > 0;
    drain_until_ = Clock::now() + drain;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Notifier::OnEvent(Event&& event) { Queue(std::move(event)); }

void Notifier::OnFinished(std::shared_ptr<const Outcome> outcome) {
  if (callbacks_.on_finished) Queue(std::move(outcome));
}

void Notifier::OnAlert(Alert&& alert) {
  if (callbacks_.on_alert) Queue(std::move(alert));
}

uint64_t Notifier::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_in_all_;
}

void Notifier::Queue(Notice&& notice) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= kQueueMax) {
    ++dropped_;
    ++dropped_in_all_;
    return;
  }
  queue_.push_back(std::move(notice));
  if (queue_.size() == 1) changed_.notify_one();
}

void Notifier::Run() {
  const LocalFunctionScope mark;  // a callback that waits would wait for itself
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (stopping_ && (queue_.empty() || Clock::now() >= drain_until_)) break;
    const Notice notice = std::move(queue_.front());
    queue_.pop_front();
    const size_t dropped = std::exchange(dropped_, 0);
    lock.unlock();
    Notify(callbacks_, notice);
    TellDropped(dropped);
    lock.lock();
  }
  const size_t untold = dropped_ + queue_.size();
  dropped_in_all_ += queue_.size();
  queue_.clear();
  if (!draining_) return;  // as in a crash
  lock.unlock();
  TellDropped(untold);
}

void Notifier::TellDropped(size_t count) {
  if (count == 0 || !callbacks_.log) return;
  CallDroppingExceptions(callbacks_.log, LogLevel::kWarning,
                         Concat(count, " notices were dropped: a callback is too slow"));
}

}  // namespace troth::internal
