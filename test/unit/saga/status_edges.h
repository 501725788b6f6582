// Which status of a transaction may follow which, seen from outside.
#pragma once

#include "troth/transaction.h"

namespace troth::testing {

// submitted → succeed, submitted → aborting → failed, and to failed from anywhere by a stop.
inline bool MayFollow(TransactionStatus from, TransactionStatus to) {
  if (from == to) return true;
  switch (from) {
    case TransactionStatus::kPrepared:
    case TransactionStatus::kSubmitted:
      return to != TransactionStatus::kPrepared;
    case TransactionStatus::kAborting:
      return to == TransactionStatus::kFailed;
    case TransactionStatus::kSucceed:
    case TransactionStatus::kFailed:
      break;
  }
  return false;
}

}  // namespace troth::testing
