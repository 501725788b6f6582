#include "engine/results.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "model/url.h"

namespace troth::internal {
namespace {

constexpr Milliseconds kUncleanLocalWait{1'000};
// No attempt, but no spinning either, whatever the transport's reason is.
constexpr Milliseconds kNotSentPause{1'000};

void Remember(Branch& branch, Reason reason) {
  if (branch.failures.size() == 1 + kNewestFailures) {
    branch.failures.erase(branch.failures.begin() + 1);
  }
  branch.failures.push_back(std::move(reason));
}

Reason ReasonOf(const GlobalTransaction& t, const Branch& b, const CallEnded& ended, Time now) {
  return Reason{.code = ended.code,
                .branch_id = std::string(t.BranchIdOf(b)),
                .op = std::string(t.OpNameOf(b)),
                .http_status = ended.http_status,
                .text = ended.text,
                .attempt = b.calls,
                .author = {},
                .at = now};
}

void BackOff(Branch& b, const Policy& policy, Time now, Random& random) {
  const double grown = static_cast<double>(b.interval.count()) * policy.factor;
  const double cap = static_cast<double>(policy.cap.count());
  b.interval = b.interval == Milliseconds{0}
                   ? policy.first
                   : Milliseconds{static_cast<int64_t>(std::min(grown, cap))};
  const int64_t wait = b.interval.count();
  b.next = now + Milliseconds{policy.jitter ? random.Between(0, wait) : wait};
}

// "1st", "2nd", "3rd", "4th", "11th", "21st".
std::string Ordinal(uint32_t n) {
  const bool teen = n % 100 >= 11 && n % 100 <= 13;
  const std::string_view ending = teen || n % 10 > 3 || n % 10 == 0 ? "th"
                                  : n % 10 == 1                     ? "st"
                                  : n % 10 == 2                     ? "nd"
                                                                    : "rd";
  return Concat(n, ending);
}

// "409 from confirm"; where there was no HTTP answer "failure from confirm", "no answer from …".
std::string What(const GlobalTransaction& t, const Branch& b, const CallEnded& ended) {
  const std::string_view op = t.OpNameOf(b);
  if (ended.http_status != 0) return Concat(ended.http_status, " from ", op);
  const bool failure =
      ended.kind == CallEnded::Kind::kAnswered && ended.verdict == BranchResult::Verdict::kFailure;
  return Concat(failure ? "failure" : ReasonText(ended.code), " from ", op);
}

// A workflow ends by what its caller submits, whatever its call-back answers.
constexpr std::string_view kNotFinished = "the workflow has not submitted its end";

// Who may not fail, and why it is retried.
std::string_view MayNotFail(const GlobalTransaction& t, const Branch& b) {
  if (t.mode() == Mode::kWorkflow) return kNotFinished;
  if (t.mode() == Mode::kMessage) return "a message's action may not fail";
  if (t.mode() == Mode::kSaga) return "a compensation may not fail";
  return b.op == Op::kForward ? "it may not fail" : "a phase-two branch may not fail";
}

std::string Unknown(GlobalTransaction& t, Branch& b, const CallEnded& ended, Time now,
                    Random& random, std::string_view rule) {
  Reason reason = ReasonOf(t, b, ended, now);
  if (ended.kind == CallEnded::Kind::kAnswered) {
    if (ended.verdict == BranchResult::Verdict::kFailure) {
      reason.code = ReasonCode::kFailureNotAllowed;
    }
    if (ended.verdict == BranchResult::Verdict::kSuccess) reason.code = ReasonCode::kNotEnded;
  }
  Remember(b, std::move(reason));
  ++b.unknowns;
  BackOff(b, t.PolicyOf(b), now, random);
  return Concat(What(t, b, ended), ": ", rule, "; retried in ", (b.next - now).count(), " ms, ",
                Ordinal(b.unknowns), " time");
}

std::string_view VerdictText(const CallEnded& ended) {
  if (ended.kind != CallEnded::Kind::kAnswered) return "no result";
  switch (ended.verdict) {
    case BranchResult::Verdict::kSuccess:
      return "success";
    case BranchResult::Verdict::kFailure:
      return "failure";
    case BranchResult::Verdict::kOngoing:
      return "ongoing";
    case BranchResult::Verdict::kUnknown:
      break;
  }
  return "no result";
}

}  // namespace

bool IsLate(const GlobalTransaction& t, const Branch& branch) {
  return t.phase == Phase::kEnded || (branch.op == Op::kCheckBack && t.mode() == Mode::kMessage &&
                                      t.outcome != Decision::kUndecided);
}

bool Contradicts(const GlobalTransaction& t, const Branch& branch, const CallEnded& ended) {
  using Verdict = BranchResult::Verdict;
  if (branch.op != Op::kCheckBack || t.mode() != Mode::kMessage || !IsLate(t, branch)) return false;
  if (ended.kind != CallEnded::Kind::kAnswered) return false;
  const bool commits = t.outcome == Decision::kCommit && !t.forced;
  return ended.verdict == (commits ? Verdict::kFailure : Verdict::kSuccess);
}

bool WaitsForHost(const Branch& branch) {
  // No interval: an ongoing came after the failures.
  if (branch.state != BranchState::kWaiting || branch.failures.empty() ||
      branch.interval == Milliseconds{0}) {
    return false;
  }
  const Reason& last = branch.failures.back();
  return last.code == ReasonCode::kNoAnswer || last.code == ReasonCode::kCallTimeout ||
         (last.http_status >= 502 && last.http_status <= 504);
}

void RecordStart(GlobalTransaction& t, uint16_t branch, uint64_t call_id, Time now) {
  Branch& b = t.branches[branch];
  TROTH_CHECK(b.in_flight == 0 && b.state == BranchState::kWaiting);
  b.in_flight = call_id;
  b.called = true;
  ++b.calls;
  if (b.first_call == Time{}) b.first_call = now;
  if (b.op == Op::kForward && t.first_action == Time{}) t.first_action = now;
}

std::string RecordResult(GlobalTransaction& t, uint16_t branch, const CallEnded& ended,
                         bool called_before, Time now, Random& random) {
  using Verdict = BranchResult::Verdict;
  Branch& b = t.branches[branch];
  TROTH_CHECK(b.in_flight == ended.id);
  b.in_flight = 0;
  if (IsLate(t, b)) {
    const bool ended_before = t.phase == Phase::kEnded;
    return Concat(VerdictText(ended), ended_before ? ", after the end" : ", after the decision");
  }
  if (ended.kind == CallEnded::Kind::kNotSent) {
    b.called = called_before;
    if (ended.code == ReasonCode::kNotSent || ended.code == ReasonCode::kNotCallable) {
      if (--b.calls == 0) b.first_call = Time{};
      b.next = now + kNotSentPause;
      return "ended before anything was sent: no attempt";
    }
  }
  const Verdict verdict =
      ended.kind == CallEnded::Kind::kAnswered ? ended.verdict : Verdict::kUnknown;
  switch (verdict) {
    case Verdict::kSuccess:
      if (t.mode() == Mode::kWorkflow) return Unknown(t, b, ended, now, random, kNotFinished);
      b.state = BranchState::kDone;
      b.interval = Milliseconds{0};
      b.next = Time{};
      return "success";
    case Verdict::kOngoing:
      b.interval = Milliseconds{0};
      b.next = now + t.PolicyOf(b).first;
      return Concat(What(t, b, ended), ": still at work; called again after the base interval");
    case Verdict::kFailure: {
      if (!MayFail(t.mode(), b.op)) {
        return Unknown(t, b, ended, now, random, MayNotFail(t, b));
      }
      b.state = BranchState::kFailed;
      Reason reason = ReasonOf(t, b, ended, now);
      reason.code = ReasonCode::kActionFailed;
      Remember(b, std::move(reason));
      return Concat(What(t, b, ended), b.op == Op::kCheckBack ? ": the message was never committed"
                                                              : ": the transaction rolls back");
    }
    case Verdict::kUnknown:
      break;
  }
  return Unknown(t, b, ended, now, random, "it says nothing");
}

bool IsWorthAnAlert(const Branch& branch, Milliseconds interval, uint32_t after) {
  if (branch.unknowns == after) return true;
  return branch.unknowns > after && interval != Milliseconds{0} && branch.interval > interval;
}

bool RecordLoad(GlobalTransaction& t, bool local_calls_wait, Time now) {
  bool cut = false;
  const auto not_after = [&](Time& at, Time latest) {
    if (at <= latest) return;
    at = latest;
    cut = true;
  };
  // A message's start may be a date that somebody named: it stays. A deadline that lies before
  // `created` was cut by an earlier life, and its length is not known any more.
  if (t.deadline) {
    const Milliseconds length = t.definition->timeout_to_fail.value_or(*t.deadline - t.created);
    if (length >= Milliseconds{0}) not_after(*t.deadline, now + length);
  }
  not_after(t.first_action, now);
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    Branch& b = t.branches[i];
    if (b.state != BranchState::kWaiting) continue;
    not_after(b.next, now + std::max(b.interval, t.PolicyOf(b).first));
    not_after(b.first_call, now);
    if (local_calls_wait && b.next <= now && IsLocalUrl(t.UrlOf(i))) {
      b.next = now + kUncleanLocalWait;
    }
  }
  return cut;
}

}  // namespace troth::internal
