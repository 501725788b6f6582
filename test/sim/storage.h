// A disk on which a store is opened again and again, by one process after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "dice.h"
#include "model/store.h"
#include "scenario.h"

namespace troth::sim {

inline constexpr char kBackupPath[] = "/backup.db";

class Storage {
 public:
  virtual ~Storage() = default;
  virtual std::string name() const = 0;
  // A store that is not open yet; destroyed before the storage.
  virtual std::unique_ptr<internal::Store> NewStore() = 0;
  virtual std::string path() const = 0;
  // The same store, for another process at the same time; nobody keeps it out early where the
  // owner's file is gone.
  virtual std::unique_ptr<internal::Store> NewStoreOfAnotherProcess() = 0;
  virtual void RemoveOwnerFile() = 0;
  // Puts the copy that Store::Backup has made at kBackupPath in the place of the store.
  virtual void Restore() = 0;
  // The process dies, or the whole machine does.
  virtual void Crash() = 0;
  virtual void LosePower(Dice& dice) = 0;
  // Power is cut at the `n`-th change from now; `tell` is called from inside that operation.
  virtual void CutPowerAt(uint64_t n, std::function<void()> tell) = 0;

  virtual void Begin(const StoreFault& fault) = 0;
  virtual void End(const StoreFault& fault) = 0;
  // From now on all is well.
  virtual void ForgetFaults() = 0;
};

std::unique_ptr<Storage> NewMemoryStorage();
// The store of production.
std::unique_ptr<Storage> NewSqliteStorage(uint64_t seed);

}  // namespace troth::sim
