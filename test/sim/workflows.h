// The application that runs workflows: a process of its own, which prepares them, runs their
// functions over what they have recorded, is called back, and dies between any two of its effects.
// Between it and the coordinator, and its branches, lies a network with the scenario's weather.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bank.h"
#include "client.h"
#include "dice.h"
#include "scenario.h"
#include "testing/universe.h"

namespace troth::sim {

class Workflows {
 public:
  Workflows(const Scenario& scenario, Client& client, Fibers& fibers, testing::Universe& universe,
            Bank& bank);

  // Of a fiber: somebody has the application run it, and asks again until it has ended or is known
  // to the coordinator.
  void Begin(const Planned& planned);
  // Once, with one of its contents.
  void BeginOnce(const Planned& planned, uint32_t content);
  // The coordinator calls it back, with what it began with; `done` may come much later, or never.
  void CallBack(const BranchContext& context, const std::string& input,
                std::function<void(BranchResult)> done);
  // From now on all is well.
  void CalmDown() {
    calm_ = true;
    weather_ = {};
  }

 private:
  friend class WorkflowRun;

  // Thrown inside of a run whose process has died.
  struct Killed {};
  // What has become of something that was sent.
  struct Parcel {
    bool answered = false;
    CallResult result = CallResult::kLost;  // of a branch
    Status status;                          // of the coordinator
    std::shared_ptr<const TransactionRecord> record;
  };

  // One run of the function: ongoing when it has not come to an end.
  BranchResult RunOnce(const Planned& planned, const std::string& input, bool& known);
  // One more effect: the application may die right here.
  void CountEffect();
  void CheckAlive(uint32_t process) const {
    if (process != process_) throw Killed{};
  }

  // Sends it, and waits for the answer; false: there was none in time. `deliver` runs in a fiber
  // of its own, as often as the network has it arrive.
  using Deliver = std::function<void(Parcel&)>;
  bool Exchange(uint32_t process, const std::shared_ptr<Parcel>& parcel, const Deliver& deliver);
  void Arrive(const std::shared_ptr<Parcel>& parcel, const Deliver& deliver, bool copy);
  bool Roll(uint32_t percent) { return percent > 0 && dice_.Chance(percent); }

  const Scenario& scenario_;
  Client& client_;
  Fibers& fibers_;
  testing::Universe& universe_;
  Bank& bank_;
  Dice dice_;
  Weather weather_ = scenario_.weather;
  bool calm_ = false;
  uint32_t runs_ = 0;
  uint32_t process_ = 1;  // which; the ones before have died
  bool up_ = true;
  size_t next_end_ = 0;
  size_t effects_ = 0;  // since the last end
};

}  // namespace troth::sim
