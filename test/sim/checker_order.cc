// The order of calls: actions after those that they wait for, and back in reverse.
#include <algorithm>

#include "checker_checks.h"

namespace troth::sim {
namespace {

using internal::BranchState;
using internal::Op;

// What was settled of one transaction when a call of it was sent.
class Moment {
 public:
  Moment(const Trail& trail, const GlobalTransaction& t, uint64_t seq)
      : trail_(trail), t_(t), seq_(seq) {}

  // The step's action has succeeded, needs no call, or was skipped.
  bool ActionSettled(size_t step) const { return Settled(step, Op::kForward, &Moment::Before); }
  // Its compensation is done, as far as it was owed.
  bool Undone(size_t step) const {
    return !Owed(step) || Settled(step, Op::kRollback, &Moment::After);
  }
  // Of a tcc, whose second phase goes backwards.
  bool SecondPhaseSettled(size_t step, Op op) const {
    return Settled(step, op, &Moment::Registered);
  }

  // Whom a step waits for.
  std::vector<size_t> Before(size_t step) const {
    const internal::Definition& definition = *t_.definition;
    if (definition.concurrent) {
      const auto& after = definition.steps[step].after;
      return {after.begin(), after.end()};
    }
    return step == 0 ? std::vector<size_t>() : std::vector<size_t>{step - 1};
  }
  // Who waits for it, in the end: their compensations come first.
  std::vector<size_t> After(size_t step) const {
    std::vector<size_t> later;
    for (size_t i = 0; i < t_.Steps(); ++i) {
      const auto before = t_.definition->concurrent ? Before(i) : std::vector<size_t>();
      const bool waits = t_.definition->concurrent
                             ? std::find(before.begin(), before.end(), step) != before.end()
                             : i > step;
      if (waits) later.push_back(i);
    }
    return later;
  }
  std::vector<size_t> Registered(size_t step) const {
    std::vector<size_t> later;
    for (size_t i = step + 1; i < t_.Steps(); ++i) later.push_back(i);
    return later;
  }

 private:
  using Waits = std::vector<size_t> (Moment::*)(size_t) const;

  // An empty URL is done when its turn comes: when those that it waits for are settled.
  bool Settled(size_t step, Op op, Waits waits) const {
    const auto branch = FindBranchOfStep(t_, step, op);
    if (!branch) return true;
    if (t_.branches[*branch].state == BranchState::kSkipped ||
        t_.branches[*branch].state == BranchState::kDone) {
      return true;
    }
    if (trail_.Succeeded(OperationOf(t_, *branch), seq_)) return true;
    if (!t_.UrlOf(*branch).empty()) return false;
    const std::vector<size_t> others = (this->*waits)(step);
    return std::all_of(others.begin(), others.end(), [&](size_t other) {
      const bool owed = op != Op::kRollback || waits != &Moment::After || Owed(other);
      return !owed || Settled(other, op, waits);
    });
  }

  bool Owed(size_t step) const {
    const auto action = FindBranchOfStep(t_, step, Op::kForward);
    if (!action) return false;
    return t_.branches[*action].state != BranchState::kWaiting ||
           trail_.MayHaveRun(OperationOf(t_, *action), seq_);
  }

  const Trail& trail_;
  const GlobalTransaction& t_;
  const uint64_t seq_;
};

void CheckAction(const Trail& trail, const Moment& moment, size_t step, const Call& call,
                 Findings& findings) {
  for (const size_t before : moment.Before(step)) {
    if (moment.ActionSettled(before)) continue;
    findings.Add(trail, call.sent.seq,
                 Concat(Name(call), " was sent before step ", before + 1, " had succeeded"));
  }
}

void CheckCompensation(const Trail& trail, const Moment& moment, size_t step, const Call& call,
                       Findings& findings) {
  for (const size_t later : moment.After(step)) {
    if (moment.Undone(later)) continue;
    findings.Add(trail, call.sent.seq,
                 Concat(Name(call), " was sent before step ", later + 1, " was undone"));
  }
}

void CheckSecondPhase(const Trail& trail, const Moment& moment, size_t step, const Call& call,
                      Findings& findings) {
  const Op op = IsConfirming(call.op) ? Op::kCommit : Op::kRollback;
  for (const size_t later : moment.Registered(step)) {
    if (moment.SecondPhaseSettled(later, op)) continue;
    findings.Add(trail, call.sent.seq,
                 Concat(Name(call), " was sent before branch ", later + 1, " was settled"));
  }
}

}  // namespace

void CheckOrder(const Index&, const Trail& trail, Findings& findings) {
  for (const Call* call : trail.calls) {
    const GlobalTransaction* t = trail.ValueAt(call->sent.seq);
    const auto step = t == nullptr ? std::nullopt : FindStep(*t, call->branch_id);
    if (!step || call->session || IsCheckBack(call->op)) continue;
    const Moment moment(trail, *t, call->sent.seq);
    switch (t->mode()) {
      case Mode::kSaga:
      case Mode::kMessage:
        if (IsForward(call->op)) {
          CheckAction(trail, moment, *step, *call, findings);
        } else {
          CheckCompensation(trail, moment, *step, *call, findings);
        }
        break;
      case Mode::kTcc:
        if (!t->definition->concurrent) {
          CheckSecondPhase(trail, moment, *step, *call, findings);
        }
        break;
      case Mode::kXa:
      case Mode::kWorkflow:
        break;
    }
  }
}

}  // namespace troth::sim
