// The protocol's names, read.
#pragma once

#include <optional>
#include <string_view>

#include "troth/transaction.h"

namespace troth::internal {

inline std::optional<Mode> ModeOf(std::string_view name) {
  for (const Mode mode : {Mode::kSaga, Mode::kTcc, Mode::kXa, Mode::kMessage, Mode::kWorkflow}) {
    if (ModeName(mode) == name) return mode;
  }
  return std::nullopt;
}

inline std::optional<TransactionStatus> StatusOf(std::string_view name) {
  for (const TransactionStatus status :
       {TransactionStatus::kPrepared, TransactionStatus::kSubmitted, TransactionStatus::kSucceed,
        TransactionStatus::kAborting, TransactionStatus::kFailed}) {
    if (StatusName(status) == name) return status;
  }
  return std::nullopt;
}

}  // namespace troth::internal
