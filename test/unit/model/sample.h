// Transactions to test with, and ways to look at them.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "model/stored.h"
#include "model/transaction.h"

namespace troth::internal {

using Draw = std::mt19937_64;

// Any definition and any transaction that can be true; the same for the same seed.
Definition RandomDefinition(Draw& draw);
GlobalTransaction RandomTransaction(Draw& draw);
GlobalTransaction RandomWorkflow(Draw& draw);

// A saga of `steps` steps with URLs, of which nothing has happened.
GlobalTransaction PlainSaga(size_t steps);

// As a store keeps it now.
StoredTransaction Stored(const GlobalTransaction& t);

// Everything durable, as text: equal texts are equal transactions.
std::string Show(const GlobalTransaction& t);
std::string Show(const Reason& reason);

std::string ToHex(std::string_view bytes);
std::string FromHex(std::string_view hex);

}  // namespace troth::internal
