// A copy of the store as of one moment, made while it is in use, and marked as a copy.
#pragma once

#include <functional>
#include <string>

#include "store/sqlite/connection.h"

namespace troth::internal::sqlite {

// `source` is the caller's for the whole time. `give_up` is asked between two steps. The file at
// `path` appears when it is complete, and never replaces another: kAlreadyExists.
Status BackUp(Connection& source, const std::string& path, const SqliteTuning& tuning,
              const std::function<bool()>& give_up);

}  // namespace troth::internal::sqlite
