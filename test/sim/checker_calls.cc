// Whether a call was allowed when it was sent: by what was durable, by what its transaction had
// decided, by time, and in the same bytes as before.
#include <algorithm>
#include <set>

#include "checker_checks.h"

namespace troth::sim {
namespace {

using internal::Branch;
using internal::Decision;
using internal::Phase;
using internal::Started;
using Kind = Stored::Kind;

// Whether the row says that it may be called.
bool IsAllowed(const GlobalTransaction& t, const Call& call, std::string& why) {
  if (call.session) {
    why = "its branch is not registered";
    return FindStep(t, call.branch_id).has_value();
  }
  const auto branch = FindBranch(t, {call.branch_id, call.op});
  if (!branch) {
    why = "the transaction has no such branch";
    return false;
  }
  why = "it is not marked as started";
  return !IsForward(call.op) || t.branches[*branch].started != Started::kNo;
}

// From a failed commit until its outcome is known (R4).
void CheckFrozen(const Trail& trail, Findings& findings) {
  const Stored* doubtful = nullptr;
  auto call = trail.calls.begin();
  const auto look_until = [&](uint64_t seq) {
    for (; call != trail.calls.end() && (*call)->sent.seq < seq; ++call) {
      if (doubtful == nullptr || (*call)->sent.seq < doubtful->when.seq) continue;
      if ((*call)->sent.life != doubtful->when.life) continue;
      findings.Add(trail, (*call)->sent.seq,
                   Name(**call) + " was sent while the outcome of a commit was unknown");
    }
  };
  for (const Stored* row : trail.rows) {
    look_until(row->when.seq);
    doubtful = row->kind == Kind::kUnknown ? row : nullptr;
  }
  look_until(UINT64_MAX);
}

// When the first rollback was durable; the last stamp if never.
uint64_t RolledBackAt(const Trail& trail) {
  const Stored* row =
      trail.First([](const GlobalTransaction& t) { return t.outcome == Decision::kRollback; });
  return row == nullptr ? UINT64_MAX : row->when.seq;
}

bool CameBefore(const Trail& trail, uint64_t seq, const std::function<bool(const ApiCall&)>& is) {
  return std::any_of(trail.asked.begin(), trail.asked.end(),
                     [&](const ApiCall* call) { return call->began.seq < seq && is(*call); });
}

// --- I20 ---

// The part in force that tells what to send; 0: the definition.
uint16_t EditInForce(const GlobalTransaction& t, uint16_t branch) {
  const auto found = t.edit_parts.find(branch);
  return found == t.edit_parts.end() ? 0 : found->second;
}

bool SameBytes(const Call& one, const Call& other) {
  return one.url == other.url && one.query == other.query && one.headers == other.headers &&
         one.payload == other.payload && one.post == other.post;
}

std::string UrlWanted(const WantedStep& step, std::string_view op) {
  if (IsForward(op)) return step.forward;
  return IsConfirming(op) ? step.commit : step.rollback;
}

void CheckAsWanted(const Trail& trail, const Call& call, Findings& findings) {
  const Wanted* wanted = trail.Content();
  if (wanted == nullptr || wanted->topics) return;
  if (wanted->mode == Mode::kWorkflow) {
    if (call.url != wanted->query_prepared || call.payload != wanted->input ||
        call.op != wanted->workflow) {
      findings.Add(trail, call.sent.seq, Name(call) + " is not the call-back that was wanted");
    }
    return;
  }
  if (IsCheckBack(call.op)) {
    if (call.url != wanted->query_prepared || !call.payload.empty()) {
      findings.Add(trail, call.sent.seq, Name(call) + " is not what was to be asked");
    }
    return;
  }
  const auto step =
      std::find_if(wanted->steps.begin(), wanted->steps.end(),
                   [&](const WantedStep& one) { return one.branch_id == call.branch_id; });
  if (step == wanted->steps.end()) return;
  const bool bare = wanted->mode == Mode::kXa && !IsForward(call.op);
  if (call.url != UrlWanted(*step, call.op)) {
    findings.Add(trail, call.sent.seq, Concat(Name(call), " went to ", call.url));
  } else if (call.payload != (bare ? std::string() : step->payload)) {
    findings.Add(trail, call.sent.seq, Name(call) + " has another payload than was wanted");
  }
}

}  // namespace

void CheckCallsAreAllowed(const Index&, const Trail& trail, Findings& findings) {
  for (const Call* call : trail.calls) {
    const GlobalTransaction* t = trail.ValueAt(call->sent.seq);
    std::string why = "nothing is durable";
    if (t != nullptr && IsAllowed(*t, *call, why)) continue;
    findings.Add(trail, call->sent.seq, Concat(Name(*call), " was sent, though ", why));
  }
  CheckFrozen(trail, findings);
}

void CheckPhaseTwo(const Index&, const Trail& trail, Findings& findings) {
  const Call* confirmed = nullptr;
  const Call* undone = nullptr;
  for (const Call* call : trail.calls) {
    const bool session = call->session || IsCheckBack(call->op);
    const bool committing =
        IsConfirming(call->op) || (IsForward(call->op) && call->trans_type == "msg");
    if (session || (!committing && !IsUndoing(call->op))) continue;
    const GlobalTransaction* t = trail.ValueAt(call->sent.seq);
    const Decision needed = committing ? Decision::kCommit : Decision::kRollback;
    if (t != nullptr && t->outcome != needed) {
      findings.Add(trail, call->sent.seq,
                   Concat(Name(*call), " was sent before its decision was durable"));
    }
    (committing ? confirmed : undone) = call;
  }
  if (confirmed != nullptr && undone != nullptr) {
    findings.Add(trail, std::max(confirmed->sent.seq, undone->sent.seq),
                 Concat(Name(*confirmed), " and ", Name(*undone), " were both sent"));
  }
}

void CheckNoActionLate(const Index&, const Trail& trail, Findings& findings) {
  const uint64_t rolled_back = RolledBackAt(trail);
  const Stored* stop = trail.First([](const GlobalTransaction& t) { return t.forced; });
  for (const Call* call : trail.calls) {
    if (IsForward(call->op) && call->sent.seq > rolled_back) {
      findings.Add(trail, call->sent.seq, Name(*call) + " was sent after the rollback");
    }
    if (stop != nullptr && call->sent.seq > stop->when.seq) {
      findings.Add(trail, call->sent.seq, Name(*call) + " was sent after the stop");
    }
  }
}

// R13: in the life that got to know of a saga's failure. Another one knows it from the store alone.
void CheckNoActionAfterFailure(const Index&, const Trail& trail, Findings& findings) {
  const Call* failed = nullptr;
  for (const Call* call : trail.calls) {
    if (call->op != "action" || call->trans_type != "saga") continue;
    for (const Call* other : trail.calls) {
      const bool fails = other->op == "action" && other->result == CallResult::kFailure &&
                         other->sent.life == call->sent.life && other->ended->seq < call->sent.seq;
      if (fails) failed = other;
    }
    if (failed == nullptr || failed->sent.life != call->sent.life) continue;
    findings.Add(trail, call->sent.seq,
                 Name(*call) + " was sent though " + Name(*failed) + " was known to have failed");
  }
}

void CheckOneCallInFlight(const Index&, const Trail& trail, Findings& findings) {
  for (const auto& [operation, calls] : trail.by_operation) {
    for (size_t i = 1; i < calls.size(); ++i) {
      const Call& before = *calls[i - 1];
      const Call& call = *calls[i];
      const bool over = before.ended && before.ended->seq < call.sent.seq;
      if (over || before.sent.life != call.sent.life) continue;
      findings.Add(trail, call.sent.seq, Name(call) + " was sent while it was in flight");
    }
  }
}

void CheckUndoingWaits(const Index&, const Trail& trail, Findings& findings) {
  for (const Call* undoing : trail.calls) {
    if (!IsUndoing(undoing->op)) continue;
    for (const Call* call : trail.calls) {
      if (call->sent.seq > undoing->sent.seq) break;
      const bool same = call->branch_id == undoing->branch_id && IsForward(call->op) &&
                        call->sent.life == undoing->sent.life;
      if (!same || (call->ended && call->ended->seq < undoing->sent.seq)) continue;
      findings.Add(trail, undoing->sent.seq,
                   Concat(Name(*undoing), " was sent while ", Name(*call), " was in flight"));
    }
  }
}

void CheckCheckBacks(const Index& index, const Trail& trail, Findings& findings) {
  for (const Call* call : trail.calls) {
    if (!IsCheckBack(call->op)) continue;
    const GlobalTransaction* t = trail.ValueAt(call->sent.seq);
    if (t == nullptr) continue;
    if (t->phase != Phase::kPrepared || t->outcome != Decision::kUndecided) {
      findings.Add(trail, call->sent.seq, Name(*call) + " was sent though all is decided");
    }
    const Time created = index.CountsFrom(trail.rows[0]->when, t->created, call->sent);
    const Time deadline = created + t->definition->timeout_to_fail.value_or(milliseconds::zero());
    const bool late = t->deadline && index.ClockAt(call->sent) >= deadline;
    const bool cancelled = CameBefore(
        trail, call->sent.seq, [](const ApiCall& asked) { return asked.what == Ask::kCancel; });
    if (!late && !cancelled) {
      findings.Add(trail, call->sent.seq, Name(*call) + " was sent before the time-out");
    }
  }
}

// One that came through an outbox may have been adopted much later than it was submitted.
Time DelayedSince(const Index& index, const Trail& trail, const GlobalTransaction& t) {
  Time since = t.created;
  for (const ApiCall* asked : trail.asked) {
    if (asked->what != Ask::kSubmitInTransaction) continue;
    since = std::min(since, index.ClockAt(asked->began));
  }
  return since;
}

void CheckDelays(const Index& index, const Trail& trail, Findings& findings) {
  for (const Call* call : trail.calls) {
    if (call->trans_type != "msg" || !IsForward(call->op)) continue;
    const GlobalTransaction* t = trail.ValueAt(call->sent.seq);
    if (t == nullptr) continue;
    const Wanted* wanted = trail.Content();
    Time earliest = t->start;
    if (wanted != nullptr) {
      if (wanted->start) earliest = std::max(earliest, *wanted->start);
      if (wanted->delay > milliseconds{0}) {
        earliest = std::max(earliest, DelayedSince(index, trail, *t) + wanted->delay);
      }
    }
    if (index.ClockAt(call->sent) < earliest) {
      findings.Add(trail, call->sent.seq,
                   Concat(Name(*call), " was sent ", (earliest - index.ClockAt(call->sent)).count(),
                          " ms early"));
    }
  }
}

void CheckRegistered(const Index&, const Trail& trail, Findings& findings) {
  for (const ApiCall* asked : trail.asked) {
    if (asked->what != Ask::kCall || !asked->answered || !asked->status.ok()) continue;
    std::set<std::string> kinds;
    for (const Call* call : trail.calls) {
      const bool second = IsConfirming(call->op) || IsUndoing(call->op);
      if (second && call->branch_id == asked->branch_id) kinds.insert(call->op);
    }
    if (kinds.size() > 1) {
      findings.Add(trail, asked->answered->seq,
                   Concat("branch ", asked->branch_id, " got both kinds of the second phase"));
    }
    const GlobalTransaction* t = trail.LastValue();
    if (t == nullptr || t->phase != Phase::kEnded || t->forced) continue;
    const auto step = FindStep(*t, asked->branch_id);
    if (!step) continue;  // I1's
    const bool commit = t->outcome == Decision::kCommit;
    const auto branch =
        FindBranchOfStep(*t, *step, commit ? internal::Op::kCommit : internal::Op::kRollback);
    const bool exempt = !branch || t->UrlOf(*branch).empty() ||
                        t->branches[*branch].state == internal::BranchState::kSkipped;
    if (!exempt && !trail.Succeeded(OperationOf(*t, *branch), UINT64_MAX)) {
      findings.Add(trail, asked->answered->seq,
                   Concat("branch ", asked->branch_id, " got no second phase to its end"));
    }
  }
}

void CheckBytes(const Index&, const Trail& trail, Findings& findings) {
  std::map<std::tuple<std::string, std::string, uint16_t>, const Call*> first;
  for (const Call* call : trail.calls) {
    const GlobalTransaction* t = trail.ValueAt(call->sent.seq);
    const auto branch = t == nullptr ? std::nullopt : FindBranch(*t, {call->branch_id, call->op});
    const uint16_t edit = branch ? EditInForce(*t, *branch) : uint16_t{0};
    const auto [it, fresh] = first.try_emplace({call->branch_id, call->op, edit}, call);
    if (!fresh && !SameBytes(*it->second, *call)) {
      findings.Add(trail, call->sent.seq, Name(*call) + " differs from the attempts before");
    }
    if (edit == 0) {
      CheckAsWanted(trail, *call, findings);
    } else if (call->url != t->UrlOf(*branch) || call->payload != t->PayloadOf(*branch)) {
      findings.Add(trail, call->sent.seq, Name(*call) + " is not as it was edited");
    }
  }
}

}  // namespace troth::sim
