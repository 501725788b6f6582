#include "gateway/reply.h"

#include <array>

#include "base/text.h"
#include "model/json.h"

namespace troth::internal {
namespace {

constexpr std::string_view kFailureWord = "FAILURE";

// A field of the public API, and what the wire calls it.
struct FieldName {
  std::string_view ours;
  std::string_view wire;
};
constexpr std::array kFieldNames = {
    FieldName{"retry.first", "retry_interval"},
    FieldName{"retry.cap", "retry_interval"},
    FieldName{"retry.limit", "retry_limit"},
    FieldName{"headers", "branch_headers"},
    FieldName{"orders", "custom_data.orders"},
    FieldName{"delay", "custom_data.delay"},
    FieldName{"custom_data.payload", "custom_data.data"},
    FieldName{"payload", "data"},
};

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "steps[0].payload: …" is "payloads[0]: …"; empty where it is no such message.
std::string WirePayload(std::string_view message) {
  std::string_view rest = message;
  if (!TakePrefix(rest, "steps[")) return {};
  const size_t end = rest.find(']');
  if (end == rest.npos) return {};
  const std::string_view index = rest.substr(0, end);
  rest.remove_prefix(end);
  return TakePrefix(rest, "].payload:") ? Concat("payloads[", index, "]:", rest) : std::string();
}

// "saga.options.retry.first: …" is "retry_interval: …" for who sent JSON.
std::string WireMessage(std::string_view message) {
  for (const std::string_view prefix : {"saga.", "message.", "branch.", "options.", "options."}) {
    TakePrefix(message, prefix);
  }
  if (std::string payload = WirePayload(message); !payload.empty()) return payload;
  for (const FieldName& name : kFieldNames) {
    std::string_view rest = message;
    if (TakePrefix(rest, name.ours) && rest.find_first_of(":[.") == 0) {
      return Concat(name.wire, rest);
    }
  }
  return std::string(message);
}

GatewayAnswer Verdict(int status, std::string_view result, std::string_view message) {
  return {.status = status,
          .body = JsonObject().Text("dtm_result", result).Text("message", message).Finish()};
}

}  // namespace

GatewayReply GatewayReply::Failure(std::string_view message) {
  // Older clients search the text for the word rather than look at the status.
  const bool said = message.find(kFailureWord) != std::string_view::npos;
  return {Kind::kFailure, Concat(message, said ? "" : ": FAILURE"), {}};
}

GatewayReply GatewayReply::Of(const Status& status) {
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
      return BadRequest(WireMessage(status.message()));
    case StatusCode::kAborted:
    case StatusCode::kAlreadyExists:
      return Failure(status.message());
    default:
      return Error(status.message());
  }
}

GatewayReply NoSuchGid(const Status& status, std::string_view gid) {
  if (status.code() != StatusCode::kNotFound) return GatewayReply::Of(status);
  return GatewayReply::Error(Concat("no TransGlobal with gid: ", gid, " found"));
}

GatewayAnswer ToHttp(const GatewayReply& reply) {
  switch (reply.kind) {
    case GatewayReply::Kind::kSuccess:
      if (!reply.object.empty()) return {.body = reply.object};
      return {.body = R"({"dtm_result":"SUCCESS"})"};
    case GatewayReply::Kind::kFailure:
      return Verdict(409, "FAILURE", reply.message);
    case GatewayReply::Kind::kOngoing:
      return Verdict(425, "ONGOING", reply.message);
    case GatewayReply::Kind::kBadRequest:
      if (!reply.object.empty()) return {.status = 400, .body = reply.object};
      return {.status = 400, .body = JsonObject().Text("message", reply.message).Finish()};
    case GatewayReply::Kind::kError:
      break;
  }
  return {.status = 500, .body = JsonObject().Text("message", reply.message).Finish()};
}

}  // namespace troth::internal
