// What a route says, before it is known whether it goes out as plain HTTP or as JSON-RPC.
#pragma once

#include <string>
#include <string_view>

#include "troth/branch.h"
#include "troth/gateway.h"
#include "troth/status.h"

namespace troth::internal {

struct GatewayReply {
  enum class Kind {
    kSuccess,
    kFailure,     // a business answer: no
    kOngoing,     // not yet
    kBadRequest,  // the request is wrong; nothing was stored
    kError,       // anything else
  };
  Kind kind = Kind::kSuccess;
  std::string message;  // of what is no success
  std::string object;   // the JSON object, whole, where there is more to say

  static GatewayReply Success(std::string object = {}) {
    return {Kind::kSuccess, {}, std::move(object)};
  }
  static GatewayReply Failure(std::string_view message);
  static GatewayReply Ongoing(std::string message) {
    return {Kind::kOngoing, std::move(message), {}};
  }
  static GatewayReply BadRequest(std::string message) {
    return {Kind::kBadRequest, std::move(message), {}};
  }
  static GatewayReply Error(std::string message) { return {Kind::kError, std::move(message), {}}; }
  // Of a status that is not OK, where the route has no words of dtm's for it. Fields of the
  // public C++ API get the wire's names.
  static GatewayReply Of(const Status& status);
};

// Of a status about one transaction: dtm's words for a gid that is not there.
GatewayReply NoSuchGid(const Status& status, std::string_view gid);

GatewayAnswer ToHttp(const GatewayReply& reply);

}  // namespace troth::internal
