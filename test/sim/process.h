// The process that the coordinator lives in: opened, crashed, closed, and opened again.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "api/coordinator_impl.h"
#include "fibers.h"
#include "recorder.h"
#include "scenario.h"
#include "shop.h"
#include "storage.h"
#include "testing/simulated_driver.h"
#include "troth/coordinator.h"

namespace troth::sim {

class Process {
 public:
  Process(const Scenario& scenario, testing::Universe& universe, Fibers& fibers, Recorder& recorder,
          Storage& storage, Shop* shop, Dice dice);
  ~Process();

  // Begins a life. False: the store could not be opened.
  bool Open(bool restored = false);
  // Ends it as SIGKILL does, or with the machine.
  void Crash(bool power);
  void Close(milliseconds grace);
  bool up() const { return coordinator_.has_value() && !ending_ && !universe_.crashed(); }
  bool open() const { return coordinator_.has_value(); }
  bool crashed() const { return universe_.crashed(); }

  Coordinator& coordinator() { return *coordinator_; }
  testing::SimulatedDriver& driver() { return *driver_; }
  // Around the coordinator.
  const internal::Store& store() const { return *store_; }
  size_t commits() const { return commits_ + (store_ ? store_->commits() : 0); }

  // Local functions that a life is given at its opening.
  void RegisterAtOpen(const std::string& name) { registered_.insert(name); }
  bool IsRegistered(const std::string& name) const { return registered_.contains(name); }
  // The check-back that its outbox has registered.
  BranchResult RunCheckBack(const BranchContext& context) const;

 private:
  internal::Backends MakeBackends(const CoordinatorOptions& options,
                                  const internal::StoreInfo& info);
  bool Refuse(const Status& why);
  void Kill(bool power);
  void End(Life::End how);

  const Scenario& scenario_;
  testing::Universe& universe_;
  Fibers& fibers_;
  Recorder& recorder_;
  Storage& storage_;
  Shop* const shop_;  // null: there is none
  Dice dice_;
  testing::SeededRandom random_;
  std::set<std::string> registered_;
  LocalFunction check_back_;  // this life's
  std::shared_ptr<RecordingStore> store_;
  std::optional<Coordinator> coordinator_;
  testing::SimulatedDriver* driver_ = nullptr;
  bool ending_ = false;
  size_t commits_ = 0;
};

// A local function: what it does is the network's matter.
LocalBranch LocalFunctionNamed(const std::string& name);

}  // namespace troth::sim
