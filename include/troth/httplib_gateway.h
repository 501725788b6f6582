// Serving a Gateway with cpp-httplib, in one line: see gateway.h.
//
//   troth::BoundedServer server;  // httplib_server.h: httplib::Server with bounds
//   // SDKs keep their connections open, and wait_result holds a thread: the default pool starves.
//   server.new_task_queue = [] { return new troth::ElasticTaskQueue; };
//   server.set_tcp_nodelay(true);
//   server.set_payload_max_length(gateway.options().body_bytes);
//   troth::Mount(server, gateway);
//   if (troth::Bind(server, "127.0.0.1", 36789) > 0) server.listen_after_bind();
//
// Header-only: cpp-httplib (0.11 or newer) is the application's. Link troth_gateway.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "troth/gateway.h"
#include "troth/httplib.h"

namespace troth {

// What a Gateway wants to know of a request whose body is that.
inline GatewayRequest GatewayRequestOf(const httplib::Request& request, std::string_view body) {
  GatewayRequest out{.method = request.method,
                     .path = request.path,
                     .query = {},
                     .headers = {},
                     .body = body,
                     .peer = request.remote_addr};
  for (const auto& [name, value] : request.params) out.query.emplace_back(name, value);
  for (const auto& [name, value] : request.headers) out.headers.push_back({name, value});
  return out;
}

// Serves the gateway's routes on `server`, beside the application's own. Call it before the server
// listens; the gateway must outlive the server.
inline void Mount(httplib::Server& server, Gateway& gateway) {
  const auto answer = [&gateway](const httplib::Request& request, std::string_view body,
                                 httplib::Response& response) {
    const GatewayAnswer said = gateway.Handle(GatewayRequestOf(request, body));
    response.status = said.status;
    response.set_content(said.body, said.content_type);
  };
  const auto handle = [answer](const httplib::Request& request, httplib::Response& response) {
    answer(request, request.body, response);
  };
  // A body that comes in chunks passes httplib's own limit. What is past the gateway's is read, as
  // the next request stands behind it, and is not kept; one byte of it is, to be refused for.
  const auto read = [answer, &gateway](const httplib::Request& request, httplib::Response& response,
                                       const httplib::ContentReader& content) {
    std::string body;
    const size_t most = gateway.options().body_bytes + 1;
    const bool whole = content([&](const char* bytes, size_t size) {
      body.append(bytes, std::min(size, most - body.size()));
      return true;
    });
    if (whole) answer(request, body, response);
  };
  std::string base;  // as a regular expression
  for (const char c : gateway.options().base_path) {
    if (std::string_view(R"(.*+?()[]{}|^$\)").find(c) != std::string_view::npos) base += '\\';
    base += c;
  }
  for (const std::string& pattern : {base + "/.*", std::string("/api/json-rpc"),
                                     std::string("/api/metrics"), std::string("/api/ping")}) {
    server.Get(pattern, handle);
    server.Post(pattern, read);
    server.Put(pattern, handle);
    server.Patch(pattern, handle);
    server.Delete(pattern, handle);
  }
}

}  // namespace troth
