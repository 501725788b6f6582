#include "saga_state.h"

#include <doctest/doctest.h>

#include <memory>

#include "base/text.h"

namespace troth::internal {
namespace {

constexpr Milliseconds kRetry{10'000};
constexpr uint32_t kLimit = 2;
constexpr uint32_t kParkAfter = 5;

std::string Number(size_t step) { return Concat(step < 9 ? "0" : "", step + 1); }

Definition DefinitionOf(const SagaState& state, size_t steps) {
  Definition definition;
  definition.concurrent = state.concurrent || !state.after.empty();
  definition.barrier_retention = Milliseconds{100'000};
  const Policy usual{.limit = kLimit, .park_after = kParkAfter};
  definition.policies = {usual, usual};
  definition.policies[1].give_up_after = Milliseconds{30'000};
  for (size_t i = 0; i < steps; ++i) {
    const char action = state.steps[3 * i];
    const char compensation = state.steps[3 * i + 1];
    Step& step = definition.steps.emplace_back();
    step.branch_id = Number(i);
    if (action != 'e' && action != 'E') step.forward = "http://bank.example/out";
    if (compensation != 'e' && compensation != 'E') step.rollback = "http://bank.example/back";
    if (action == 'g' || action == 'h') step.policy = 1;
    if (i < state.after.size()) step.after = state.after[i];
  }
  return definition;
}

void Called(Branch& b, Milliseconds next, uint32_t unknowns) {
  b.started = Started::kYes;
  b.called = true;
  b.calls = unknowns;
  b.unknowns = unknowns;
  b.first_call = kNow - Milliseconds{1'000};
  b.next = kNow + next;
}

void SetAction(Branch& b, char letter) {
  switch (letter) {
    case 'p':
      b.started = Started::kPending;
      return;
    case 'm':
      b.started = Started::kYes;
      return;
    case 'i':
      Called(b, Milliseconds{0}, 1);
      b.in_flight = 1;
      return;
    case 'c':
      return Called(b, Milliseconds{0}, 1);
    case 'r':
      return Called(b, kRetry, 1);
    case 'u':
      Called(b, kRetry, 1);
      b.called = false;
      return;
    case 'w':
      Called(b, kRetry, 1);
      b.called = false;
      b.started = Started::kNo;
      return;
    case 'x':
      return Called(b, kRetry, kLimit + 1);
    case 'X':
      Called(b, Milliseconds{0}, kLimit + 1);
      b.in_flight = 1;
      return;
    case 'g':
      Called(b, kRetry, 1);
      b.first_call = kNow - Milliseconds{30'000};
      return;
    case 'h':
      Called(b, Milliseconds{40'000}, 1);
      b.first_call = kNow - Milliseconds{5'000};
      return;
    case 'd':
      Called(b, Milliseconds{0}, 0);
      b.state = BranchState::kDone;
      return;
    case 'f':
      Called(b, Milliseconds{0}, 0);
      b.state = BranchState::kFailed;
      return;
    case 'E':
      b.state = BranchState::kDone;
      return;
    default:
      return;
  }
}

void SetCompensation(Branch& b, char letter) {
  if (letter == 'i') b.in_flight = 2;
  if (letter == 'r' || letter == 'x') b.next = kNow + kRetry;
  if (letter == 'r') b.unknowns = kLimit + 1;  // the limit of actions is not theirs
  if (letter == 'x') b.unknowns = kParkAfter + 1;
  if (letter == 'd' || letter == 'E') b.state = BranchState::kDone;
  if (letter == 's') b.state = BranchState::kSkipped;
}

std::string BranchText(uint16_t branch) {
  return Concat(branch / 2 + 1, branch % 2 == 0 ? "c" : "");
}

std::string_view CodeText(ReasonCode code) {
  switch (code) {
    case ReasonCode::kActionFailed:
      return "failure";
    case ReasonCode::kRetriesExhausted:
      return "retries";
    case ReasonCode::kGaveUp:
      return "gave up";
    case ReasonCode::kTimeout:
      return "timeout";
    case ReasonCode::kCancelled:
      return "cancelled";
    case ReasonCode::kParkedRetries:
      return "retries";
    case ReasonCode::kParkedBarrierExpired:
      return "barrier";
    case ReasonCode::kParkedRestored:
      return "restored";
    default:
      return "?";
  }
}

std::string DecisionText(const PlannedDecision& decision) {
  if (decision.phase == Phase::kEnded) {
    return decision.outcome == Decision::kCommit ? "commit" : "end";
  }
  const Reason& reason = decision.reason;
  std::string where = reason.branch_id.empty() ? "" : Concat(reason.branch_id, "/", reason.op, " ");
  return Concat("rollback(", where, CodeText(reason.code), ")");
}

void Add(std::string& out, std::string_view text) {
  if (!out.empty()) out += ' ';
  out += text;
}

void AddBranches(std::string& out, std::string_view name, const std::vector<uint16_t>& branches) {
  if (branches.empty()) return;
  Add(out, Concat(name, ":"));
  for (size_t i = 0; i < branches.size(); ++i) {
    out += Concat(i == 0 ? "" : ",", BranchText(branches[i]));
  }
}

}  // namespace

GlobalTransaction SagaOf(const SagaState& state) {
  const size_t steps = (state.steps.size() + 1) / 3;
  auto definition = std::make_shared<const Definition>(DefinitionOf(state, steps));
  GlobalTransaction t = NewTransaction("saga", definition, kNow - Milliseconds{60'000});
  t.durable_phase = Phase::kRunning;
  for (size_t i = 0; i < steps; ++i) {
    SetAction(t.branches[2 * i + 1], state.steps[3 * i]);
    SetCompensation(t.branches[2 * i], state.steps[3 * i + 1]);
  }
  if (state.outcome != Decided::kUndecided) t.outcome = Decision::kRollback;
  if (state.outcome == Decided::kRollback) t.durable_outcome = Decision::kRollback;
  if (state.cancel) t.cancel_asked = Reason{.code = ReasonCode::kCancelled, .author = "ann"};
  if (state.deadline) t.deadline = kNow + *state.deadline;
  if (state.first_action) t.first_action = kNow + *state.first_action;
  t.restored = state.restored;
  return t;
}

std::string Show(const Plan& plan, Time now) {
  std::string out;
  if (plan.decision) Add(out, DecisionText(*plan.decision));
  AddBranches(out, "done", plan.done);
  AddBranches(out, "mark", plan.marks);
  AddBranches(out, "call", plan.calls);
  if (plan.wake) Add(out, Concat("wake:+", (*plan.wake - now).count()));
  for (const PlannedParking& parked : plan.parked) {
    const bool whole = parked.branch == kWholeTransaction;
    Add(out, Concat("park:", whole ? "all" : BranchText(parked.branch), "(", CodeText(parked.code),
                    ")"));
  }
  return out;
}

std::string PlanOf(const SagaState& state) { return Show(PlanNext(SagaOf(state), kNow)); }

void Check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.state.steps);
    CHECK_MESSAGE(PlanOf(row.state) == row.plan, row.why);
  }
}

}  // namespace troth::internal
