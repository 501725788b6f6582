// Looks into outboxes in virtual time.
#pragma once

#include <memory>

#include "outbox/runner.h"
#include "testing/universe.h"

namespace troth::testing {

class AgendaRunner final : public internal::outbox::Runner {
 public:
  explicit AgendaRunner(Universe& universe) : state_(std::make_shared<State>(universe)) {}
  ~AgendaRunner() override { state_->over = true; }

  void Start(Work work) override;
  void Wake() override;
  void Stop() override { state_->over = true; }

 private:
  // What the agenda holds on to: it outlives a crash.
  struct State {
    explicit State(Universe& world) : universe(world) {}
    Universe& universe;
    Work work;
    bool over = false;
    bool working = false;  // blocked in it, the world goes on
    bool woken = false;
    uint64_t turn = 0;  // what was put on the agenda before it is void
  };
  static void ScheduleAt(const std::shared_ptr<State>& state, Time when);
  static void Turn(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace troth::testing
