// One saga through crashes: submitted, acted upon, crashed after the n-th effect and once more a
// few effects later, opened again, and looked at from outside after every step.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bank.h"
#include "scene.h"

namespace troth::testing {

struct Scenario {
  std::string name;
  Saga saga;
  // Behind each step's URLs; the step's account is its action's URL.
  std::function<void(World&, Bank&)> script;
  // What a person does, how long after the submit; repeated until it is answered.
  std::function<Status(Coordinator&, const std::string& gid)> act = {};
  milliseconds act_after{0};
  std::string act_name = {};  // as the history has it
  // How it may end. Both: it depends on where the crash came.
  bool may_succeed = false;
  bool may_fail = false;
  bool in_doubt = false;  // stopped or skipped: balances say nothing then
};

// Steps "a", "b", … with an account each, 10 apart, and a handler that keeps it.
void ServeAll(World& world, Bank& bank, const Saga& saga);

class CrashRun {
 public:
  struct Faults {
    size_t crash_after = 0;  // effects; 0: none
    size_t crash_again_after = 0;
    size_t unknown_commit = 0;  // the n-th
    bool committed = false;
    size_t failing_commit = 0;  // the n-th
  };
  CrashRun(const Scenario& scenario, const Faults& faults);

  // Runs to the end and checks all that can be seen.
  void Run();
  // Whether a fault came before the end.
  bool disturbed() const { return disturbed_; }

 private:
  void Submit();
  void Act();
  bool Settled();
  Outcome Wait();
  void Reopen();
  bool CrashedAndReopened();
  void LookAtStore();
  void CheckCalls(const Outcome& outcome) const;
  void CheckBalances(const Outcome& outcome) const;
  void CheckOrder() const;
  std::vector<size_t> CallsOf(const std::string& url) const;

  const Scenario& scenario_;
  const Faults faults_;
  Bank bank_;
  World world_;
  size_t crashes_ = 0;
  bool disturbed_ = false;
  bool acknowledged_ = false;
  bool act_acknowledged_ = false;
  bool forced_seen_ = false;
  std::optional<TransactionStatus> seen_;  // the furthest status that was ever seen durable
};

}  // namespace troth::testing
