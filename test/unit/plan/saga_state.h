// Sagas written as a line of text, and plans shown as one: what the tables of this folder are made
// of.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/transaction.h"
#include "plan/plan.h"

namespace troth::internal {

inline constexpr Time kNow{Milliseconds{1'700'000'000'000}};

// Two letters a step, in the order of the steps: its action, its compensation.
//
// Action: . nothing yet  p mark being written  m marked, not called  i in flight
//         c called, due again  r called, retried in 10 s  u nothing was sent, retried in 10 s
//         w the same, and its mark was taken back since
//         x called, past its limit of 2, retried in 10 s  X the same, in flight
//         h called first 5 s ago, given up after 30 s, retried in 40 s  g given up by now
//         d done  f failed  e its URL is empty  E the same, done
// Compensation: . nothing yet  i in flight  r retried in 10 s  x past park_after of 5
//               d done  s skipped  e its URL is empty  E the same, done
struct SagaState {
  std::string_view steps;
  std::vector<std::vector<uint16_t>> after = {};  // with it the steps are concurrent
  bool concurrent = false;
  enum class Decided { kUndecided, kRollback, kRollbackNotDurable } outcome = Decided::kUndecided;
  bool cancel = false;
  std::optional<Milliseconds> deadline = {};  // from kNow
  std::optional<Milliseconds> first_action = {};
  bool restored = false;
};
using Decided = SagaState::Decided;

GlobalTransaction SagaOf(const SagaState& state);

// "mark:2,3 call:1 wake:+10000 park:2c(retries)": steps count from 1, `c` is a compensation.
// A decision is "rollback(02/action failure)", "commit" or "end"; nothing is "".
std::string Show(const Plan& plan, Time now = kNow);

std::string PlanOf(const SagaState& state);

// A row of a table: what is written there, and what must follow.
struct Row {
  const char* why;
  SagaState state;
  const char* plan;
};
void Check(const std::vector<Row>& rows);

}  // namespace troth::internal
