// A small life of a whole coordinator under one trouble: a saga that succeeds, one that
// compensates, a TCC, a message to a topic, their purge, a clean close. The application repeats
// what was not answered; at the end everything acknowledged is there, once, and the sums are right.
#pragma once

#include <string>
#include <vector>

#include "../unit/modes/accounts.h"
#include "../unit/saga/bank.h"
#include "ordeal.h"
#include "troth/message.h"
#include "troth/saga.h"

namespace troth::sim {

class PowerRun {
 public:
  explicit PowerRun(const Trouble& trouble);
  void Play();
  const Ordeal& ordeal() const { return ordeal_; }

 private:
  void Serve();
  void Submit(const Saga& saga);
  void Subscribe();
  void DoTcc();
  bool TryTcc(const std::string& gid);
  void DoMessage();
  void Prepare();
  void Decide();
  Outcome WaitFor(const std::string& gid);
  void CheckEnds();
  void CheckSums();
  void Purge();
  void Close();

  Ordeal ordeal_;
  testing::Bank bank_;
  testing::Accounts accounts_;
  Saga good_;
  Saga bad_;
  Message message_;
  std::vector<std::string> tried_;  // TCCs, of which only the last may have been committed for sure
  std::string committed_;
};

}  // namespace troth::sim
