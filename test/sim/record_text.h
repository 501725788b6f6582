// Everything that can be read about a transaction, as text: equal texts, equal records.
#pragma once

#include <string>

#include "troth/coordinator.h"
#include "troth/testing/world.h"
#include "troth/transaction.h"

namespace troth::sim {

std::string TextOf(const Status& status);
std::string TextOf(const TransactionSummary& summary);
std::string TextOf(const TransactionRecord& record);
std::string TextOf(const Outcome& outcome);
std::string TextOf(const Topic& topic);
std::string TextOf(const Statistics& statistics);
std::string TextOf(const testing::RecordedCall& call);

template <class T>
std::string TextOf(const Result<T>& result) {
  return result.ok() ? TextOf(*result) : TextOf(result.status());
}

}  // namespace troth::sim
