// One run of a world on a simulated disk, under one trouble: power that is cut at the n-th change
// of the disk, or operations that fail. Opens the coordinator again after every loss, and keeps
// what was found wrong.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "disk.h"
#include "disk_store.h"
#include "testing/simulated_driver.h"
#include "testing/world_stores.h"
#include "troth/testing/world.h"

namespace troth::sim {

struct Trouble {
  // Power is cut at the so-many-th change after the beginning, and once more so many changes into
  // the next life; 0: it is not.
  uint64_t cut_at = 0;
  uint64_t cut_again = 0;
  Loss loss = Loss::kDropAll;
  uint64_t seed = 1;
  std::optional<DiskFault> fault = {};
  // Power is cut so many changes after the first operation that failed.
  uint64_t cut_after_fault = 0;
  // The first cut takes only the process: what was written is read back, synced or not.
  bool kill_first = false;
  // Of an application's own database: its commits are durable by themselves.
  bool synced_commits = false;
};

// Thrown when a run can't come to its end; what is wrong is noted.
struct GivenUp {};

class DiskStores final : public testing::WorldStores {
 public:
  explicit DiskStores(Disk& disk) : disk_(disk) {}
  std::unique_ptr<internal::Store> NewStore() override { return NewSqliteStoreOn(disk_); }
  std::string path() const override { return kStorePath; }
  void Crash() override { disk_.Crash(); }
  void WhenCut(std::function<void()> crash) override { disk_.WhenCut(std::move(crash)); }

 private:
  Disk& disk_;
};

class Ordeal {
 public:
  // The trouble begins with Begin(), which opens the coordinator.
  // `files`: what is looked at after every loss.
  Ordeal(const Trouble& trouble, testing::WorldOptions options, std::vector<std::string> files);

  Disk& disk() { return disk_; }
  testing::World& world() { return world_; }
  Coordinator& coordinator() { return world_.coordinator(); }
  const Trouble& trouble() const { return trouble_; }

  void Begin();
  // After a step that may have met the trouble. True: the machine died, and the coordinator is open
  // again.
  bool Recovered();
  // The machine dies now; what was not synced is gone.
  void LosePowerNow();
  // A step has failed without a crash: waits a little, and after some such steps takes what is
  // wrong with the disk away. Throws GivenUp in the end.
  void Wait();

  // The gid's transaction is in every later image.
  void Acknowledge(const std::string& gid);
  // Looks at all of them: nothing acknowledged is lost, no end changes (I1, I3, I4).
  void LookAtStore();
  // Whether the trouble came before the end.
  bool disturbed() const { return cuts_ > 0 || disk_.failed() > 0; }

  void Check(bool condition, const std::string& what);
  void CheckCode(const Status& status, const std::string& doing);
  const std::vector<std::string>& wrong() const { return wrong_; }

 private:
  void Open();
  void CheckIntegrity();

  const Trouble trouble_;
  const std::vector<std::string> files_;
  Disk disk_;
  DiskStores stores_{disk_};
  testing::World world_;
  testing::SeededRandom random_;
  size_t cuts_ = 0;
  size_t waits_ = 0;
  std::set<std::string> acknowledged_;
  std::map<std::string, TransactionStatus> seen_;  // the furthest that was ever seen
  std::vector<std::string> wrong_;
};

}  // namespace troth::sim
