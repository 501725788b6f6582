// What is read from the store: what is due, and what somebody asks for that is not in memory.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/acts.h"
#include "engine/engine.h"
#include "engine/results.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

constexpr size_t kLoadPage = 256;

Status NoSuchGid(std::string_view gid) {
  return {StatusCode::kNotFound, Concat("no transaction with gid ", gid)};
}

Status CantBeTrue(std::string_view gid) {
  return {StatusCode::kDataLoss, Concat(gid, ": the stored row can't be true")};
}

}  // namespace

void Engine::AskStore(Time now) {
  if (closing_ || lost_owner_) return;
  const bool room = live_.size() < options_.limits.live;
  if (const auto ask = loader_.Next(now, room)) {
    const size_t space = options_.limits.live - live_.size();
    store_.LoadDue(ask->after, ask->until, std::min(kLoadPage, space));
  }
  if (!purging_ && purge_at_ && *purge_at_ <= now) {
    purging_ = true;
    if (!purge_) purge_ = PurgePass{};
    store_.Purge(*purge_, now - options_.retention, now - options_.tombstone_retention);
  }
}

void Engine::OnDueLoaded(DueLoaded& loaded, Time now) {
  for (Loaded& one : loaded.transactions) Admit(one, now);
  // No commit has to wait for that: the loader tries again by itself.
  const bool news = load_problem_ != loaded.status.message();
  load_problem_ = loaded.status.message();
  if (news && !loaded.status.ok()) Tell(EventKind::kStoreTrouble, now, nullptr, {}, load_problem_);
  loader_.OnLoaded(loaded, now);
}

// Who is in memory already is newer than what was read.
Live* Engine::Admit(Loaded& loaded, Time now) {
  if (Live* live = FindGid(loaded.row.gid)) {
    live->hides_stored = live->t.id == 0;
    return live;
  }
  if (loaded.transaction.status().code() == StatusCode::kNotFound) return nullptr;  // a tombstone
  if (!loaded.transaction.ok()) {
    Tell(EventKind::kUnreadable, now, nullptr, {},
         Concat(loaded.row.gid, ": ", loaded.transaction.status().message()));
    for (Waiter& waiter : TakeDormant(loaded.row.gid)) {
      waiter.reply(Answer{.status = CantBeTrue(loaded.row.gid)});
    }
    return nullptr;
  }
  // What has ended stays in `loaded`: who asked for it is answered from there.
  if (loaded.transaction.value()->phase == Phase::kEnded) return nullptr;
  std::unique_ptr<GlobalTransaction> t = std::move(loaded.transaction).value();
  t->restored = t->restored || loaded.row.parked == ReasonCode::kParkedRestored;
  // By an earlier life, whose clock may have been ahead of this one (R23).
  const bool of_earlier_life = t->updated < opened_ || t->updated > now;
  const bool cut = RecordLoad(*t, options_.unclean && of_earlier_life, now);
  Live& live = Add(std::move(t));
  if (cut) {  // durable, or each further life would begin these waits anew
    live.dirty = true;
    live.dirty_since = now;
  }
  live.stored_due = loaded.row.due;
  live.stored_parked = loaded.row.parked;
  live.waiters = TakeDormant(live.t.gid);
  return &live;
}

// Who waits for what is not in memory.
std::vector<Waiter> Engine::TakeDormant(const std::string& gid) {
  const auto it = dormant_.find(gid);
  if (it == dormant_.end()) return {};
  std::vector<Waiter> waiters = std::move(it->second);
  dormant_.erase(it);
  return waiters;
}

void Engine::OnGidLoaded(GidLoaded& loaded, Time now) {
  const auto it = loading_.find(loaded.gid);
  if (it == loading_.end()) return;
  std::vector<Request> requests = std::move(it->second);
  loading_.erase(it);
  const bool passed_over = passed_over_.erase(loaded.gid) > 0;
  if (passed_over && !loaded.status.ok()) loader_.StartOver(now);
  const bool found = !loaded.found.empty();
  if (found) Admit(loaded.found.front(), now);
  for (Request& request : requests) {
    if (FindGid(loaded.gid) != nullptr) {
      OnRequest(std::move(request), now);
    } else if (!found) {
      const auto* submit = std::get_if<SubmitRequest>(&request.body);
      Status none = submit != nullptr ? submit->refusal : NoSuchGid(loaded.gid);
      request.reply(Answer{.status = loaded.status.ok() ? std::move(none) : loaded.status});
    } else {
      const Loaded& stored = loaded.found.front();
      const GlobalTransaction* t =
          stored.transaction.ok() ? stored.transaction.value().get() : nullptr;
      AnswerFromRow(request, stored.row, t);
    }
  }
}

// About a transaction that has ended, is a tombstone (no value), or can't be read.
void Engine::AnswerFromRow(Request& request, const TransactionRow& row,
                           const GlobalTransaction* t) {
  if (!HasEnded(row.status)) {
    request.reply(Answer{.status = CantBeTrue(row.gid)});
  } else if (std::holds_alternative<WaitRequest>(request.body)) {
    auto outcome = std::make_unique<Outcome>(
        t != nullptr ? ToOutcome(*t) : Outcome{.gid = row.gid, .status = row.status});
    request.reply(Answer{.outcome = std::move(outcome)});
  } else if (const auto* commit = std::get_if<CommitRequest>(&request.body)) {
    const bool same = commit->digest.empty() || commit->digest == row.digest;
    if (commit->mode && *commit->mode != row.mode) {
      request.reply(Answer{.status = IsOtherMode(row.gid, row.mode, *commit->mode)});
    } else {
      request.reply(AnswerRepeated(row.status, same, row.gid));
    }
  } else if (const auto* submit = std::get_if<SubmitRequest>(&request.body)) {
    const GlobalTransaction& asked = *submit->transaction;
    const bool same = asked.digest == row.digest;
    request.reply(asked.phase == Phase::kPrepared
                      ? AnswerPrepared(row.mode, row.status, same, row.gid)
                      : AnswerRepeated(row.status, same, row.gid));
  } else if (const auto* renew = std::get_if<RenewRequest>(&request.body)) {
    request.reply(AnswerPrepared(row.mode, row.status, renew->digest == row.digest, row.gid));
  } else if (const auto* finish = std::get_if<FinishRequest>(&request.body)) {
    if (row.mode != Mode::kWorkflow) {
      request.reply(Answer{.status = IsOtherMode(row.gid, row.mode, Mode::kWorkflow)});
    } else {
      request.reply(AnswerFinished(row.status, *finish, t, row.gid));
    }
  } else if (std::holds_alternative<AbortRequest>(request.body) &&
             row.status == TransactionStatus::kFailed) {
    request.reply(Answer{});
  } else if ((std::holds_alternative<RegisterRequest>(request.body) ||
              std::holds_alternative<RecordRequest>(request.body) ||
              std::holds_alternative<SessionCallRequest>(request.body)) &&
             row.status == TransactionStatus::kFailed) {
    request.reply(Answer{.status = {StatusCode::kAborted, Concat(row.gid, " has failed")}});
  } else {
    request.reply(Answer{.status = {StatusCode::kFailedPrecondition,
                                    Concat(row.gid, " has ended: ", StatusName(row.status))}});
  }
}

void Engine::LoadFor(Request&& request) {
  const std::string gid = request.gid;
  const auto [it, first] = loading_.try_emplace(gid);
  it->second.push_back(std::move(request));
  if (first) store_.Load(gid);
}

}  // namespace troth::internal
