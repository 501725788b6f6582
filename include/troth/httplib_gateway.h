// Serving a Gateway with cpp-httplib, in one line: see gateway.h.
//
//   httplib::Server server;
//   // SDKs keep their connections open, and wait_result holds a thread: the default pool starves.
//   server.new_task_queue = [] { return new troth::ElasticTaskQueue; };
//   server.set_tcp_nodelay(true);
//   server.set_payload_max_length(gateway.options().body_bytes);
//   troth::Mount(server, gateway);
//   if (troth::Bind(server, "127.0.0.1", 36789) > 0) server.listen_after_bind();
//
// Header-only: cpp-httplib (0.11 or newer) is the application's. Link troth_gateway.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "troth/gateway.h"
#include "troth/httplib.h"

namespace troth {

// What a Gateway wants to know of a request.
inline GatewayRequest GatewayRequestOf(const httplib::Request& request) {
  GatewayRequest out{.method = request.method,
                     .path = request.path,
                     .query = {},
                     .headers = {},
                     .body = request.body,
                     .peer = request.remote_addr};
  for (const auto& [name, value] : request.params) out.query.emplace_back(name, value);
  for (const auto& [name, value] : request.headers) out.headers.push_back({name, value});
  return out;
}

// Serves the gateway's routes on `server`, beside the application's own. Call it before the server
// listens; the gateway must outlive the server.
inline void Mount(httplib::Server& server, Gateway& gateway) {
  const auto handle = [&gateway](const httplib::Request& request, httplib::Response& response) {
    const GatewayAnswer answer = gateway.Handle(GatewayRequestOf(request));
    response.status = answer.status;
    response.set_content(answer.body, answer.content_type);
  };
  std::string base;  // as a regular expression
  for (const char c : gateway.options().base_path) {
    if (std::string_view(R"(.*+?()[]{}|^$\)").find(c) != std::string_view::npos) base += '\\';
    base += c;
  }
  for (const std::string& pattern : {base + "/.*", std::string("/api/json-rpc"),
                                     std::string("/api/metrics"), std::string("/api/ping")}) {
    server.Get(pattern, handle);
    server.Post(pattern, handle);
    server.Put(pattern, handle);
    server.Patch(pattern, handle);
    server.Delete(pattern, handle);
  }
}

// Binds `server` to the port (0: any that is free) and returns it, or -1; listen_after_bind() then
// serves. Unlike bind_to_port it lets `backlog` connections wait to be accepted, where httplib has
// room for five and clients that come in a burst are reset; and it shares its port with no other
// process. It takes the place of the server's socket options.
inline int Bind(httplib::Server& server, const std::string& host, int port, int backlog = 1024) {
  const auto bound = std::make_shared<socket_t>(INVALID_SOCKET);
  server.set_socket_options([bound](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    *bound = socket;  // the last that is tried is the one that is kept
  });
  if (port == 0) {
    port = server.bind_to_any_port(host);
  } else if (!server.bind_to_port(host, port)) {
    port = -1;
  }
  if (port > 0 && ::listen(*bound, backlog) != 0) return -1;
  return port;
}

}  // namespace troth
