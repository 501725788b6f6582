// What the conformance suite needs of a store's kind: a place that outlives the store objects in
// it, and a backup that can be opened. Each kind defines MakeHome() once; the suite is linked to
// it.
#pragma once

#include <memory>
#include <string>

#include "model/store.h"

namespace troth::internal {

class StoreHome {
 public:
  virtual ~StoreHome() = default;
  // A store object that is not open yet. Destroying it without Close is a crash.
  virtual std::unique_ptr<Store> NewStore() = 0;
  virtual StoreOptions Options() const = 0;
  virtual std::string BackupPath() const = 0;
  virtual std::unique_ptr<Store> NewStoreOnBackup() = 0;
};

std::unique_ptr<StoreHome> MakeHome();

}  // namespace troth::internal
