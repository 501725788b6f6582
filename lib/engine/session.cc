// What the application does itself in a prepared transaction: joins branches, calls them, and
// decides.
//
// A call made for a session is made once and told to its caller; the transaction learns nothing
// from it but that it is under way, so that what undoes it waits for its end (R7).
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/acts.h"
#include "engine/address.h"
#include "engine/engine.h"
#include "model/stored.h"
#include "model/url.h"

namespace troth::internal {
namespace {

Time StartOf(const std::optional<Time>& start, Milliseconds delay, Time now) {
  if (start) return *start;
  return delay > Milliseconds{0} ? now + delay : Time{};
}

Status TooLate(const GlobalTransaction& t) {
  const bool failing = t.outcome == Decision::kRollback;
  return {failing ? StatusCode::kAborted : StatusCode::kFailedPrecondition,
          Concat(t.gid, " is ", StatusName(WireStatus(t)), ": no branch is tried any more")};
}

size_t BytesOf(const Step& step) {
  size_t bytes = step.forward.size() + step.commit.size() + step.rollback.size();
  bytes += step.payload.size();
  for (const Header& header : step.headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

bool IsRegistered(const GlobalTransaction& t, const Step& step) {
  return std::any_of(t.registered.begin(), t.registered.end(),
                     [&](const auto& one) { return one->branch_id == step.branch_id; });
}

// What the caller of a session's call is told.
Answer AnswerFor(CallEnded& ended) {
  if (ended.kind == CallEnded::Kind::kAnswered) {
    if (ended.verdict == BranchResult::Verdict::kSuccess) {
      return Answer{.status = {}, .body = std::move(ended.body)};
    }
    if (ended.verdict == BranchResult::Verdict::kFailure) {
      return Answer{.status = {StatusCode::kAborted, Concat("the branch refused: ", ended.text)}};
    }
  }
  return Answer{.status = {StatusCode::kUnavailable,
                           Concat(ReasonText(ended.code), ended.text.empty() ? "" : ": ",
                                  ended.text, "; whether the branch ran is unknown")}};
}

}  // namespace

// The limits of a definition, for one that grows.
Status Engine::RoomFor(const GlobalTransaction& t, const RegisterRequest& joins) const {
  size_t bytes = BytesOf(*joins.step);
  for (const auto& step : t.registered) bytes += BytesOf(*step);
  return RoomFor(t.Steps(), bytes, joins.document->size());
}

// `steps` there are, `bytes` there would be.
Status Engine::RoomFor(size_t steps, size_t bytes, size_t document) const {
  const Limits& limits = options_.limits;
  if (steps >= limits.steps) {
    return {StatusCode::kResourceExhausted, Concat("limits.steps: ", steps)};
  }
  if (bytes > limits.transaction_bytes) {
    return {StatusCode::kResourceExhausted,
            Concat("limits.transaction_bytes: ", bytes, " with this branch")};
  }
  if (unwritten_bytes_ > 0 && unwritten_bytes_ + document > limits.unwritten_bytes) {
    return {StatusCode::kResourceExhausted,
            "limits.unwritten_bytes: the store is behind; try later"};
  }
  return {};
}

bool Engine::ApplySession(Live& live, Request& request, Time now) {
  GlobalTransaction& t = live.t;
  if (auto* commit = std::get_if<CommitRequest>(&request.body)) {
    if (commit->mode && *commit->mode != t.mode()) {
      return Finish(live, request, {IsOtherMode(t.gid, t.mode(), *commit->mode)});
    }
    return Finish(live, request,
                  ApplySubmit(t, commit->digest, StartOf(commit->start, commit->delay, now)));
  }
  if (auto* abort = std::get_if<AbortRequest>(&request.body)) {
    return Finish(live, request, ApplyAbort(t, abort->why, now));
  }
  if (auto* joins = std::get_if<RegisterRequest>(&request.body)) {
    return Finish(live, request, Join(live, *joins, now));
  }
  auto& call = std::get<SessionCallRequest>(request.body);
  ActResult joined = Join(live, call.joins, now);
  if (!joined.status.ok()) return Finish(live, request, std::move(joined));
  if (joined.changed) live.must_write = true;
  call.version = t.version + (live.must_write ? 1 : 0);  // nothing is pending here
  live.session_calls.push_back(std::move(request));
  return true;
}

ActResult Engine::Join(Live& live, const RegisterRequest& joins, Time now) {
  GlobalTransaction& t = live.t;
  if (!IsRegistered(t, *joins.step)) {
    if (Status room = RoomFor(t, joins); !room.ok()) return {room};
  }
  ActResult result = ApplyRegister(t, joins.mode, joins.step, now);
  if (result.changed) live.new_parts.push_back({t.registered_parts.back(), joins.document});
  return result;
}

void Engine::SendSessionCalls(Live& live, Time now) {
  std::vector<Request> waiting = std::exchange(live.session_calls, {});
  for (Request& request : waiting) {
    auto& wanted = std::get<SessionCallRequest>(request.body);
    GlobalTransaction& t = live.t;
    if (!wanted.registered) {
      if (DurableVersion(live) < wanted.version) {
        live.session_calls.push_back(std::move(request));
        continue;
      }
      wanted.registered = true;
      if (!request.reply.Claim()) continue;
    }
    const std::string& branch_id = wanted.joins.step->branch_id;
    const auto branch = std::find_if(t.branches.begin(), t.branches.end(), [&](const Branch& b) {
      return b.op == Op::kRollback && t.BranchIdOf(b) == branch_id;
    });
    if (closing_) {
      request.reply(Answer{.status = {StatusCode::kCancelled, "the coordinator is closing"}});
    } else if (t.outcome != Decision::kUndecided || t.phase != Phase::kPrepared) {
      request.reply(Answer{.status = TooLate(t)});
    } else if (branch == t.branches.end() || branch->held_by != 0) {
      request.reply(Answer{.status = {StatusCode::kFailedPrecondition,
                                      Concat("branch ", branch_id, " of ", t.gid,
                                             " is not registered, or is being called")}});
    } else if (!transport_.CanCall(wanted.url)) {
      request.reply(
          Answer{.status = {StatusCode::kFailedPrecondition,
                            Concat(wanted.url, " can't be called: it is not registered")}});
    } else if (!MaySend() || !hosts_.Admit(HostKey(wanted.url), live.id, now)) {
      live.at_host = true;
      live.session_calls.push_back(std::move(request));
    } else {
      StartSessionCall(live, static_cast<uint16_t>(branch - t.branches.begin()), std::move(request),
                       now);
    }
  }
}

void Engine::StartSessionCall(Live& live, uint16_t branch, Request&& request, Time now) {
  GlobalTransaction& t = live.t;
  const auto& wanted = std::get<SessionCallRequest>(request.body);
  Branch& b = t.branches[branch];
  const bool local = IsLocalUrl(wanted.url);
  Call call;
  call.id = next_id_++;
  call.context = BranchContext{.gid = t.gid,
                               .trans_type = std::string(ModeName(t.mode())),
                               .branch_id = wanted.joins.step->branch_id,
                               .op = wanted.op,
                               .coordinator = options_.gateway_url,
                               .phase2_url = wanted.phase2_url,
                               .headers = HeadersToSend(t, wanted.joins.step->headers)};
  Address(call, wanted.url, *wanted.payload, wanted.payload, t.mode(), t.PolicyOf(b));
  call.keep_body = true;
  const std::string host = HostKey(wanted.url);
  calls_.emplace(call.id, InFlight{.live = live.id,
                                   .branch = branch,
                                   .local = local,
                                   .session = std::move(request.reply),
                                   .host = host,
                                   .sent = now,
                                   .timeout = call.timeout});
  b.held_by = call.id;
  hosts_.Started(host);
  ++live.in_flight;
  if (local) ++live.local_in_flight;
  transport_.Start(std::move(call), sink_);
}

// Whether it was a session's.
bool Engine::EndSessionCall(Live& live, InFlight& call, CallEnded& ended, Time now) {
  if (!call.session) return false;
  live.t.branches[call.branch].held_by = 0;
  if (observer_.wants_events()) {
    Reason reason{.code = ended.code,
                  .branch_id = std::string(live.t.BranchIdOf(live.t.branches[call.branch])),
                  .op = live.t.mode() == Mode::kXa ? "action" : "try",
                  .http_status = ended.http_status,
                  .text = ended.text,
                  .attempt = 1,
                  .author = {},
                  .at = now};
    Tell(EventKind::kCallEnded, now, &live.t, std::move(reason), "told to the session",
         now - call.sent);
  }
  call.session(AnswerFor(ended));
  return true;
}

}  // namespace troth::internal
