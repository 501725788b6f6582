// The headers of one call: what the transaction says, then what headers_for adds, then what HTTP
// itself wants. Pure; what it is given last is not kept anywhere.
#pragma once

#include <string>

#include "troth/branch.h"
#include "troth/status.h"

namespace troth::internal {

// kInvalidArgument names a header that is refused: Host, Content-Length, Transfer-Encoding,
// Connection, a name that is not a token, a value with control bytes. A header of `added` takes the
// place of those with its name in `stored`.
Result<Headers> BuildRequestHeaders(const Headers& stored, const Headers& added,
                                    const std::string& host_header, bool has_body);

}  // namespace troth::internal
