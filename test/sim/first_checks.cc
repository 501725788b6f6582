#include "first_checks.h"

#include <algorithm>

#include "base/text.h"

namespace troth::sim {
namespace {

using internal::Concat;

const Effect* Find(const Log& log, const std::string& gid, const std::string& branch_id) {
  for (const Effect& effect : log.end.effects) {
    if (effect.gid == gid && effect.branch_id == branch_id) return &effect;
  }
  return nullptr;
}

// Who skips or stops leaves the books as they are.
bool IsInDoubt(const Log& log, const std::string& gid) {
  return std::any_of(log.api.begin(), log.api.end(), [&](const ApiCall& call) {
    return call.gid == gid && (call.what == Ask::kSkip || call.what == Ask::kStop);
  });
}

void CheckBooks(const Log& log, const Wanted& wanted, TransactionStatus status,
                std::vector<Violation>& violations) {
  const bool reserves = wanted.mode == Mode::kTcc || wanted.mode == Mode::kXa;
  for (const WantedStep& step : wanted.steps) {
    if (!step.barrier || step.forward.empty() || step.forward.starts_with("topic:")) continue;
    if (step.rollback.empty() && wanted.mode != Mode::kMessage) continue;
    if (step.commit.empty() && reserves) continue;
    const Effect* const effect = Find(log, wanted.gid, step.branch_id);
    const int64_t balance = effect != nullptr ? effect->balance : 0;
    const int64_t held = effect != nullptr ? effect->held : 0;
    // A session registers what it gets to.
    const bool never_tried = reserves && (effect == nullptr || effect->ran_forward == 0);
    const int64_t due = status == TransactionStatus::kSucceed && !never_tried ? step.amount : 0;
    if (balance == due && held == 0) continue;
    violations.push_back({.invariant = 32,
                          .gid = wanted.gid,
                          .what = Concat("branch ", step.branch_id, " has ", balance, " and ", held,
                                         " held, not ", due, "; it is ", StatusName(status))});
  }
}

}  // namespace

std::vector<Violation> FirstChecks(const Log& log) {
  std::vector<Violation> violations;
  for (const TransactionRecord& record : log.end.records) {
    if (!record.finished) {
      violations.push_back({.invariant = 24,
                            .gid = record.gid,
                            .what = Concat("has not ended: ", StatusName(record.status), ", ",
                                           ReasonText(record.parked))});
    }
    if (IsInDoubt(log, record.gid)) continue;
    const auto wanted = std::find_if(log.wanted.begin(), log.wanted.end(),
                                     [&](const Wanted& one) { return one.gid == record.gid; });
    CheckBooks(log, *wanted, record.status, violations);
  }
  if (!log.end.settled && violations.empty()) {
    violations.push_back({.invariant = 24, .gid = {}, .what = "the run does not come to its end"});
  }
  return violations;
}

}  // namespace troth::sim
