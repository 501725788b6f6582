// Who is served, and what may be called for them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/url.h"
#include "troth/gateway.h"
#include "troth/status.h"

namespace troth::internal {

// The name of who asks; kPermissionDenied says why there is none.
Result<std::string> Admit(const GatewayRequest& request, const GatewayOptions& options);

// What GatewayOptions::branch_urls allows.
class BranchUrls {
 public:
  // kInvalidArgument names the one that is the beginning of no branch URL: "branch_urls[2]: …".
  static Result<BranchUrls> Make(const std::vector<std::string>& allowed);

  // kInvalidArgument begins with the field's name. An empty URL is no call.
  Status Check(std::string_view field, std::string_view url) const;

 private:
  Status Add(const std::string& allowed);

  std::vector<std::string> local_;
  std::vector<HttpUrl> http_;
};

}  // namespace troth::internal
