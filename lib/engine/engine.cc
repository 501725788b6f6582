// The turn: from what has happened to what is sent. What becomes durable is in writes.cc, what is
// asked in requests.cc, what is read from the store in loads.cc.
#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "engine/address.h"
#include "engine/results.h"
#include "model/url.h"

namespace troth::internal {
namespace {

constexpr size_t kUnwrittenResultsMax = 10'000;  // R29

void Earlier(std::optional<Time>& wake, std::optional<Time> at) {
  if (at && (!wake || *at < *wake)) wake = at;
}

// Marks that no call has used are taken back, so that nothing is compensated that never ran (R1).
bool WithdrawUnusedMarks(GlobalTransaction& t) {
  bool any = false;
  for (Branch& b : t.branches) {
    if (b.started == Started::kNo || b.called || b.state != BranchState::kWaiting) continue;
    b.started = Started::kNo;
    any = true;
  }
  return any;
}

// What keeps the payload of an unedited branch, also when its transaction is gone: a local function
// may outlive a close.
std::shared_ptr<const void> OwnerOf(const GlobalTransaction& t, const Branch& branch) {
  const size_t defined = t.definition->steps.size();
  if (branch.op == Op::kCheckBack || branch.step < defined) return t.definition;
  return t.registered[branch.step - defined];
}

// Whether it is time alone that decides.
bool IsOfTime(const PlannedDecision& decision) {
  return decision.reason.code == ReasonCode::kTimeout ||
         decision.reason.code == ReasonCode::kGaveUp;
}

}  // namespace

Headers Engine::HeadersToSend(const GlobalTransaction& t, const Headers& own) {
  Headers headers;
  for (const Header& common : t.definition->headers) {
    const bool replaced = std::any_of(own.begin(), own.end(), [&](const Header& header) {
      return EqualsIgnoringCase(header.name, common.name);
    });
    if (!replaced) headers.push_back(common);
  }
  headers.insert(headers.end(), own.begin(), own.end());
  return headers;
}

Engine::Engine(StorePort& store, Transport& transport, CallSink& sink, Random& random,
               Observer& observer, EngineOptions options)
    : store_(store),
      transport_(transport),
      sink_(sink),
      random_(random),
      observer_(observer),
      options_(std::move(options)),
      hosts_(HostLimits{options_.limits.calls_per_host, options_.limits.calls,
                        options_.limits.local_threads, options_.probe}) {}

void Engine::Start(Time now, bool store_was_ahead) {
  opened_ = now;
  purge_at_ = now;
  if (store_was_ahead) loader_.ReadAllOnce();
  AskStore(now);
}

void Engine::Handle(std::span<EngineEvent> events, Time now) {
  for (EngineEvent& event : events) {
    if (auto* done = std::get_if<BatchDone>(&event)) OnBatchDone(*done, now);
    if (auto* trouble = std::get_if<StoreTrouble>(&event)) OnStoreTrouble(*trouble, now);
  }
  for (EngineEvent& event : events) {
    if (auto* ended = std::get_if<CallEnded>(&event)) OnCallEnded(*ended, now);
  }
  for (EngineEvent& event : events) {
    if (auto* request = std::get_if<Request>(&event)) OnRequest(std::move(*request), now);
    if (auto* control = std::get_if<ControlRequest>(&event)) OnControl(std::move(*control), now);
    if (auto* loaded = std::get_if<DueLoaded>(&event)) OnDueLoaded(*loaded, now);
    if (auto* loaded = std::get_if<GidLoaded>(&event)) OnGidLoaded(*loaded, now);
    if (auto* purged = std::get_if<Purged>(&event)) OnPurged(*purged, now);
    if (auto* topic = std::get_if<TopicRequest>(&event)) OnTopicRequest(std::move(*topic));
    if (auto* changed = std::get_if<TopicChanged>(&event)) OnTopicChanged(*changed, now);
    if (auto* seen = std::get_if<Notification>(&event)) OnNotification(std::move(*seen), now);
  }
  while (const auto id = timers_.TakeDue(now)) {
    if (Live* live = Find(*id)) Touch(*live);
  }
  AdvanceTouched(now);
  AskStore(now);
  Flush(now);
}

std::optional<Time> Engine::NextWake() {
  std::optional<Time> wake = timers_.Next();
  if (MaySend()) Earlier(wake, hosts_.NextWake());
  if (lost_owner_) return wake;
  if (live_.size() < options_.limits.live && !closing_) Earlier(wake, loader_.wake());
  if (!purging_ && !closing_) Earlier(wake, purge_at_);
  if (!queue_.empty()) Earlier(wake, store_retry_);
  return wake;
}

bool Engine::Quiet() const {
  if (!calls_.empty() || topic_changes_ > 0) return false;
  return lost_owner_ || (queue_.empty() && outstanding_.empty());
}

bool Engine::MaySend() const {
  return !paused_ && !closing_ && !lost_owner_ && unwritten_results_ < kUnwrittenResultsMax;
}

// Writes are refused, and one is there to find out with when that is over.
bool Engine::StoreIsFailing(const Live& live) const {
  return !store_problem_.empty() && (!outstanding_.empty() || !queue_.empty() || live.must_write);
}

void Engine::Touch(Live& live) {
  if (live.touched) return;
  live.touched = true;
  touched_.push_back(live.id);
}

void Engine::TouchAll() {
  for (auto& [id, live] : live_) Touch(*live);
}

Live* Engine::Find(LiveId id) {
  const auto it = live_.find(id);
  return it == live_.end() ? nullptr : it->second.get();
}

Live* Engine::FindGid(const std::string& gid) {
  const auto it = by_gid_.find(gid);
  return it == by_gid_.end() ? nullptr : it->second;
}

Live& Engine::Add(std::unique_ptr<GlobalTransaction> t) {
  auto owned = std::make_unique<Live>();
  Live& live = *owned;
  live.id = next_id_++;
  live.t = std::move(*t);
  live_.emplace(live.id, std::move(owned));
  by_gid_.emplace(live.t.gid, &live);
  Touch(live);
  return live;
}

void Engine::Remove(Live& live) {
  TROTH_CHECK(live.in_flight == 0);
  timers_.Set(live.id, std::nullopt);
  if (live.at_host) hosts_.Forget(live.id);
  by_gid_.erase(live.t.gid);
  live_.erase(live.id);
}

void Engine::AdvanceTouched(Time now) {
  do {
    for (size_t i = 0; i < touched_.size(); ++i) {
      if (Live* live = Find(touched_[i])) Advance(*live, now);
    }
    touched_.clear();
    if (!MaySend()) return;
    for (const LiveId id : hosts_.Ready(now)) {
      if (Live* live = Find(id)) Touch(*live);
    }
  } while (!touched_.empty());
}

// One transaction's turn.
void Engine::Advance(Live& live, Time now) {
  live.touched = false;
  if (live.frozen || live.quarantined || lost_owner_) return;
  ApplyRequests(live, now);
  Plan plan = Settle(live, now);
  if (live.t.durable_phase == Phase::kEnded && live.in_flight == 0 && !live.write_pending &&
      !live.dirty) {
    if (!live.session_calls.empty()) SendSessionCalls(live, now);  // told that they are too late
    Remove(live);
    return;
  }
  Send(live, plan, now);
  if (live.local_in_flight > 0) LookAtLocalCalls(live, plan, now);
  const bool leaving = PrepareToLeave(live, plan, now);
  QueueWrite(live, plan, leaving, now);
  if (leaving && !live.write_pending) {
    Leave(live, plan);
    return;
  }
  SetTimer(live, plan);
}

// Plans until there is nothing more to decide without a call or a commit.
Plan Engine::Settle(Live& live, Time now) {
  for (;;) {
    Plan plan = PlanNext(live.t, now);
    if (plan.decision) {
      if (live.write_pending) return Plan{};  // R5: it is planned again after the commit
      // R29: again when the store works. Until then it stays in memory, and is due.
      if (IsOfTime(*plan.decision) && StoreIsFailing(live))
        return Plan{.wake = now + kProgressDelay};
      ApplyDecision(live, *plan.decision, now);
      continue;
    }
    if (!plan.done.empty()) {
      for (const uint16_t branch : plan.done) live.t.branches[branch].state = BranchState::kDone;
      if (!std::exchange(live.dirty, true)) live.dirty_since = now;
      continue;
    }
    if (!plan.marks.empty() && !live.write_pending && !closing_) {
      for (const uint16_t branch : plan.marks) {
        live.t.branches[branch].started = Started::kPending;
      }
      live.must_write = true;
    }
    return plan;
  }
}

void Engine::ApplyDecision(Live& live, const PlannedDecision& decision, Time now) {
  GlobalTransaction& t = live.t;
  t.phase = decision.phase;
  t.outcome = decision.outcome;
  // A question that a person asked of a prepared message has its answer.
  if (t.outcome == Decision::kCommit) t.cancel_asked.reset();
  if (decision.reason.code != ReasonCode::kNone) t.reason = decision.reason;
  if (decision.outcome == Decision::kRollback) WithdrawUnusedMarks(t);
  if (decision.phase == Phase::kEnded) t.finished = now;
  live.must_write = true;
}

void Engine::Send(Live& live, Plan& plan, Time now) {
  live.not_callable = false;
  if (!live.session_calls.empty()) SendSessionCalls(live, now);
  // Of what is not inserted yet nothing is durable, so nothing is sent. An edited call, and one
  // behind a skipped one, wait for their act: after a crash without it the old one would be called.
  if (live.t.id == 0) return;
  const bool may_send = MaySend() && !live.act_unwritten;
  const std::vector<uint16_t> awaited = AwaitedBranches(live);
  for (const uint16_t branch : plan.calls) {
    if (std::find(awaited.begin(), awaited.end(), branch) != awaited.end()) continue;
    const std::string& url = live.t.UrlOf(branch);
    // Said of what may not be sent now too: a close or a pause makes nothing callable.
    if (!transport_.CanCall(url)) {
      live.not_callable = true;
      plan.parked.push_back({branch, ReasonCode::kNotCallable});
      continue;
    }
    if (!may_send) continue;
    const std::string host = HostKey(url);
    if (hosts_.Admit(host, live.id, now)) {
      StartCall(live, branch, host, now);
      // The marks that these calls use make room for the next ones (R1): planned in this turn, not
      // after the first answer.
      if (live.t.definition->concurrent) Touch(live);
    } else {
      live.at_host = true;
    }
  }
  if (!closing_ || live.stored_parked != ReasonCode::kNotCallable) return;
  // Their marks were withdrawn by this close (R1), and why they wait stays.
  for (const uint16_t branch : plan.marks) {
    if (!transport_.CanCall(live.t.UrlOf(branch)))
      plan.parked.push_back({branch, ReasonCode::kNotCallable});
  }
}

void Engine::StartCall(Live& live, uint16_t branch, const std::string& host, Time now) {
  GlobalTransaction& t = live.t;
  const Branch& b = t.branches[branch];
  const Policy& policy = t.PolicyOf(b);
  Call call;
  call.id = next_id_++;
  call.context = BranchContext{.gid = t.gid,
                               .trans_type = std::string(ModeName(t.mode())),
                               .branch_id = std::string(t.BranchIdOf(b)),
                               .op = std::string(t.OpNameOf(b)),
                               .coordinator = {},
                               .phase2_url = {},
                               .headers = HeadersToSend(t, t.HeadersOf(branch))};
  const bool local = IsLocalUrl(t.UrlOf(branch));
  const auto edit = t.edits.find(branch);
  std::shared_ptr<const void> owner = OwnerOf(t, b);
  if (edit != t.edits.end()) owner = edit->second;
  Address(call, t.UrlOf(branch), t.PayloadOf(branch), std::move(owner), t.mode(), policy);
  calls_.emplace(call.id, InFlight{.live = live.id,
                                   .branch = branch,
                                   .called_before = b.called,
                                   .local = local,
                                   .host = host,
                                   .sent = now,
                                   .timeout = policy.request_timeout});
  if (b.calls > 0) ++statistics_.retries;
  RecordStart(t, branch, call.id, now);
  hosts_.Started(host);
  ++live.in_flight;
  if (local) ++live.local_in_flight;
  transport_.Start(std::move(call), sink_);
}

// R7: past its time-out a local function is asked to stop; past twice that its transaction is
// listed as parked.
void Engine::LookAtLocalCalls(Live& live, Plan& plan, Time now) {
  live.stuck_local = false;
  for (uint16_t i = 0; i < live.t.branches.size(); ++i) {
    const Branch& b = live.t.branches[i];
    const uint64_t id = b.in_flight != 0 ? b.in_flight : b.held_by;
    if (id == 0) continue;
    InFlight& call = calls_.at(id);
    if (!call.local) continue;
    const Time late = call.sent + call.timeout;
    const Time stuck = late + call.timeout;
    if (now >= late && !call.overdue) {
      call.overdue = true;
      transport_.Cancel(id);
      Tell(EventKind::kLocalSlow, now, &live.t, {},
           live.t.BranchName(i) + " is past its time-out and was asked to stop");
    }
    if (now >= stuck) {
      live.stuck_local = true;
      plan.parked.push_back({i, ReasonCode::kParkedNotReturning});
    } else {
      Earlier(plan.wake, now >= late ? stuck : late);
    }
  }
}

void Engine::SetTimer(Live& live, const Plan& plan) {
  std::optional<Time> wake = plan.wake;
  if (live.dirty && !live.write_pending) Earlier(wake, live.dirty_since + kProgressDelay);
  for (const Request& request : live.requests) {
    if (!live.write_pending && request.give_up != Time{}) Earlier(wake, request.give_up);
  }
  timers_.Set(live.id, wake);
}

// What has nothing to do within the horizon is a row, not an object. Whether it may leave once its
// row says when it is due.
bool Engine::PrepareToLeave(Live& live, const Plan& plan, Time now) {
  const bool busy = live.write_pending || live.must_write || live.in_flight > 0 ||
                    !live.requests.empty() || !live.session_calls.empty() ||
                    live.t.phase == Phase::kEnded || live.t.id == 0;
  const bool resting =
      plan.calls.empty() && plan.marks.empty() && (!plan.wake || *plan.wake > now + kHorizon);
  if (busy || (!resting && !closing_)) return false;
  if (WithdrawUnusedMarks(live.t)) live.must_write = true;
  if (closing_) return false;
  if (live.dirty || live.stored_due != plan.wake) live.must_write = true;
  return true;
}

void Engine::Leave(Live& live, const Plan& plan) {
  if (plan.wake) loader_.OnLeft(*plan.wake);
  if (!live.waiters.empty()) {
    std::vector<Waiter>& dormant = dormant_[live.t.gid];
    for (Waiter& waiter : live.waiters) dormant.push_back(std::move(waiter));
  }
  Remove(live);
}

}  // namespace troth::internal
