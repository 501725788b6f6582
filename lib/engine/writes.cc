// What becomes durable: one write in flight per transaction, all queued writes in one batch, and
// what follows from its result.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "engine/engine.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

constexpr Milliseconds kFirstStoreRetry{100};
constexpr Milliseconds kStoreRetryCap{5'000};

// What the parked column says: what a person should look at first.
ReasonCode ParkedCode(const Plan& plan) {
  return plan.parked.empty() ? ReasonCode::kNone : plan.parked.front().code;
}

// Of a write whose outcome is unknown, and now for good (R4).
Status InDoubt(std::string_view why) {
  return {StatusCode::kUnavailable, Concat("whether it is stored is unknown: ", why)};
}

// What kept the store from taking a batch, or from taking it whole.
Status ProblemOf(const BatchResult& result) {
  if (result.kind != BatchResult::Kind::kCommitted) return result.status;
  for (const WriteResult& written : result.writes) {
    const bool refused = written.kind == WriteResult::Kind::kNotWritten;
    if (refused && written.status.code() != StatusCode::kDataLoss) return written.status;
  }
  return {};
}

}  // namespace

// `due` in the row is when a fresh life must look at the transaction: now, while anything is under
// way.
TransactionRow Engine::RowToWrite(const Live& live, const Plan& plan, bool leaving) const {
  TransactionRow row = RowOf(live.t);
  row.parked = ParkedCode(plan);
  if (live.t.phase == Phase::kEnded) {
    row.due.reset();
    row.parked = ReasonCode::kNone;
  } else if (leaving) {
    row.due = plan.wake;
  } else {
    const bool under_way =
        live.must_write || live.in_flight > 0 || !plan.calls.empty() || !plan.marks.empty();
    row.due = under_way ? live.t.updated : plan.wake;
  }
  return row;
}

void Engine::QueueWrite(Live& live, const Plan& plan, bool leaving, Time now) {
  if (live.write_pending) return;
  const bool resting = live.in_flight == 0;
  const bool progress_due =
      live.dirty && (resting || closing_ || now >= live.dirty_since + kProgressDelay);
  const bool parked_changed = ParkedCode(plan) != live.stored_parked &&
                              (resting || live.stuck_local) && live.t.phase != Phase::kEnded;
  if (!live.must_write && !progress_due && !parked_changed) return;

  GlobalTransaction& t = live.t;
  t.updated = std::max(t.updated, now);
  ++t.version;
  QueuedWrite queued{.live = live.id};
  queued.write.row = RowToWrite(live, plan, leaving);
  queued.write.state = EncodeState(t);
  if (t.id == 0) queued.write.parts.push_back({0, live.document});
  for (Part& part : live.new_parts) queued.write.parts.push_back(std::move(part));
  live.new_parts.clear();
  queued.replies = std::move(live.replies);
  live.replies.clear();
  if (t.phase == Phase::kEnded && !live.waiters.empty()) {
    for (Waiter& waiter : live.waiters) {
      queued.replies.push_back(
          {std::move(waiter.reply), Answer{.outcome = std::make_unique<Outcome>(ToOutcome(t))}});
    }
    live.waiters.clear();
  }
  queued.bytes = queued.write.state.size();
  for (const Part& part : queued.write.parts) queued.bytes += part.document->size();

  live.must_write = false;
  live.dirty = false;
  live.write_pending = true;
  live.stored_due = queued.write.row.due;
  if (live.stored_parked != queued.write.row.parked) {
    live.stored_parked = queued.write.row.parked;
    if (live.stored_parked != ReasonCode::kNone) {
      Tell(EventKind::kParked, now, &t,
           Reason{.code = live.stored_parked,
                  .branch_id = {},
                  .op = {},
                  .text = {},
                  .author = {},
                  .at = now},
           std::string(ReasonText(live.stored_parked)));
    }
  }
  // A definition counts since it was accepted.
  unwritten_bytes_ += queued.bytes - (t.id == 0 ? live.document->size() : 0);
  queue_.push_back(std::move(queued));
}

void Engine::Flush(Time now) {
  if (queue_.empty() || lost_owner_ || (store_retry_ && now < *store_retry_)) return;
  Batch batch;
  batch.writes.reserve(queue_.size());
  batch.replies.reserve(queue_.size());
  for (QueuedWrite& queued : queue_) {
    if (batch.full()) store_.Commit(std::exchange(batch, {}));
    batch.bytes += queued.bytes;
    batch.writes.push_back(std::move(queued.write));
    batch.replies.push_back(std::move(queued.replies));
    outstanding_.push_back({queued.live, queued.bytes});
  }
  queue_.clear();
  store_.Commit(std::move(batch));
}

// The oldest writes that are with the store are so no more: whose they were.
std::vector<LiveId> Engine::TakeOutstanding(size_t count) {
  TROTH_CHECK(count <= outstanding_.size());
  std::vector<LiveId> writers;
  writers.reserve(count);
  for (; writers.size() < count; outstanding_.pop_front()) {
    writers.push_back(outstanding_.front().live);
    unwritten_bytes_ -= outstanding_.front().bytes;
  }
  return writers;
}

