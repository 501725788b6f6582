// What an HTTP answer means (R11).
#pragma once

#include <string_view>

#include "troth/branch.h"

namespace troth::internal {

// Status first: 425 and 202 ongoing, 409 failure, anything that is not 2xx unknown (a redirect
// too). On any other 2xx the text of the body counts if `body_verdicts`, ONGOING before FAILURE;
// else success. (protocol.md §2, "ours")
BranchResult::Verdict ReadVerdict(int http_status, std::string_view body, bool body_verdicts);

}  // namespace troth::internal
