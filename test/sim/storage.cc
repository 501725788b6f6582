#include "storage.h"

#include <limits>
#include <utility>

#include "base/check.h"
#include "disk.h"
#include "disk_fault.h"
#include "disk_store.h"
#include "store/memory/memory_store.h"

namespace troth::sim {
namespace {

class MemoryStorage final : public Storage {
 public:
  std::string name() const override { return "memory"; }
  std::unique_ptr<internal::Store> NewStore() override {
    return std::make_unique<internal::MemoryStore>(disk_);
  }
  std::string path() const override { return ":memory:"; }
  std::unique_ptr<internal::Store> NewStoreOfAnotherProcess() override { return NewStore(); }
  void RemoveOwnerFile() override { disk_->DropOwner(); }
  void Restore() override { disk_ = disk_->backup(kBackupPath); }
  void Crash() override { disk_->DropOwner(); }
  // Nothing of it is ever unsynced.
  void LosePower(Dice&) override { Crash(); }
  void CutPowerAt(uint64_t, std::function<void()>) override {}

  void Begin(const StoreFault& fault) override {
    switch (fault.kind) {
      case StoreFault::Kind::kFails:
        disk_->FailNextBatches(fault.count, {StatusCode::kUnavailable, "the file is locked"});
        break;
      case StoreFault::Kind::kUnknown:
        disk_->MakeUnknown(1, fault.committed, fault.count);
        break;
      case StoreFault::Kind::kFull:
        disk_->FailNextBatches(std::numeric_limits<size_t>::max(),
                               {StatusCode::kResourceExhausted, "the disk is full"});
        break;
      case StoreFault::Kind::kReads:
      case StoreFault::Kind::kSyncs:
      case StoreFault::Kind::kSlow:
        break;  // can't be; the driver's matter
    }
  }
  void End(const StoreFault& fault) override {
    if (fault.kind == StoreFault::Kind::kFull) disk_->FailNextBatches(0, {});
  }
  void ForgetFaults() override { disk_->ForgetFaults(); }

 private:
  std::shared_ptr<internal::MemoryDisk> disk_ = std::make_shared<internal::MemoryDisk>();
};

class SqliteStorage final : public Storage {
 public:
  explicit SqliteStorage(uint64_t seed) : disk_(seed) {}

  std::string name() const override { return "sqlite"; }
  std::unique_ptr<internal::Store> NewStore() override { return NewSqliteStoreOn(disk_); }
  std::string path() const override { return kStorePath; }
  std::unique_ptr<internal::Store> NewStoreOfAnotherProcess() override {
    return NewSqliteStoreOn(disk_, disk_.other_vfs());
  }
  void RemoveOwnerFile() override { disk_.files().Remove(std::string(kStorePath) + "-owner"); }
  void Restore() override {
    for (const char* suffix : {"", "-wal", "-owner"}) {
      disk_.files().Remove(std::string(kStorePath) + suffix);
    }
    TROTH_CHECK(disk_.files().Rename(kBackupPath, kStorePath).ok());
  }
  void Crash() override { disk_.Crash(); }
  void LosePower(Dice& dice) override {
    disk_.LosePower(dice.Of({Loss::kDropAll, Loss::kKeepAll, Loss::kRandom, Loss::kRandom}), dice);
  }
  void CutPowerAt(uint64_t n, std::function<void()> tell) override {
    disk_.WhenCut(std::move(tell));
    disk_.CutPowerAt(n);
  }

  void Begin(const StoreFault& fault) override { BeginFault(disk_, fault); }
  void End(const StoreFault& fault) override { EndFault(disk_, fault); }
  void ForgetFaults() override {
    disk_.ForgetFaults();
    disk_.CutPowerAt(0);
  }

 private:
  Disk disk_;
};

}  // namespace

std::unique_ptr<Storage> NewSqliteStorage(uint64_t seed) {
  return std::make_unique<SqliteStorage>(seed);
}

std::unique_ptr<Storage> NewMemoryStorage() { return std::make_unique<MemoryStorage>(); }

}  // namespace troth::sim
