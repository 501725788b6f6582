// A made-up run, written down record by record, in which all is well: what the checker's own tests
// change in one place to see it found.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "checker.h"

namespace troth::sim {

class Sample {
 public:
  // A transaction with its steps "01", "02", …, each of which moves 10 between accounts.
  Sample(Mode mode, size_t steps);

  Log log;
  internal::GlobalTransaction t;  // as the engine has it

  Stamp Now();
  void Pass(milliseconds time) { at_ += time; }
  // A new life; the one before has crashed.
  void Open();
  // What the engine has is written, and durable at once.
  Stored& Write(Stored::Kind kind = Stored::Kind::kCommitted);
  // A call of "02/action" as it is defined; ended at once with `result`, or by End.
  size_t Send(const std::string& branch_id, const std::string& op);
  void End(size_t call, CallResult result, int http_status, const std::string& text = {});
  void Call(const std::string& branch_id, const std::string& op,
            CallResult result = CallResult::kSuccess, int http_status = 200,
            const std::string& text = {});
  // A question that is answered at once.
  ApiCall& Ask(sim::Ask what, StatusCode code = StatusCode::kOk);

  internal::Branch& BranchOf(const std::string& branch_id, const std::string& op);
  void Mark(const std::string& branch_id, const std::string& op = "action");
  void Done(const std::string& branch_id, const std::string& op);
  void Decide(internal::Decision outcome);
  void EndAll();
  // The last look: image, books, lists.
  void Finish();

  // Changes every row from that place on, as if it had been written so.
  void ChangeRows(uint64_t from, const std::function<void(internal::GlobalTransaction&)>& change);
  void ChangeRow(Stored& row, const std::function<void(internal::GlobalTransaction&)>& change);
  sim::Call& Find(const std::string& branch_id, const std::string& op, size_t which = 0);
  Effect& Book(const std::string& branch_id);

  // Which invariants the log breaks.
  std::set<int> Broken() const;
  bool Breaks(int invariant) const { return Broken().contains(invariant); }

 private:
  uint64_t seq_ = 0;
  Time at_{std::chrono::hours(24 * 365 * 50)};
  uint32_t life_ = 0;
};

// A saga of two steps: submitted, run, ended.
Sample SucceededSaga();
// Its second action is refused; both steps are undone.
Sample FailedSaga();
// Prepared and submitted by its application, and sent.
Sample SentMessage();
// Two branches, tried and confirmed; or cancelled.
Sample ConfirmedTcc();
Sample CancelledTcc();

}  // namespace troth::sim
