// Workflows: what they record stays, what they have chosen stays chosen, nobody is told otherwise,
// and they are called back, neither too early nor too late, until they have ended.
#include <algorithm>

#include "checker_checks.h"

namespace troth::sim {
namespace {

using internal::Decision;
using internal::Phase;
using internal::Progress;

bool IsWorkflow(const Trail& trail) {
  return !trail.wanted.empty() && trail.wanted[0]->mode == Mode::kWorkflow;
}

Decision ChosenBy(std::string_view op) {
  if (op == "commit") return Decision::kCommit;
  return op == "rollback" ? Decision::kRollback : Decision::kUndecided;
}

// What somebody who was answered OK has said of the outcome.
Decision ChosenBy(const ApiCall& call) {
  if (call.what == Ask::kFinish) return call.failed ? Decision::kRollback : Decision::kCommit;
  return call.what == Ask::kRecord ? ChosenBy(call.op) : Decision::kUndecided;
}

std::string Name(const Progress& one) { return Concat(one.branch_id, "/", one.op); }

bool Reported(const Trail& trail, const Progress& one, uint64_t before) {
  return std::any_of(trail.asked.begin(), trail.asked.end(), [&](const ApiCall* call) {
    return call->what == Ask::kRecord && call->began.seq < before &&
           call->branch_id == one.branch_id && call->op == one.op && call->failed == one.failed &&
           call->data == one.data;
  });
}

// Each of them once, of one outcome, as somebody had reported it.
void CheckRow(const Trail& trail, const Stored& row, Findings& findings) {
  const GlobalTransaction& t = *row.transaction;
  for (size_t i = 0; i < t.progress.size(); ++i) {
    const Progress& one = *t.progress[i];
    const Decision chosen = ChosenBy(one.op);
    if (chosen != Decision::kUndecided && chosen != t.outcome) {
      findings.Add(trail, row.when.seq, Name(one) + " is recorded, of another outcome");
    }
    if (!Reported(trail, one, row.when.seq)) {
      findings.Add(trail, row.when.seq, Name(one) + " is recorded, as nobody had reported it");
    }
    for (size_t j = 0; j < i; ++j) {
      if (Name(*t.progress[j]) != Name(one)) continue;
      findings.Add(trail, row.when.seq, Name(one) + " is recorded twice");
    }
  }
}

}  // namespace

// R30: what is recorded only grows, and its first commit or rollback fixes the outcome.
void CheckRecords(const Index&, const Trail& trail, Findings& findings) {
  if (!IsWorkflow(trail)) return;
  const GlobalTransaction* before = nullptr;
  for (const Stored* row : trail.rows) {
    const GlobalTransaction* t = row->transaction.get();
    if (!IsCertain(*row) || t == nullptr || t->mode() != Mode::kWorkflow) continue;
    const size_t had = before == nullptr ? 0 : before->progress.size();
    bool same = t->progress.size() >= had;
    for (size_t i = 0; same && i < had; ++i) same = *t->progress[i] == *before->progress[i];
    if (!same) findings.Add(trail, row->when.seq, "what it had recorded was changed");
    const bool changed = before == nullptr || t->progress.size() != had;
    const bool chosen = std::any_of(t->progress.begin(), t->progress.end(), [](const auto& one) {
      return ChosenBy(one->op) != Decision::kUndecided;
    });
    if (t->phase != Phase::kEnded && !chosen && t->outcome != Decision::kUndecided) {
      findings.Add(trail, row->when.seq, "has an outcome that nobody has recorded");
    }
    if (changed) CheckRow(trail, *row, findings);
    // Before a second phase all steps that it is of are known.
    for (size_t i = had; before != nullptr && i < t->progress.size(); ++i) {
      const bool step = ChosenBy(t->progress[i]->op) == Decision::kUndecided;
      if (step && before->outcome != Decision::kUndecided) {
        findings.Add(trail, row->when.seq, Name(*t->progress[i]) + " was recorded too late");
      }
    }
    before = t;
  }
}

void CheckWorkflowAnswers(const Index&, const Trail& trail, Findings& findings) {
  if (!IsWorkflow(trail)) return;
  std::map<Operation, const ApiCall*> accepted;
  const ApiCall* chosen = nullptr;
  for (const ApiCall* call : trail.asked) {
    if (!call->answered || !call->status.ok()) continue;
    if (ChosenBy(*call) != Decision::kUndecided) {
      if (chosen != nullptr && ChosenBy(*chosen) != ChosenBy(*call)) {
        findings.Add(trail, call->answered->seq, "two outcomes of it were accepted");
      }
      chosen = call;
    }
    if (call->what != Ask::kRecord) continue;
    const auto [it, fresh] = accepted.try_emplace({call->branch_id, call->op}, call);
    if (fresh) continue;
    // Of the work in a local XA transaction nobody may be told twice that it is his.
    if (call->op == "business" || it->second->failed != call->failed ||
        it->second->data != call->data) {
      findings.Add(trail, call->answered->seq,
                   Concat(call->branch_id, "/", call->op, " was accepted twice"));
    }
  }
}

// Its end is what its application has submitted, and nobody else's idea.
void CheckWorkflowEnds(const Index&, const Trail& trail, Findings& findings) {
  if (!IsWorkflow(trail)) return;
  const Stored* end =
      trail.First([](const GlobalTransaction& t) { return t.phase == Phase::kEnded && !t.forced; });
  if (end == nullptr) return;
  const GlobalTransaction& t = *end->transaction;
  const bool failed = t.outcome == Decision::kRollback;
  const std::string result = t.result == nullptr ? std::string() : *t.result;
  const bool submitted =
      std::any_of(trail.asked.begin(), trail.asked.end(), [&](const ApiCall* call) {
        return call->what == Ask::kFinish && call->began.seq < end->when.seq &&
               call->failed == failed && call->data == result;
      });
  if (!submitted) findings.Add(trail, end->when.seq, "has ended, and nobody had said so");
}

// Its runs have gone one way, all of them.
void CheckChoices(const Index&, const Trail& trail, Findings& findings) {
  const Effort* first = nullptr;
  for (const Effort* effort : trail.efforts) {
    if (ChosenBy(effort->op) == Decision::kUndecided) continue;
    if (first == nullptr) first = effort;
    if (first->op == effort->op) continue;
    findings.Add(trail, effort->sent.seq,
                 Concat("run ", first->run, " made a ", first->op, ", and run ", effort->run, " a ",
                        effort->op));
    return;
  }
}

// Only what is durably unended is called back, and by its name.
void CheckCallBacks(const Index&, const Trail& trail, Findings& findings) {
  for (const Call* call : trail.calls) {
    if (call->trans_type != "workflow") continue;
    const Stored* row = trail.DurableAt(call->sent.seq);
    if (row != nullptr && HasEnded(row->row.status)) {
      findings.Add(trail, call->sent.seq, Name(*call) + " was sent after the end");
    }
  }
}

// Behind barriers: all of it, or nothing.
void CheckWorkflowBooks(const Index& index, const Trail& trail, Findings& findings) {
  if (!IsWorkflow(trail) || trail.reused) return;
  const GlobalTransaction* t = trail.LastValue();
  if (t == nullptr || t->phase != Phase::kEnded || t->forced) return;
  const bool committed = t->outcome == Decision::kCommit;
  for (const WantedStep& step : trail.wanted[0]->steps) {
    Effect books{.gid = trail.gid, .branch_id = step.branch_id, .account = step.account};
    for (const Effect& effect : index.log().end.effects) {
      if (effect.gid == trail.gid && effect.branch_id == step.branch_id) books = effect;
    }
    const int64_t moved = committed ? step.amount : 0;
    const bool twice = books.ran_forward > 1 || books.ran_commit > 1 || books.ran_rollback > 1;
    if (books.balance == moved && books.held == 0 && !twice) continue;
    findings.Add(trail, 0,
                 Concat(step.branch_id, " was not ", committed ? "done" : "undone",
                        " once: balance ", books.balance, ", held ", books.held, ", ran ",
                        books.ran_forward, "/", books.ran_commit, "/", books.ran_rollback));
  }
}

}  // namespace troth::sim
