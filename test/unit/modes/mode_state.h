// Transactions written as a line of text, and plans shown as one: what the tables of this folder
// are made of.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/transaction.h"
#include "plan/plan.h"

namespace troth::internal {

inline constexpr Time kNow{Milliseconds{1'700'000'000'000}};

// "Pending": decided in memory, and not durable yet.
enum class At {
  kPrepared,
  kUndecided,  // a saga that runs
  kCommitPending,
  kCommit,
  kRollbackPending,
  kRollback,
  kEnded,   // by a commit
  kFailed,  // by a rollback
};

// The branches, a letter each, with a blank between steps. A step of TCC and XA is its rollback,
// its commit, and `h` where the session's own call of it is in flight; of a saga it is its
// compensation and its action, of a message its action; "?" and a letter is the check-back.
//
// . nothing yet  p mark being written  m marked  i in flight  r retried in 10 s
// x past park_after of 5, due  d done  f failed  s skipped  e its URL is empty
struct ModeState {
  At at = At::kPrepared;
  std::string_view branches;
  bool concurrent = false;
  bool cancel = false;
  std::optional<Milliseconds> deadline = {};  // from kNow
  std::optional<Milliseconds> start = {};     // of a message, from kNow
  bool restored = false;
  bool forced = false;
  std::optional<Milliseconds> first_action = {};  // from kNow; the barrier's rows live 100 s
};

GlobalTransaction TransactionOf(Mode mode, const ModeState& state);

// "mark:01/action call:02/confirm wake:+10000 park:01/cancel(retries)". A decision is "commit",
// "rollback(timeout)", "end" (with the outcome that it has) or "fail(cancelled)"; nothing is "".
std::string Show(const GlobalTransaction& t, const Plan& plan);

// A row of a table: what is written there, and what must follow.
struct Row {
  const char* why;
  ModeState state;
  const char* plan;
};
void Check(Mode mode, const std::vector<Row>& rows);

}  // namespace troth::internal
