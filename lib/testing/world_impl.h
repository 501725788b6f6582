// What a World is made of, for the parts of the kit that look inside.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/coordinator_impl.h"
#include "testing/simulated_driver.h"
#include "testing/universe.h"
#include "testing/world_stores.h"
#include "troth/testing/world.h"

namespace troth::testing {

// In memory, on the universe's disk.
class MemoryStores final : public WorldStores {
 public:
  explicit MemoryStores(Universe& universe) : universe_(universe) {}
  std::unique_ptr<internal::Store> NewStore() override;
  std::string path() const override { return ":memory:"; }
  void Crash() override { universe_.disk->DropOwner(); }
  void WhenCut(std::function<void()>) override {}

 private:
  Universe& universe_;
};

class World::Impl {
 public:
  // Not open yet. Without `stores` it has its own.
  Impl(WorldOptions options, WorldStores* stores);
  ~Impl() { stores_.WhenCut({}); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status Open();
  void Crash();
  // Something happens, up to `limit`: in the coordinator, or to what outlived it.
  bool Step(Time limit);
  // For who keeps a crashed world: calls are answered as by a closed coordinator.
  Coordinator& coordinator();

  WorldOptions options_;
  Universe universe_;
  MemoryStores own_stores_{universe_};
  WorldStores& stores_;
  SeededRandom random_;
  std::optional<Coordinator> coordinator_;
  SimulatedDriver* driver_ = nullptr;
};

struct WorldAccess {
  static Universe& UniverseOf(World& world) { return world.impl_->universe_; }
};

}  // namespace troth::testing
