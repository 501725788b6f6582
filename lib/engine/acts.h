// What a person, or the application, may do to a transaction that is under way (R17–R19). Pure: a
// value and an act in, a changed value or a refusal out.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "engine/request.h"
#include "model/transaction.h"

namespace troth::internal {

struct ActResult {
  Status status;
  bool changed = false;   // must be written before it is answered
  bool repeated = false;  // it was so before
  bool ended = false;     // and had ended
};
inline Answer AnswerOf(ActResult&& result) {
  return {.status = std::move(result.status), .repeated = result.repeated, .ended = result.ended};
}

ActResult ApplyCancel(GlobalTransaction& t, const Act& act, Time now);
// `repeated`, and nothing is kept of it, where nothing waits.
ActResult ApplyRetry(GlobalTransaction& t, const Act& act, Time now);
ActResult ApplyEdit(GlobalTransaction& t, uint16_t branch, const BranchEdit& edit, const Act& act,
                    Time now);
ActResult ApplySkip(GlobalTransaction& t, uint16_t branch, const Act& act, Time now);
ActResult ApplyStop(GlobalTransaction& t, const Act& act, bool leave_in_doubt, Time now);

// The application's own decisions about what it prepared. `digest` empty: there is no content to
// compare; `start`: the delay of a message that had none yet.
ActResult ApplySubmit(GlobalTransaction& t, std::string_view digest, Time start);
ActResult ApplyAbort(GlobalTransaction& t, std::string_view why, Time now);
// A branch joins a prepared transaction; the same again is OK and changes nothing (R16).
ActResult ApplyRegister(GlobalTransaction& t, Mode mode, const std::shared_ptr<const Step>& step,
                        Time now);

// What a workflow's caller reports (workflow.cc).
ActResult ApplyRecord(GlobalTransaction& t, const std::shared_ptr<const Progress>& progress,
                      Time now);
ActResult ApplyFinish(GlobalTransaction& t, const FinishRequest& finish, Time now);
// Whether a report contradicts the outcome that is fixed: a person should know.
bool ContradictsOutcome(const GlobalTransaction& t, Decision said);
// A sign of life of a workflow's caller: it is not called back at once.
void PutOffCallBack(GlobalTransaction& t, Time now);

// kFailedPrecondition, for who means a transaction of another mode.
Status IsOtherMode(std::string_view gid, Mode is, Mode wanted);

// The branch that a key names; kNotFound lists those that there are.
Result<uint16_t> FindBranch(const GlobalTransaction& t, const BranchKey& key);

// What the repetition of a submit is answered (R16).
Answer AnswerRepeated(TransactionStatus status, bool same_content, std::string_view gid);
// Of a prepare: it is repeated only while the transaction is prepared, but a workflow's asks how
// far that is, and is so at any time.
Answer AnswerPrepared(Mode mode, TransactionStatus status, bool same_content, std::string_view gid);
// Of a finish, about a workflow that has ended; `t`: its value, none where it was purged.
Answer AnswerFinished(TransactionStatus status, const FinishRequest& finish,
                      const GlobalTransaction* t, std::string_view gid);

}  // namespace troth::internal
