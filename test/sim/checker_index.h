// The log, sorted by transaction, branch and life: built once, read by every check.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "log.h"

namespace troth::sim {

using internal::Concat;
using internal::GlobalTransaction;

// {"02", "compensate"}
using Operation = std::pair<std::string, std::string>;

// What an operation is for, whatever its mode calls it.
inline bool IsForward(std::string_view op) { return op == "action" || op == "try"; }
inline bool IsConfirming(std::string_view op) { return op == "confirm" || op == "commit"; }
inline bool IsUndoing(std::string_view op) {
  return op == "compensate" || op == "cancel" || op == "rollback";
}
inline bool IsCheckBack(std::string_view op) { return op == "msg"; }

inline bool HasEnded(TransactionStatus status) {
  return status == TransactionStatus::kSucceed || status == TransactionStatus::kFailed;
}
// A branch got to know of it, or may have.
inline bool MayHaveArrived(const Call& call) { return call.result != CallResult::kNotSent; }
// What the engine knew of it at that moment was a success.
inline bool SucceededBefore(const Call& call, uint64_t seq) {
  return call.result == CallResult::kSuccess && call.ended && call.ended->seq < seq;
}
// Ended without a result that means anything, as an attempt.
bool SaysNothing(const Call& call);
// The host was out of reach: no HTTP answer, or one of a gateway (R21).
bool HostWasDown(const Call& call);
// An act that a person may do more than once to make a transaction go on.
bool IsAct(Ask what);
// A question that changes a transaction, or makes one.
bool ChangesSomething(Ask what);

// Where an operation is among the branches of a value, and a step among its steps.
std::optional<uint16_t> FindBranch(const GlobalTransaction& t, const Operation& operation);
std::optional<size_t> FindStep(const GlobalTransaction& t, std::string_view branch_id);
// Of a step: "01/action" of a saga or message, "01/compensate" of a saga, "01/cancel" of a tcc, …
std::optional<uint16_t> FindBranchOfStep(const GlobalTransaction& t, size_t step, internal::Op op);
Operation OperationOf(const GlobalTransaction& t, uint16_t branch);

// All that the log says about one transaction. A gid may be used again when its tombstone is gone
// (R10); what comes after that is left out.
struct Trail {
  std::string gid;
  bool reused = false;
  std::vector<const Wanted*> wanted;  // by content
  std::vector<const Call*> calls;     // of its branches, in order; alerts apart
  std::map<Operation, std::vector<const Call*>> by_operation;
  std::vector<const Stored*> rows;  // writes and images, in order
  std::vector<const ApiCall*> asked;
  std::vector<const Effort*> efforts;

  const std::vector<const Call*>& Of(const Operation& operation) const;
  // What was durable for certain then; null: nothing, or nothing any more.
  const Stored* DurableAt(uint64_t seq) const;
  // Its value; null also of a tombstone, and of what can't be read.
  const GlobalTransaction* ValueAt(uint64_t seq) const;
  // The newest value that was ever durable for certain.
  const GlobalTransaction* LastValue() const;
  // The first durable row for which it is so.
  const Stored* First(const std::function<bool(const GlobalTransaction&)>& is_so) const;
  // The first row that shows the end; it may be a tombstone.
  const Stored* End() const;
  // A call of that operation had succeeded, as far as the engine knew then.
  bool Succeeded(const Operation& operation, uint64_t before) const;
  // A branch may have got to know of a call that was sent before.
  bool MayHaveRun(const Operation& operation, uint64_t before) const;
  // What the transaction is, of those that were wanted: the content that is stored. Null: none is.
  const Wanted* Content() const;
};

// Whether a workflow's result is in the value, as it was reported.
bool HasRecorded(const GlobalTransaction& t, const ApiCall& call);
// Durable for certain: not a write whose outcome was unknown.
bool IsCertain(const Stored& stored);
// It can't be true. A tombstone that a late result was written to has no definition, and is none
// the worse for it.
bool IsUnreadable(const Stored& stored);
// Whether what is stored is what was asked for (R16). Topics are expanded, so of these the steps
// are not compared.
bool IsContent(const GlobalTransaction& t, const Wanted& wanted);

class Index {
 public:
  explicit Index(const Log& log);

  const Log& log() const { return log_; }
  const std::vector<Trail>& trails() const { return trails_; }
  const Trail* Find(std::string_view gid) const;

  // The coordinator's clock at that moment.
  Time ClockAt(const Stamp& stamp) const;
  // From when on a wait counts that began at `since`, which the clock called `at`, if somebody
  // looks at it at `until`: a life in between whose clock was put back lets it begin anew (R23).
  Time CountsFrom(const Stamp& since, Time at, const Stamp& until) const;
  // What the store held of it when that life began; null: nothing that can be read.
  const GlobalTransaction* FoundBy(uint32_t life, const Trail& trail) const;
  const Life* LifeOf(const Stamp& stamp) const;
  // The calls of one host that have ended, in the order of their ends. "local:" for all local ones.
  const std::vector<const Call*>& EndedAt(const std::string& host) const;
  // A fault that counts, or what it leaves behind for a while, lay in that time.
  bool Disturbed(Time from, Time until, const std::function<bool(const Fault&)>& counts) const;

 private:
  void AddUntoldDelete(Trail& trail);

  const Log& log_;
  std::deque<Stored> untold_;
  std::vector<Trail> trails_;
  std::map<std::string, size_t, std::less<>> by_gid_;
  std::map<std::string, std::vector<const Call*>> by_host_;
};

// Where checks leave what they find.
class Findings {
 public:
  explicit Findings(int invariant, std::vector<Violation>& out)
      : invariant_(invariant), out_(out) {}
  void Add(const Trail& trail, uint64_t seq, std::string what) {
    out_.push_back({invariant_, trail.gid, std::move(what), seq});
  }
  void Add(uint64_t seq, std::string what) {
    out_.push_back({invariant_, {}, std::move(what), seq});
  }

 private:
  const int invariant_;
  std::vector<Violation>& out_;
};

// "02/action in life 3"
std::string Name(const Call& call);

}  // namespace troth::sim
