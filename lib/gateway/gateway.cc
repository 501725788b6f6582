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
using internal::Json;
using internal::JsonObject;
using internal::Reply;

namespace {

GatewayAnswer Refuse(int status, std::string_view why) {
  return {.status = status, .body = JsonObject().Text("message", why).Finish()};
}

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

// A route has one of the two: it takes a JSON body, or nothing but the query.
struct Gateway::Impl::Route {
  std::string_view method;  // empty: any
  std::string_view path;    // below the base path
  Reply (Impl::*with_body)(const Json& body) = nullptr;
  Reply (Impl::*with_query)(const GatewayRequest& request) = nullptr;
};

const Gateway::Impl::Route* Gateway::Impl::FindRoute(std::string_view path) {
  static constexpr std::array kRoutes = {
      Route{.method = "GET", .path = "/newGid", .with_query = &Impl::NewGid},
      Route{.method = "POST", .path = "/submit", .with_body = &Impl::Submit},
      Route{.method = "GET", .path = "/query", .with_query = &Impl::Query},
      Route{.method = "GET", .path = "/version", .with_query = &Impl::Version},
  };
  const auto found = std::find_if(kRoutes.begin(), kRoutes.end(),
                                  [&](const Route& each) { return each.path == path; });
  return found == kRoutes.end() ? nullptr : &*found;
}

GatewayAnswer Gateway::Impl::Handle(const GatewayRequest& request) {
  const Result<std::string> author = internal::Admit(request, options_);
  if (!author.ok()) return Refuse(403, author.status().message());
  if (request.body.size() > options_.body_bytes) {
    return Refuse(413, Concat("body: more than ", options_.body_bytes, " bytes"));
  }
  return Serve(request, *author);
}

GatewayAnswer Gateway::Impl::Serve(const GatewayRequest& request, std::string_view) {
  if (request.path == "/api/ping") return internal::ToHttp(Ping(request));
  const std::string_view path = request.path;
  const Route* route = path.starts_with(options_.base_path)
                           ? FindRoute(path.substr(options_.base_path.size()))
                           : nullptr;
  if (route == nullptr) return Refuse(404, "no such route");
  if (request.method != route->method) return Refuse(405, Concat("use ", route->method));
  if (route->with_query != nullptr) return internal::ToHttp((this->*route->with_query)(request));
  const Result<Json> body = internal::ParseJson(request.body, json_limits());
  if (!body.ok()) return internal::ToHttp(Reply::Of(body.status()));
  return internal::ToHttp((this->*route->with_body)(*body));
}

Gateway::Gateway(Coordinator& coordinator, GatewayOptions options) {
  const auto urls = internal::BranchUrls::Make(options.branch_urls);
  TROTH_CHECK(urls.ok());
  TROTH_CHECK(options.base_path.starts_with('/') && !options.base_path.ends_with('/'));
  TROTH_CHECK(options.body_bytes > 0 && options.json_depth > 0 && options.json_values > 0);
  impl_ = std::make_unique<Impl>(coordinator, std::move(options), *urls);
}
Gateway::~Gateway() = default;

GatewayAnswer Gateway::Handle(const GatewayRequest& request) { return impl_->Handle(request); }
const GatewayOptions& Gateway::options() const { return impl_->options(); }

}  // namespace troth
