// The names of everything that has a number: modes, statuses, reasons, events, operations.
//
// Protocol names are the wire's and never change. A number that this version does not know has the
// name "unknown" rather than none, since records of a newer version may hold one.
#include <string>
#include <string_view>

#include "base/text.h"
#include "model/transaction.h"
#include "troth/event.h"
#include "troth/transaction.h"

namespace troth {

std::string_view ModeName(Mode mode) {
  switch (mode) {
    case Mode::kSaga:
      return "saga";
    case Mode::kTcc:
      return "tcc";
    case Mode::kXa:
      return "xa";
    case Mode::kMessage:
      return "msg";
    case Mode::kWorkflow:
      return "workflow";
  }
  return "unknown";
}

std::string_view StatusName(TransactionStatus status) {
  switch (status) {
    case TransactionStatus::kPrepared:
      return "prepared";
    case TransactionStatus::kSubmitted:
      return "submitted";
    case TransactionStatus::kSucceed:
      return "succeed";
    case TransactionStatus::kAborting:
      return "aborting";
    case TransactionStatus::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string_view BranchStatusName(BranchStatus status) {
  switch (status) {
    case BranchStatus::kPrepared:
      return "prepared";
    case BranchStatus::kSucceed:
      return "succeed";
    case BranchStatus::kFailed:
      return "failed";
    case BranchStatus::kSkipped:
      return "skipped";
  }
  return "unknown";
}

std::string_view ReasonText(ReasonCode code) {
  switch (code) {
    case ReasonCode::kNone:
      return "none";
    case ReasonCode::kActionFailed:
      return "action failed";
    case ReasonCode::kRetriesExhausted:
      return "retry limit reached";
    case ReasonCode::kGaveUp:
      return "gave up: no result in time";
    case ReasonCode::kTimeout:
      return "transaction timed out";
    case ReasonCode::kCancelled:
      return "cancelled";
    case ReasonCode::kStopped:
      return "stopped by force";
    case ReasonCode::kRolledBack:
      return "rolled back by the application";
    case ReasonCode::kParkedRetries:
      return "waits for a person: retry limit reached";
    case ReasonCode::kParkedRestored:
      return "waits for a person: restored from a backup";
    case ReasonCode::kParkedBarrierExpired:
      return "waits for a person: branches may have dropped their barrier rows";
    case ReasonCode::kParkedNotReturning:
      return "waits for a person: a local function does not return";
    case ReasonCode::kParkedUnreadable:
      return "waits for a person: the stored row can't be read";
    case ReasonCode::kNoAnswer:
      return "no answer";
    case ReasonCode::kCallTimeout:
      return "call timed out";
    case ReasonCode::kHttpStatus:
      return "unexpected HTTP status";
    case ReasonCode::kFailureNotAllowed:
      return "failure where none is allowed";
    case ReasonCode::kNotCallable:
      return "local function not registered";
    case ReasonCode::kAnswerTooLarge:
      return "answer too large";
    case ReasonCode::kBranchUnknown:
      return "branch does not know";
    case ReasonCode::kNotSent:
      return "not sent";
    case ReasonCode::kOngoing:
      return "still at work";
    case ReasonCode::kNotEnded:
      return "answered, and the workflow has not ended";
  }
  return "unknown reason";
}

std::string_view EventName(EventKind kind) {
  switch (kind) {
    case EventKind::kSubmitted:
      return "submitted";
    case EventKind::kDecided:
      return "decided";
    case EventKind::kCallEnded:
      return "call ended";
    case EventKind::kParked:
      return "parked";
    case EventKind::kWoken:
      return "woken";
    case EventKind::kEnded:
      return "ended";
    case EventKind::kStoreTrouble:
      return "store trouble";
    case EventKind::kStoreRecovered:
      return "store recovered";
    case EventKind::kHostDown:
      return "host down";
    case EventKind::kHostUp:
      return "host up";
    case EventKind::kLocalSlow:
      return "local function slow";
    case EventKind::kUnreadable:
      return "row unreadable";
    case EventKind::kClock:
      return "clock differs";
    case EventKind::kRestored:
      return "backup restored";
    case EventKind::kAlert:
      return "alert";
    case EventKind::kAlertLost:
      return "alert lost";
    case EventKind::kContradiction:
      return "contradiction";
    case EventKind::kOutboxRefused:
      return "outbox row refused";
  }
  return "unknown";
}

std::string Reason::ToString() const {
  std::string out(ReasonText(code));
  if (!author.empty()) out += internal::Concat(" by ", author);
  if (!branch_id.empty()) out += internal::Concat(": ", branch_id, "/", op);
  if (http_status != 0) {
    out += internal::Concat(branch_id.empty() ? ": " : " ", "answered ", http_status);
  }
  if (attempt != 0) out += internal::Concat(" at attempt ", attempt);
  if (!text.empty()) out += internal::Concat(": ", text);
  return out;
}

namespace internal {

std::string_view OpName(Mode mode, Op op) {
  struct Names {
    std::string_view forward, commit, rollback, check_back;
  };
  const auto names = [mode]() -> Names {
    switch (mode) {
      case Mode::kSaga:
        return {"action", "", "compensate", ""};
      case Mode::kTcc:
        return {"try", "confirm", "cancel", ""};
      case Mode::kXa:
        return {"action", "commit", "rollback", ""};
      case Mode::kMessage:
        return {"action", "", "", "msg"};
      case Mode::kWorkflow:
        return {"action", "commit", "rollback", ""};
    }
    return {};
  }();
  switch (op) {
    case Op::kForward:
      return names.forward;
    case Op::kCommit:
      return names.commit;
    case Op::kRollback:
      return names.rollback;
    case Op::kCheckBack:
      return names.check_back;
  }
  return "";
}

}  // namespace internal
}  // namespace troth
