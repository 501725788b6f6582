// A saga driven by chance: its plans are carried out, its calls answered, its writes made durable,
// and now and then the process dies and the stored value goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "model/stored.h"
#include "model/transaction.h"
#include "plan/plan.h"

namespace troth::internal {

struct Chances {
  int failure = 5;  // per cent of the answers of actions, while things go wrong
  int unknown = 20;
  int not_sent = 5;
  int ongoing = 5;
  int crash = 3;   // per cent of the moves
  int cancel = 1;  // the same
  bool deadline = true;
  bool limits = true;
  size_t troubled_moves = 100;  // from then on every branch answers success
};

class RandomRun {
 public:
  RandomRun(uint64_t seed, Definition definition, Chances chances);

  // To the end. What must hold is checked all along; false: it did not end.
  bool ToTheEnd(size_t moves_max);

  // Called at every write, with the value as it will be when that is durable, and with what a load
  // of the stored bytes gives.
  std::function<void(const GlobalTransaction& here, const GlobalTransaction& loaded, Time now)>
      at_write;

  const GlobalTransaction& t() const { return t_; }
  size_t plans() const { return plans_; }
  size_t writes() const { return writes_; }
  size_t calls() const { return calls_; }
  size_t bytes_written() const { return bytes_written_; }
  size_t largest_state() const { return largest_state_; }
  size_t crashes() const { return crashes_; }

 private:
  // What the branches saw of one step.
  struct Seen {
    size_t action_calls = 0;
    bool action_succeeded = false;
    size_t compensation_calls = 0;
    bool compensated = false;
  };

  size_t Below(size_t end) { return static_cast<size_t>(draw_() % end); }
  bool Percent(int chance) { return Below(100) < static_cast<size_t>(chance); }

  void Carry();
  Plan NextPlan();
  void Apply(const PlannedDecision& decision);
  void MakeWrite();
  void FinishWrite();
  void StartCall(uint16_t branch);
  void EndCall(size_t which);
  void Unknown(Branch& b);
  void PassTime();
  void Crash();
  void Move(bool troubled);

  void CheckPlan(const Plan& plan) const;
  void CheckCall(uint16_t branch) const;
  void CheckAction(uint16_t branch) const;
  void CheckCompensation(uint16_t branch) const;
  void CheckEnd() const;

  std::mt19937_64 draw_;
  const Chances chances_;
  Time now_;
  GlobalTransaction t_;
  std::optional<Time> wake_;
  bool troubled_ = true;

  bool waits_for_room_ = false;  // a call is due, and its host has none
  bool must_write_ = true;
  bool dirty_ = false;
  bool writing_ = false;
  StoredTransaction being_written_;
  StoredTransaction durable_;
  bool stored_ = false;

  std::vector<uint16_t> in_flight_;
  std::vector<bool> called_before_;  // of those in flight
  std::vector<Seen> seen_;
  uint64_t next_call_ = 1;
  size_t plans_ = 0;
  size_t writes_ = 0;
  size_t calls_ = 0;
  size_t bytes_written_ = 0;
  size_t largest_state_ = 0;
  size_t crashes_ = 0;
};

// A saga of up to `steps_max` steps; some URLs are empty, concurrent ones have random orders.
Definition RandomSaga(uint64_t seed, size_t steps_max);
// Of `steps` plain steps.
Definition LongSaga(size_t steps, bool concurrent);

}  // namespace troth::internal