void Engine::OnBatchDone(BatchDone& done, Time now) {
  const std::vector<LiveId> writers = TakeOutstanding(done.batch.writes.size());
  if (done.result.kind == BatchResult::Kind::kLostOwner || lost_owner_) {
    if (!lost_owner_) LoseOwnership(done.result.status, now);
    for (size_t i = 0; i < writers.size(); ++i) {
      const Live* live = Find(writers[i]);
      const bool in_doubt = live != nullptr && live->frozen;
      const Status status = in_doubt ? InDoubt(store_problem_)
                                     : Status(StatusCode::kFailedPrecondition, store_problem_);
      for (PendingReply& pending : done.batch.replies[i]) pending.reply(Answer{.status = status});
    }
    return;
  }
  TROTH_CHECK(done.result.kind != BatchResult::Kind::kUnknown);  // the port settles that first
  const bool committed = done.result.kind == BatchResult::Kind::kCommitted;
  ++(committed ? statistics_.commits : statistics_.commits_refused);
  if (const Status problem = ProblemOf(done.result); problem.ok()) {
    StoreWorks(now);
  } else {
    StoreFails(problem, now);
  }
  for (size_t i = 0; i < writers.size(); ++i) {
    Live* live = Find(writers[i]);
    TROTH_CHECK(live != nullptr);
    live->write_pending = false;
    live->frozen = false;
    const WriteResult result =
        committed ? std::move(done.result.writes[i])
                  : WriteResult{WriteResult::Kind::kNotWritten, 0, {}, done.result.status};
    switch (result.kind) {
      case WriteResult::Kind::kOk:
        ++statistics_.writes;
        OnWritten(*live, result.id, now);
        break;
      case WriteResult::Kind::kGidExists:
      case WriteResult::Kind::kNotWritten:
        OnNotWritten(*live, std::move(done.batch.writes[i]), std::move(done.batch.replies[i]),
                     result.status, /*alone=*/committed, now);
        break;
      case WriteResult::Kind::kStale:
        live->replies = std::move(done.batch.replies[i]);
        if (live->t.durable_phase == Phase::kEnded && live->replies.empty()) {
          Touch(*live);  // a late result of what has been purged by now: it can go
          break;
        }
        Quarantine(*live, {StatusCode::kDataLoss, "its row was changed by somebody else"}, now);
        break;
    }
  }
}

void Engine::OnWritten(Live& live, int64_t id, Time now) {
  GlobalTransaction& t = live.t;
  const bool submitted = t.id == 0;
  if (submitted) {
    t.id = id;
    live.document.reset();
    CountAccepted(t);
    Tell(EventKind::kSubmitted, now, &t);
  }
  for (Branch& b : t.branches) {
    if (b.started == Started::kPending) b.started = Started::kYes;
  }
  if (t.durable_outcome == Decision::kUndecided && t.outcome != Decision::kUndecided &&
      t.phase != Phase::kEnded && !submitted) {
    Tell(EventKind::kDecided, now, &t, t.reason);
  }
  live.act_unwritten = false;  // acts wait for the write before them (R5), so this was theirs
  t.durable_outcome = t.outcome;
  const bool ended = t.phase == Phase::kEnded && t.durable_phase != Phase::kEnded;
  t.durable_phase = t.phase;
  if (ended) {
    CountEnded(t);
    Tell(EventKind::kEnded, now, &t, t.reason);
    for (Waiter& waiter : live.waiters) {
      waiter.reply(Answer{.outcome = std::make_unique<Outcome>(ToOutcome(t))});
    }
    live.waiters.clear();
    if (observer_.wants_outcomes()) {
      observer_.OnFinished(std::make_shared<const Outcome>(ToOutcome(t)));
    }
    const Time purge = now + options_.retention;
    if (!purge_at_ || purge < *purge_at_) purge_at_ = purge;
  }
  Touch(live);
}

