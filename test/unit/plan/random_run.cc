#include "random_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "saga_state.h"

namespace troth::internal {
namespace {

bool Settled(const Branch& b) {
  return b.state == BranchState::kDone || b.state == BranchState::kSkipped;
}

StoredTransaction StoredOf(const GlobalTransaction& t) {
  StoredTransaction out{.row = RowOf(t), .state = EncodeState(t), .parts = {}};
  out.parts.push_back({0, std::make_shared<const std::string>(EncodeDefinition(*t.definition))});
  return out;
}

// What the durable bytes say, without the effects of a load.
GlobalTransaction Load(const StoredTransaction& stored) {
  auto loaded = FromStored(stored);
  REQUIRE_MESSAGE(loaded.ok(), loaded.status());
  return std::move(**loaded);
}

void MakeDurable(GlobalTransaction& t) {
  for (Branch& b : t.branches) {
    if (b.started == Started::kPending) b.started = Started::kYes;
  }
  t.durable_phase = t.phase;
  t.durable_outcome = t.outcome;
}

}  // namespace

RandomRun::RandomRun(uint64_t seed, Definition definition, Chances chances)
    : draw_(seed), chances_(chances), now_(kNow), seen_(definition.steps.size()) {
  if (chances_.deadline && Percent(50)) {
    definition.timeout_to_fail = Milliseconds{1 + static_cast<int64_t>(Below(200'000))};
  }
  if (chances_.limits && Percent(50)) definition.policies[0].limit = static_cast<int>(Below(4));
  definition.policies[0].first = Milliseconds{1'000};
  definition.policies[0].cap = Milliseconds{60'000};
  definition.barrier_retention = std::chrono::hours(24 * 365);
  t_ = NewTransaction("saga", std::make_shared<const Definition>(std::move(definition)), now_);
  t_.id = 1;
}

bool RandomRun::ToTheEnd(size_t moves_max) {
  for (size_t move = 0; move < moves_max; ++move) {
    troubled_ = move < chances_.troubled_moves;
    if (t_.durable_phase == Phase::kEnded) {
      CheckEnd();
      return true;
    }
    Move(troubled_);
  }
  return false;
}

// One thing happens; with nothing left to happen, time passes.
void RandomRun::Move(bool troubled) {
  Carry();
  if (troubled && stored_ && Percent(chances_.crash)) return Crash();
  if (troubled && stored_ && !writing_ && !t_.cancel_asked && t_.phase == Phase::kRunning &&
      t_.outcome == Decision::kUndecided && Percent(chances_.cancel)) {
    t_.cancel_asked = Reason{.code = ReasonCode::kCancelled, .author = "ann"};
    must_write_ = true;
    return;
  }
  const bool write = writing_ && (in_flight_.empty() || Percent(50));
  if (write) return FinishWrite();
  if (!in_flight_.empty()) return EndCall(Below(in_flight_.size()));
  if (!waits_for_room_) PassTime();
}

// What the engine does in a turn.
void RandomRun::Carry() {
  Plan plan = NextPlan();
  while (plan.decision || !plan.done.empty()) {
    if (plan.decision) {
      if (writing_) return;  // R5
      Apply(*plan.decision);
    }
    for (const uint16_t branch : plan.done) t_.branches[branch].state = BranchState::kDone;
    dirty_ = true;
    plan = NextPlan();
  }
  wake_ = plan.wake;
  CHECK(plan.parked.empty());
  if (!plan.marks.empty() && !writing_) {
    for (const uint16_t branch : plan.marks) t_.branches[branch].started = Started::kPending;
    must_write_ = true;
  }
  waits_for_room_ = false;
  for (const uint16_t branch : plan.calls) {
    if (!troubled_ || Percent(80)) {
      StartCall(branch);
    } else {
      waits_for_room_ = true;
    }
  }
  if (!writing_ && (must_write_ || (dirty_ && (in_flight_.empty() || Percent(10))))) MakeWrite();
}

Plan RandomRun::NextPlan() {
  ++plans_;
  Plan plan = PlanNext(t_, now_);
  CheckPlan(plan);
  return plan;
}

void RandomRun::Apply(const PlannedDecision& decision) {
  t_.phase = decision.phase;
  t_.outcome = decision.outcome;
  if (decision.phase == Phase::kEnded) t_.finished = now_;
  if (decision.outcome == Decision::kRollback) {
    for (Branch& b : t_.branches) {
      if (!b.called && b.state == BranchState::kWaiting) b.started = Started::kNo;
    }
  }
  must_write_ = true;
}

void RandomRun::MakeWrite() {
  t_.updated = now_;
  ++t_.version;
  being_written_ = StoredOf(t_);
  writing_ = true;
  must_write_ = false;
  dirty_ = false;
  ++writes_;
  bytes_written_ += being_written_.state.size();
  largest_state_ = std::max(largest_state_, being_written_.state.size());
  if (at_write) {
    GlobalTransaction here = t_;
    MakeDurable(here);
    at_write(here, Load(being_written_), now_);
  }
}

void RandomRun::FinishWrite() {
  writing_ = false;
  durable_ = std::move(being_written_);
  stored_ = true;
  MakeDurable(t_);
}

void RandomRun::StartCall(uint16_t branch) {
  CheckCall(branch);
  Branch& b = t_.branches[branch];
  called_before_.push_back(b.called);
  in_flight_.push_back(branch);
  b.in_flight = next_call_++;
  b.called = true;
  ++b.calls;
  ++calls_;
  if (b.first_call == Time{}) b.first_call = now_;
  if (b.op == Op::kForward && t_.first_action == Time{}) t_.first_action = now_;
}

void RandomRun::EndCall(size_t which) {
  const uint16_t branch = in_flight_[which];
  const bool called_before = called_before_[which];
  in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(which));
  called_before_.erase(called_before_.begin() + static_cast<std::ptrdiff_t>(which));
  Branch& b = t_.branches[branch];
  Seen& seen = seen_[b.step];
  const bool action = b.op == Op::kForward;
  b.in_flight = 0;
  dirty_ = true;
  int dice = troubled_ ? static_cast<int>(Below(100)) : 100;
  if ((dice -= chances_.not_sent) < 0) {
    b.called = called_before;
    return Unknown(b);
  }
  ++(action ? seen.action_calls : seen.compensation_calls);
  if ((dice -= chances_.unknown) < 0) return Unknown(b);
  if ((dice -= chances_.ongoing) < 0) {
    b.next = now_ + Milliseconds{1'000};
  } else if (action && (dice -= chances_.failure) < 0) {
    b.state = BranchState::kFailed;
  } else {
    b.state = BranchState::kDone;
    b.next = Time{};
    b.interval = Milliseconds{0};
    (action ? seen.action_succeeded : seen.compensated) = true;
  }
}

void RandomRun::Unknown(Branch& b) {
  ++b.unknowns;
  b.interval = std::min(b.interval * 2 + Milliseconds{1'000}, Milliseconds{60'000});
  b.next = now_ + b.interval;
}

void RandomRun::PassTime() {
  REQUIRE_MESSAGE(wake_, "nothing is in flight, nothing is being written, and nothing will happen");
  REQUIRE(*wake_ > now_);
  now_ = *wake_;
}

// What was not durable is lost; the calls in flight end for nobody. Half of the writes under way
// come back.
void RandomRun::Crash() {
  ++crashes_;
  if (writing_ && Percent(50)) durable_ = being_written_;
  for (const uint16_t branch : in_flight_) {
    Seen& seen = seen_[t_.branches[branch].step];
    ++(t_.branches[branch].op == Op::kForward ? seen.action_calls : seen.compensation_calls);
  }
  writing_ = false;
  must_write_ = false;
  dirty_ = false;
  in_flight_.clear();
  called_before_.clear();
  t_ = Load(durable_);
}

// --- what must hold ---

void RandomRun::CheckPlan(const Plan& plan) const {
  if (plan.decision) {
    CHECK(plan.calls.empty());
    CHECK(plan.marks.empty());
    CHECK(plan.done.empty());
    return;
  }
  std::set<uint16_t> planned;
  for (const auto& branches : {plan.calls, plan.done}) {
    for (const uint16_t branch : branches) {
      CHECK_MESSAGE(planned.insert(branch).second, "twice in one plan");
      CHECK(t_.branches[branch].in_flight == 0);
      CHECK(t_.branches[branch].state == BranchState::kWaiting);
    }
  }
  if (plan.wake) CHECK(*plan.wake > now_);
  size_t ahead = plan.marks.size();
  for (const Branch& b : t_.branches) {
    if (b.state == BranchState::kWaiting && b.started != Started::kNo && !b.called) ++ahead;
  }
  CHECK(ahead <= kMarkedAheadMax);
}

void RandomRun::CheckCall(uint16_t branch) const {
  CHECK(t_.branches[branch].next <= now_);
  CHECK(stored_);
  if (t_.branches[branch].op == Op::kForward) {
    CheckAction(branch);
  } else {
    CheckCompensation(branch);
  }
}

void RandomRun::CheckAction(uint16_t branch) const {
  CHECK(Load(durable_).outcome == Decision::kUndecided);            // I9
  CHECK(t_.outcome == Decision::kUndecided);                        // R13
  CHECK(Load(durable_).branches[branch].started == Started::kYes);  // I2
  const auto succeeded = [&](size_t step) {                         // I12
    return seen_[step].action_succeeded || t_.definition->steps[step].forward.empty();
  };
  const size_t step = t_.branches[branch].step;
  if (t_.definition->concurrent) {
    for (const size_t before : t_.definition->steps[step].after) CHECK(succeeded(before));
  } else {
    for (size_t before = 0; before < step; ++before) CHECK(succeeded(before));
  }
}

void RandomRun::CheckCompensation(uint16_t branch) const {
  CHECK(Load(durable_).outcome == Decision::kRollback);  // I8
  const size_t step = t_.branches[branch].step;
  CHECK(t_.branches[2 * step + 1].in_flight == 0);  // I11
  const bool ran =
      seen_[step].action_calls > 0 || t_.branches[2 * step + 1].state != BranchState::kWaiting;
  if (crashes_ == 0) CHECK(ran);  // I13
  // I12: whoever ran after it, or may have, is compensated.
  const auto open = [&](size_t other) {
    return seen_[other].action_calls > 0 && !seen_[other].compensated &&
           !Settled(t_.branches[2 * other]);
  };
  for (size_t other = 0; other < seen_.size(); ++other) {
    const auto& after = t_.definition->steps[other].after;
    const bool depends =
        t_.definition->concurrent ? std::count(after.begin(), after.end(), step) > 0 : other > step;
    if (depends) CHECK_FALSE(open(other));
  }
}

void RandomRun::CheckEnd() const {
  const bool commit = t_.outcome == Decision::kCommit;
  size_t null_compensations = 0;
  for (size_t i = 0; i < seen_.size(); ++i) {
    const Step& step = t_.definition->steps[i];
    if (commit) {
      CHECK((step.forward.empty() || seen_[i].action_succeeded));  // I5
      CHECK(seen_[i].compensation_calls == 0);                     // I8
    } else if (seen_[i].action_calls > 0) {
      CHECK((step.rollback.empty() || seen_[i].compensated));  // I7
    } else if (seen_[i].compensation_calls > 0 && !step.forward.empty()) {
      ++null_compensations;
    }
  }
  CHECK(null_compensations <= crashes_ * kMarkedAheadMax);  // I13
  CHECK(in_flight_.empty());
}

// --- what is driven ---

Definition LongSaga(size_t steps, bool concurrent) {
  Definition definition;
  definition.concurrent = concurrent;
  for (size_t i = 0; i < steps; ++i) {
    Step& step = definition.steps.emplace_back();
    step.branch_id = std::to_string(i + 1);
    step.forward = "http://bank.example/out";
    step.rollback = "http://bank.example/back";
  }
  return definition;
}

Definition RandomSaga(uint64_t seed, size_t steps_max) {
  std::mt19937_64 draw(seed);
  const auto below = [&](size_t end) { return static_cast<size_t>(draw() % end); };
  Definition definition = LongSaga(1 + below(steps_max), below(2) == 0);
  // A random order, so that orders point forwards and backwards.
  std::vector<uint16_t> rank;
  for (uint16_t i = 0; i < definition.steps.size(); ++i) rank.push_back(i);
  std::shuffle(rank.begin(), rank.end(), draw);
  const size_t density = 1 + below(8);
  for (size_t i = 0; i < rank.size(); ++i) {
    Step& step = definition.steps[rank[i]];
    if (below(10) == 0) step.forward.clear();
    if (below(10) == 0) step.rollback.clear();
    for (size_t before = 0; definition.concurrent && before < i; ++before) {
      if (below(density) == 0) step.after.push_back(rank[before]);
    }
  }
  return definition;
}

}  // namespace troth::internal
