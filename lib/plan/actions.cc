// The order of actions, for the modes that have them: sagas and messages.
#include <algorithm>

#include "plan/rules.h"

namespace troth::internal {
namespace {

class ActionPlanner {
 public:
  ActionPlanner(const GlobalTransaction& t, bool limited, Time now, Plan& plan)
      : t_(t),
        limited_(limited),
        now_(now),
        plan_(plan),
        steps_(t.definition->steps.size()),
        turn_(FirstUnsettled(0)),
        next_turn_(FirstUnsettled(turn_ + 1)) {}

  // Those that may run come first: marks of steps that wait for one without a mark would use up the
  // room for its own, and nothing would ever run.
  void PlanMarks() {
    size_t ahead = 0;
    for (size_t i = 0; i < steps_; ++i) {
      const Branch& action = Action(i);
      const bool waiting = action.state == BranchState::kWaiting;
      if (waiting && action.started != Started::kNo && !action.called) ++ahead;
    }
    Mark(ahead, [this](size_t step) { return MayRun(step); });
    Mark(ahead, [this](size_t step) { return !MayRun(step) && MayRunNext(step); });
  }

  void PlanCalls() {
    for (size_t i = 0; i < steps_; ++i) {
      const Branch& action = Action(i);
      if (action.state == BranchState::kWaiting && MayRun(i)) {
        const uint16_t branch = ActionOf(t_, i);
        // What is parked, or waits for its next try, is said to do so, though its mark may have
        // been withdrawn.
        const bool planned = action.started == Started::kYes || t_.UrlOf(branch).empty() ||
                             action.next > now_ || Parked(i);
        if (planned) PlanCall(t_, branch, limited_, now_, plan_);
      }
      if (!Concurrent() && !IsSettled(action)) break;
    }
  }

 private:
  template <class Wanted>
  void Mark(size_t& ahead, const Wanted& wanted) {
    for (size_t i = 0; i < steps_ && ahead < kMarkedAheadMax; ++i) {
      const Branch& action = Action(i);
      if (action.state != BranchState::kWaiting || action.started != Started::kNo) continue;
      if (t_.UrlOf(ActionOf(t_, i)).empty()) continue;  // never called, so nothing to mark
      if (action.next > now_ || Parked(i) || !wanted(i)) continue;
      plan_.marks.push_back(ActionOf(t_, i));
      ++ahead;
    }
  }

  const Branch& Action(size_t step) const { return t_.branches[ActionOf(t_, step)]; }
  bool Concurrent() const { return t_.definition->concurrent; }

  size_t FirstUnsettled(size_t from) const {
    while (from < steps_ && IsSettled(Action(from))) ++from;
    return from;
  }

  // Whom a step waits for has succeeded. In order that is all before it: a person may have skipped
  // one whose turn has not come.
  bool MayRun(size_t step) const {
    if (!Concurrent()) return step <= turn_;
    const auto& after = t_.definition->steps[step].after;
    return std::all_of(after.begin(), after.end(), [&](size_t i) { return IsSettled(Action(i)); });
  }

  bool Parked(size_t step) const {
    return WaitsForPerson(t_, Action(step), limited_, now_).has_value();
  }

  // It may run, and has not to wait for a retry, nor for a person: a mark behind what is parked
  // would be withdrawn when the transaction leaves memory, made again, and so on without end.
  bool MayRunNow(size_t step) const {
    return MayRun(step) && Action(step).next <= now_ && !Parked(step);
  }

  // Whom a step waits for has succeeded or may run now: the step is one further along its path.
  bool MayRunNext(size_t step) const {
    const auto near = [&](size_t i) { return IsSettled(Action(i)) || MayRunNow(i); };
    if (!Concurrent()) return step == next_turn_ && MayRunNow(turn_);
    const auto& after = t_.definition->steps[step].after;
    return std::all_of(after.begin(), after.end(), near);
  }

  const GlobalTransaction& t_;
  const bool limited_;
  const Time now_;
  Plan& plan_;
  const size_t steps_;
  const size_t turn_;  // of those that run one after another: whose turn it is, and who is next
  const size_t next_turn_;
};

}  // namespace

uint16_t ActionOf(const GlobalTransaction& t, size_t step) {
  return static_cast<uint16_t>(t.mode() == Mode::kSaga ? 2 * step + 1 : step);
}

void PlanActions(const GlobalTransaction& t, bool limited, Time now, Plan& plan) {
  ActionPlanner planner(t, limited, now, plan);
  planner.PlanMarks();
  planner.PlanCalls();
}

}  // namespace troth::internal
