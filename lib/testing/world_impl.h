// What a World is made of, for the parts of the kit that look inside.
#pragma once

#include <memory>
#include <optional>

#include "api/coordinator_impl.h"
#include "testing/simulated_driver.h"
#include "testing/universe.h"
#include "troth/testing/world.h"

namespace troth::testing {

class World::Impl {
 public:
  explicit Impl(WorldOptions options);

  Status Open();
  void Crash();
  // Something happens, up to `limit`: in the coordinator, or to what outlived it.
  bool Step(Time limit);
  // For who keeps a crashed world: calls are answered as by a closed coordinator.
  Coordinator& coordinator();

  WorldOptions options_;
  Universe universe_;
  SeededRandom random_;
  std::optional<Coordinator> coordinator_;
  SimulatedDriver* driver_ = nullptr;
};

struct WorldAccess {
  static Universe& UniverseOf(World& world) { return world.impl_->universe_; }
};

}  // namespace troth::testing
