// What the store holds, and what callers were told of it: nothing acknowledged is lost, statuses
// and decisions only go forward, one gid is one transaction.
#include <algorithm>
#include <set>

#include "checker_checks.h"

namespace troth::sim {
namespace {

using internal::BranchState;
using internal::Decision;
using internal::Phase;
using Kind = Stored::Kind;

// From one status to another one.
bool IsEdge(TransactionStatus from, TransactionStatus to, const GlobalTransaction& t) {
  using enum TransactionStatus;
  if (to == kFailed && t.forced) return !HasEnded(from);
  const bool message = t.mode() == Mode::kMessage;
  if (t.mode() == Mode::kWorkflow) return from == kPrepared && HasEnded(to);
  switch (from) {
    case kPrepared:
      return to == kSubmitted || to == (message ? kFailed : kAborting);
    case kSubmitted:
      // A message may be cancelled while it is delayed.
      return to == kSucceed || (message && to == kFailed) ||
             (t.mode() == Mode::kSaga && to == kAborting);
    case kAborting:
      return to == kFailed;
    case kSucceed:
    case kFailed:
      break;
  }
  return false;
}

// An act's own row in the history.
bool HasHistory(const GlobalTransaction& t, const ApiCall& call, std::string_view what, Time from,
                Time to) {
  return std::any_of(t.history.begin(), t.history.end(), [&](const HistoryRecord& row) {
    return row.what == what && row.author == call.author && row.reason == call.reason &&
           row.at >= from && row.at <= to;
  });
}

bool HasHistory(const GlobalTransaction& t, std::string_view what) {
  return std::any_of(t.history.begin(), t.history.end(),
                     [&](const HistoryRecord& row) { return row.what == what; });
}

// What an acknowledged change left behind, for ever. Empty: it is there. The row has not been
// purged.
std::string Missing(const Index& index, const ApiCall& call, const GlobalTransaction& t) {
  const Time from = index.ClockAt(call.began);
  const Time to = index.ClockAt(*call.answered);
  const auto history = [&](std::string_view what) {
    return HasHistory(t, call, what, from, to) ? std::string() : Concat("the act: ", what);
  };
  const std::string operation = Concat(call.branch_id, "/", call.op);
  switch (call.what) {
    case Ask::kSubmit:
    case Ask::kSubmitPrepared:
    case Ask::kAdopted:
    case Ask::kDoAndSubmit:
      if (t.mode() == Mode::kSaga || t.outcome != Decision::kUndecided) return {};
      return "the submit";
    case Ask::kCommit:
    case Ask::kRun:
      return t.outcome == Decision::kCommit ? "" : "the commit";
    case Ask::kAbort:
    case Ask::kRollback:
      return t.outcome == Decision::kRollback || t.forced ? "" : "the rollback";
    case Ask::kCall:
      return FindStep(t, call.branch_id) ? "" : Concat("branch ", call.branch_id);
    case Ask::kCancel:  // OK also when it was rolling back, or had been cancelled before
      if (t.outcome == Decision::kRollback || t.forced) return {};
      return HasHistory(t, "cancel") ? "" : "the cancel";
    case Ask::kRetry:  // OK also where nothing waits, and then there is nothing to keep
      return call.repeated ? std::string() : history("retry now");
    case Ask::kEdit:
      return history("edit " + operation);
    case Ask::kSkip: {
      const auto branch = FindBranch(t, {call.branch_id, call.op});
      const bool skipped = branch && t.branches[*branch].state == BranchState::kSkipped;
      return skipped ? history("skip " + operation) : "the skip of " + operation;
    }
    case Ask::kStop:
      return t.forced ? history("stop") : "the stop";
    case Ask::kRecord:
      return HasRecorded(t, call) ? std::string() : "the result of " + operation;
    case Ask::kFinish: {
      const Decision outcome = call.failed ? Decision::kRollback : Decision::kCommit;
      return t.phase == Phase::kEnded && t.outcome == outcome && !t.forced ? "" : "the end";
    }
    default:
      return {};
  }
}

void CheckOneAcknowledged(const Index& index, const Trail& trail, const ApiCall& call,
                          Findings& findings) {
  const uint64_t since = call.answered->seq;
  const auto look = [&](const Stored& row, uint64_t seq) {
    if (row.transaction == nullptr) return true;
    const std::string missing = Missing(index, call, *row.transaction);
    if (missing.empty()) return true;
    findings.Add(trail, seq,
                 Concat(missing, " was answered OK at ", since, " and is not in the store"));
    return false;
  };
  const Stored* then = trail.DurableAt(since);
  if (then == nullptr) {
    const bool deleted = std::any_of(trail.rows.begin(), trail.rows.end(), [&](const Stored* row) {
      return row->kind == Kind::kDeleted && row->when.seq < since;
    });
    if (!deleted) findings.Add(trail, since, "was answered OK and is not durable");
    return;
  }
  if (!look(*then, since)) return;
  for (const Stored* row : trail.rows) {
    if (row->when.seq > since && IsCertain(*row) && !look(*row, row->when.seq)) return;
  }
}

// What was durable is in every image, and no older than it was.
void CheckImage(const Index& index, const Image& image, Findings& findings) {
  std::map<std::string_view, const Stored*> held;
  for (const Stored& row : image.rows) held[row.row.gid] = &row;
  for (const Trail& trail : index.trails()) {
    if (image.when.seq == 0) continue;
    const Stored* before = trail.DurableAt(image.when.seq - 1);
    if (before == nullptr) continue;
    const auto found = held.find(trail.gid);
    if (found == held.end()) {
      findings.Add(trail, image.when.seq, "was durable and is not in the store");
    } else if (found->second->row.version < before->row.version) {
      findings.Add(trail, image.when.seq,
                   Concat("version ", before->row.version, " was durable, the store has version ",
                          found->second->row.version));
    }
  }
}

// Rows become tombstones, and tombstones go, in their time and not before.
void CheckPurge(const Index& index, const Trail& trail, Findings& findings) {
  for (const Stored* row : trail.rows) {
    const bool deleted = row->kind == Kind::kDeleted;
    if (!deleted && row->kind != Kind::kPurged) continue;
    const Stored* before = trail.DurableAt(row->when.seq - 1);
    const auto& finished = before != nullptr ? before->row.finished : row->row.finished;
    const milliseconds kept =
        deleted ? index.log().facts.tombstone_retention : index.log().facts.retention;
    if (!finished) {
      findings.Add(trail, row->when.seq, "was purged before its end");
    } else if (index.ClockAt(row->when) < *finished + kept) {
      findings.Add(trail, row->when.seq,
                   deleted ? "its tombstone was deleted early" : "was purged early");
    }
  }
}

// The newest answered change of a subscription before an image, unless another one is in doubt.
void CheckTopics(const Index& index, const Image& image, Findings& findings) {
  std::map<std::pair<std::string, std::string>, const ApiCall*> newest;
  std::set<std::pair<std::string, std::string>> doubtful;
  for (const ApiCall& call : index.log().api) {
    if (call.began.seq > image.when.seq) break;
    const bool one = call.what == Ask::kSubscribe || call.what == Ask::kUnsubscribe;
    if (!one && call.what != Ask::kDeleteTopic) continue;
    const bool settled = call.answered && call.answered->seq < image.when.seq;
    const bool maybe = !settled || call.status.code() == StatusCode::kUnavailable;
    for (auto& [key, before] : newest) {
      if (one || key.first != call.name) continue;
      if (maybe) doubtful.insert(key);
      if (call.status.ok()) before = &call;
    }
    if (!one) continue;
    const auto key = std::pair(call.name, call.url);
    if (maybe) doubtful.insert(key);
    if (settled && call.status.ok()) newest[key] = &call;
  }
  for (const auto& [key, call] : newest) {
    if (doubtful.contains(key)) continue;
    const bool there = std::any_of(
        image.topics.begin(), image.topics.end(), [&, &topic_and_url = key](const Topic& topic) {
          return topic.name == topic_and_url.first &&
                 std::any_of(
                     topic.subscribers.begin(), topic.subscribers.end(),
                     [&](const Subscriber& one) { return one.url == topic_and_url.second; });
        });
    if (there == (call->what == Ask::kSubscribe)) continue;
    findings.Add(image.when.seq, Concat("topic ", key.first, ": the change of ", key.second,
                                        " was answered OK and is not in the store"));
  }
}

bool AnyActionMarked(const GlobalTransaction& t) {
  return std::any_of(t.branches.begin(), t.branches.end(), [](const internal::Branch& b) {
    return b.op == internal::Op::kForward &&
           (b.started != internal::Started::kNo || b.state != BranchState::kWaiting);
  });
}

bool MayTurn(const GlobalTransaction& from, const GlobalTransaction& to) {
  if (from.outcome == to.outcome || from.outcome == Decision::kUndecided) return true;
  // A delayed message that has not begun may still be cancelled (R17).
  return from.mode() == Mode::kMessage && to.outcome == Decision::kRollback &&
         from.phase != Phase::kEnded && !AnyActionMarked(from);
}

// One gid is one row, until its tombstone is gone.
void CheckOneRow(const Trail& trail, Findings& findings) {
  const Stored* first = nullptr;
  for (const Stored* row : trail.rows) {
    if (!IsCertain(*row)) continue;
    if (row->kind == Kind::kDeleted) {
      first = nullptr;
      continue;
    }
    if (first == nullptr) first = row;
    const internal::TransactionRow& one = first->row;
    const internal::TransactionRow& other = row->row;
    if (one.id != other.id || one.digest != other.digest || one.created != other.created ||
        one.mode != other.mode) {
      findings.Add(trail, row->when.seq, "is another transaction than before, of the same gid");
    }
  }
}

// What was accepted is what is stored.
void CheckAcceptedContent(const Trail& trail, Findings& findings) {
  const GlobalTransaction* t = trail.LastValue();
  for (const ApiCall* call : trail.asked) {
    const bool content = call->what == Ask::kSubmit || call->what == Ask::kPrepare ||
                         call->what == Ask::kSubmitPrepared || call->what == Ask::kAdopted ||
                         call->what == Ask::kDoAndSubmit || call->what == Ask::kPrepareWorkflow;
    if (!content || !call->answered || !call->status.ok()) continue;
    if (t == nullptr || call->content >= trail.wanted.size()) continue;
    if (IsContent(*t, *trail.wanted[call->content])) continue;
    findings.Add(trail, call->answered->seq,
                 Concat("content ", call->content, " was accepted, another one is stored"));
  }
}

// Its operation had succeeded or been skipped when it was sent, as far as this life, or the store,
// knew.
bool WasSettled(const Trail& trail, const Call& call) {
  const Operation operation{call.branch_id, call.op};
  const auto& same = trail.Of(operation);
  const bool known = std::any_of(same.begin(), same.end(), [&](const Call* before) {
    return before->sent.life == call.sent.life && SucceededBefore(*before, call.sent.seq);
  });
  if (known) return true;
  const GlobalTransaction* t = trail.ValueAt(call.sent.seq);
  const auto branch = t == nullptr ? std::nullopt : FindBranch(*t, operation);
  return branch && (t->branches[*branch].state == BranchState::kDone ||
                    t->branches[*branch].state == BranchState::kSkipped);
}

bool HasBarrier(const Trail& trail, std::string_view branch_id) {
  const Wanted* wanted = trail.Content();
  if (wanted == nullptr) return false;
  return std::any_of(wanted->steps.begin(), wanted->steps.end(), [&](const WantedStep& step) {
    return step.branch_id == branch_id && step.barrier;
  });
}

// Acts and questions make no transaction; whatever else is asked may.
bool Begins(Ask what) {
  return !IsAct(what) && what != Ask::kQuery && what != Ask::kWait && what != Ask::kAbort &&
         what != Ask::kSubmitPrepared && what != Ask::kRecord && what != Ask::kFinish;
}

}  // namespace

void CheckAcknowledged(const Index& index, const Trail& trail, Findings& findings) {
  for (const ApiCall* call : trail.asked) {
    if (!call->answered || !call->status.ok() || !ChangesSomething(call->what)) continue;
    CheckOneAcknowledged(index, trail, *call, findings);
  }
  CheckPurge(index, trail, findings);
}

void CheckImages(const Index& index, Findings& findings) {
  for (const Image& image : index.log().images) {
    CheckImage(index, image, findings);
    CheckTopics(index, image, findings);
  }
  CheckImage(index, index.log().end.image, findings);
  CheckTopics(index, index.log().end.image, findings);
}

void CheckStatusEdges(const Index&, const Trail& trail, Findings& findings) {
  const Stored* before = nullptr;
  for (const Stored* row : trail.rows) {
    if (!IsCertain(*row)) continue;
    if (IsUnreadable(*row)) {
      findings.Add(trail, row->when.seq, "can't be read: " + row->unreadable);
    }
    if (before != nullptr && row->kind != Kind::kDeleted) {
      const TransactionStatus from = before->row.status;
      const TransactionStatus to = row->row.status;
      const Stored& value = row->transaction != nullptr ? *row : *before;
      if (from != to && (value.transaction == nullptr || !IsEdge(from, to, *value.transaction))) {
        findings.Add(trail, row->when.seq,
                     Concat("went from ", StatusName(from), " to ", StatusName(to)));
      }
      if (row->row.version < before->row.version) {
        findings.Add(trail, row->when.seq, "an older version was written over a newer one");
      }
    }
    before = row->kind == Kind::kDeleted ? nullptr : row;
  }
}

void CheckOutcomesStay(const Index&, const Trail& trail, Findings& findings) {
  const GlobalTransaction* before = nullptr;
  for (const Stored* row : trail.rows) {
    const GlobalTransaction* t = row->transaction.get();
    if (!IsCertain(*row) || t == nullptr) continue;
    if (before != nullptr) {
      const auto add = [&](const char* what) { findings.Add(trail, row->when.seq, what); };
      if (!MayTurn(*before, *t)) add("its decision was changed");
      if (before->forced && !t->forced) add("is forced no more");
      const bool same_end = t->forced == before->forced && t->finished == before->finished;
      if (before->phase == Phase::kEnded && !same_end) add("its end was changed");
    }
    before = t;
  }
  std::optional<TransactionStatus> told;
  for (const ApiCall* call : trail.asked) {
    std::optional<TransactionStatus> now;
    if (call->outcome != nullptr) now = call->outcome->status;
    if (call->record != nullptr && HasEnded(call->record->status)) now = call->record->status;
    if (now && told && *now != *told) {
      findings.Add(trail, call->began.seq,
                   Concat("was told to be ", StatusName(*told), ", then to be ", StatusName(*now)));
    }
    if (now) told = now;
  }
}

void CheckOneTransaction(const Index&, const Trail& trail, Findings& findings) {
  CheckOneRow(trail, findings);
  CheckAcceptedContent(trail, findings);
  for (const Call* call : trail.calls) {
    // A try that is called again calls its own branches again.
    // A workflow's call-back is no more than a question.
    if (call->session || call->trans_type == "workflow" || !WasSettled(trail, *call)) continue;
    findings.Add(trail, call->sent.seq, Name(*call) + " was called again after its success");
  }
}

void CheckRepeatedAfterDoubt(const Index& index, const Trail& trail, Findings& findings) {
  const bool doubtful =
      std::any_of(trail.asked.begin(), trail.asked.end(), [](const ApiCall* call) {
        return call->what == Ask::kSubmit && call->status.code() == StatusCode::kUnavailable;
      });
  if (!doubtful) return;
  CheckOneRow(trail, findings);
  for (const Effect& effect : index.log().end.effects) {
    if (effect.gid != trail.gid || effect.ran_forward <= 1) continue;
    if (!HasBarrier(trail, effect.branch_id)) continue;
    findings.Add(trail, 0, Concat(effect.branch_id, " ran ", effect.ran_forward, " times"));
  }
}

// R4: what is refused leaves nothing behind. A commit that failed may come back after a crash, so
// its answer is another one (I28).
void CheckRefusals(const Index&, const Trail& trail, Findings& findings) {
  const auto first = std::find_if(trail.rows.begin(), trail.rows.end(),
                                  [](const Stored* row) { return IsCertain(*row); });
  if (first == trail.rows.end()) return;
  const uint64_t seen = (*first)->when.seq;
  const auto is_refused = [&](const ApiCall& call) {
    const bool alone = call.what == Ask::kSubmit || call.what == Ask::kPrepare ||
                       call.what == Ask::kBegin ||
                       call.what == Ask::kPrepareWorkflow;  // the others do more than one thing
    if (!alone) return false;
    const StatusCode code = call.status.code();
    return call.answered && call.answered->seq < seen &&
           (code == StatusCode::kResourceExhausted || code == StatusCode::kInvalidArgument ||
            code == StatusCode::kFailedPrecondition);
  };
  bool refused = false;
  for (const ApiCall* call : trail.asked) {
    if (!Begins(call->what) || call->began.seq > seen) continue;
    if (!is_refused(*call)) return;
    refused = true;
  }
  if (refused) findings.Add(trail, seen, "is stored, though all who asked for it were refused");
}

// R19: what changes an operation waits for the end of a call of it.
void CheckActsWait(const Index&, const Trail& trail, Findings& findings) {
  for (const ApiCall* act : trail.asked) {
    const bool changes = act->what == Ask::kEdit || act->what == Ask::kSkip;
    if (!changes || !act->answered || !act->status.ok()) continue;
    for (const Call* call : trail.Of({act->branch_id, act->op})) {
      const bool over = call->ended && call->ended->seq < act->answered->seq;
      if (over || call->sent.seq > act->began.seq || call->sent.life != act->began.life) continue;
      findings.Add(
          trail, act->answered->seq,
          Concat("an act on ", act->branch_id, "/", act->op, " did not wait for its call"));
    }
  }
}

void CheckActsAreKept(const Index&, const Trail& trail, Findings& findings) {
  for (const Stored* row : trail.rows) {
    const GlobalTransaction* t = row->transaction.get();
    if (!IsCertain(*row) || t == nullptr) continue;
    const auto kept = [&](const std::string& what) {
      const bool found =
          std::any_of(t->history.begin(), t->history.end(), [&](const HistoryRecord& one) {
            return one.what == what && !one.author.empty() && one.at != Time{};
          });
      if (!found) findings.Add(trail, row->when.seq, "no author and time of: " + what);
    };
    if (t->forced) kept("stop");
    for (uint16_t i = 0; i < t->branches.size(); ++i) {
      if (t->branches[i].state == BranchState::kSkipped) kept("skip " + t->BranchName(i));
    }
    for (const auto& [branch, part] : t->edit_parts) kept("edit " + t->BranchName(branch));
  }
}

}  // namespace troth::sim
