#include "disk.h"
#include "home.h"
#include "store/sqlite/sqlite_store.h"

namespace troth::internal {
namespace {

class DiskHome final : public StoreHome {
 public:
  DiskHome() { disk_.ShareAmongThreads(); }
  std::unique_ptr<Store> NewStore() override {
    return NewSqliteStore({.vfs = disk_.vfs(), .files = &disk_.files()});
  }
  StoreOptions Options() const override { return {.path = "/store.db"}; }
  std::string BackupPath() const override { return "/backup.db"; }
  // It finds the backup by the path in the options.
  std::unique_ptr<Store> NewStoreOnBackup() override { return NewStore(); }

 private:
  sim::Disk disk_{1};
};

}  // namespace

std::unique_ptr<StoreHome> MakeHome() { return std::make_unique<DiskHome>(); }

}  // namespace troth::internal
