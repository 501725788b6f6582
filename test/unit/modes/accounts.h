// What branches of a real service keep, in memory: accounts, reservations, and the barrier rows
// that make every call count once. All of it outlives the coordinator's crashes.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "troth/testing/world.h"

namespace troth::testing {

class Accounts {
 public:
  // A branch that adds `amount` in two phases: reserved by try or action, final by confirm or
  // commit, given back by cancel or rollback.
  Handler Reserve(std::string account, int64_t amount) {
    return [this, account, amount](const BranchContext& context, std::string_view) {
      if (!Counts(context)) return BranchResult::Success();
      if (context.op == "try" || context.op == "action") {
        held_[account] += amount;
      } else {
        held_[account] -= amount;
        if (context.op == "confirm" || context.op == "commit") balance_[account] += amount;
      }
      return BranchResult::Success();
    };
  }
  // An action that adds `amount` at once, as a message's does.
  Handler Add(std::string account, int64_t amount) {
    return [this, account, amount](const BranchContext& context, std::string_view) {
      if (Counts(context)) balance_[account] += amount;
      return BranchResult::Success();
    };
  }
  // The application's local transaction of a message, with its barrier row: false when the
  // check-back came first, and it may not happen any more.
  bool Commit(const std::string& gid) {
    const bool may = rows_.insert(gid + "/00/msg").second;
    if (may) committed_.insert(gid);
    return may;
  }
  bool committed(const std::string& gid) const { return committed_.contains(gid); }
  // The check-back that goes with it.
  Handler CheckBack() {
    return [this](const BranchContext& context, std::string_view) {
      rows_.insert(context.gid + "/00/msg");
      return committed(context.gid) ? BranchResult::Success() : BranchResult::Failure("no row");
    };
  }

  int64_t balance(const std::string& account) { return balance_[account]; }
  int64_t held(const std::string& account) { return held_[account]; }

 private:
  // Whether this call is the first of its kind, and is not the undoing of what never ran; the
  // latter keeps what it undoes from running later.
  bool Counts(const BranchContext& context) {
    const std::string branch = context.gid + "/" + context.branch_id + "/";
    bool ran = true;
    if (context.op == "cancel") ran = !rows_.insert(branch + "try").second;
    if (context.op == "rollback") ran = !rows_.insert(branch + "action").second;
    return rows_.insert(branch + context.op).second && ran;
  }

  std::set<std::string> rows_;
  std::set<std::string> committed_;
  std::map<std::string, int64_t> balance_;
  std::map<std::string, int64_t> held_;
};

}  // namespace troth::testing
