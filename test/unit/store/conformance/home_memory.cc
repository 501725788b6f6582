#include "home.h"
#include "store/memory/memory_store.h"

namespace troth::internal {
namespace {

class MemoryHome final : public StoreHome {
 public:
  std::unique_ptr<Store> NewStore() override { return std::make_unique<MemoryStore>(disk_); }
  StoreOptions Options() const override { return {.path = "memory"}; }
  std::string BackupPath() const override { return "backup"; }
  std::unique_ptr<Store> NewStoreOnBackup() override {
    return std::make_unique<MemoryStore>(disk_->backup("backup"));
  }

 private:
  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
};

}  // namespace

std::unique_ptr<StoreHome> MakeHome() { return std::make_unique<MemoryHome>(); }

}  // namespace troth::internal
