#include "transport/http/request_headers.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace troth::internal {
namespace {

constexpr std::string_view kOurs[] = {"Host", "Content-Length", "Transfer-Encoding", "Connection"};

bool IsTokenByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool Has(const Headers& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(),
                     [name](const Header& each) { return EqualsIgnoringCase(each.name, name); });
}

Status Check(const Header& header) {
  if (header.name.empty() || !std::all_of(header.name.begin(), header.name.end(), &IsTokenByte)) {
    return {StatusCode::kInvalidArgument, "header: a name has bytes that HTTP does not allow"};
  }
  for (const std::string_view name : kOurs) {
    if (EqualsIgnoringCase(header.name, name)) {
      return {StatusCode::kInvalidArgument, Concat("header ", name, ": can't be set")};
    }
  }
  std::string without_tabs = header.value;
  std::replace(without_tabs.begin(), without_tabs.end(), '\t', ' ');
  if (HasControlBytes(without_tabs)) {
    return {StatusCode::kInvalidArgument, Concat("header ", header.name, ": has control bytes")};
  }
  return {};
}

}  // namespace

Result<Headers> BuildRequestHeaders(const Headers& stored, const Headers& added,
                                    const std::string& host_header, bool has_body) {
  for (const Headers* each : {&stored, &added}) {
    for (const Header& header : *each) {
      if (Status status = Check(header); !status.ok()) return status;
    }
  }
  Headers out{{"Host", host_header}};
  for (const Header& header : stored) {
    if (!Has(added, header.name)) out.push_back(header);
  }
  out.insert(out.end(), added.begin(), added.end());
  const auto add_default = [&out](const char* name, const char* value) {
    if (!Has(out, name)) out.push_back({name, value});
  };
  if (has_body) add_default("Content-Type", "application/json");
  add_default("Accept", "*/*");
  // A packed answer would hide its verdict.
  add_default("Accept-Encoding", "identity");
  add_default("User-Agent", "troth");
  return out;
}

}  // namespace troth::internal
