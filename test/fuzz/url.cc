// The URL of a branch.
//
// Properties: it is refused with kInvalidArgument, or read as http(s) or local, never as both. What
// was read of an http URL, put together again, is read as the same; nothing in it could break a
// request line; and with the query of a call it still goes to the same place, and the query says
// what the call is. A local URL is its name and query.
#include "model/url.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace troth::internal {
namespace {

bool Same(const HttpUrl& a, const HttpUrl& b) {
  return a.tls == b.tls && a.host == b.host && a.port == b.port && a.target == b.target;
}

bool IsOneWord(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c == 0x7F) return false;  // bytes past ASCII are negative
  }
  return true;
}

// The value of the last parameter of that name.
std::string LastValue(std::string_view target, std::string_view name) {
  const std::string key = Concat(name, "=");
  target.remove_prefix(std::min(target.find('?'), target.size()));
  size_t at = target.rfind(Concat("&", key));
  if (at == std::string_view::npos) at = 0;
  TROTH_CHECK(target.substr(std::min(at + 1, target.size())).starts_with(key));
  const std::string_view value = target.substr(at + 1 + key.size());
  return PercentDecoded(value.substr(0, value.find('&')));
}

void CheckHttp(std::string_view text, const HttpUrl& url) {
  TROTH_CHECK(!url.host.empty() && url.host == LowerCase(url.host));
  TROTH_CHECK(url.port >= 1 && url.port <= 65535);
  TROTH_CHECK(url.target.starts_with('/') && url.target.find('#') == std::string::npos);
  TROTH_CHECK(IsOneWord(url.host) && IsOneWord(url.target));

  const std::string key = HostKey(text);
  const auto again = ParseHttpUrl(key + url.target);
  TROTH_CHECK(again.ok() && Same(url, *again));
  TROTH_CHECK(HostKey(key) == key);

  BranchContext context;
  context.gid = text;
  context.trans_type = "saga";
  context.branch_id = "01&op=cancel";
  context.op = "action";
  const auto called = ParseHttpUrl(WithCallQuery(text, context));
  TROTH_CHECK(called.ok() && called->tls == url.tls);
  TROTH_CHECK(called->host == url.host && called->port == url.port);
  TROTH_CHECK(called->target.starts_with(url.target));
  TROTH_CHECK(LastValue(called->target, "gid") == text);
  TROTH_CHECK(LastValue(called->target, "trans_type") == context.trans_type);
  TROTH_CHECK(LastValue(called->target, "branch_id") == context.branch_id);
  TROTH_CHECK(LastValue(called->target, "op") == context.op);
}

void CheckLocal(std::string_view text, const LocalUrl& url) {
  TROTH_CHECK(IsLocalName(url.name) && !HasControlBytes(url.query));
  const std::string name = "local:" + url.name;
  TROTH_CHECK(text == name || text == Concat(name, "?", url.query));
  TROTH_CHECK(HostKey(text) == "local:");
}

void Check(std::string_view text) {
  const auto http = ParseHttpUrl(text);
  const auto local = ParseLocalUrl(text);
  TROTH_CHECK(!http.ok() || !local.ok());
  if (http.ok()) {
    CheckHttp(text, *http);
  } else {
    TROTH_CHECK(http.status().code() == StatusCode::kInvalidArgument);
  }
  if (local.ok()) {
    CheckLocal(text, *local);
  } else {
    TROTH_CHECK(local.status().code() == StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace troth::internal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::internal::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
