// Whether what callers and listeners were told was so: in the store, at some moment between
// question and answer.
#include <algorithm>

#include "checker_checks.h"

namespace troth::sim {
namespace {

using internal::BranchState;
using Kind = Stored::Kind;
using IsRow = std::function<bool(const Stored&)>;

// Whether the store held such a row at some moment from question to answer. A write whose outcome
// is unknown may be seen or not.
bool WasHeld(const Trail& trail, const ApiCall& call, const IsRow& is) {
  const uint64_t from = call.began.seq;
  const uint64_t to = call.answered->seq;
  const Stored* then = trail.DurableAt(from);
  if (then != nullptr && is(*then)) return true;
  for (size_t i = 0; i < trail.rows.size(); ++i) {
    const Stored& row = *trail.rows[i];
    if (row.when.seq > to) break;
    const bool doubtful = row.kind == Kind::kUnknown &&
                          (i + 1 == trail.rows.size() || trail.rows[i + 1]->when.seq > from);
    const bool within = row.when.seq > from && row.kind != Kind::kNotWritten;
    if ((doubtful || within) && is(row)) return true;
  }
  return false;
}

// Of a workflow: just what it had recorded, in that order.
bool ShowsRecorded(const GlobalTransaction& t, const TransactionRecord& record) {
  if (t.mode() != Mode::kWorkflow) return true;
  size_t next = 0;
  for (const BranchRecord& branch : record.branches) {
    if (branch.branch_id == "00") continue;
    if (next == t.progress.size()) return false;
    const internal::Progress& one = *t.progress[next++];
    const bool failed = branch.status == BranchStatus::kFailed;
    if (one.branch_id != branch.branch_id || one.op != branch.op || one.failed != failed ||
        one.data != branch.payload) {
      return false;
    }
  }
  return next == t.progress.size();
}

bool Shows(const Stored& row, const TransactionRecord& record) {
  if (row.row.status != record.status) return false;
  if (record.purged || row.transaction == nullptr) return true;
  if (row.row.updated != record.updated) return false;
  return row.transaction->forced == record.forced && ShowsRecorded(*row.transaction, record) &&
         row.transaction->history.size() == record.history.size();
}

std::vector<std::string> SkippedOf(const GlobalTransaction& t) {
  std::vector<std::string> skipped;
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    if (t.branches[i].state == BranchState::kSkipped) skipped.push_back(t.BranchName(i));
  }
  return skipped;
}

void CheckOutcome(const Trail& trail, const ApiCall& call, Findings& findings) {
  const Outcome& told = *call.outcome;
  const Stored* now = trail.DurableAt(call.answered->seq);
  if (now == nullptr || now->row.status != told.status) {
    findings.Add(trail, call.answered->seq,
                 Concat("Wait said ", StatusName(told.status), ", the store ",
                        now == nullptr ? "nothing" : StatusName(now->row.status)));
    return;
  }
  const bool of_tombstone = told.branches.empty();
  if (now->transaction == nullptr || of_tombstone) return;
  const GlobalTransaction& t = *now->transaction;
  if (told.forced != t.forced || told.in_doubt != t.in_doubt || told.skipped != SkippedOf(t)) {
    findings.Add(trail, call.answered->seq, "Wait told of other acts than the store");
  }
}

bool AnyUnreadable(const Index& index) {
  const auto& trails = index.trails();
  return std::any_of(trails.begin(), trails.end(), [](const Trail& trail) {
    return std::any_of(trail.rows.begin(), trail.rows.end(),
                       [](const Stored* row) { return IsUnreadable(*row); });
  });
}

// What an event says was durable when it was told.
bool WasDurable(const Trail& trail, const Told& told) {
  const Stored* row = trail.DurableAt(told.when.seq);
  switch (told.event.kind) {
    case EventKind::kSubmitted:
      return row != nullptr;
    case EventKind::kDecided: {
      if (row == nullptr) return false;
      const TransactionStatus status = row->row.status;
      // A workflow that has chosen shows nothing of it until its end.
      if (row->row.mode == Mode::kWorkflow && row->transaction != nullptr) {
        return row->transaction->outcome != internal::Decision::kUndecided;
      }
      return status == TransactionStatus::kAborting || status == TransactionStatus::kSubmitted ||
             HasEnded(status);
    }
    case EventKind::kEnded:
      return row != nullptr && row->row.status == told.event.status;
    default:
      return true;
  }
}

}  // namespace

void CheckWaits(const Index&, const Trail& trail, Findings& findings) {
  for (const ApiCall* call : trail.asked) {
    if (call->what != Ask::kWait || !call->answered) continue;
    const Stored* before = trail.DurableAt(call->began.seq);
    const bool had_ended = before != nullptr && HasEnded(before->row.status);
    if (call->status.code() == StatusCode::kDeadlineExceeded && had_ended) {
      findings.Add(trail, call->answered->seq, "had ended, and Wait said that it goes on");
    }
    if (call->status.ok() && call->outcome != nullptr) CheckOutcome(trail, *call, findings);
  }
}

void CheckQueries(const Index&, const Trail& trail, Findings& findings) {
  for (const ApiCall* call : trail.asked) {
    if (!call->answered || call->what != Ask::kQuery) continue;
    const bool held = trail.DurableAt(call->began.seq) != nullptr &&
                      trail.DurableAt(call->answered->seq) != nullptr;
    if (call->status.code() == StatusCode::kNotFound && held) {
      findings.Add(trail, call->answered->seq, "is durable, and Query did not find it");
    }
    if (!call->status.ok() || call->record == nullptr) continue;
    const TransactionRecord& record = *call->record;
    if (WasHeld(trail, *call, [&](const Stored& row) { return Shows(row, record); })) continue;
    findings.Add(trail, call->answered->seq,
                 Concat("Query said ", StatusName(record.status), " with ", record.history.size(),
                        " acts, which the store did not hold then"));
  }
}

void CheckLists(const Index& index, Findings& findings) {
  for (const ApiCall& call : index.log().api) {
    if (!call.answered || call.what != Ask::kList || !call.status.ok()) continue;
    std::map<std::string_view, const TransactionSummary*> listed;
    for (const TransactionSummary& one : call.listed) listed[one.gid] = &one;
    for (const Trail& trail : index.trails()) {
      if (trail.reused) continue;
      const auto found = listed.find(trail.gid);
      const bool held = trail.DurableAt(call.began.seq) != nullptr &&
                        trail.DurableAt(call.answered->seq) != nullptr;
      if (found == listed.end()) {
        if (held) findings.Add(trail, call.answered->seq, "is durable, and List did not have it");
        continue;
      }
      const TransactionStatus status = found->second->status;
      const auto shown = [&](const Stored& row) { return row.row.status == status; };
      if (WasHeld(trail, call, shown)) continue;
      findings.Add(trail, call.answered->seq,
                   Concat("List said ", StatusName(status), ", which the store did not hold then"));
    }
  }
}

void CheckTold(const Index& index, Findings& findings) {
  for (const Told& told : index.log().told) {
    if (told.event.kind == EventKind::kUnreadable && !AnyUnreadable(index)) {
      findings.Add(told.when.seq, "a row was told to be unreadable: " + told.event.text);
    }
    const Trail* trail = told.event.gid.empty() ? nullptr : index.Find(told.event.gid);
    if (trail == nullptr || trail->reused || WasDurable(*trail, told)) continue;
    findings.Add(*trail, told.when.seq,
                 Concat("was told to be ", EventName(told.event.kind), ", which is not durable"));
  }
}

}  // namespace troth::sim
