// From a request to the route that answers it.
#include "troth/gateway.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "gateway/gateway_impl.h"

namespace troth {

using internal::Concat;
using internal::GatewayReply;
using internal::Json;
using internal::JsonObject;

namespace {

GatewayAnswer Refuse(int status, std::string_view why) {
  return {.status = status, .body = JsonObject().Text("message", why).Finish()};
}

constexpr std::string_view kPrepareWorkflow = "/prepareWorkflow";

}  // namespace

std::optional<std::string_view> GatewayRequest::QueryValue(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(),
                                  [&](const auto& each) { return each.first == name; });
  if (found == query.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string_view> GatewayRequest::HeaderValue(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const Header& each) {
    return internal::EqualsIgnoringCase(each.name, name);
  });
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

// A route has one of the four: it takes a JSON body, or the query alone; and it may be an act,
// which needs an author.
struct Gateway::Impl::Route {
  std::string_view method;
  std::string_view path;  // below the base path; one that ends in '/' takes a name after it
  GatewayReply (Impl::*with_body)(const Json& body) = nullptr;
  GatewayReply (Impl::*with_query)(const GatewayRequest& request) = nullptr;
  GatewayReply (Impl::*act_with_body)(const Json& body, std::string_view author) = nullptr;
  GatewayReply (Impl::*act_with_query)(const GatewayRequest& request,
                                       std::string_view author) = nullptr;
};

const Gateway::Impl::Route* Gateway::Impl::FindRoute(std::string_view path) {
  static constexpr std::array kRoutes = {
      Route{.method = "GET", .path = "/newGid", .with_query = &Impl::NewGid},
      Route{.method = "POST", .path = "/prepare", .with_body = &Impl::Prepare},
      Route{.method = "POST", .path = kPrepareWorkflow, .with_body = &Impl::PrepareWorkflow},
      Route{.method = "POST", .path = "/submit", .with_body = &Impl::Submit},
      Route{.method = "POST", .path = "/abort", .with_body = &Impl::Abort},
      Route{.method = "POST", .path = "/registerBranch", .with_body = &Impl::RegisterBranch},
      Route{.method = "POST", .path = "/registerTccBranch", .with_body = &Impl::RegisterBranch},
      Route{.method = "POST", .path = "/registerXaBranch", .with_body = &Impl::RegisterBranch},
      Route{.method = "GET", .path = "/query", .with_query = &Impl::Query},
      Route{.method = "GET", .path = "/all", .with_query = &Impl::All},
      Route{.method = "POST", .path = "/forceStop", .act_with_body = &Impl::ForceStop},
      Route{.method = "POST",
            .path = "/resetNextCronTime",
            .act_with_body = &Impl::ResetNextCronTime},
      Route{.method = "GET", .path = "/resetCronTime", .act_with_query = &Impl::ResetCronTime},
      Route{.method = "GET", .path = "/subscribe", .with_query = &Impl::Subscribe},
      Route{.method = "GET", .path = "/unsubscribe", .with_query = &Impl::Unsubscribe},
      Route{.method = "DELETE", .path = kTopicRoute, .with_query = &Impl::DeleteTopic},
      Route{.method = "GET", .path = "/scanKV", .with_query = &Impl::ScanKv},
      Route{.method = "GET", .path = "/queryKV", .with_query = &Impl::QueryKv},
      Route{.method = "GET", .path = "/version", .with_query = &Impl::Version},
  };
  const auto found = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& each) {
    return each.path.ends_with('/') ? path.starts_with(each.path) : path == each.path;
  });
  return found == kRoutes.end() ? nullptr : &*found;
}

GatewayCaller Gateway::Impl::Admit(const GatewayRequest& head) {
  Result<std::string> name = internal::Admit(head, options_);
  if (name.ok()) return {.name = *std::move(name)};
  GatewayAnswer refusal = Refuse(403, name.status().message());
  Finish(head, refusal);
  return {.refusal = std::move(refusal)};
}

