// Stored transactions as inputs, and when two of them are the same.
#pragma once

#include "input.h"
#include "model/store.h"
#include "model/transaction.h"

namespace troth::fuzz {

// Row, parts and state; the gid is the caller's.
internal::StoredTransaction ReadStored(Input& in);
void WriteStored(Output& out, const internal::StoredTransaction& stored);

// As a store would keep it now.
internal::StoredTransaction StoredOf(const internal::GlobalTransaction& t);

// Equal in all that is stored. What a branch was told before its first and only call succeeded is
// not stored, on purpose, so it does not count.
bool Same(const internal::GlobalTransaction& a, const internal::GlobalTransaction& b);

}  // namespace troth::fuzz
