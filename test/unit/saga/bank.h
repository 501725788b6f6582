// Accounts behind a barrier, both in memory: what branches of a real service do, so that balances
// show whether every effect happened exactly once, or not at all.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "troth/testing/world.h"

namespace troth::testing {

class Bank {
 public:
  // An action that adds `amount`, and the compensation that takes it back.
  Handler Change(std::string account, int64_t amount) {
    return [this, account, amount](const BranchContext& context, std::string_view) {
      const std::string step = context.gid + "/" + context.branch_id + "/";
      if (context.op == "compensate") {
        // A null compensation: the action has not run, and can't run any more.
        const bool never_ran = rows_.insert(step + "action").second;
        if (rows_.insert(step + "compensate").second && !never_ran) balances_[account] -= amount;
      } else if (rows_.insert(step + context.op).second) {
        balances_[account] += amount;
      }
      return BranchResult::Success();
    };
  }
  static Handler Refuse(std::string text) {
    return [text](const BranchContext&, std::string_view) { return BranchResult::Failure(text); };
  }

  int64_t balance(const std::string& account) const {
    const auto found = balances_.find(account);
    return found == balances_.end() ? 0 : found->second;
  }

 private:
  std::set<std::string> rows_;
  std::map<std::string, int64_t> balances_;
};

}  // namespace troth::testing
