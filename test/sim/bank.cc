#include "bank.h"

namespace troth::sim {
namespace {

bool HasBarrier(const BranchUrl& url) { return url.flags.find('b') != std::string::npos; }
bool Refuses(const BranchUrl& url) { return url.flags.find('r') != std::string::npos; }

}  // namespace

Bank::Ran Bank::Run(const BranchContext& context, const BranchUrl& url) {
  Branch& branch = branches_[{context.gid, context.branch_id}];
  Effect& effect = branch.effect;
  effect.gid = context.gid;
  effect.branch_id = context.branch_id;
  effect.account = url.account;
  const bool reserves = context.trans_type == "tcc" || context.trans_type == "xa";
  if (context.op == "action" || context.op == "try") return Forward(branch, url, reserves);
  if (context.op == "confirm" || context.op == "commit") return Confirm(branch, url);
  return Undo(branch, url, reserves);
}

Bank::Ran Bank::Forward(Branch& branch, const BranchUrl& url, bool reserves) {
  // A refusal takes its barrier row back with it.
  if (Refuses(url)) return {.result = BranchResult::Failure("not enough in " + url.account)};
  if (HasBarrier(url) && std::exchange(branch.forward, true)) return {.through = false};
  ++branch.effect.ran_forward;
  (reserves ? branch.effect.held : branch.effect.balance) += url.amount;
  return {.changed = true};
}

Bank::Ran Bank::Confirm(Branch& branch, const BranchUrl& url) {
  if (HasBarrier(url) && std::exchange(branch.commit, true)) return {.through = false};
  ++branch.effect.ran_commit;
  if (branch.effect.ran_forward == 0) return {};  // it had nothing to try
  branch.effect.held -= url.amount;
  branch.effect.balance += url.amount;
  return {.changed = true};
}

Bank::Ran Bank::Undo(Branch& branch, const BranchUrl& url, bool reserved) {
  if (HasBarrier(url)) {
    const bool ran = std::exchange(branch.forward, true);
    if (std::exchange(branch.rollback, true) || !ran) return {.through = false};
  }
  ++branch.effect.ran_rollback;
  (reserved ? branch.effect.held : branch.effect.balance) -= url.amount;
  return {.changed = true};
}

Bank::Ran Bank::CheckBack(const std::string& gid) {
  asked_.insert(gid);
  if (committed_.contains(gid)) return {};
  return {.result = BranchResult::Failure("no such row")};
}

bool Bank::Commit(const std::string& gid) {
  if (asked_.contains(gid)) return committed_.contains(gid);
  committed_.insert(gid);
  return true;
}

std::vector<Effect> Bank::Effects() const {
  std::vector<Effect> effects;
  for (const auto& [key, branch] : branches_) effects.push_back(branch.effect);
  return effects;
}

}  // namespace troth::sim
