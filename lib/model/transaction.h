// The value that everything is about: a global transaction, as plans read it and stores keep it.
//
// Plain structs. No I/O, no clock, no threads. What is marked "volatile" is never stored: it is
// what this life of the process knows beyond the durable state.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "troth/transaction.h"

namespace troth::internal {

using Milliseconds = std::chrono::milliseconds;

// The effective policy: nothing unset, copied in at the first commit.
struct Policy {
  Milliseconds first{10'000};
  double factor = 2;
  Milliseconds cap{600'000};
  bool jitter = false;
  int32_t limit = kNoLimit;
  Milliseconds give_up_after = kNoTimeLimit;
  int32_t park_after = kNoLimit;
  Milliseconds request_timeout{3'000};
  bool body_verdicts = true;
  bool json_rpc = false;
  friend bool operator==(const Policy&, const Policy&) = default;
};

// What an operation is for. Its name on the wire depends on the mode: OpName.
enum class Op : uint8_t { kForward = 0, kCommit = 1, kRollback = 2, kCheckBack = 3 };
// "action", "compensate", "try", "confirm", …; empty where the mode has no such operation, or where
// it has a name of its own, as a workflow's call-back: GlobalTransaction::OpNameOf.
std::string_view OpName(Mode mode, Op op);
// Whether a failure of this operation is a decision; elsewhere it counts as unknown. What may fail
// is never skipped.
inline bool MayFail(Mode mode, Op op) {
  return (op == Op::kCheckBack && mode == Mode::kMessage) ||
         (op == Op::kForward && mode == Mode::kSaga);
}

enum class Phase : uint8_t { kPrepared = 0, kRunning = 1, kEnded = 2 };
enum class Decision : uint8_t { kUndecided = 0, kCommit = 1, kRollback = 2 };

// One participant, as the application defined it. Immutable once stored.
struct Step {
  std::string branch_id;
  std::string forward;   // URL of action or try; empty: done at once
  std::string commit;    // URL of confirm or commit
  std::string rollback;  // URL of compensate, cancel or rollback
  std::string payload;
  Headers headers;
  std::vector<uint16_t> after;  // steps that must have succeeded before this one may start
  uint16_t policy = 0;          // index into Definition::policies
  std::optional<Policy> own;    // of a step that was registered later: in place of `policy`
  friend bool operator==(const Step&, const Step&) = default;
};

// One result that a workflow has recorded, of one operation of one of its branches. Immutable once
// stored.
struct Progress {
  std::string branch_id;  // the caller's; may be empty
  std::string op;         // "action", "commit", "rollback", or what else the caller records
  bool failed = false;
  std::string data;  // what the operation answered, or why it failed
  friend bool operator==(const Progress&, const Progress&) = default;
};

// The outcome whose second phase it belongs to; a step's own result belongs to none.
Decision OwedBy(const Progress& progress);

// What the application asked for. Immutable; shared by everything that needs a payload, never
// copied.
struct Definition {
  Mode mode = Mode::kSaga;
  bool concurrent = false;
  std::string query_prepared;
  Headers headers;
  std::vector<Policy> policies{Policy{}};  // [0] is the transaction's own
  std::optional<Milliseconds> timeout_to_fail;
  Milliseconds barrier_retention = std::chrono::hours(24 * 90);  // of its branches (R10)
  std::vector<Step> steps;
  std::string workflow;  // which one: the name of its call-back's operation
  std::string input;     // of a workflow: what its call-back carries
  friend bool operator==(const Definition&, const Definition&) = default;
};

enum class BranchState : uint8_t { kWaiting = 0, kDone = 1, kFailed = 2, kSkipped = 3 };

// Whether a durable row says that an action may have been called (R1).
enum class Started : uint8_t {
  kNo = 0,
  kPending = 1,  // volatile: the mark is in a write that is not durable yet
  kYes = 2,
};

// One operation of one step. Stored as ranges of equal ones; those with something to tell also by
// themselves.
struct Branch {
  uint16_t step = 0;
  Op op = Op::kForward;
  BranchState state = BranchState::kWaiting;
  Started started = Started::kNo;  // forward operations only

  uint32_t calls = 0;     // made, ever
  uint32_t unknowns = 0;  // results that count against a limit, since the start or a person's reset
  Milliseconds interval{};       // the last back-off; zero: none yet
  Time first_call{};             // since the start or a person's reset; zero: never
  Time next{};                   // not before; zero: at once
  std::vector<Reason> failures;  // [0] the first, then up to kNewestFailures newest ones

  uint64_t held_by = 0;  // volatile: the session's call that this one undoes, while in flight (R7)
  bool called = false;   // volatile, but `started` after a load: the call was made in this life
  uint64_t in_flight = 0;  // volatile: the call's id, 0 for none
};
inline constexpr size_t kNewestFailures = 3;

// What a person changed of one branch; an immutable part of its own.
struct Edit {
  uint16_t branch = 0;
  std::string url;
  std::string payload;
  Headers headers;  // in place of the step's
};

// More can't be numbered: branches are counted with 16 bits, and a step has up to two.
inline constexpr size_t kStepsMax = 32'767;

struct GlobalTransaction {
  int64_t id = 0;  // the store's; 0 until inserted
  std::string gid;
  std::shared_ptr<const Definition> definition;
  std::string digest;
  uint64_t version = 0;  // of the last write made; the stored row has it once that is durable

  Time created{};
  Time updated{};
  std::optional<Time> finished;
  std::optional<Time> deadline;
  Time start{};         // msg: no action before it; zero: at once
  Time first_action{};  // the first call of any action; zero: none (R10)

  Phase phase = Phase::kRunning;
  Decision outcome = Decision::kUndecided;
  bool forced = false;
  bool restored = false;               // of a restored backup: parked until a person acts
  std::optional<Reason> cancel_asked;  // a plan turns it into a decision
  Reason reason;
  std::vector<std::string> in_doubt;  // with `forced`
  std::vector<HistoryRecord> history;

  // What was registered after the first write, each an immutable part of its own: steps (tcc, xa),
  // or what a workflow has recorded, in that order.
  std::vector<std::shared_ptr<const Step>> registered;
  std::vector<std::shared_ptr<const Progress>> progress;
  std::vector<uint16_t> registered_parts;
  // Of a workflow that has ended; the part, 0 where it is empty.
  std::shared_ptr<const std::string> result;
  uint16_t result_part = 0;

  std::vector<Branch> branches;                           // in the protocol's order: see BranchesOf
  std::map<uint16_t, uint16_t> edit_parts;                // branch → number of the part in force
  std::map<uint16_t, std::shared_ptr<const Edit>> edits;  // the same parts, read
  uint16_t parts = 1;          // next free part number; 0 is the definition
  std::string unknown_fields;  // of a newer version's state: kept on rewrite

  // Volatile: what the last durable write said. A call that needs a decision needs it here (the law
  // of semantics.md §3).
  Phase durable_phase = Phase::kPrepared;
  Decision durable_outcome = Decision::kUndecided;

  Mode mode() const { return definition->mode; }
  size_t Steps() const { return definition->steps.size() + registered.size(); }
  const Step& StepAt(size_t step) const {
    const size_t defined = definition->steps.size();
    return step < defined ? definition->steps[step] : *registered[step - defined];
  }
  // Not for a check-back, which belongs to no step.
  const Step& StepOf(const Branch& branch) const { return StepAt(branch.step); }
  const Policy& PolicyOf(const Branch& branch) const {
    if (branch.op == Op::kCheckBack) return definition->policies[0];
    const Step& step = StepOf(branch);
    return step.own ? *step.own : definition->policies[step.policy];
  }
  // "02"; of a check-back "00".
  std::string_view BranchIdOf(const Branch& branch) const;
  // "compensate"; of a workflow's call-back the workflow's name.
  std::string_view OpNameOf(const Branch& branch) const {
    const bool call_back = branch.op == Op::kCheckBack && mode() == Mode::kWorkflow;
    return call_back ? std::string_view(definition->workflow) : OpName(mode(), branch.op);
  }
  // With the edit in force, if there is one.
  const std::string& UrlOf(uint16_t branch) const;
  const std::string& PayloadOf(uint16_t branch) const;
  const Headers& HeadersOf(uint16_t branch) const;
  // "02/compensate".
  std::string BranchName(uint16_t branch) const;
};

// The branches that a mode's steps have, fresh: of a saga step i compensate at 2i and action at
// 2i+1; tcc cancel, confirm; xa rollback, commit; msg action alone, and at the very end the
// check-back if there is one; of a workflow the call-back alone.
std::vector<Branch> BranchesOf(const Definition& definition);
// The branches of one more step, at the end.
void AddBranches(Mode mode, size_t step, std::vector<Branch>& branches);

// A transaction that has never been stored, as a first submit makes it: a saga running and
// undecided; tcc, xa and a message running and committed; a workflow prepared. What is prepared
// first begins with phase kPrepared and kUndecided instead: the caller's to set.
GlobalTransaction NewTransaction(std::string gid, std::shared_ptr<const Definition> definition,
                                 Time now);

// The protocol's status, derived. A forced end is `failed` whatever had been decided (R18).
TransactionStatus WireStatus(Mode mode, Phase phase, Decision outcome);
inline TransactionStatus WireStatus(const GlobalTransaction& t) {
  return t.forced ? TransactionStatus::kFailed : WireStatus(t.mode(), t.phase, t.outcome);
}

// What the API shows.
TransactionRecord ToRecord(const GlobalTransaction& t);
Outcome ToOutcome(const GlobalTransaction& t);

}  // namespace troth::internal
