#include "gateway/reply.h"

#include <array>

#include "base/text.h"
#include "model/json.h"

namespace troth::internal {
namespace {

constexpr std::string_view kFailureWord = "FAILURE";

// "saga.steps[0].action: …" is "steps[0].action: …" for who sent JSON.
std::string_view WireField(std::string_view message) {
  constexpr std::array<std::string_view, 4> kPrefixes = {"saga.", "message.", "options.",
                                                         "branch."};
  for (const std::string_view prefix : kPrefixes) {
    if (message.starts_with(prefix)) return message.substr(prefix.size());
  }
  return message;
}

GatewayAnswer Verdict(int status, std::string_view result, std::string_view message) {
  return {.status = status,
          .body = JsonObject().Text("dtm_result", result).Text("message", message).Finish()};
}

}  // namespace

Reply Reply::Failure(std::string_view message) {
  // Older clients search the text for the word rather than look at the status.
  const bool said = message.find(kFailureWord) != std::string_view::npos;
  return {Kind::kFailure, Concat(message, said ? "" : ": FAILURE"), {}};
}

Reply Reply::Of(const Status& status) {
  const std::string_view message = WireField(status.message());
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
      return BadRequest(std::string(message));
    case StatusCode::kAborted:
    case StatusCode::kAlreadyExists:
      return Failure(message);
    default:
      return Error(std::string(message));
  }
}

Reply NoSuchGid(const Status& status, std::string_view gid) {
  if (status.code() != StatusCode::kNotFound) return Reply::Of(status);
  return Reply::Error(Concat("no TransGlobal with gid: ", gid, " found"));
}

GatewayAnswer ToHttp(const Reply& reply) {
  switch (reply.kind) {
    case Reply::Kind::kSuccess:
      if (!reply.object.empty()) return {.body = reply.object};
      return {.body = R"({"dtm_result":"SUCCESS"})"};
    case Reply::Kind::kFailure:
      return Verdict(409, "FAILURE", reply.message);
    case Reply::Kind::kOngoing:
      return Verdict(425, "ONGOING", reply.message);
    case Reply::Kind::kBadRequest:
      if (!reply.object.empty()) return {.status = 400, .body = reply.object};
      return {.status = 400, .body = JsonObject().Text("message", reply.message).Finish()};
    case Reply::Kind::kError:
      break;
  }
  return {.status = 500, .body = JsonObject().Text("message", reply.message).Finish()};
}

}  // namespace troth::internal
