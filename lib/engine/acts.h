// What a person, or the application, may do to a transaction that is under way (R17–R19). Pure: a
// value and an act in, a changed value or a refusal out.
#pragma once

#include <optional>

#include "engine/request.h"
#include "model/transaction.h"

namespace troth::internal {

struct ActResult {
  Status status;
  bool changed = false;  // must be written before it is answered
};

ActResult ApplyCancel(GlobalTransaction& t, const Act& act, Time now);
ActResult ApplyRetry(GlobalTransaction& t, const Act& act, Time now);
ActResult ApplyEdit(GlobalTransaction& t, uint16_t branch, const BranchEdit& edit, const Act& act,
                    Time now);
ActResult ApplySkip(GlobalTransaction& t, uint16_t branch, const Act& act, Time now);
ActResult ApplyStop(GlobalTransaction& t, const Act& act, Time now);

// The branch that a key names; kNotFound lists those that there are.
Result<uint16_t> FindBranch(const GlobalTransaction& t, const BranchKey& key);

// What the repetition of a submit is answered (R16).
Answer AnswerRepeated(TransactionStatus status, bool same_content, std::string_view gid);

}  // namespace troth::internal
