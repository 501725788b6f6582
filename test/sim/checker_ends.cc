// How transactions ended, and whether that is true: of every branch, in the books, and as it was
// told.
#include <algorithm>
#include <set>

#include "checker_checks.h"

namespace troth::sim {
namespace {

using internal::Branch;
using internal::BranchState;
using internal::Decision;
using internal::Op;
using internal::Phase;
using internal::Started;

constexpr size_t kTextBytesMax = 1024;
constexpr size_t kMarkedAheadMax = 16;

bool Succeeded(const GlobalTransaction& t) {
  return t.phase == Phase::kEnded && t.outcome == Decision::kCommit && !t.forced;
}
bool Failed(const GlobalTransaction& t) {
  return t.phase == Phase::kEnded && t.outcome == Decision::kRollback && !t.forced;
}
bool HasActions(const GlobalTransaction& t) {
  return t.mode() == Mode::kSaga || t.mode() == Mode::kMessage;
}
bool IsSkipped(const GlobalTransaction& t, uint16_t branch) {
  return t.branches[branch].state == BranchState::kSkipped;
}

// Every operation of a kind that the end owes was answered success before the end was durable.
void CheckAllDone(const Trail& trail, const Stored& end, Op op, Findings& findings) {
  const GlobalTransaction& t = *end.transaction;
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    if (t.branches[i].op != op || t.UrlOf(i).empty() || IsSkipped(t, i)) continue;
    if (trail.Succeeded(OperationOf(t, i), end.when.seq)) continue;
    findings.Add(trail, end.when.seq,
                 Concat("has succeeded, and ", t.BranchName(i), " was never answered success"));
  }
}

// A compensation, cancel or rollback got its success, after the decision.
bool IsUndone(const Trail& trail, const Operation& operation, uint64_t decided, uint64_t ended) {
  const auto& calls = trail.Of(operation);
  return std::any_of(calls.begin(), calls.end(), [&](const Call* call) {
    return call->sent.seq > decided && SucceededBefore(*call, ended);
  });
}

// Whether the transaction owes it: a saga for what may have run, a session for what is registered.
bool OwesUndoing(const Trail& trail, const GlobalTransaction& t, size_t step, uint64_t before) {
  const auto action = FindBranchOfStep(t, step, Op::kForward);
  if (!action) return true;
  return trail.MayHaveRun(OperationOf(t, *action), before) ||
         t.branches[*action].state != BranchState::kWaiting;
}

// --- I14 ---

bool Asked(const Trail& trail, const Stored& row, const std::function<bool(const ApiCall&)>& is) {
  return std::any_of(trail.asked.begin(), trail.asked.end(), [&](const ApiCall* call) {
    return call->began.seq < row.when.seq && is(*call);
  });
}

std::string Cut(const std::string& text) {
  return std::string(internal::Truncated(text, kTextBytesMax));
}

// When its reason came into the store. A later life, with another clock, may be the first to know
// for certain that it did.
const Stamp& ReasonWrittenAt(const Trail& trail, const Stored& row) {
  const Reason& reason = row.transaction->reason;
  const auto found = std::find_if(trail.rows.begin(), trail.rows.end(), [&](const Stored* one) {
    return one->kind != Stored::Kind::kNotWritten && one->transaction != nullptr &&
           one->transaction->reason.code == reason.code && one->transaction->reason.at == reason.at;
  });
  return found == trail.rows.end() ? row.when : (*found)->when;
}

// What is wrong about the reason of a rollback; empty: nothing.
std::string WrongReason(const Index& index, const Trail& trail, const Stored& row) {
  const GlobalTransaction& t = *row.transaction;
  const Reason& reason = t.reason;
  const auto& calls = trail.Of({reason.branch_id, reason.op});
  const auto branch = FindBranch(t, {reason.branch_id, reason.op});
  const Stamp& written = ReasonWrittenAt(trail, row);
  const auto person = [&](Ask what) {
    const bool asked = Asked(trail, row, [&](const ApiCall& call) {
      return call.what == what && call.author == reason.author && Cut(call.reason) == reason.text;
    });
    return asked && !reason.author.empty() ? "" : "names nobody who asked for it";
  };
  if (reason.at == Time{}) return "has no time";
  switch (reason.code) {
    case ReasonCode::kActionFailed: {
      const bool said = std::any_of(calls.begin(), calls.end(), [&](const Call* call) {
        return call->result == CallResult::kFailure && call->ended->seq < row.when.seq &&
               call->http_status == reason.http_status && Cut(call->text) == reason.text;
      });
      if (!said) return "names a failure that no branch answered";
      const bool counted = reason.attempt >= 1 && reason.attempt <= calls.size();
      return counted ? "" : Concat("names attempt ", reason.attempt, " of ", calls.size());
    }
    case ReasonCode::kRetriesExhausted: {
      if (!branch) return "names no branch";
      const auto in_vain = std::count_if(calls.begin(), calls.end(), [&](const Call* call) {
        return SaysNothing(*call) && call->ended && call->ended->seq < row.when.seq;
      });
      const int32_t limit = t.PolicyOf(t.branches[*branch]).limit;
      return limit != kNoLimit && in_vain > limit ? ""
                                                  : Concat("says out of retries after ", in_vain);
    }
    case ReasonCode::kGaveUp: {
      if (!branch) return "names no branch";
      const milliseconds limit = t.PolicyOf(t.branches[*branch]).give_up_after;
      const bool late = std::any_of(calls.begin(), calls.end(), [&](const Call* call) {
        const Time began = index.CountsFrom(call->sent, index.ClockAt(call->sent), written);
        return began + limit <= index.ClockAt(written);
      });
      const bool limited = limit != kNoTimeLimit;
      return limited && late ? "" : "says given up, and it was not that late";
    }
    case ReasonCode::kTimeout: {
      const Time began = index.CountsFrom(trail.rows[0]->when, t.created, written);
      const auto& limit = t.definition->timeout_to_fail;
      const bool late = limit && began + *limit <= index.ClockAt(written);
      return late && !reason.text.empty() ? "" : "says time-out, and none had passed";
    }
    case ReasonCode::kCancelled:
      return person(Ask::kCancel);
    case ReasonCode::kStopped:
      return person(Ask::kStop);
    case ReasonCode::kRolledBack: {
      // A session that dies undecided says so by itself.
      const bool left = reason.text == "the session ended undecided";
      const bool asked = Asked(trail, row, [&](const ApiCall& call) {
        if (left && (call.what == Ask::kBegin || call.what == Ask::kLeave)) return true;
        // These say so in their own words.
        if (call.what == Ask::kDoAndSubmit || call.what == Ask::kRun) return true;
        if (call.what == Ask::kFinish && !call.failed) return false;
        return (call.what == Ask::kAbort || call.what == Ask::kRollback ||
                call.what == Ask::kFinish) &&
               Cut(call.reason) == reason.text;
      });
      return asked && !reason.author.empty() ? "" : "says rolled back, and nobody asked for it";
    }
    default:
      return Concat("is no reason for a rollback: ", static_cast<int>(reason.code));
  }
}

// --- I32 ---

bool IsOfTopic(const WantedStep& step) { return step.forward.starts_with("topic://"); }

// "02-01" is of the topic of step "02".
bool IsOf(const WantedStep& step, const Effect& effect) {
  if (effect.branch_id == step.branch_id) return true;
  return IsOfTopic(step) && effect.branch_id.starts_with(step.branch_id + "-");
}

void CheckBooks(const Trail& trail, const GlobalTransaction& t, const WantedStep& step,
                const Effect& effect, Findings& findings) {
  const auto add = [&](std::string_view what) {
    findings.Add(
        trail, 0,
        Concat(effect.branch_id, " ", what, ": balance ", effect.balance, ", held ", effect.held,
               ", ran ", effect.ran_forward, "/", effect.ran_commit, "/", effect.ran_rollback));
  };
  if (effect.ran_forward > 1 || effect.ran_commit > 1 || effect.ran_rollback > 1) {
    return add("ran twice behind a barrier");
  }
  const auto index = FindStep(t, effect.branch_id);
  if (!index) {
    if (t.mode() == Mode::kSaga || t.mode() == Mode::kMessage) add("belongs to no step");
    return;
  }
  const auto ended_by = [&](Op op) { return FindBranchOfStep(t, *index, op); };
  const auto exempt = [&](std::optional<uint16_t> branch) {
    return !branch || IsSkipped(t, *branch) || t.UrlOf(*branch).empty();
  };
  if (Succeeded(t)) {
    if (exempt(ended_by(HasActions(t) ? Op::kForward : Op::kCommit))) return;
    if (IsOfTopic(step)) {  // how much a subscriber moves is its own business
      if (effect.ran_forward != 1) add("was not done once");
      return;
    }
    const int64_t moved = step.forward.empty() ? 0 : step.amount;  // confirms what was tried
    if (effect.balance != moved || effect.held != 0) add("was not done once");
  } else if (Failed(t)) {
    if (t.mode() != Mode::kMessage && exempt(ended_by(Op::kRollback))) return;
    if (effect.balance != 0 || effect.held != 0) add("was not undone");
  }
}

}  // namespace

