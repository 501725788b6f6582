#include "model/url.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"

namespace troth::internal {
namespace {

constexpr size_t kHostBytesMax = 253;
constexpr size_t kLocalNameBytesMax = 64;
constexpr int kHttpPort = 80;
constexpr int kHttpsPort = 443;

Status Invalid(std::string_view what) {
  return {StatusCode::kInvalidArgument, Concat("URL: ", what)};
}

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= kHostBytesMax && host.front() != '.' &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return IsLetterOrDigit(c) || c == '-' || c == '.' || c == '_'; });
}

bool IsIpV6(std::string_view host) {
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(host).c_str(), &address) == 1;
}

// Removes the scheme from `rest`; whether it was there.
bool TakeScheme(std::string_view& rest, std::string_view scheme) {
  if (!EqualsIgnoringCase(rest.substr(0, scheme.size()), scheme)) return false;
  rest.remove_prefix(scheme.size());
  return true;
}

Status ReadPort(std::string_view text, HttpUrl& out) {
  const bool digits = !text.empty() && text.size() <= 5 &&
                      text.find_first_not_of("0123456789") == std::string_view::npos;
  const int64_t port = digits ? ParseInt(text).value_or(0) : 0;
  if (port < 1 || port > 65535) return Invalid("the port must be a number from 1 to 65535");
  out.port = static_cast<int>(port);
  return {};
}

Status ReadAuthority(std::string_view authority, HttpUrl& out) {
  if (authority.find('@') != std::string_view::npos) {
    return Invalid("user and password are refused, for they would be stored; use headers_for");
  }
  std::string_view host = authority;
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return Invalid("the host lacks its closing bracket");
    host = authority.substr(1, end - 1);
    const std::string_view after = authority.substr(end + 1);
    has_port = after.starts_with(':');
    if (!after.empty() && !has_port) return Invalid("after ']' only a port may follow");
    if (has_port) port = after.substr(1);
    if (!IsIpV6(host)) return Invalid("what is in brackets must be an IPv6 address");
  } else {
    const size_t colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    host = authority.substr(0, colon);
    if (has_port) port = authority.substr(colon + 1);
    if (host.empty()) return Invalid("the host is missing");
    if (!IsHostName(host)) return Invalid("the host may only have letters, digits, '.', '-', '_'");
  }
  out.host = LowerCase(host);
  return has_port ? ReadPort(port, out) : Status();
}

// A request line is ASCII; other bytes are sent percent-encoded, as every browser does.
std::string AsciiTarget(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
    } else {
      out += PercentEncoded(std::string_view(&c, 1));
    }
  }
  return out;
}

}  // namespace

Result<HttpUrl> ParseHttpUrl(std::string_view url) {
  if (HasControlBytes(url) || url.find(' ') != std::string_view::npos) {
    return Invalid("control bytes and blanks are refused; percent-encode them");
  }
  HttpUrl out;
  std::string_view rest = url;
  if (TakeScheme(rest, "https://")) {
    out.tls = true;
    out.port = kHttpsPort;
  } else if (TakeScheme(rest, "http://")) {
    out.port = kHttpPort;
  } else {
    return Invalid("it must begin with http://, https:// or local:");
  }
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  if (Status status = ReadAuthority(rest.substr(0, end), out); !status.ok()) return status;
  const std::string_view target = rest.substr(end, rest.find('#') - end);
  out.target = AsciiTarget(target);
  if (!out.target.starts_with('/')) out.target.insert(0, 1, '/');
  return out;
}

bool IsLocalName(std::string_view name) {
  return !name.empty() && name.size() <= kLocalNameBytesMax &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLetterOrDigit(c) || c == '.' || c == '_' || c == '-'; });
}

Result<LocalUrl> ParseLocalUrl(std::string_view url) {
  if (!IsLocalUrl(url)) return Invalid("it must begin with local:");
  const std::string_view rest = url.substr(std::string_view("local:").size());
  const size_t mark = rest.find('?');
  LocalUrl out;
  out.name = rest.substr(0, mark);
  if (mark != std::string_view::npos) out.query = rest.substr(mark + 1);
  if (!IsLocalName(out.name)) {
    return Invalid("a local name has 1 to 64 letters, digits, '.', '_', '-'");
  }
  if (HasControlBytes(out.query) || out.query.find(' ') != std::string::npos) {
    return Invalid("control bytes and blanks are refused; percent-encode them");
  }
  return out;
}

std::string HostKey(std::string_view url) {
  if (IsLocalUrl(url)) return "local:";
  const Result<HttpUrl> parsed = ParseHttpUrl(url);
  if (!parsed.ok()) return {};
  const HttpUrl& u = parsed.value();
  const bool v6 = u.host.find(':') != std::string::npos;
  return Concat(u.tls ? "https://" : "http://", v6 ? "[" : "", u.host, v6 ? "]:" : ":", u.port);
}

std::string WithCallQuery(std::string_view url, const BranchContext& context) {
  if (IsLocalUrl(url)) return std::string(url);
  std::string out(url.substr(0, url.find('#')));
  const auto add = [&out](std::string_view name, std::string_view value) {
    const size_t mark = out.find('?');
    if (mark == std::string::npos) {
      out += '?';
    } else if (mark + 1 != out.size() && out.back() != '&') {
      out += '&';
    }
    out += name;
    out += '=';
    out += PercentEncoded(value);
  };
  add("gid", context.gid);
  add("trans_type", context.trans_type);
  add("branch_id", context.branch_id);
  add("op", context.op);
  if (!context.coordinator.empty()) add("dtm", context.coordinator);
  if (!context.phase2_url.empty()) add("phase2_url", context.phase2_url);
  return out;
}

}  // namespace troth::internal
