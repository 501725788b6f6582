#include "../temporary_folder.h"
#include "home.h"
#include "store/sqlite/sqlite_store.h"

namespace troth::internal {
namespace {

class SqliteHome final : public StoreHome {
 public:
  std::unique_ptr<Store> NewStore() override { return NewSqliteStore(); }
  StoreOptions Options() const override { return {.path = folder_.File("store.db")}; }
  std::string BackupPath() const override { return folder_.File("backup.db"); }
  // It finds the backup by the path in the options.
  std::unique_ptr<Store> NewStoreOnBackup() override { return NewSqliteStore(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace

std::unique_ptr<StoreHome> MakeHome() { return std::make_unique<SqliteHome>(); }

}  // namespace troth::internal
