#include "testing/simulated_driver.h"

#include <algorithm>
#include <utility>

#include "base/thread_mark.h"
#include "driver/clock.h"
#include "engine/batch.h"

namespace troth::testing {

using internal::BatchDone;
using internal::BatchResult;
using internal::CommitWork;
using internal::EngineEvent;
using std::chrono::milliseconds;

namespace {

// As in production.
constexpr milliseconds kFirstRecovery{20};
constexpr milliseconds kRecoveryCap{1'000};
constexpr milliseconds kIdleAfter{1'000};
constexpr milliseconds kFlushPatience{10'000};

}  // namespace

uint64_t SeededRandom::Next() {
  uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

SimulatedDriver::SimulatedDriver(Parts parts)
    : universe_(parts.universe),
      store_(parts.store),
      transport_(parts.transport),
      callbacks_(std::move(parts.callbacks)),
      commit_time_(parts.commit_time),
      engine_(std::make_unique<internal::Engine>(
          static_cast<internal::StorePort&>(*this), transport_,
          static_cast<internal::CallSink&>(*this), parts.random,
          static_cast<internal::Observer&>(*this), std::move(parts.engine))) {
  const Time wall = universe_.now() + universe_.wall;
  const internal::ClockStart start = internal::StartClock(wall, parts.highest_updated);
  ahead_ = start.at - universe_.now();
  if (start.store_was_ahead && wants_events()) {
    OnEvent(Event{.kind = EventKind::kClock, .at = Now(), .gid = {}, .reason = {}, .text = {}});
  }
  engine_->Start(Now(), start.store_was_ahead);
}

std::optional<Time> SimulatedDriver::NextWake() {
  const std::optional<Time> wake = engine_->NextWake();
  if (!wake) return wake;
  return *wake - ahead_;
}

void SimulatedDriver::Post(EngineEvent&& event) {
  if (engine_ != nullptr && !universe_.crashed()) events_.push_back(std::move(event));
}

// Events first, then callbacks, then what is due; time moves only when none of these has anything.
bool SimulatedDriver::Step(Time limit) {
  if (engine_ == nullptr || universe_.crashed()) return false;
  Scheduler* const scheduler = universe_.scheduler;
  if (scheduler != nullptr && scheduler->RunReady(/*must=*/false)) return true;
  if (!events_.empty()) {
    std::vector<EngineEvent> events = std::exchange(events_, {});
    Handle(events);
    return true;
  }
  if (!notices_.empty()) {
    const internal::LocalFunctionScope mark;
    const internal::Notice notice = std::move(notices_.front());
    notices_.pop_front();
    Notify(callbacks_, notice);
    return true;
  }
  if (universe_.DoNext()) return true;
  const std::optional<Time> wake = NextWake();
  if (wake && *wake <= universe_.now()) {
    ++wakes_;
    Handle({});
    return true;
  }
  if (scheduler != nullptr && scheduler->RunReady(/*must=*/true)) return true;
  std::optional<Time> next = universe_.NextTime();
  if (wake && (!next || *wake < *next)) next = wake;
  if (!next || *next > limit) return false;
  universe_.JumpTo(*next);
  return true;
}

bool SimulatedDriver::Await(internal::PendingCall& call, std::optional<milliseconds> timeout) {
  const Time limit = timeout ? universe_.now() + *timeout : Time::max();
  for (;;) {
    if (call.done()) {
      universe_.CountEffect();
      if (!universe_.crashed()) return true;
    }
    if (engine_ == nullptr || universe_.crashed()) {
      call.Replace({.status = {StatusCode::kCancelled, "the coordinator has crashed"}});
      return true;
    }
    if (Scheduler* const scheduler = universe_.scheduler; scheduler && scheduler->Inside()) {
      scheduler->Block([&] { return call.done() || engine_ == nullptr || universe_.crashed(); },
                       limit);
      if (universe_.now() >= limit && !call.done() && !universe_.crashed()) return false;
    } else if (!Step(limit)) {
      if (timeout) universe_.JumpTo(limit);
      return false;
    }
  }
}

internal::Driver::Closed SimulatedDriver::Close(milliseconds grace) {
  Closed closed;
  if (engine_ == nullptr || universe_.crashed()) return closed;
  Post(internal::ControlRequest{
      .kind = internal::ControlRequest::Kind::kClose, .name = {}, .done = {}});
  const auto run_until_quiet = [&](Time limit) {
    do {
      if (events_.empty() && notices_.empty() && !working_ && engine_->Quiet()) return true;
    } while (Step(limit));
    return false;
  };
  const Time grace_ends = universe_.now() + grace;
  const bool quiet = run_until_quiet(grace_ends);
  if (!quiet) universe_.JumpTo(grace_ends);
  const bool calling = engine_->calls_in_flight() > 0;
  closed.in_time = transport_.Close(milliseconds{0}) || !calling;
  closed.written = quiet || run_until_quiet(universe_.now() + kFlushPatience);
  Abandon();
  return closed;
}

void SimulatedDriver::Abandon() {
  *alive_ = false;
  if (engine_ != nullptr && !universe_.crashed()) {
    transport_.Close(milliseconds{0});
    AnswerAll();
  }
  answers_.clear();
  engine_.reset();
  events_.clear();
  work_.clear();
  notices_.clear();
}

// --- the store, one piece of work at a time ---

void SimulatedDriver::Commit(internal::Batch&& batch) {
  QueueCommit(work_, std::move(batch));
  if (!working_) DoNextWork();
}
void SimulatedDriver::LoadDue(std::optional<internal::DuePosition> after, Time until, size_t max) {
  Queue(internal::LoadDueWork{after, until, max});
}
void SimulatedDriver::Load(std::string gid) { Queue(internal::LoadWork{std::move(gid)}); }
void SimulatedDriver::Purge(internal::PurgePass pass, Time finished_before,
                            Time tombstones_before) {
  Queue(internal::PurgeWork{pass, finished_before, tombstones_before});
}

void SimulatedDriver::ChangeTopic(internal::TopicRequest&& request) {
  Queue(internal::TopicWork{std::move(request)});
}

void SimulatedDriver::Queue(internal::StoreWork&& work) {
  work_.push_back(std::move(work));
  if (!working_) DoNextWork();
}

void SimulatedDriver::DoNextWork() {
  working_ = !work_.empty();
  if (!working_) return KeepHouse();
  const bool commit = std::holds_alternative<CommitWork>(work_.front()) ||
                      std::holds_alternative<internal::TopicWork>(work_.front());
  milliseconds takes{0};
  if (commit) takes = universe_.store_time ? universe_.store_time() : commit_time_;
  const auto work = std::make_shared<internal::StoreWork>(std::move(work_.front()));
  work_.pop_front();
  universe_.At(universe_.now() + takes, [this, alive = alive_, work] {
    if (!*alive || universe_.crashed()) return;
    if (auto* batch = std::get_if<CommitWork>(&*work)) {
      DoCommit(std::move(*batch));
    } else {
      const bool topic = std::holds_alternative<internal::TopicWork>(*work);
      EngineEvent done = DoStoreWork(store_, std::move(*work));
      if (topic) universe_.CountEffect();
      Post(std::move(done));
      DoNextWork();
    }
  });
}

void SimulatedDriver::KeepHouse() {
  if (!universe_.housekeeping || std::exchange(housekeeping_, true)) return;
  universe_.At(universe_.now() + kIdleAfter, [this, alive = alive_] {
    if (!*alive || universe_.crashed()) return;
    housekeeping_ = false;
    ++wakes_;
    if (!working_ && store_.Idle()) KeepHouse();
  });
}

void SimulatedDriver::DoCommit(CommitWork&& work) {
  BatchResult result = store_.Apply(work.batch.writes);
  universe_.CountEffect();
  if (universe_.crashed()) return;
  if (result.kind == BatchResult::Kind::kUnknown) {
    Post(internal::StoreTrouble{result.status, work.batch.writes.size()});
    RecoverLater(std::make_shared<CommitWork>(std::move(work)), kFirstRecovery);
  } else {
    Finish(std::move(work), std::move(result));
  }
}

void SimulatedDriver::RecoverLater(std::shared_ptr<CommitWork> work, milliseconds pause) {
  universe_.At(universe_.now() + pause, [this, alive = alive_, work, pause] {
    if (!*alive || universe_.crashed()) return;
    BatchResult result = store_.Recover(work->batch.writes);
    if (result.kind == BatchResult::Kind::kUnknown) {
      Post(internal::StoreTrouble{result.status, work->batch.writes.size()});
      return RecoverLater(work, std::min(pause * 2, kRecoveryCap));
    }
    Finish(std::move(*work), std::move(result));
  });
}

void SimulatedDriver::Finish(CommitWork&& work, BatchResult&& result) {
  internal::Answers settled = TakeSettledReplies(work.batch, result);
  Post(BatchDone{std::move(work.batch), std::move(result)});
  AnswerLater(std::move(settled));
  DoNextWork();
}

void SimulatedDriver::AnswerLater(internal::Answers&& answers) {
  if (!universe_.answer_time) return internal::Tell(std::move(answers));
  answers_.push_back(std::move(answers));
  last_answers_ = std::max(last_answers_, universe_.now() + universe_.answer_time());
  universe_.At(last_answers_, [this, alive = alive_] {
    if (!*alive || universe_.crashed()) return;
    internal::Answers next = std::move(answers_.front());
    answers_.pop_front();
    Tell(std::move(next));
  });
}

// An end tells first what is durable.
void SimulatedDriver::AnswerAll() {
  for (internal::Answers& answers : std::exchange(answers_, {})) Tell(std::move(answers));
}

}  // namespace troth::testing