// An insert that was refused is as if it had never been asked for; an update stays to be written.
// `alone`: the status is of this write, and not of its batch, which says nothing against it (R24).
void Engine::OnNotWritten(Live& live, Write&& write, std::vector<PendingReply>&& replies,
                          const Status& status, bool alone, Time now) {
  if (live.t.id == 0) {
    // Where the gid exists the writer has answered most submits itself, and the others ask for the
    // stored one: a whole submit of what is prepared decides that, and a workflow goes on.
    std::vector<Request> requests = std::move(live.requests);
    const bool prepare = live.t.phase == Phase::kPrepared;
    for (PendingReply& pending : replies) {
      if (status.ok()) {
        const std::optional<Time> start =
            live.t.start == Time{} ? std::nullopt : std::optional(live.t.start);
        Request::Body body = CommitRequest{live.t.digest, {}, start};
        if (prepare) body = RenewRequest{live.t.digest};
        requests.push_back(
            Request{.gid = live.t.gid, .body = std::move(body), .reply = std::move(pending.reply)});
      } else {
        pending.reply(Answer{.status = status});
      }
    }
    for (Waiter& waiter : live.waiters) {
      requests.push_back(Request{
          .gid = live.t.gid, .body = WaitRequest{waiter.ticket}, .reply = std::move(waiter.reply)});
    }
    const std::string gid = live.t.gid;
    const bool hides_stored = live.hides_stored;
    Remove(live);
    for (Request& request : requests) OnRequest(std::move(request), now);
    // The stored one was read, and passed over, while this one stood in its place. It may be that
    // another one stands there now.
    if (!hides_stored) return;
    if (Live* next = FindGid(gid)) {
      next->hides_stored = next->t.id == 0;
    } else {
      passed_over_.insert(gid);
      if (loading_.try_emplace(gid).second) store_.Load(gid);
    }
    return;
  }
  for (PendingReply& pending : replies) live.replies.push_back(std::move(pending));
  if (alone && status.code() == StatusCode::kDataLoss) {
    Quarantine(live, status, now);
    return;
  }
  for (Part& part : write.parts) live.new_parts.push_back(std::move(part));
  --live.t.version;
  live.must_write = true;
  Touch(live);
}

void Engine::OnStoreTrouble(const StoreTrouble& trouble, Time now) {
  TROTH_CHECK(trouble.writes <= outstanding_.size());
  for (size_t i = 0; i < trouble.writes; ++i) {
    if (Live* live = Find(outstanding_[i].live)) live->frozen = true;
  }
  StoreFails(trouble.status, now);
}

void Engine::StoreWorks(Time now) {
  store_retry_.reset();
  store_backoff_ = Milliseconds{0};
  unwritten_results_ = 0;
  if (store_problem_.empty()) return;
  store_problem_.clear();
  Tell(EventKind::kStoreRecovered, now, nullptr);
  TouchAll();
}

void Engine::StoreFails(const Status& status, Time now) {
  if (store_problem_ != status.message()) {
    store_problem_ = status.message().empty() ? "the store can't commit" : status.message();
    ++statistics_.store_troubles;
    Tell(EventKind::kStoreTrouble, now, nullptr, {}, store_problem_);
  }
  if (store_retry_ && now < *store_retry_) return;  // it was with the store before the last trouble
  store_backoff_ = store_backoff_ == Milliseconds{0} ? kFirstStoreRetry
                                                     : std::min(store_backoff_ * 2, kStoreRetryCap);
  store_retry_ = now + store_backoff_;
}

// R25: another process owns the file. Nothing is called or written any more; the calls in flight
// end for nobody.
void Engine::LoseOwnership(const Status& status, Time now) {
  lost_owner_ = true;
  store_problem_ = status.message();
  ++statistics_.store_troubles;
  Tell(EventKind::kStoreTrouble, now, nullptr, {}, store_problem_);
  for (QueuedWrite& queued : queue_) {
    for (PendingReply& pending : queued.replies) pending.reply(Answer{.status = status});
  }
  queue_.clear();
  unwritten_bytes_ = 0;
  for (const OutstandingWrite& write : outstanding_) unwritten_bytes_ += write.bytes;
  for (auto& [id, live] : live_) RefuseAll(*live, status);
  for (auto& [gid, waiters] : dormant_) {
    for (Waiter& waiter : waiters) waiter.reply(Answer{.status = status});
  }
  dormant_.clear();
  for (auto& [gid, requests] : loading_) {
    for (Request& request : requests) request.reply(Answer{.status = status});
  }
  loading_.clear();
}

// Answers everybody who waits for something of this transaction.
void Engine::RefuseAll(Live& live, const Status& status) {
  for (PendingReply& pending : live.replies) pending.reply(Answer{.status = status});
  live.replies.clear();
  for (Request& request : live.requests) request.reply(Answer{.status = status});
  live.requests.clear();
  for (Request& request : live.session_calls) {
    const auto& call = std::get<SessionCallRequest>(request.body);
    const bool registered = DurableVersion(live) >= call.version;
    if (registered && !call.registered)
      request.reply.Claim();  // it may have learned of it just now
    const bool in_doubt = live.frozen && !registered;
    request.reply(Answer{.status = in_doubt ? InDoubt(status.message()) : status});
  }
  live.session_calls.clear();
  for (Waiter& waiter : live.waiters) waiter.reply(Answer{.status = status});
  live.waiters.clear();
}

// R24: one transaction that can't be true is set aside and reported; all others go on.
void Engine::Quarantine(Live& live, const Status& status, Time now) {
  live.quarantined = true;
  timers_.Set(live.id, std::nullopt);
  const Status refusal(StatusCode::kDataLoss, Concat(live.t.gid, ": ", status.message()));
  RefuseAll(live, refusal);
  Tell(EventKind::kUnreadable, now, &live.t, {}, refusal.message());
}

}  // namespace troth::internal
