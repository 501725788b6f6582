#include "mode_state.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>

#include "base/text.h"

namespace troth::internal {
namespace {

constexpr Milliseconds kRetry{10'000};

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

void Set(Branch& b, char letter) {
  switch (letter) {
    case 'p':
      b.started = Started::kPending;
      break;
    case 'm':
      b.started = Started::kYes;
      break;
    case 'i':
      b.in_flight = 1;
      break;
    case 'r':
      b.next = kNow + kRetry;
      b.unknowns = 1;
      break;
    case 'x':
      b.unknowns = 6;
      break;
    case 'd':
      b.state = BranchState::kDone;
      break;
    case 'f':
      b.state = BranchState::kFailed;
      b.failures.push_back({.code = ReasonCode::kActionFailed, .text = "no row"});
      break;
    case 's':
      b.state = BranchState::kSkipped;
      break;
    default:
      break;
  }
  const bool called = letter == 'i' || letter == 'r' || letter == 'x' || letter == 'd';
  if (called && b.op == Op::kForward) b.started = Started::kYes;
  b.called = called;
}

std::shared_ptr<const Definition> DefinitionOf(Mode mode, const ModeState& state) {
  auto definition = std::make_shared<Definition>();
  definition->mode = mode;
  definition->concurrent = state.concurrent;
  definition->barrier_retention = Milliseconds{100'000};
  definition->policies = {Policy{.park_after = 5}};
  for (const std::string_view word : Words(state.branches)) {
    if (word[0] == '?') {
      definition->query_prepared = "http://ask.example/";
      if (mode == Mode::kWorkflow) definition->workflow = "transfer";
      continue;
    }
    Step& step = definition->steps.emplace_back();
    step.branch_id = Concat("0", definition->steps.size());
    if (mode == Mode::kMessage) {
      if (word[0] != 'e') step.forward = "http://a.example/do";
    } else {
      if (word[0] != 'e') step.rollback = "http://a.example/no";
      std::string& yes = mode == Mode::kSaga ? step.forward : step.commit;
      if (word[1] != 'e') yes = "http://a.example/yes";
    }
  }
  return definition;
}

std::string_view CodeText(ReasonCode code) {
  switch (code) {
    case ReasonCode::kActionFailed:
      return "failure";
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

std::string DecisionText(const GlobalTransaction& t, const PlannedDecision& decision) {
  const std::string why = Concat("(", CodeText(decision.reason.code), ")");
  if (decision.phase == Phase::kEnded) {
    if (decision.outcome == t.outcome) return "end";
    return Concat("fail", why);
  }
  return decision.outcome == Decision::kCommit ? "commit" : Concat("rollback", why);
}

void Add(std::string& out, std::string_view text) {
  if (!out.empty()) out += ' ';
  out += text;
}

void AddBranches(std::string& out, std::string_view name, const GlobalTransaction& t,
                 const std::vector<uint16_t>& branches) {
  for (const uint16_t branch : branches) Add(out, Concat(name, ":", t.BranchName(branch)));
}

}  // namespace

GlobalTransaction TransactionOf(Mode mode, const ModeState& state) {
  GlobalTransaction t =
      NewTransaction("gid", DefinitionOf(mode, state), kNow - Milliseconds{60'000});
  const auto is_at = [&](std::initializer_list<At> ats) {
    return std::find(ats.begin(), ats.end(), state.at) != ats.end();
  };
  const bool undecided = is_at({At::kPrepared, At::kUndecided});
  const bool rollback = is_at({At::kRollback, At::kRollbackPending, At::kFailed});
  const bool pending = is_at({At::kCommitPending, At::kRollbackPending});
  t.phase = is_at({At::kPrepared})             ? Phase::kPrepared
            : is_at({At::kEnded, At::kFailed}) ? Phase::kEnded
                                               : Phase::kRunning;
  t.outcome = undecided ? Decision::kUndecided : rollback ? Decision::kRollback : Decision::kCommit;
  t.durable_phase = pending ? Phase::kPrepared : t.phase;
  t.durable_outcome = pending ? Decision::kUndecided : t.outcome;
  if (state.cancel) t.cancel_asked = Reason{.code = ReasonCode::kCancelled, .author = "ann"};
  if (state.deadline) t.deadline = kNow + *state.deadline;
  if (state.start) t.start = kNow + *state.start;
  if (state.first_action) t.first_action = kNow + *state.first_action;
  t.restored = state.restored;
  t.forced = state.forced;
  size_t branch = 0;
  for (const std::string_view word : Words(state.branches)) {
    if (word[0] == '?') {
      Set(t.branches[branch++], word[1]);
      continue;
    }
    const size_t operations = mode == Mode::kMessage ? 1 : 2;
    if (word.size() > operations) t.branches[branch].held_by = 1;
    for (size_t i = 0; i < operations; ++i) Set(t.branches[branch++], word[i]);
  }
  return t;
}

std::string Show(const GlobalTransaction& t, const Plan& plan) {
  std::string out;
  if (plan.decision) Add(out, DecisionText(t, *plan.decision));
  AddBranches(out, "done", t, plan.done);
  AddBranches(out, "mark", t, plan.marks);
  AddBranches(out, "call", t, plan.calls);
  if (plan.wake) Add(out, Concat("wake:+", (*plan.wake - kNow).count()));
  for (const PlannedParking& parked : plan.parked) {
    const bool whole = parked.branch == kWholeTransaction;
    Add(out, Concat("park:", whole ? "all" : t.BranchName(parked.branch), "(",
                    CodeText(parked.code), ")"));
  }
  return out;
}

void Check(Mode mode, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.state.branches);
    const GlobalTransaction t = TransactionOf(mode, row.state);
    CHECK_MESSAGE(Show(t, PlanNext(t, kNow)) == row.plan, row.why);
  }
}

}  // namespace troth::internal
