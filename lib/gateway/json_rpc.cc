// JSON-RPC 2.0: the same acts, with the verdict in the error's code.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "gateway/fields.h"
#include "gateway/gateway_impl.h"

namespace troth {

using internal::Concat;
using internal::Fields;
using internal::GatewayReply;
using internal::Json;
using internal::JsonObject;

namespace {

constexpr int kParseError = -32700;
constexpr int kBadRequest = -32600;
constexpr int kNoSuchMethod = -32601;
constexpr int kInternalError = -32603;
constexpr int kFailure = -32901;
constexpr int kOngoing = -32902;

// `id` is JSON itself.
GatewayAnswer RpcAnswer(int status, std::string_view error, std::string_view id,
                        std::string_view result) {
  return {.status = status,
          .body = JsonObject()
                      .Raw("error", error)
                      .Raw("id", id)
                      .Text("jsonrpc", "2.0")
                      .Raw("result", result)
                      .Finish()};
}

GatewayAnswer Fail(int code, std::string_view message, std::string_view id) {
  const std::string error = JsonObject().Number("code", code).Text("message", message).Finish();
  return RpcAnswer(code == kParseError ? 400 : 200, error, id, "null");
}

GatewayAnswer ToJsonRpc(const GatewayReply& reply, std::string_view id) {
  switch (reply.kind) {
    case GatewayReply::Kind::kSuccess:
      return RpcAnswer(200, "null", id, reply.object.empty() ? "null" : reply.object);
    case GatewayReply::Kind::kFailure:
      return Fail(kFailure, reply.message, id);
    case GatewayReply::Kind::kOngoing:
      return Fail(kOngoing, reply.message, id);
    case GatewayReply::Kind::kBadRequest:
    case GatewayReply::Kind::kError:
      break;
  }
  return Fail(kInternalError, reply.message, id);
}

// A text, as dtm wants it, or a whole number, as JSON-RPC allows; empty: neither.
std::string IdJson(const Json* id) {
  if (id == nullptr) return {};
  if (id->kind == Json::Kind::kText) return id->text.empty() ? "" : internal::JsonText(id->text);
  const auto whole = static_cast<int64_t>(std::clamp(id->number, -1e15, 1e15));
  const bool number = id->kind == Json::Kind::kNumber && static_cast<double>(whole) == id->number;
  return number ? std::to_string(whole) : std::string();
}

}  // namespace

GatewayAnswer Gateway::Impl::JsonRpc(const GatewayRequest& request) {
  struct Method {
    std::string_view name;
    GatewayReply (Impl::*call)(const Json& params);
  };
  static constexpr std::array kMethods = {
      Method{"prepare", &Impl::Prepare}, Method{"submit", &Impl::Submit},
      Method{"abort", &Impl::Abort}, Method{"registerBranch", &Impl::RegisterBranch}};
  const Result<Json> body = internal::ParseJson(request.body, json_limits());
  if (!body.ok()) {
    return Fail(kParseError, Concat("Parse json error: ", body.status().message()), "\"\"");
  }
  Fields in(*body);
  const std::string id = IdJson(in.Any("id"));
  const std::string version = in.Text("jsonrpc");
  const std::string name = in.Text("method");
  if (!in.status().ok() || version != "2.0" || id.empty()) {
    return Fail(kBadRequest, "Bad json request: it needs jsonrpc \"2.0\", an id and a method",
                id.empty() ? "\"\"" : id);
  }
  if (name == "newGid") {
    return RpcAnswer(200, "null", id, JsonObject().Text("gid", troth::NewGid()).Finish());
  }
  const auto method = std::find_if(kMethods.begin(), kMethods.end(),
                                   [&](const Method& each) { return each.name == name; });
  if (method == kMethods.end()) {
    return Fail(kNoSuchMethod, Concat("Method not found: ", name), id);
  }
  const Json* params = in.Any("params");
  return ToJsonRpc((this->*method->call)(params != nullptr ? *params : Json{}), id);
}

}  // namespace troth
