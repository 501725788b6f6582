// The order of concurrent steps: who waits for whom.
#pragma once

#include <optional>
#include <span>

#include "model/transaction.h"

namespace troth::internal {

// A step that waits for itself, directly or through others; none when the order can be followed.
// Every index in `after` must be in range.
std::optional<size_t> StepOnCycle(std::span<const Step> steps);

}  // namespace troth::internal
