// Global transaction ids. The public NewGid() is declared in troth/saga.h.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "troth/status.h"
#include "troth/transaction.h"

namespace troth::internal {

// An id of NewGid's form for that time, with its 80 random bits from `random`: a simulation draws
// it from its seed. Ids of the same millisecond are in no order.
std::string MakeGid(Time now, Random& random);

// kInvalidArgument, beginning with "gid: ": empty, longer than 128 bytes, control bytes, or blanks
// at the ends.
Status CheckGid(std::string_view gid);

}  // namespace troth::internal
