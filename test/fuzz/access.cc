// Who is served by the gateway, and what may be called for them: headers, tokens and URLs.
//
// Properties: without an authorization nobody is served but peers on this machine that are no web
// pages; with tokens nobody but who has one, byte for byte. A branch URL that is let through goes
// to the scheme, host and port of one that is allowed, and to its path or below, however the other
// end decodes it and takes '..' out of it.
#include "gateway/access.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "input.h"

namespace troth::internal {
namespace {

constexpr std::array<std::string_view, 8> kNames = {
    "Host", "Origin", "Sec-Fetch-Site", "Authorization", "host", "ORIGIN", "X", "authorization"};
constexpr std::array<std::string_view, 6> kPeers = {
    "127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "128.0.0.1"};

GatewayRequest TakeRequest(fuzz::Input& in) {
  GatewayRequest request{.method = "POST", .path = "/api/dtmsvr/submit"};
  const uint8_t peer = in.Byte();
  request.peer = peer < 128 ? std::string(kPeers[peer % kPeers.size()]) : in.Piece();
  for (size_t left = in.Byte() % 5; left > 0; --left) {
    const uint8_t name = in.Byte();
    std::string text = name < 192 ? std::string(kNames[name % kNames.size()]) : in.Piece();
    request.headers.push_back({std::move(text), in.Piece()});
  }
  return request;
}

const std::string* Find(const GatewayRequest& request, std::string_view name) {
  for (const Header& header : request.headers) {
    if (EqualsIgnoringCase(header.name, name)) return &header.value;
  }
  return nullptr;
}

bool IsHere(std::string_view peer) {
  if (peer.starts_with("::ffff:")) peer.remove_prefix(7);
  return peer == "::1" || peer.substr(0, 4) == "127.";
}

// A name that a page's own server could have: anything with a letter in it but localhost.
bool IsForeignName(const std::string& host) {
  if (host.starts_with('[')) return false;
  const std::string name = LowerCase(host.substr(0, host.find(':')));
  return name != "localhost" &&
         std::any_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

void CheckOpen(const GatewayRequest& request) {
  const auto name = Admit(request, {});
  if (!name.ok()) {
    TROTH_CHECK(name.status().code() == StatusCode::kPermissionDenied);
    const bool bare = request.headers.empty() && IsHere(request.peer);
    TROTH_CHECK(!bare);
    return;
  }
  TROTH_CHECK(name->empty() && IsHere(request.peer) && Find(request, "Origin") == nullptr);
  const std::string* site = Find(request, "Sec-Fetch-Site");
  TROTH_CHECK(site == nullptr || *site == "none");
  const std::string* host = Find(request, "Host");
  TROTH_CHECK(host == nullptr || !IsForeignName(*host));
}

void CheckTokens(fuzz::Input& in, const GatewayRequest& request) {
  const std::string token = in.Piece();
  const GatewayOptions options{.authorize = BearerTokens({{token, "ann"}, {"other", "bob"}})};
  const auto name = Admit(request, options);
  const std::string* given = Find(request, "Authorization");
  const bool bearer =
      given != nullptr && EqualsIgnoringCase(std::string_view(*given).substr(0, 7), "Bearer ");
  const std::string said = bearer ? given->substr(7) : std::string();
  const bool ann = bearer && !token.empty() && said == token && token != "other";
  const bool bob = bearer && said == "other" && token != "other";
  if (token == "other") return;  // which of two is not said
  TROTH_CHECK(name.ok() == (ann || bob));
  if (name.ok()) TROTH_CHECK(*name == (ann ? "ann" : "bob"));
}

// The path as a server has it that decodes first, drops the segments' parameters, and then walks
// along them.
std::string Walked(std::string_view target) {
  const std::string path = PercentDecoded(target.substr(0, target.find('?')));
  std::vector<std::string> segments;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find_first_of("/\\", begin), path.size());
    std::string segment = path.substr(begin, end - begin);
    segment = segment.substr(0, segment.find(';'));
    if (segment == ".." && segments.size() > 1) segments.pop_back();
    if (segment != ".." && segment != ".") segments.push_back(segment);
    begin = end + 1;
  }
  std::string walked;
  for (const std::string& segment : segments) walked += Concat("/", segment);
  return walked.substr(std::min<size_t>(walked.size(), 1));  // before the first there was nothing
}

bool Below(const HttpUrl& allowed, const HttpUrl& url) {
  if (url.tls != allowed.tls || url.host != allowed.host || url.port != allowed.port) return false;
  const std::string path = Walked(url.target);
  const std::string above = Walked(allowed.target);
  return path == above || path.starts_with(above.ends_with('/') ? above : above + '/');
}

void CheckUrls(fuzz::Input& in) {
  std::vector<std::string> allowed;
  for (size_t left = in.Byte() % 4; left > 0; --left) allowed.push_back(in.Piece());
  const auto urls = BranchUrls::Make(allowed);
  if (!urls.ok()) {
    TROTH_CHECK(urls.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  std::string url = in.Rest();
  // Often one that begins with what is allowed.
  if (!allowed.empty() && url.starts_with('+')) url = allowed.front() + url.substr(1);
  const Status status = urls->Check("field", url);
  if (!status.ok()) {
    TROTH_CHECK(status.code() == StatusCode::kInvalidArgument && !url.empty());
    TROTH_CHECK(status.message().starts_with("field: "));
    return;
  }
  if (url.empty()) return;
  const auto http = ParseHttpUrl(url);
  if (!http.ok()) {
    TROTH_CHECK(ParseLocalUrl(url).ok() && !allowed.empty());
    return;
  }
  const auto allows = [&](const std::string& each) {
    const auto prefix = ParseHttpUrl(each);
    return prefix.ok() && Below(*prefix, *http);
  };
  TROTH_CHECK(allowed.empty() || std::any_of(allowed.begin(), allowed.end(), allows));
}

void Check(fuzz::Input in) {
  if (in.Bool()) return CheckUrls(in);
  const GatewayRequest request = TakeRequest(in);
  CheckOpen(request);
  CheckTokens(in, request);
}

}  // namespace
}  // namespace troth::internal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::internal::Check(troth::fuzz::Input(data, size));
  return 0;
}
