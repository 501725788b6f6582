#include "storage.h"

#include <limits>

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
  void Crash() override { disk_->DropOwner(); }
  // Nothing of it is ever unsynced.
  void LosePower(Dice&) override { Crash(); }

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
      case StoreFault::Kind::kSlow:
        break;  // the driver's matter
    }
  }
  void End(const StoreFault& fault) override {
    if (fault.kind == StoreFault::Kind::kFull) disk_->FailNextBatches(0, {});
  }
  void ForgetFaults() override { disk_->ForgetFaults(); }

 private:
  std::shared_ptr<internal::MemoryDisk> disk_ = std::make_shared<internal::MemoryDisk>();
};

}  // namespace

std::unique_ptr<Storage> NewMemoryStorage() { return std::make_unique<MemoryStorage>(); }

}  // namespace troth::sim
