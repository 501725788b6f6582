// Where the store of a world comes from: life after life on the same disk.
//
// A world has a disk in memory of its own; our tests give it others.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "model/store.h"

namespace troth::testing {

class WorldStores {
 public:
  virtual ~WorldStores() = default;
  // Not open yet.
  virtual std::unique_ptr<internal::Store> NewStore() = 0;
  virtual std::string path() const = 0;
  // The process is dead. Its store is destroyed after that.
  virtual void Crash() = 0;
  // `crash` is to be called when the machine dies in the middle of an operation.
  virtual void WhenCut(std::function<void()> crash) = 0;
};

}  // namespace troth::testing
