#include <doctest/doctest.h>

#include <set>
#include <string>

#include "model/transaction.h"
#include "troth/event.h"

namespace troth::internal {
namespace {

TEST_CASE("names: modes and statuses have the protocol's") {
  CHECK(ModeName(Mode::kSaga) == "saga");
  CHECK(ModeName(Mode::kTcc) == "tcc");
  CHECK(ModeName(Mode::kXa) == "xa");
  CHECK(ModeName(Mode::kMessage) == "msg");
  CHECK(ModeName(Mode::kWorkflow) == "workflow");
  CHECK(StatusName(TransactionStatus::kPrepared) == "prepared");
  CHECK(StatusName(TransactionStatus::kSubmitted) == "submitted");
  CHECK(StatusName(TransactionStatus::kSucceed) == "succeed");
  CHECK(StatusName(TransactionStatus::kAborting) == "aborting");
  CHECK(StatusName(TransactionStatus::kFailed) == "failed");
  CHECK(BranchStatusName(BranchStatus::kPrepared) == "prepared");
  CHECK(BranchStatusName(BranchStatus::kSucceed) == "succeed");
  CHECK(BranchStatusName(BranchStatus::kFailed) == "failed");
  CHECK(BranchStatusName(BranchStatus::kSkipped) == "skipped");
}

TEST_CASE("names: operations have the protocol's, and none where the mode has none") {
  CHECK(OpName(Mode::kSaga, Op::kForward) == "action");
  CHECK(OpName(Mode::kSaga, Op::kRollback) == "compensate");
  CHECK(OpName(Mode::kSaga, Op::kCommit) == "");
  CHECK(OpName(Mode::kTcc, Op::kForward) == "try");
  CHECK(OpName(Mode::kTcc, Op::kCommit) == "confirm");
  CHECK(OpName(Mode::kTcc, Op::kRollback) == "cancel");
  CHECK(OpName(Mode::kXa, Op::kForward) == "action");
  CHECK(OpName(Mode::kXa, Op::kCommit) == "commit");
  CHECK(OpName(Mode::kXa, Op::kRollback) == "rollback");
  CHECK(OpName(Mode::kMessage, Op::kForward) == "action");
  CHECK(OpName(Mode::kMessage, Op::kCheckBack) == "msg");
  CHECK(OpName(Mode::kMessage, Op::kRollback) == "");
}

TEST_CASE("names: every reason and every event has a text of its own") {
  std::set<std::string> texts;
  for (const int code : {0,   101, 102, 103, 104, 105, 106, 201, 202, 203, 204,
                         205, 301, 302, 303, 304, 305, 306, 307, 308, 309, 310}) {
    texts.emplace(ReasonText(static_cast<ReasonCode>(code)));
  }
  CHECK(texts.size() == 22);
  CHECK(texts.count("unknown reason") == 0);
  CHECK(ReasonText(static_cast<ReasonCode>(9999)) == "unknown reason");
  texts.clear();
  for (int kind = 1; kind <= 14; ++kind) texts.emplace(EventName(static_cast<EventKind>(kind)));
  CHECK(texts.size() == 14);
  CHECK(texts.count("unknown") == 0);
}

TEST_CASE("names: a reason is one line that names branch, answer, attempt and text") {
  Reason reason;
  CHECK(reason.ToString() == "none");
  reason = {ReasonCode::kActionFailed, "02", "action", 409, "insufficient balance", 1, "", {}};
  CHECK(reason.ToString() ==
        "action failed: 02/action answered 409 at attempt 1: insufficient balance");
  reason = {ReasonCode::kCancelled, "", "", 0, "wrong order", 0, "alice", {}};
  CHECK(reason.ToString() == "cancelled by alice: wrong order");
  reason = {ReasonCode::kNoAnswer, "01", "action", 0, "connection refused", 3, "", {}};
  CHECK(reason.ToString() == "no answer: 01/action at attempt 3: connection refused");
}

}  // namespace
}  // namespace troth::internal
