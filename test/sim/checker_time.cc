// Time: the distance of attempts, limits, and that nothing waits without a reason or for ever.
#include <algorithm>

#include "checker_checks.h"
#include "model/url.h"

namespace troth::sim {
namespace {

using internal::Branch;
using internal::HostKey;
using internal::Op;
using internal::Phase;
using internal::Policy;

constexpr milliseconds kSlack{1'000};
constexpr milliseconds kProbeCap{60'000};  // of a host that is down
constexpr milliseconds kStoreRetryCap{5'000};
constexpr milliseconds kRunPatience{30'000};  // of a workflow's run: pauses, and what is slow
// With fewer slots than that transactions wait for each other.
constexpr size_t kAmple = 64;
constexpr milliseconds kDay = std::chrono::hours(24);

bool HoldsUp(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::kCommitFails:
    case Fault::Kind::kCommitUnknown:
    case Fault::Kind::kCommitSlow:
    case Fault::Kind::kDiskFull:
    case Fault::Kind::kReadFails:
    case Fault::Kind::kPaused:
      return true;
    default:
      return false;
  }
}

// The store had trouble, or the coordinator was paused, at some moment of that time; the store is
// tried again after a while.
bool WasHeldUp(const Index& index, Time from, Time until) {
  if (index.Disturbed(from, until, HoldsUp)) return true;
  const auto& told = index.log().told;
  return std::any_of(told.begin(), told.end(), [&](const Told& one) {
    const bool of_store =
        one.event.kind == EventKind::kStoreTrouble || one.event.kind == EventKind::kStoreRecovered;
    return of_store && one.when.at >= from - 2 * kStoreRetryCap && one.when.at <= until;
  });
}

milliseconds FewCommits(const Index& index) { return 6 * index.log().facts.commit_time + kSlack; }

bool RoomIsAmple(const Index& index) {
  const Limits& limits = index.log().facts.limits;
  return std::min({limits.calls, limits.calls_per_host, limits.local_threads, limits.live}) >=
         kAmple;
}

// An act that resets this operation's count and wait.
bool Resets(const ApiCall& asked, const Operation& operation) {
  switch (asked.what) {
    case Ask::kRetry:
      return !asked.repeated;
    case Ask::kEdit:
      return asked.branch_id == operation.first && asked.op == operation.second;
    case Ask::kCancel:
      return IsCheckBack(operation.second);
    default:
      return false;
  }
}

// The newest act on an operation that began in the same life before the call; null: none. One that
// waited for a call in flight is newer than those that were answered meanwhile.
const ApiCall* NewestAct(const Trail& trail, const Call& call) {
  const ApiCall* newest = nullptr;
  for (const ApiCall* asked : trail.asked) {
    if (asked->began.seq > call.sent.seq) break;
    if (asked->began.life != call.sent.life) continue;
    if (!Resets(*asked, {call.branch_id, call.op})) continue;
    const bool before = newest != nullptr && asked->answered && newest->answered &&
                        asked->answered->seq < newest->answered->seq;
    if (!before) newest = asked;
  }
  return newest;
}

// Otherwise it may still be carried out.
bool IsOver(const ApiCall& asked) {
  return asked.answered && asked.status.code() != StatusCode::kUnavailable;
}

// True: an act on an operation, in the same life before the call, is of unknown outcome. It waits
// for the call in flight, and may be carried out behind acts that began later.
bool MayBeCarriedOutLater(const Trail& trail, const Call& call) {
  return std::any_of(trail.asked.begin(), trail.asked.end(), [&](const ApiCall* asked) {
    return !IsOver(*asked) && asked->began.seq < call.sent.seq &&
           asked->began.life == call.sent.life && Resets(*asked, {call.branch_id, call.op});
  });
}

const Policy* PolicyOf(const Trail& trail, const Call& call) {
  const GlobalTransaction* t = trail.ValueAt(call.sent.seq);
  const auto branch = t == nullptr ? std::nullopt : FindBranch(*t, {call.branch_id, call.op});
  return branch ? &t->PolicyOf(t->branches[*branch]) : nullptr;
}

const Branch* FoundBranch(const Index& index, const Trail& trail, const Call& call) {
  const GlobalTransaction* found = index.FoundBy(call.sent.life, trail);
  if (found == nullptr) return nullptr;
  const auto branch = FindBranch(*found, {call.branch_id, call.op});
  return branch ? &found->branches[*branch] : nullptr;
}

// --- I21 ---

struct HostState {
  bool was_down = false;   // at some moment from the one call to the other
  bool came_back = false;  // in between
};

HostState HostBetween(const Index& index, const Call& before, const Call& call) {
  HostState state;
  bool down = false;
  for (const Call* ended : index.EndedAt(HostKey(before.url))) {
    if (ended->ended->seq > call.sent.seq) break;
    if (ended->ended->life != call.sent.life) continue;
    const bool up = down && !HostWasDown(*ended);
    down = HostWasDown(*ended);
    if (ended->ended->seq < before.ended->seq) continue;
    state.was_down = state.was_down || down || up;
    state.came_back = state.came_back || up;
  }
  return state;
}

// How long each wait must be, call by call of one operation in one life.
class Waits {
 public:
  explicit Waits(milliseconds interval) : interval_(interval) {}

  // What must pass after that result; nothing: the result says nothing about it.
  std::optional<milliseconds> After(const Call& call, const Policy& policy) {
    if (call.result == CallResult::kOngoing) {
      interval_ = milliseconds{0};
      return policy.first;
    }
    if (!SaysNothing(call)) return std::nullopt;
    const double grown = static_cast<double>(interval_.count()) * policy.factor;
    const double cap = static_cast<double>(policy.cap.count());
    interval_ = interval_ == milliseconds{0}
                    ? policy.first
                    : milliseconds{static_cast<int64_t>(std::min(grown, cap))};
    return interval_;
  }

 private:
  milliseconds interval_;
};

// Somebody acted on the operation while it waited.
bool ActedBetween(const Trail& trail, const Call& before, const Call& call) {
  return std::any_of(trail.asked.begin(), trail.asked.end(), [&](const ApiCall* asked) {
    const bool over = IsOver(*asked) && asked->answered->seq < before.ended->seq;
    return !over && asked->began.seq < call.sent.seq && Resets(*asked, {call.branch_id, call.op});
  });
}

// All of its branches waited for a person (R10), and any act lets them all go on.
bool WaitedForPerson(const Trail& trail, const Call& before, const Call& call) {
  return std::any_of(trail.rows.begin(), trail.rows.end(), [&](const Stored* row) {
    return row->row.parked == ReasonCode::kParkedBarrierExpired &&
           row->when.seq > before.ended->seq && row->when.seq < call.sent.seq;
  });
}

void CheckGap(const Index& index, const Trail& trail, const Call& before, const Call& call,
              milliseconds wait, const Policy& policy, Findings& findings) {
  const ApiCall* act = NewestAct(trail, call);
  if (ActedBetween(trail, before, call)) return;
  const bool ongoing = before.result == CallResult::kOngoing;
  const milliseconds gap = call.sent.at - before.ended->at;
  milliseconds shortest = act != nullptr ? policy.first : wait;
  if (policy.jitter && !ongoing) shortest = milliseconds{0};
  const milliseconds longest = act != nullptr && !ongoing ? policy.cap : wait;
  const HostState host = HostBetween(index, before, call);
  if (gap < shortest && !host.came_back) {
    findings.Add(trail, call.sent.seq,
                 Concat(Name(call), " was sent ", gap.count(), " ms after a result that asked for ",
                        shortest.count()));
  }
  const bool held =
      WasHeldUp(index, before.ended->at, call.sent.at) || WaitedForPerson(trail, before, call);
  if (gap > longest + FewCommits(index) && !held && !host.was_down && RoomIsAmple(index)) {
    findings.Add(trail, call.sent.seq,
                 Concat(Name(call), " was sent ", gap.count(), " ms after a result that asked for ",
                        longest.count()));
  }
}

// --- of a workflow's call-back, which its application puts off ---

// What its application did that put the next call-back off, in virtual time.
struct SignOfLife {
  uint64_t seq = 0;  // it has come by then
  Time at{};         // not before
};

// When it was first reported in that life; nothing: it never was.
std::optional<Time> FirstReported(const Trail& trail, uint32_t life,
                                  const internal::Progress& one) {
  for (const ApiCall* asked : trail.asked) {
    if (asked->what != Ask::kRecord || asked->began.life != life) continue;
    if (asked->branch_id == one.branch_id && asked->op == one.op) return asked->began.at;
  }
  return std::nullopt;
}

// Those of one life that came before a call. A result that was news shows in the row that has it
// first.
std::vector<SignOfLife> SignsOfLife(const Trail& trail, const Call& call) {
  std::vector<SignOfLife> signs;
  size_t had = 0;
  for (const Stored* row : trail.rows) {
    if (row->when.seq > call.sent.seq) break;
    if (row->transaction == nullptr) continue;
    const auto& progress = row->transaction->progress;
    for (; had < progress.size(); ++had) {
      if (row->when.life != call.sent.life) continue;
      const auto at = FirstReported(trail, call.sent.life, *progress[had]);
      if (at) signs.push_back({row->when.seq, *at});
    }
  }
  for (const ApiCall* asked : trail.asked) {
    if (asked->what != Ask::kPrepareWorkflow || asked->began.life != call.sent.life) continue;
    if (!asked->answered || !asked->status.ok() || asked->answered->seq > call.sent.seq) continue;
    signs.push_back({asked->answered->seq, asked->began.at});
  }
  return signs;
}

// Somebody asked something, of which it is not known when it was carried out.
bool AskedMeanwhile(const Trail& trail, uint32_t life, uint64_t from, uint64_t until) {
  return std::any_of(trail.asked.begin(), trail.asked.end(), [&](const ApiCall* asked) {
    if (!ChangesSomething(asked->what) || asked->began.life != life) return false;
    const bool over = IsOver(*asked) && asked->answered->seq < from;
    return !over && asked->began.seq < until;
  });
}

void CheckCallBackEarly(const Index& index, const Trail& trail, const Call* before,
                        const Call& call, const Policy& policy, Findings& findings) {
  if (NewestAct(trail, call) != nullptr) return;
  if (before != nullptr && HostBetween(index, *before, call).came_back) return;
  for (const SignOfLife& sign : SignsOfLife(trail, call)) {
    // What a call came to that was in flight then may ask for less.
    const bool later = before != nullptr && before->ended->at >= sign.at;
    if ((policy.jitter && later) || call.sent.at >= sign.at + policy.first) continue;
    findings.Add(trail, call.sent.seq,
                 Concat(Name(call), " was sent ", (call.sent.at - sign.at).count(),
                        " ms after a sign of life, not ", policy.first.count()));
  }
}

// After a result nobody was heard of for longer than any wait.
void CheckCallBackLate(const Index& index, const Trail& trail, const Call& before, const Call& call,
                       const Policy& policy, Findings& findings) {
  Time since = before.ended->at;
  for (const ApiCall* asked : trail.asked) {
    if (!ChangesSomething(asked->what) || asked->began.life != call.sent.life) continue;
    if (asked->began.seq > call.sent.seq) continue;
    since = std::max(
        since, asked->answered ? std::min(asked->answered->at, call.sent.at) : asked->began.at);
  }
  const milliseconds gap = call.sent.at - since;
  const bool ongoing = before.result == CallResult::kOngoing;
  const milliseconds longest = ongoing ? policy.first : policy.cap;
  if (gap <= longest + FewCommits(index) || !RoomIsAmple(index)) return;
  if (WasHeldUp(index, since, call.sent.at) || HostBetween(index, before, call).was_down) return;
  findings.Add(trail, call.sent.seq,
               Concat(Name(call), " was sent ", gap.count(), " ms after all that was heard, ",
                      longest.count(), " were allowed"));
}

// --- I24 ---

// How long hosts may have looked down although all is calm: a workflow's call-back runs the
// workflow, which may outlast its time-out, and it may have been what a host was probed with.
milliseconds FalseAlarms(const Index& index) {
  milliseconds time{0};
  for (const Call& call : index.log().calls) {
    const bool calm = call.sent.seq > index.log().facts.calm.seq;
    if (calm && call.trans_type == "workflow" && HostWasDown(call)) {
      time += kProbeCap + (call.ended->at - call.sent.at);
    }
  }
  return time;
}

// By when a transaction must have ended, in virtual time.
Time EndBound(const Index& index, const Trail& trail, const GlobalTransaction& t) {
  const Facts& facts = index.log().facts;
  Time base = facts.calm.at;
  for (const ApiCall* asked : trail.asked) {
    if (!ChangesSomething(asked->what)) continue;
    base = std::max(base, asked->answered ? asked->answered->at : asked->began.at);
  }
  const Life& last = index.log().lives.back();
  if (!trail.rows.empty()) base = std::max(base, trail.rows[0]->when.at);  // maybe by an outbox
  base = std::max(base, t.start - last.offset);
  if (t.deadline) base = std::max(base, *t.deadline - last.offset);
  milliseconds cap{0};
  milliseconds timeout{0};
  for (const Branch& branch : t.branches) {
    cap = std::max(cap, t.PolicyOf(branch).cap);
    timeout = std::max(timeout, t.PolicyOf(branch).request_timeout);
  }
  auto chain = static_cast<int64_t>(t.branches.size() + 2);
  if (t.mode() == Mode::kWorkflow) {
    // Its runs do all of it, and may be in each other's way once or twice.
    const auto steps = static_cast<int64_t>(trail.wanted[0]->steps.size());
    chain += 12 * (steps + 2);
    cap = 3 * cap + 4 * kRunPatience;
  }
  const milliseconds each = 2 * facts.call_time + 3 * facts.commit_time + milliseconds{10};
  return base + cap + 4 * timeout + kProbeCap + FalseAlarms(index) + kStoreRetryCap + kSlack +
         chain * each;
}

// --- I25 ---

// The step of a sequential saga or message that a success lets go on; null: none.
std::optional<size_t> NextStep(const GlobalTransaction& t, const Call& call) {
  if (t.definition->concurrent || !IsForward(call.op) || call.session) return std::nullopt;
  const auto step = FindStep(t, call.branch_id);
  if (!step || *step + 1 >= t.Steps()) return std::nullopt;
  return *step + 1;
}

}  // namespace

void CheckGaps(const Index& index, const Trail& trail, Findings& findings) {
  for (const auto& [operation, calls] : trail.by_operation) {
    std::optional<Waits> waits;
    for (size_t i = 0; i < calls.size(); ++i) {
      const Call& call = *calls[i];
      const Policy* policy = PolicyOf(trail, call);
      if (call.session || policy == nullptr || call.trans_type == "workflow") continue;
      if (i == 0 || calls[i - 1]->sent.life != call.sent.life) {
        const Branch* found = FoundBranch(index, trail, call);
        waits.emplace(found != nullptr ? found->interval : milliseconds{0});
      }
      if (!waits || !call.ended) continue;
      const auto wait = waits->After(call, *policy);
      if (!wait || i + 1 == calls.size() || calls[i + 1]->sent.life != call.sent.life) continue;
      CheckGap(index, trail, call, *calls[i + 1], *wait, *policy, findings);
    }
  }
}

void CheckCallBackGaps(const Index& index, const Trail& trail, Findings& findings) {
  Waits waits(milliseconds{0});
  bool exact = false;  // in this life nothing but results has told when to call back
  for (size_t i = 0; i < trail.calls.size(); ++i) {
    const Call& call = *trail.calls[i];
    const Policy* policy = PolicyOf(trail, call);
    if (call.trans_type != "workflow" || policy == nullptr) continue;
    const bool first = i == 0 || trail.calls[i - 1]->sent.life != call.sent.life;
    const Call* before = !first && trail.calls[i - 1]->ended ? trail.calls[i - 1] : nullptr;
    CheckCallBackEarly(index, trail, before, call, *policy, findings);
    if (first) {
      const Branch* found = FoundBranch(index, trail, call);
      waits = Waits(found != nullptr ? found->interval : milliseconds{0});
      exact = true;
    }
    exact = exact && !AskedMeanwhile(trail, call.sent.life, 0, call.sent.seq);
    if (before == nullptr) continue;
    const auto wait = waits.After(*before, *policy);
    if (exact && wait) {
      CheckGap(index, trail, *before, call, *wait, *policy, findings);
    } else {
      CheckCallBackLate(index, trail, *before, call, *policy, findings);
    }
  }
}

// As for others, though what an application records lets the count begin anew.
void CheckCallBackLimits(const Index& index, const Trail& trail, Findings& findings) {
  for (const Call* call : trail.calls) {
    const Policy* policy = PolicyOf(trail, *call);
    if (call->trans_type != "workflow" || policy == nullptr) continue;
    if (policy->park_after == kNoLimit) continue;
    // Since when nobody has been heard of, for certain.
    uint64_t since = 0;
    for (const ApiCall* asked : trail.asked) {
      const bool news = asked->what == Ask::kRecord || Resets(*asked, {call->branch_id, call->op});
      if (!news || asked->began.life != call->sent.life) continue;
      if (asked->began.seq > call->sent.seq) break;
      since = std::max(since, IsOver(*asked) ? asked->answered->seq : call->sent.seq);
    }
    const Branch* found = since == 0 ? FoundBranch(index, trail, *call) : nullptr;
    int64_t unknowns = found != nullptr ? found->unknowns : 0;
    for (const Call* before : trail.calls) {
      if (before->sent.life != call->sent.life || !SaysNothing(*before) || !before->ended) continue;
      if (before->ended->seq > since && before->ended->seq < call->sent.seq) ++unknowns;
    }
    if (unknowns > policy->park_after) {
      findings.Add(trail, call->sent.seq,
                   Concat(Name(*call), " was sent after ", unknowns, " results in vain, ",
                          policy->park_after, " are allowed"));
    }
  }
}

void CheckLimits(const Index& index, const Trail& trail, Findings& findings) {
  for (const Call* call : trail.calls) {
    const Policy* policy = PolicyOf(trail, *call);
    if (call->session || policy == nullptr || call->trans_type == "workflow") continue;
    const bool decides = IsForward(call->op) && call->trans_type == "saga";
    const int32_t limit = decides ? policy->limit : policy->park_after;
    if (limit == kNoLimit) continue;
    const ApiCall* act = NewestAct(trail, *call);
    if (act != nullptr && (!act->answered || !act->status.ok())) continue;
    if (MayBeCarriedOutLater(trail, *call)) continue;
    const uint64_t since = act != nullptr ? act->answered->seq : 0;
    const Branch* found = act == nullptr ? FoundBranch(index, trail, *call) : nullptr;
    int64_t unknowns = found != nullptr ? found->unknowns : 0;
    for (const Call* before : trail.Of({call->branch_id, call->op})) {
      if (before->sent.life != call->sent.life || !SaysNothing(*before) || !before->ended) continue;
      if (before->ended->seq > since && before->ended->seq < call->sent.seq) ++unknowns;
    }
    if (unknowns > limit) {
      findings.Add(trail, call->sent.seq,
                   Concat(Name(*call), " was sent after ", unknowns, " results in vain, ", limit,
                          " are allowed"));
    }
  }
}

void CheckWaiting(const Index& index, const Trail& trail, Findings& findings) {
  const Stored* last = nullptr;
  for (const Stored* row : trail.rows) {
    if (!IsCertain(*row) || row->kind == Stored::Kind::kDeleted) continue;
    last = row;
    const bool waits = row->row.due || row->row.parked != ReasonCode::kNone;
    if (!HasEnded(row->row.status) && !waits) {
      findings.Add(trail, row->when.seq, "is stored as unended, neither due nor parked");
    }
  }
  const Ending& end = index.log().end;
  if (last == nullptr || HasEnded(last->row.status) || !end.settled) return;
  const bool due = last->row.due && *last->row.due <= index.ClockAt(end.when);
  if (last->row.parked == ReasonCode::kNone && due) {
    findings.Add(trail, end.when.seq, "is due, and nothing happens to it any more");
  }
}

void CheckEndsInTime(const Index& index, const Trail& trail, Findings& findings) {
  const Log& log = index.log();
  const GlobalTransaction* t = trail.LastValue();
  if (t == nullptr || log.facts.calm.seq == 0 || log.lives.empty()) return;
  const Stored* now = trail.DurableAt(UINT64_MAX);
  const Stored* end = trail.End();
  if (now == nullptr || (end == nullptr && now->row.parked != ReasonCode::kNone)) return;
  const Time bound = EndBound(index, trail, *t);
  if (end == nullptr && (log.end.when.at > bound || log.end.settled)) {
    findings.Add(trail, log.end.when.seq,
                 Concat("has not ended: ", StatusName(now->row.status), " since ",
                        (log.end.when.at - log.facts.calm.at).count(), " ms of calm"));
  } else if (end != nullptr && log.facts.unloaded && end->when.at > bound) {
    findings.Add(trail, end->when.seq,
                 Concat("has ended ", (end->when.at - bound).count(), " ms too late"));
  }
}

void CheckHostsApart(const Index& index, const Trail& trail, Findings& findings) {
  if (!RoomIsAmple(index)) return;
  for (const Call* call : trail.calls) {
    if (call->result != CallResult::kSuccess) continue;
    const GlobalTransaction* t = trail.ValueAt(call->sent.seq);
    const auto step = t == nullptr ? std::nullopt : NextStep(*t, *call);
    const auto branch = step ? FindBranchOfStep(*t, *step, Op::kForward) : std::nullopt;
    if (!branch) continue;
    const auto& next = trail.Of(OperationOf(*t, *branch));
    if (next.empty() || next[0]->sent.life != call->sent.life) continue;
    if (next[0]->local) continue;  // may have waited for its registration
    if (next[0]->sent.seq < call->ended->seq) continue;
    const bool acted = std::any_of(trail.asked.begin(), trail.asked.end(), [&](const ApiCall* a) {
      return IsAct(a->what) && a->began.seq < next[0]->sent.seq;
    });
    const bool held = WasHeldUp(index, call->ended->at, next[0]->sent.at);
    const milliseconds gap = next[0]->sent.at - call->ended->at;
    if (gap <= FewCommits(index) || acted || held) continue;
    if (HostBetween(index, *call, *call).was_down) continue;
    const auto& there = index.EndedAt(HostKey(next[0]->url));
    const bool down = std::any_of(there.begin(), there.end(), [&](const Call* other) {
      return HostWasDown(*other) && other->ended->seq < next[0]->sent.seq &&
             other->ended->life == call->sent.life;
    });
    if (down) continue;
    findings.Add(
        trail, next[0]->sent.seq,
        Concat(Name(*next[0]), " waited ", gap.count(), " ms, though its own host was never down"));
  }
}

void CheckClock(const Index& index, Findings& findings) {
  for (const Told& told : index.log().told) {
    if (told.event.at == index.ClockAt(told.when)) continue;
    findings.Add(told.when.seq,
                 Concat(EventName(told.event.kind), " was told to be of ",
                        (told.event.at - index.ClockAt(told.when)).count(), " ms from then"));
  }
  for (const Trail& trail : index.trails()) {
    Time before{};  // a clock that was put back by more than a day may be behind what is stored
    for (const Stored* row : trail.rows) {
      const Time updated = row->row.updated;
      if (row->kind == Stored::Kind::kCommitted &&
          updated > std::max(before, index.ClockAt(row->when))) {
        findings.Add(trail, row->when.seq, "was written with a time to come");
      }
      before = std::max(before, updated);
    }
  }
  Time latest{};  // that any clock has shown, and maybe the store too
  for (const Life& life : index.log().lives) {
    const bool believed = latest <= life.opened.at + life.wall + kDay - kSlack;
    if (life.ended && !life.refused) latest = std::max(latest, life.ended->at + life.offset);
    if (life.refused || life.image >= index.log().images.size()) continue;
    Time newest{};
    for (const Stored& row : index.log().images[life.image].rows) {
      newest = std::max(newest, row.row.updated);
    }
    if (believed && index.ClockAt(life.opened) < newest) {
      findings.Add(life.opened.seq, "the clock of a new life is behind what is stored");
    }
  }
}

}  // namespace troth::sim
