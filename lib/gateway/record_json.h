// Transactions as the protocol shows them.
#pragma once

#include <string>
#include <vector>

#include "troth/transaction.h"

namespace troth::internal {

std::string TransactionJson(const TransactionRecord& record);
std::string SummaryJson(const TransactionSummary& summary);
// One object a branch, in the protocol's order.
std::vector<std::string> BranchesJson(const TransactionRecord& record);

// Why it was rolled back, in the protocol's words; empty where it was not.
std::string RollbackReason(const TransactionRecord& record);

}  // namespace troth::internal