GatewayAnswer Gateway::Impl::Handle(const GatewayRequest& request, const GatewayCaller& caller) {
  if (caller.refusal) return *caller.refusal;
  GatewayAnswer answer =
      request.body.size() > options_.body_bytes
          ? Refuse(413, Concat("body: more than ", options_.body_bytes, " bytes"))
          : Serve(request, caller.name);
  Finish(request, answer);
  return answer;
}

void Gateway::Impl::Finish(const GatewayRequest& request, GatewayAnswer& answer) {
  const std::string_view path = request.path;
  if (path.starts_with(options_.base_path) &&
      path.substr(options_.base_path.size()) == kPrepareWorkflow) {
    AddTransaction(answer);
  }
  answers_.Count(answer.status);
}

GatewayAnswer Gateway::Impl::Serve(const GatewayRequest& request, std::string_view author) {
  if (request.path == "/api/ping") return internal::ToHttp(Ping(request));
  if (request.path == "/api/json-rpc") {
    return request.method == "POST" ? JsonRpc(request) : Refuse(405, "use POST");
  }
  if (request.path == "/api/metrics") {
    return request.method == "GET" ? Metrics() : Refuse(405, "use GET");
  }
  const std::string_view path = request.path;
  const Route* route = path.starts_with(options_.base_path)
                           ? FindRoute(path.substr(options_.base_path.size()))
                           : nullptr;
  if (route == nullptr) return Refuse(404, "no such route");
  if (request.method != route->method) return Refuse(405, Concat("use ", route->method));
  return internal::ToHttp(Answer(request, author, *route));
}

GatewayReply Gateway::Impl::Answer(const GatewayRequest& request, std::string_view author,
                                   const Route& route) {
  if (route.act_with_body != nullptr || route.act_with_query != nullptr) {
    // Who is known by the authorization can't be somebody else.
    if (author.empty()) author = request.HeaderValue("Troth-Author").value_or("");
    if (author.empty()) {
      return GatewayReply::BadRequest("author: empty; say who acts, in the header Troth-Author");
    }
  }
  if (route.with_query != nullptr) return (this->*route.with_query)(request);
  if (route.act_with_query != nullptr) return (this->*route.act_with_query)(request, author);
  const Result<Json> body = internal::ParseJson(request.body, json_limits());
  if (!body.ok()) return GatewayReply::Of(body.status());
  if (route.with_body != nullptr) return (this->*route.with_body)(*body);
  return (this->*route.act_with_body)(*body, author);
}

Status Gateway::Check(const GatewayOptions& options) {
  const auto refuse = [](std::string_view option, std::string_view why) {
    return Status(StatusCode::kInvalidArgument, Concat("options.", option, ": ", why));
  };
  const Status urls = internal::BranchUrls::Make(options.branch_urls).status();
  if (!urls.ok()) return Status(urls.code(), Concat("options.", urls.message()));
  const std::string& path = options.base_path;
  if (!path.starts_with('/') || path.ends_with('/')) {
    return refuse("base_path", "must begin with a slash, and not end with one");
  }
  if (options.wait < std::chrono::milliseconds(0)) return refuse("wait", "negative");
  if (options.body_bytes == 0) return refuse("body_bytes", "must be at least 1");
  if (options.json_depth == 0) return refuse("json_depth", "must be at least 1");
  if (options.json_values == 0) return refuse("json_values", "must be at least 1");
  return {};
}

Gateway::Gateway(Coordinator& coordinator, GatewayOptions options) {
  TROTH_CHECK(Check(options).ok());
  auto urls = internal::BranchUrls::Make(options.branch_urls);
  impl_ = std::make_unique<Impl>(coordinator, std::move(options), *std::move(urls));
}
Gateway::~Gateway() = default;

GatewayAnswer Gateway::Handle(const GatewayRequest& request) {
  if (request.body.empty()) return impl_->Handle(request, impl_->Admit(request));
  GatewayRequest head = request;
  head.body = {};
  return impl_->Handle(request, impl_->Admit(head));
}
GatewayCaller Gateway::Admit(const GatewayRequest& head) { return impl_->Admit(head); }
GatewayAnswer Gateway::Handle(const GatewayRequest& request, const GatewayCaller& caller) {
  return impl_->Handle(request, caller);
}
const GatewayOptions& Gateway::options() const { return impl_->options(); }

}  // namespace troth
