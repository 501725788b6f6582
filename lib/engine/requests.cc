// What is asked of the engine, what its calls come to, and whom it tells.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "engine/acts.h"
#include "engine/engine.h"
#include "engine/results.h"
#include "model/bounds.h"
#include "model/stored.h"
#include "model/url.h"

namespace troth::internal {
namespace {

constexpr Milliseconds kActPatience{5'000};  // R19
// Of one transaction, while its write is pending or unknown, or a call is awaited: each repeated
// submit brings a whole definition.
constexpr size_t kRequestsMax = 1'000;

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

Status WasClosed() { return {StatusCode::kCancelled, "the coordinator was closed"}; }

}  // namespace

// --- results of calls ---

void Engine::RecordCallEnded(Live& live, const InFlight& call, const CallEnded& ended, Time now) {
  GlobalTransaction& t = live.t;
  const bool contradicts = Contradicts(t, t.branches[call.branch], ended);
  // A workflow's end is what its call-back is for.
  const bool expected = t.mode() == Mode::kWorkflow && t.phase == Phase::kEnded;
  const bool history = contradicts || (t.phase == Phase::kEnded && !expected);
  const uint32_t unknowns = t.branches[call.branch].unknowns;
  const Milliseconds interval = t.branches[call.branch].interval;
  const std::string rule = RecordResult(t, call.branch, ended, call.called_before, now, random_);
  if (!expected && !std::exchange(live.dirty, true)) live.dirty_since = now;
  if (!store_problem_.empty()) ++unwritten_results_;
  if (observer_.wants_events()) {
    const Branch& b = t.branches[call.branch];
    const bool not_allowed = ended.kind == CallEnded::Kind::kAnswered &&
                             ended.verdict == BranchResult::Verdict::kFailure &&
                             !MayFail(t.mode(), b.op);
    Reason reason{.code = not_allowed ? ReasonCode::kFailureNotAllowed : ended.code,
                  .branch_id = std::string(t.BranchIdOf(b)),
                  .op = std::string(t.OpNameOf(b)),
                  .http_status = ended.http_status,
                  .text = ended.text,
                  .attempt = b.calls,
                  .author = {},
                  .at = now};
    Tell(EventKind::kCallEnded, now, &t, std::move(reason), rule, now - call.sent);
  }
  if (contradicts) {
    Tell(EventKind::kContradiction, now, &t, {},
         Concat("the check-back says ", rule, ", which was: ", StatusName(WireStatus(t))));
  }
  const Branch& branch = t.branches[call.branch];
  if (branch.unknowns > unknowns && IsWorthAnAlert(branch, interval, options_.alert_after)) {
    RaiseAlert(t, call.branch, now);
  }
  if (history) {
    t.history.push_back({.at = now,
                         .author = {},
                         .what = Concat("late result of ", t.BranchName(call.branch)),
                         .reason = Concat(rule, ended.text.empty() ? "" : ": ", ended.text)});
  }
}

void Engine::OnCallEnded(CallEnded& ended, Time now) {
  if (EndAlert(ended, now)) return;
  CountCall(ended);
  const auto it = calls_.find(ended.id);
  TROTH_CHECK(it != calls_.end());  // exactly one for each Start
  InFlight call = std::move(it->second);
  calls_.erase(it);
  Live& live = *Find(call.live);
  --live.in_flight;
  if (call.local) --live.local_in_flight;
  ended.text.resize(Truncated(ended.text, kReasonTextBytesMax).size());

  // Of what was never sent, for a reason of this process, the host knows nothing.
  const Hosts::News news = ended.host_down                           ? Hosts::News::kDown
                           : ended.kind == CallEnded::Kind::kNotSent ? Hosts::News::kNone
                                                                     : Hosts::News::kUp;
  const Hosts::Change change = hosts_.Ended(call.host, news, ended.text, live.id, now);
  if (ended.host_down) live.at_host = true;
  if (!EndSessionCall(live, call, ended, now)) {
    // The close may have cut it off, which no branch is to blame for: as after a crash it is made
    // again, and no limit is nearer.
    const bool forgotten = closing_ && ended.kind == CallEnded::Kind::kLost;
    if (forgotten) live.t.branches[call.branch].in_flight = 0;
    if (!forgotten) RecordCallEnded(live, call, ended, now);
  }
  Touch(live);

  if (change.went_down) Tell(EventKind::kHostDown, now, nullptr, {}, call.host);
  if (change.came_up) Tell(EventKind::kHostUp, now, nullptr, {}, call.host);
  for (const LiveId id : change.relieved) {
    Live* relieved = Find(id);
    if (relieved == nullptr || relieved == &live) continue;
    bool woken = false;
    for (uint16_t i = 0; i < relieved->t.branches.size(); ++i) {
      Branch& b = relieved->t.branches[i];
      if (WaitsForHost(b) && b.next > now && HostKey(relieved->t.UrlOf(i)) == call.host) {
        b.next = now;
        woken = true;
      }
    }
    if (woken) Tell(EventKind::kWoken, now, &relieved->t, {}, call.host + " is back");
    Touch(*relieved);
  }
}

// --- requests ---

void Engine::OnRequest(Request&& request, Time now) {
  if (lost_owner_) {
    if (request.reply) {
      request.reply(Answer{.status = {StatusCode::kFailedPrecondition, store_problem_}});
    }
    return;
  }
  if (const auto* forget = std::get_if<ForgetWaitRequest>(&request.body)) {
    ForgetWait(request.gid, forget->ticket);
    return;
  }
  if (closing_) {
    request.reply(Answer{.status = {StatusCode::kCancelled, "the coordinator is closing"}});
    return;
  }
  request.give_up = now + kActPatience;
  if (Live* live = FindGid(request.gid)) {
    if (live->quarantined) {
      request.reply(Answer{.status = {StatusCode::kDataLoss,
                                      Concat(request.gid, " can't be true and was set aside")}});
      return;
    }
    const auto* wait = std::get_if<WaitRequest>(&request.body);
    if (wait != nullptr && live->t.id != 0 && live->t.durable_phase != Phase::kEnded) {
      live->waiters.push_back({wait->ticket, std::move(request.reply)});  // changes nothing
      return;
    }
    if (live->requests.size() >= kRequestsMax) {
      request.reply(Answer{.status = {StatusCode::kResourceExhausted,
                                      Concat(request.gid, ": ", kRequestsMax,
                                             " requests wait for it already; try later")}});
      return;
    }
    request.under_way = live->t.durable_phase != Phase::kEnded;
    live->requests.push_back(std::move(request));
    Touch(*live);
  } else if (const auto* submit = std::get_if<SubmitRequest>(&request.body);
             submit != nullptr && submit->refusal.ok()) {
    OnSubmit(std::move(request), now);
  } else {
    LoadFor(std::move(request));
  }
}

void Engine::OnSubmit(Request&& request, Time now) {
  auto& submit = std::get<SubmitRequest>(request.body);
  if (live_.size() >= options_.limits.live) {
    request.reply(Answer{.status = {StatusCode::kResourceExhausted,
                                    Concat("limits.live: ", live_.size(),
                                           " transactions are under way; try later")}});
    return;
  }
  // One that is larger than that is taken alone: to come later would not help it.
  const size_t unwritten = unwritten_bytes_ + submit.document->size();
  if (unwritten_bytes_ > 0 && unwritten > options_.limits.unwritten_bytes) {
    request.reply(Answer{.status = {StatusCode::kResourceExhausted,
                                    "limits.unwritten_bytes: the store is behind; try later"}});
    return;
  }
  GlobalTransaction& t = *submit.transaction;
  t.created = now;
  t.updated = now;
  if (t.definition->timeout_to_fail) t.deadline = now + *t.definition->timeout_to_fail;
  if (submit.delay > Milliseconds{0}) t.start = now + submit.delay;
  if (submit.start) t.start = *submit.start;
  PutOffCallBack(t, now);
  Live& live = Add(std::move(submit.transaction));
  live.document = std::move(submit.document);
  unwritten_bytes_ += live.document->size();
  live.must_write = true;
  live.replies.push_back({std::move(request.reply), Answer{}});
}

void Engine::ApplyRequests(Live& live, Time now) {
  // What is not inserted yet may turn out not to be: nothing can be said about it.
  if (live.requests.empty() || live.write_pending || live.t.id == 0) return;
  std::vector<Request> requests = std::move(live.requests);
  live.requests.clear();
  for (Request& request : requests) {
    // A decision that follows from a result, or from one request, comes before the next one is
    // looked at (R15).
    Settle(live, now);
    if (!ApplyRequest(live, request, now)) live.requests.push_back(std::move(request));
  }
}

// Answers once everything that the answer rests on is durable (R2): what this request changed, and
// what another one, or a decision, has changed before it.
bool Engine::Finish(Live& live, Request& request, ActResult result) {
  if (result.changed) live.must_write = true;
  AnswerWhenDurable(live, request, AnswerOf(std::move(result)));
  return true;
}

void Engine::AnswerWhenDurable(Live& live, Request& request, Answer&& answer) {
  answer.ended = answer.ended && !request.under_way;
  if (live.must_write) {
    live.replies.push_back({std::move(request.reply), std::move(answer)});
  } else {
    request.reply(std::move(answer));
  }
}

// False: it waits until no call of its branch is in flight (R19).
bool Engine::ApplyRequest(Live& live, Request& request, Time now) {
  GlobalTransaction& t = live.t;
  const auto finish = [&](ActResult result) {
    live.act_unwritten = live.act_unwritten || result.changed;
    return Finish(live, request, std::move(result));
  };
  // Finds the branch and waits for its call: true when `act` has been carried out or refused.
  const auto on_branch = [&](const BranchKey& key, const auto& act) {
    const Result<uint16_t> branch = FindBranch(t, key);
    if (!branch.ok()) return finish({branch.status()});
    if (t.branches[*branch].in_flight == 0) return finish(act(*branch));
    if (now < request.give_up) return false;
    return finish({{StatusCode::kDeadlineExceeded, Concat("a call of ", t.BranchName(*branch),
                                                          " is in flight; nothing was changed")}});
  };
  return std::visit(
      Overloaded{
          [&](SubmitRequest& submit) { return Resubmit(live, request, submit, now); },
          [&](CommitRequest&) { return ApplySession(live, request, now); },
          [&](RenewRequest& renew) { return PrepareAgain(live, request, renew.digest, now); },
          [&](AbortRequest&) { return ApplySession(live, request, now); },
          [&](RegisterRequest&) { return ApplySession(live, request, now); },
          [&](SessionCallRequest&) { return ApplySession(live, request, now); },
          [&](RecordRequest&) { return ApplyWorkflow(live, request, now); },
          [&](FinishRequest&) { return ApplyWorkflow(live, request, now); },
          [&](WaitRequest& wait) {
            if (t.durable_phase == Phase::kEnded) {
              request.reply(Answer{.outcome = std::make_unique<Outcome>(ToOutcome(t))});
            } else if (closing_) {
              request.reply(Answer{.status = WasClosed()});
            } else {
              live.waiters.push_back({wait.ticket, std::move(request.reply)});
            }
            return true;
          },
          [&](ForgetWaitRequest&) { return true; },
          [&](CancelRequest& cancel) { return finish(ApplyCancel(t, cancel.act, now)); },
          [&](RetryRequest& retry) {
            const ActResult result = ApplyRetry(t, retry.act, now);
            if (result.changed) Tell(EventKind::kWoken, now, &t, {}, "by " + retry.act.author);
            return finish(result);
          },
          [&](EditRequest& edit) {
            return on_branch(edit.key, [&](uint16_t branch) {
              ActResult result = ApplyEdit(t, branch, edit.edit, edit.act, now);
              if (result.changed) {
                live.new_parts.push_back({t.edit_parts[branch], std::make_shared<const std::string>(
                                                                    EncodeEdit(*t.edits[branch]))});
                Tell(EventKind::kWoken, now, &t, {},
                     Concat(t.BranchName(branch), " edited by ", edit.act.author));
              }
              return result;
            });
          },
          [&](SkipRequest& skip) {
            return on_branch(skip.key,
                             [&](uint16_t branch) { return ApplySkip(t, branch, skip.act, now); });
          },
          [&](StopRequest& stop) {
            return finish(ApplyStop(t, stop.act, stop.leave_in_doubt, now));
          },
      },
      request.body);
}

// Of whose call a person's act waits for the end (R19): no further one is made meanwhile, or the
// act would wait for that one too.
std::vector<uint16_t> Engine::AwaitedBranches(const Live& live) {
  std::vector<uint16_t> branches;
  const auto add = [&](const BranchKey& key) {
    if (const Result<uint16_t> found = FindBranch(live.t, key); found.ok()) {
      branches.push_back(*found);
    }
  };
  for (const Request& request : live.requests) {
    if (const auto* edit = std::get_if<EditRequest>(&request.body)) add(edit->key);
    if (const auto* skip = std::get_if<SkipRequest>(&request.body)) add(skip->key);
  }
  return branches;
}

// A gid that is in memory already (R16). A whole submit of what is prepared decides it.
bool Engine::Resubmit(Live& live, Request& request, SubmitRequest& submit, Time now) {
  GlobalTransaction& t = live.t;
  const bool same = submit.transaction->digest == t.digest;
  const bool prepare = submit.transaction->phase == Phase::kPrepared;
  if (!prepare && same && t.phase == Phase::kPrepared) {
    request.body = CommitRequest{submit.transaction->digest, submit.delay, submit.start};
    return ApplySession(live, request, now);
  }
  if (prepare) return PrepareAgain(live, request, submit.transaction->digest, now);
  AnswerWhenDurable(live, request, AnswerRepeated(WireStatus(t), same, t.gid));
  return true;
}

bool Engine::PrepareAgain(Live& live, Request& request, std::string_view digest, Time now) {
  GlobalTransaction& t = live.t;
  const bool same = digest == t.digest;
  if (same) PutOffCallBack(t, now);
  AnswerWhenDurable(live, request, AnswerPrepared(t.mode(), WireStatus(t), same, t.gid));
  return true;
}

void Engine::ForgetWait(const std::string& gid, uint64_t ticket) {
  const auto is_it = [&](const Waiter& waiter) { return waiter.ticket == ticket; };
  const auto asks_it = [&](const Request& request) {
    const auto* wait = std::get_if<WaitRequest>(&request.body);
    return wait != nullptr && wait->ticket == ticket;
  };
  if (Live* live = FindGid(gid)) {
    std::erase_if(live->waiters, is_it);
    std::erase_if(live->requests, asks_it);
  }
  if (const auto it = loading_.find(gid); it != loading_.end()) std::erase_if(it->second, asks_it);
  if (const auto it = dormant_.find(gid); it != dormant_.end()) {
    std::erase_if(it->second, is_it);
    if (it->second.empty()) dormant_.erase(it);
  }
}

void Engine::OnControl(ControlRequest&& request, Time now) {
  switch (request.kind) {
    case ControlRequest::Kind::kPause:
      paused_ = true;
      break;
    case ControlRequest::Kind::kResume:
      paused_ = false;
      TouchAll();
      break;
    case ControlRequest::Kind::kRegistered:
      for (auto& [id, live] : live_) {
        if (!live->not_callable) continue;
        Tell(EventKind::kWoken, now, &live->t, {}, "local:" + request.name + " was registered");
        Touch(*live);
      }
      break;
    case ControlRequest::Kind::kClose: {
      closing_ = true;
      const auto cancel = [](Waiter& waiter) { waiter.reply(Answer{.status = WasClosed()}); };
      for (auto& [id, live] : live_) {
        for (Waiter& waiter : live->waiters) cancel(waiter);
        live->waiters.clear();
      }
      for (auto& [gid, waiters] : dormant_) {
        for (Waiter& waiter : waiters) cancel(waiter);
      }
      dormant_.clear();
      TouchAll();
      break;
    }
    case ControlRequest::Kind::kHealth:
      break;
    case ControlRequest::Kind::kStatistics:
      if (request.statistics) request.statistics(GetStatistics());
      break;
  }
  if (request.done) request.done(GetHealth());
}

// A change of a topic concerns no transaction: those that exist have their subscribers (R9).
void Engine::OnTopicRequest(TopicRequest&& request) {
  if (lost_owner_) {
    request.reply(Answer{.status = {StatusCode::kFailedPrecondition, store_problem_}});
  } else if (closing_) {
    request.reply(Answer{.status = {StatusCode::kCancelled, "the coordinator is closing"}});
  } else {
    ++topic_changes_;
    store_.ChangeTopic(std::move(request));
  }
}

void Engine::OnTopicChanged(TopicChanged& changed, Time now) {
  --topic_changes_;
  if (changed.status.code() == StatusCode::kFailedPrecondition && !lost_owner_) {
    LoseOwnership(changed.status, now);
  }
  changed.reply(Answer{.status = std::move(changed.status)});
}

// --- telling ---

void Engine::OnNotification(Notification&& seen, Time now) {
  if (!observer_.wants_events()) return;
  observer_.OnEvent(Event{.kind = seen.kind,
                          .at = now,
                          .gid = std::move(seen.gid),
                          .status = {},
                          .reason = {},
                          .text = std::move(seen.text),
                          .took = {}});
}

Health Engine::GetHealth() const {
  Health health;
  health.open = !closing_;
  health.owner = !lost_owner_;
  health.paused = paused_;
  health.store_problem = store_problem_.empty() ? load_problem_ : store_problem_;
  health.live = live_.size();
  health.in_flight = calls_.size();
  health.hosts = hosts_.Health();
  return health;
}

void Engine::Tell(EventKind kind, Time now, const GlobalTransaction* t, Reason reason,
                  std::string text, Milliseconds took) {
  if (!observer_.wants_events()) return;
  Event event{.kind = kind,
              .at = now,
              .gid = {},
              .reason = std::move(reason),
              .text = std::move(text),
              .took = took};
  if (t != nullptr) {
    event.gid = t->gid;
    event.status = WireStatus(*t);
  }
  observer_.OnEvent(std::move(event));
}

}  // namespace troth::internal
