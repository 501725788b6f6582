// The services behind the branches: accounts, and the barrier rows that make every call count once.
// All of it outlives the coordinator's crashes.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "draw.h"
#include "log.h"
#include "troth/branch.h"

namespace troth::sim {

class Bank {
 public:
  struct Ran {
    BranchResult result = BranchResult::Success();
    bool through = true;   // the barrier let the business code run
    bool changed = false;  // an account
  };
  // Runs one call as a service does, in one local transaction.
  Ran Run(const BranchContext& context, const BranchUrl& url);
  // Whether the local transaction of a message committed. The question is an answer as well: what
  // has not committed until then can't any more.
  Ran CheckBack(const std::string& gid);
  // That local transaction: false when the check-back came first.
  bool Commit(const std::string& gid);

  std::vector<Effect> Effects() const;

 private:
  struct Branch {
    Effect effect;
    // Rows of the barrier's table; an undoing writes the first one too, so that what it undoes
    // can't run later.
    bool forward = false;
    bool commit = false;
    bool rollback = false;
  };
  Ran Forward(Branch& branch, const BranchUrl& url, bool reserves);
  Ran Confirm(Branch& branch, const BranchUrl& url);
  Ran Undo(Branch& branch, const BranchUrl& url, bool reserved);

  std::map<std::pair<std::string, std::string>, Branch> branches_;
  std::set<std::string> committed_;
  std::set<std::string> asked_;
};

}  // namespace troth::sim
