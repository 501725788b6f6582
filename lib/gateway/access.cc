#include "gateway/access.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace troth::internal {
namespace {

bool IsLoopback(std::string_view peer) {
  constexpr std::string_view kMapped = "::ffff:";
  if (peer.starts_with(kMapped)) peer.remove_prefix(kMapped.size());
  return peer == "::1" || peer.starts_with("127.");
}

// "localhost:36789", "127.0.0.1", "[::1]:80": what no web page of another site can have asked for
// by a name of its own.
bool IsOwnHost(std::string_view host) {
  if (host.starts_with('[')) return true;
  host = host.substr(0, host.find(':'));
  const bool address = !host.empty() && host.find_first_not_of("0123456789.") == host.npos;
  return address || EqualsIgnoringCase(host, "localhost");
}

Status Deny(std::string_view why) {
  return {StatusCode::kPermissionDenied, Concat("not served: ", why)};
}

// A web page in a browser on this machine is such a peer too, and can send most requests.
Status CheckNotAWebPage(const GatewayRequest& request) {
  if (request.HeaderValue("Origin")) return Deny("a request of a web page (header Origin)");
  const auto site = request.HeaderValue("Sec-Fetch-Site");
  if (site && *site != "none") return Deny("a request of a web page (header Sec-Fetch-Site)");
  const auto host = request.HeaderValue("Host");
  if (host && !IsOwnHost(*host)) {
    return Deny(
        "the header Host is neither an address nor localhost, and nothing else tells who "
        "asks");
  }
  return {};
}

// '.' and '..' lead out of the path that was allowed, encoded or not; servers that take "..;x" for
// a segment with a parameter drop the parameter first.
bool HasDotSegment(std::string_view path) {
  const std::string decoded = PercentDecoded(path.substr(0, path.find('?')));
  size_t begin = 0;
  while (begin <= decoded.size()) {
    const size_t end = std::min(decoded.find_first_of("/\\", begin), decoded.size());
    std::string_view segment = std::string_view(decoded).substr(begin, end - begin);
    segment = segment.substr(0, segment.find(';'));
    if (segment == "." || segment == "..") return true;
    begin = end + 1;
  }
  return false;
}

// "/api" allows "/api", "/api/x" and "/api?x", not "/apis".
bool Below(std::string_view target, std::string_view allowed) {
  if (!target.starts_with(allowed) || HasDotSegment(target)) return false;
  const std::string_view rest = target.substr(allowed.size());
  return rest.empty() || allowed.ends_with('/') || rest.front() == '/' || rest.front() == '?';
}

bool Allows(const HttpUrl& allowed, const HttpUrl& url) {
  return url.tls == allowed.tls && url.host == allowed.host && url.port == allowed.port &&
         Below(url.target, allowed.target);
}

}  // namespace

Result<std::string> Admit(const GatewayRequest& request, const GatewayOptions& options) {
  if (!options.authorize) {
    if (!IsLoopback(request.peer)) {
      return Deny("only peers on this machine are, as no authorization is set up");
    }
    if (Status page = CheckNotAWebPage(request); !page.ok()) return page;
    return std::string();
  }
  std::optional<std::string> name;
  try {
    name = options.authorize(request);
  } catch (...) {
    return Deny("the authorization failed");
  }
  if (!name) return Deny("not authorized");
  return *std::move(name);
}

Result<BranchUrls> BranchUrls::Make(const std::vector<std::string>& allowed) {
  BranchUrls urls;
  for (size_t i = 0; i < allowed.size(); ++i) {
    if (Status s = urls.Add(allowed[i]); !s.ok()) {
      return Status(s.code(), Concat("branch_urls[", i, "]: ", s.message()));
    }
  }
  return urls;
}

Status BranchUrls::Add(const std::string& allowed) {
  if (IsLocalUrl(allowed)) {
    const Result<LocalUrl> local = ParseLocalUrl(allowed);
    if (!local.ok()) return local.status();
    if (allowed.find('?') != allowed.npos) {  // it would allow every other query too
      return {StatusCode::kInvalidArgument, "URL: a local function is named without a query"};
    }
    local_.push_back(local->name);
    return {};
  }
  Result<HttpUrl> http = ParseHttpUrl(allowed);
  if (!http.ok()) return http.status();
  http_.push_back(*std::move(http));
  return {};
}

Status BranchUrls::Check(std::string_view field, std::string_view url) const {
  const auto refuse = [field](std::string_view why) {
    return Status(StatusCode::kInvalidArgument, Concat(field, ": ", why));
  };
  if (url.empty()) return {};
  if (IsLocalUrl(url)) {
    const Result<LocalUrl> local = ParseLocalUrl(url);
    if (!local.ok()) return refuse(local.status().message());
    const bool named = std::find(local_.begin(), local_.end(), local->name) != local_.end();
    return named ? Status() : refuse("this local function is not for callers of the gateway");
  }
  const Result<HttpUrl> http = ParseHttpUrl(url);
  if (!http.ok()) return refuse(http.status().message());
  if (http_.empty() && local_.empty()) return {};
  const bool allowed = std::any_of(http_.begin(), http_.end(),
                                   [&](const HttpUrl& each) { return Allows(each, *http); });
  return allowed ? Status() : refuse("not one of the branch URLs that this gateway allows");
}

}  // namespace troth::internal
