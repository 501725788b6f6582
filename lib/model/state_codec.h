// Reading the changing part of a stored transaction. Writing it is EncodeState, in stored.h.
#pragma once

#include <string_view>

#include "model/transaction.h"

namespace troth::internal {

// Reads `bytes` into `t`, which has its definition, its `created` and its fresh branches. Fields of
// a newer version end up in t.unknown_fields. Checks that every number is in range, not that they
// fit together.
Status DecodeState(std::string_view bytes, GlobalTransaction& t);

}  // namespace troth::internal