void CheckActionsSucceeded(const Index&, const Trail& trail, Findings& findings) {
  const Stored* end = trail.First(Succeeded);
  if (end != nullptr && HasActions(*end->transaction)) {
    CheckAllDone(trail, *end, Op::kForward, findings);
  }
}

void CheckConfirmed(const Index&, const Trail& trail, Findings& findings) {
  const Stored* end = trail.First(Succeeded);
  if (end == nullptr || HasActions(*end->transaction)) return;
  CheckAllDone(trail, *end, Op::kCommit, findings);
  for (const Call* call : trail.calls) {
    if (IsUndoing(call->op)) {
      findings.Add(trail, call->sent.seq, "has succeeded, and got " + Name(*call));
    }
  }
}

void CheckUndone(const Index&, const Trail& trail, Findings& findings) {
  const Stored* end = trail.First(Failed);
  if (end == nullptr || end->transaction->mode() == Mode::kMessage) return;
  const Stored* decision =
      trail.First([](const GlobalTransaction& t) { return t.outcome == Decision::kRollback; });
  const GlobalTransaction& t = *end->transaction;
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    const Branch& branch = t.branches[i];
    if (branch.op != Op::kRollback || t.UrlOf(i).empty() || IsSkipped(t, i)) continue;
    if (!OwesUndoing(trail, t, branch.step, end->when.seq)) continue;
    if (IsUndone(trail, OperationOf(t, i), decision->when.seq, end->when.seq)) continue;
    findings.Add(trail, end->when.seq,
                 Concat("has failed, and ", t.BranchName(i), " was never answered success"));
  }
}

