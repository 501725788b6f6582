// Who uses the coordinator: applications with their transactions, people who interfere, and in the
// end one patient person who sees to whatever is parked.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "bank.h"
#include "client.h"
#include "dice.h"
#include "orders.h"
#include "scenario.h"
#include "workflows.h"

namespace troth::sim {

class Actors {
 public:
  Actors(const Scenario& scenario, Client& client, Orders& orders, Workflows& workflows,
         Fibers& fibers, Bank& bank, Dice dice, std::function<void(const PlannedDeed& deed)> knock)
      : scenario_(scenario),
        client_(client),
        orders_(orders),
        workflows_(workflows),
        fibers_(fibers),
        bank_(bank),
        dice_(dice),
        knock_(std::move(knock)) {}

  // All of them, each on a stack of its own.
  void Start();
  // The branch of a try that has branches of its own; `done` may come much later.
  void Nest(const BranchContext& context, std::function<void(Status)> done);
  // Retries all that is unended, and what else it needs; false: there was nothing to do.
  bool SeeToParked(const std::vector<TransactionSummary>& all);
  // Nobody begins anything new.
  void CalmDown() { calm_ = true; }

 private:
  void Run(const Planned& planned);
  void RunByMode(const Planned& planned);
  void RunSaga(const Planned& planned);
  void RunMessage(const Planned& planned);
  template <class Options>
  void RunSession(const Planned& planned, const Options& options);
  template <class Session, class Options>
  void RunFunction(const Planned& planned, const Options& options);
  template <class Session>
  Status CallAll(const Planned& planned, Session& session, uint32_t life);
  template <class Ask>
  Status Repeat(const Planned& planned, const Ask& ask);
  void Do(const PlannedDeed& deed);
  void ActOnBranch(const PlannedDeed& deed, const std::string& gid);

  const Scenario& scenario_;
  Client& client_;
  Orders& orders_;
  Workflows& workflows_;
  Fibers& fibers_;
  Bank& bank_;
  Dice dice_;
  std::function<void(const PlannedDeed& deed)> knock_;
  bool calm_ = false;
};

}  // namespace troth::sim
