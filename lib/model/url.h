// Branch URLs: http://, https://, and local:name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "troth/branch.h"
#include "troth/status.h"

namespace troth::internal {

struct HttpUrl {
  bool tls = false;
  std::string host;  // without brackets, lower-case
  int port = 80;
  std::string target;  // path and query, "/" at least; the fragment is dropped
};
// kInvalidArgument says what is wrong: scheme, user info (refused: it would be stored), host, port,
// control bytes, blanks.
Result<HttpUrl> ParseHttpUrl(std::string_view url);

struct LocalUrl {
  std::string name;
  std::string query;  // without '?'
};
Result<LocalUrl> ParseLocalUrl(std::string_view url);
inline bool IsLocalUrl(std::string_view url) { return url.starts_with("local:"); }
// [A-Za-z0-9._-]{1,64}
bool IsLocalName(std::string_view name);

// What shares limits and back-off: "https://bank.example:443" for http(s), "local:" for all local
// functions.
std::string HostKey(std::string_view url);

// `url` with gid, trans_type, branch_id and op added to its query, which is kept.
std::string WithCallQuery(std::string_view url, const BranchContext& context);

}  // namespace troth::internal