void CheckOnlyCalledIsUndone(const Index& index, const Trail& trail, Findings& findings) {
  std::set<size_t> null_compensations;
  std::set<uint32_t> loads;  // lives that found it with marks
  for (const Call* call : trail.calls) {
    const GlobalTransaction* t = trail.ValueAt(call->sent.seq);
    if (t == nullptr || t->mode() != Mode::kSaga || !IsUndoing(call->op)) continue;
    const auto step = FindStep(*t, call->branch_id);
    const auto action = step ? FindBranchOfStep(*t, *step, Op::kForward) : std::nullopt;
    if (!action || trail.MayHaveRun(OperationOf(*t, *action), call->sent.seq)) continue;
    if (t->UrlOf(*action).empty() && t->branches[*action].state == BranchState::kDone) continue;
    bool marked = false;
    for (uint32_t life = 1; life <= call->sent.life; ++life) {
      const GlobalTransaction* found = index.FoundBy(life, trail);
      // With the rollback marks are taken back that no call, not even a refused one, had used.
      const bool unused = trail.Of(OperationOf(*t, *action)).empty();
      if (found == nullptr || (unused && found->outcome == Decision::kRollback)) continue;
      loads.insert(life);
      marked = marked || found->branches[*action].started != Started::kNo;
    }
    if (!marked) {
      findings.Add(trail, call->sent.seq, Name(*call) + " undoes what was never called");
    }
    if (trail.Of(OperationOf(*t, *action)).empty()) null_compensations.insert(*step);
  }
  if (null_compensations.size() > kMarkedAheadMax * loads.size()) {
    findings.Add(trail, 0,
                 Concat(null_compensations.size(), " steps were undone that were never called"));
  }
}

