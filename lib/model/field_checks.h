// Whether a field of the public face can be accepted: URLs, payloads, headers, options.
//
// Each check answers OK or kInvalidArgument with a message that begins with the field's name as
// given; the caller puts in front where that stands (Under), so that nothing is composed for what
// is accepted.
#pragma once

#include <functional>
#include <string_view>

#include "troth/coordinator.h"
#include "troth/options.h"
#include "troth/status.h"

namespace troth::internal {

// Whether some transport can ever call that URL; says why not.
using UrlCheck = std::function<Status(std::string_view url)>;

Status Refused(std::string_view field, std::string_view why);
// The same status, its message after `where`.
Status Under(std::string_view where, const Status& status);

Status CheckUrl(std::string_view field, std::string_view url, const Limits& limits,
                const UrlCheck& check_url);
Status CheckPayload(std::string_view payload, const Limits& limits);
Status CheckHeaders(const Headers& headers, const Limits& limits);
// What is set, each by itself; whether first and cap fit is known only when levels are put
// together.
Status CheckCallOptions(const CallOptions& options);
// A time that must be set to something: more than zero, at most ten years.
Status CheckDuration(std::string_view field, std::chrono::milliseconds value);

}  // namespace troth::internal
