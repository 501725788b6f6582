#include "testing/agenda_runner.h"

#include <utility>

namespace troth::testing {

void AgendaRunner::Start(Work work) {
  state_->work = std::move(work);
  Wake();
}

void AgendaRunner::Wake() {
  state_->woken = true;
  if (!state_->working) ScheduleAt(state_, state_->universe.now());
}

void AgendaRunner::ScheduleAt(const std::shared_ptr<State>& state, Time when) {
  state->universe.At(when, [state, turn = ++state->turn] {
    if (turn == state->turn) Turn(state);
  });
}

void AgendaRunner::Turn(const std::shared_ptr<State>& state) {
  if (state->over || !state->work || state->universe.crashed()) return;
  state->working = true;
  state->woken = false;
  const auto pause = state->work();
  state->working = false;
  if (state->woken) {
    ScheduleAt(state, state->universe.now());
  } else if (pause) {
    ScheduleAt(state, state->universe.now() + *pause);
  }
}

}  // namespace troth::testing