void CheckReasons(const Index& index, const Trail& trail, Findings& findings) {
  const auto look = [&](const Stored* row, std::string_view what) {
    if (row == nullptr) return;
    const std::string wrong = WrongReason(index, trail, *row);
    if (!wrong.empty())
      findings.Add(trail, row->when.seq, Concat("the reason of the ", what, " ", wrong));
  };
  // A workflow says why when it ends.
  look(trail.First([](const GlobalTransaction& t) {
    return t.outcome == Decision::kRollback && !t.forced &&
           (t.mode() != Mode::kWorkflow || t.phase == Phase::kEnded);
  }),
       "rollback");
  look(trail.First([](const GlobalTransaction& t) { return t.forced; }), "stop");
}

// R9: from its first commit on a message goes to subscribers, and to no topic.
void CheckSubscribers(const Index&, const Trail& trail, Findings& findings) {
  const GlobalTransaction* t = trail.LastValue();
  if (t == nullptr) return;
  for (const internal::Step& step : t->definition->steps) {
    if (!step.forward.starts_with("topic://")) continue;
    findings.Add(trail, 0, Concat("is stored with ", step.forward, " in place of its subscribers"));
  }
}

void CheckMessages(const Index&, const Trail& trail, Findings& findings) {
  const GlobalTransaction* t = trail.LastValue();
  if (t == nullptr || t->mode() != Mode::kMessage) return;
  const auto asked = [&](uint64_t before, const std::function<bool(const ApiCall&)>& is) {
    return std::any_of(trail.asked.begin(), trail.asked.end(),
                       [&](const ApiCall* call) { return call->began.seq < before && is(*call); });
  };
  const auto check_back = [&](uint64_t before, CallResult result) {
    const auto& calls = trail.Of({"00", "msg"});
    return std::any_of(calls.begin(), calls.end(), [&](const Call* call) {
      return call->result == result && call->ended->seq < before;
    });
  };
  const auto first = std::find_if(trail.calls.begin(), trail.calls.end(),
                                  [](const Call* call) { return IsForward(call->op); });
  const bool acted = first != trail.calls.end();
  if (acted) {
    const uint64_t sent = (*first)->sent.seq;
    const bool submitted = asked(sent, [](const ApiCall& call) {
      return call.what == Ask::kSubmit || call.what == Ask::kSubmitPrepared ||
             call.what == Ask::kSubmitInTransaction || call.what == Ask::kDoAndSubmit;
    });
    if (!submitted && !check_back(sent, CallResult::kSuccess)) {
      findings.Add(trail, sent, Name(**first) + " was sent, and nobody had submitted");
    }
  }
  const Stored* end = trail.First(Failed);
  if (end == nullptr) return;
  if (acted) findings.Add(trail, end->when.seq, "has failed after " + Name(**first));
  const bool given_up = asked(end->when.seq, [](const ApiCall& call) {
    return call.what == Ask::kAbort || call.what == Ask::kCancel ||
           call.what == Ask::kDoAndSubmit;  // of which I29 tells whether it may
  });
  if (!given_up && !check_back(end->when.seq, CallResult::kFailure)) {
    findings.Add(trail, end->when.seq, "has failed, and neither was taken back nor denied");
  }
}

void CheckBalances(const Index& index, const Trail& trail, Findings& findings) {
  const GlobalTransaction* t = trail.LastValue();
  const Wanted* wanted = trail.Content();
  if (t == nullptr || wanted == nullptr || trail.reused) return;
  std::set<std::string> booked;
  for (const Effect& effect : index.log().end.effects) {
    if (effect.gid != trail.gid) continue;
    booked.insert(effect.branch_id);
    const auto step = std::find_if(wanted->steps.begin(), wanted->steps.end(),
                                   [&](const WantedStep& one) { return IsOf(one, effect); });
    if (step == wanted->steps.end() || !step->barrier) continue;
    CheckBooks(trail, *t, *step, effect, findings);
  }
  for (const WantedStep& step : wanted->steps) {
    if (booked.contains(step.branch_id) || step.account.empty() || step.amount == 0) continue;
    if (IsOfTopic(step)) continue;
    CheckBooks(trail, *t, step,
               Effect{.gid = trail.gid, .branch_id = step.branch_id, .account = {}}, findings);
  }
}

}  // namespace troth::sim
