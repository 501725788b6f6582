#include "model/field_checks.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "model/bounds.h"

namespace troth::internal {
namespace {

bool IsTokenByte(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

// What frames a message is the transport's own.
bool IsForbidden(std::string_view name) {
  constexpr std::array<std::string_view, 4> kForbidden = {"Host", "Content-Length",
                                                          "Transfer-Encoding", "Connection"};
  return std::any_of(kForbidden.begin(), kForbidden.end(),
                     [name](std::string_view other) { return EqualsIgnoringCase(name, other); });
}

Status CheckHeader(const Header& header) {
  if (header.name.empty()) return Refused("name", "empty");
  if (!std::all_of(header.name.begin(), header.name.end(), IsTokenByte)) {
    return Refused("name", "has characters that a header name can't have");
  }
  if (IsForbidden(header.name)) {
    return Refused("name", Concat(header.name, " is set by the transport"));
  }
  if (HasControlBytes(header.value)) return Refused("value", "has control characters");
  return Status();
}

Status CheckOptionalDuration(std::string_view field,
                             const std::optional<std::chrono::milliseconds>& value) {
  return value ? CheckDuration(field, *value) : Status();
}

Status CheckOptionalCount(std::string_view field, const std::optional<int32_t>& value) {
  if (value && *value < kNoLimit) return Refused(field, "negative, and not kNoLimit");
  return Status();
}

Status CheckRetry(const RetryPolicy& retry) {
  if (Status s = CheckOptionalDuration("retry.first", retry.first); !s.ok()) return s;
  if (Status s = CheckOptionalDuration("retry.cap", retry.cap); !s.ok()) return s;
  // Written so that NaN is refused too.
  if (retry.factor && !(*retry.factor >= 1 && *retry.factor <= kFactorMax)) {
    return Refused("retry.factor", "not in 1 to 100");
  }
  if (Status s = CheckOptionalCount("retry.limit", retry.limit); !s.ok()) return s;
  if (retry.give_up_after != kNoTimeLimit) {
    if (Status s = CheckOptionalDuration("retry.give_up_after", retry.give_up_after); !s.ok()) {
      return s;
    }
  }
  return CheckOptionalCount("retry.park_after", retry.park_after);
}

}  // namespace

Status Refused(std::string_view field, std::string_view why) {
  return Status(StatusCode::kInvalidArgument, Concat(field, ": ", why));
}

Status Under(std::string_view where, const Status& status) {
  return Status(status.code(), Concat(where, status.message()));
}

Status CheckUrl(std::string_view field, std::string_view url, const Limits& limits,
                const UrlCheck& check_url) {
  if (url.empty()) return Status();
  if (url.size() > limits.url_bytes) {
    return Refused(field, Concat(url.size(), " bytes, more than the ", limits.url_bytes,
                                 " of limits.url_bytes"));
  }
  if (HasControlBytes(url)) return Refused(field, "has control characters");
  if (Status s = check_url(url); !s.ok()) return Refused(field, s.message());
  return Status();
}

Status CheckPayload(std::string_view payload, const Limits& limits) {
  if (payload.size() <= limits.payload_bytes) return Status();
  return Refused("payload", Concat(payload.size(), " bytes, more than the ", limits.payload_bytes,
                                   " of limits.payload_bytes"));
}

Status CheckHeaders(const Headers& headers, const Limits& limits) {
  size_t bytes = 0;
  for (size_t i = 0; i < headers.size(); ++i) {
    if (Status s = CheckHeader(headers[i]); !s.ok()) {
      return Under(Concat("headers[", i, "]."), s);
    }
    bytes += headers[i].name.size() + headers[i].value.size();
  }
  if (bytes <= limits.header_bytes) return Status();
  return Refused("headers", Concat(bytes, " bytes, more than the ", limits.header_bytes,
                                   " of limits.header_bytes"));
}

Status CheckCallOptions(const CallOptions& options) {
  if (Status s = CheckRetry(options.retry); !s.ok()) return s;
  return CheckOptionalDuration("request_timeout", options.request_timeout);
}

Status CheckDuration(std::string_view field, std::chrono::milliseconds value) {
  if (value <= std::chrono::milliseconds::zero()) return Refused(field, "must be more than zero");
  if (value > kDurationMax) return Refused(field, "more than ten years");
  return Status();
}

}  // namespace troth::internal
