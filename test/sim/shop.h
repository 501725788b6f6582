// The application's own database, on a disk of its own beside the coordinator's store: orders, and
// the outbox that is one commit with them. Both disks lose their power at the same moment.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "disk.h"
#include "disk_database.h"
#include "recorder.h"
#include "scenario.h"
#include "troth/branch.h"

namespace troth::sim {

class Shop {
 public:
  // Makes the database, with its tables.
  Shop(const PlannedShop& planned, uint64_t seed);
  ~Shop();

  bool synced() const { return planned_.synced; }
  // What CoordinatorOptions::outboxes names.
  static std::string path();
  // The check-back that DoAndSubmit gives a message without one.
  static std::string CheckBackUrl();

  // An application's connection; null: it can't be had now. One that outlives its process fails at
  // everything.
  std::unique_ptr<Database> Connect();
  // How many there are; -1: it can't be read.
  static int64_t Orders(Database& db, const std::string& gid);
  static int AddOrder(Database& db, const std::string& gid);
  // The application's own answer to a check-back.
  BranchResult CheckBack(const BranchContext& context);

  // The process dies, or the whole machine does.
  void Crash();
  void LosePower(Dice& dice);
  // At the `n`-th change from now nothing can be done any more; `tell` is called from inside of it.
  // 0: never.
  void CutAt(uint64_t n, std::function<void()> tell);
  // The same, at the next operation that fails.
  void CutAtFailure(std::function<void()> tell);
  // At once.
  void Cut() { disk_.CutPowerAt(1); }
  void Begin(const StoreFault& fault);
  void End(const StoreFault& fault);
  // From now on all is well.
  void ForgetFaults();

  // Writes down what is in it; not if it can't be read now.
  void Look(Recorder& recorder);

 private:
  void ForgetDoubts();

  const PlannedShop& planned_;
  Disk disk_;
};

}  // namespace troth::sim
