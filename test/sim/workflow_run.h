// One run of a workflow's function, by itself, as an SDK has it: what is recorded is not done
// again.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workflows.h"

namespace troth::sim {

class WorkflowRun {
 public:
  WorkflowRun(Workflows& world, const Planned& planned, std::string input)
      : world_(world),
        planned_(planned),
        workflow_(planned.workflow),
        wanted_(planned.wanted[0]),
        input_(std::move(input)),
        number_(++world.runs_),
        process_(world.process_) {}

  BranchResult Go();
  // The coordinator has it, or never will.
  bool known() const { return known_; }

 private:
  enum class Step : uint8_t { kDone, kRefused, kLost, kStuck };

  bool AskToPrepare(Workflows::Parcel& heard);
  bool Prepare();
  std::optional<bool> ChooseByActions();
  std::optional<bool> RecordedOutcome() const;
  Step Act(size_t step);
  Step ActInXa(size_t step);
  bool SecondPhase(bool commits);
  bool HasPhaseTwo(size_t step, bool commits) const;
  BranchResult Submit(bool commits);
  void Contradict(bool commits);

  const internal::Progress* Find(const std::string& branch_id, const std::string& op) const;
  bool Record(const std::string& branch_id, const std::string& op, bool failed);
  CallResult CallBranch(size_t step, const std::string& op);
  bool Ask(const Workflows::Deliver& deliver, Workflows::Parcel& heard);
  void Pause();
  void Sleep(milliseconds time);

  Workflows& world_;
  const Planned& planned_;
  const PlannedWorkflow& workflow_;
  const Wanted& wanted_;
  const std::string input_;
  const uint32_t number_;
  const uint32_t process_;
  std::vector<internal::Progress> recorded_;
  std::optional<TransactionStatus> ended_;
  bool known_ = false;
};

}  // namespace troth::sim
