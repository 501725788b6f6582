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
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

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

namespace internal {

// As the gateway itself would say it: what prepareWorkflow answers has a transaction, errors too.
inline void Refuse(const httplib::Request& request, int status, const std::string& why,
                   httplib::Response& response) {
  const bool workflow = std::string_view(request.path).ends_with("/prepareWorkflow");
  response.status = status;
  response.set_content(
      R"({"message":")" + why + "\"" +
          (workflow ? R"(,"transaction":{"status":)" + std::to_string(status) + "}" : "") + "}",
      "application/json; charset=utf-8");
}

inline void Say(const GatewayAnswer& answer, httplib::Response& response) {
  response.status = answer.status;
  response.set_content(answer.body, answer.content_type);
}

// What is packed httplib would unpack, and no bound of its own holds for that.
inline bool IsPacked(const httplib::Request& request) {
  const std::string coding = request.get_header_value("Content-Encoding");
  return !coding.empty() && coding != "identity";
}

// Reads the body to its end, as the next request stands behind it; nothing of it is kept. A
// BoundedServer lets no more come than it takes. False: it is not at its end.
inline bool Discard(const httplib::Request& request, const httplib::ContentReader& content) {
  const bool body = request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
  if (!body) return true;
  if (IsPacked(request)) return false;
  const auto drop = [](const char*, size_t) { return true; };
  if (request.is_multipart_form_data()) return content([](const auto&) { return true; }, drop);
  return content(drop);
}

// Ends the connection with `response`: behind it stands the rest of a body, and no request. httplib
// closes where an answer is given up, and this one is given up when all of it is sent.
inline void EndWith(const httplib::Request& request, httplib::Response& response) {
  const std::string type = response.get_header_value("Content-Type");
  const auto body = std::make_shared<const std::string>(std::move(response.body));
  response.body.clear();
  response.headers.erase("Content-Type");
  const bool said = request.get_header_value("Connection") == "close";  // then httplib says it
  if (!said) response.set_header("Connection", "close");
  response.set_content_provider(body->size(), type,
                                [body](size_t begin, size_t size, httplib::DataSink& sink) {
                                  sink.write(body->data() + begin, size);
                                  return false;
                                });
}

// Why `response`, which httplib has given its status, is that of a body that did not come whole.
inline void SayWhyNotWhole(const httplib::Request& request, size_t most,
                           httplib::Response& response) {
  if (response.status != 413) {
    return Refuse(request, 400, "body: broken off, or not as it says", response);
  }
  const std::string told = request.get_header_value("Content-Length");
  const bool past = std::strtoull(told.c_str(), nullptr, 10) > most;  // else past the server's own
  Refuse(request, 413,
         past ? "body: more than " + std::to_string(most) + " bytes"
              : "body: more than the server takes",
         response);
}

}  // namespace internal

// Serves the gateway's routes on `server`, beside the application's own. Call it before the server
// listens; the gateway must outlive the server.
inline void Mount(httplib::Server& server, Gateway& gateway) {
  const auto handle = [&gateway](const httplib::Request& request, httplib::Response& response) {
    internal::Say(gateway.Handle(GatewayRequestOf(request, {})), response);
  };
  // No route takes a body by these methods.
  const auto ignore = [handle](const httplib::Request& request, httplib::Response& response,
                               const httplib::ContentReader& content) {
    const bool whole = internal::Discard(request, content);
    handle(request, response);
    if (!whole) internal::EndWith(request, response);
  };
  const auto read = [&gateway](const httplib::Request& request, httplib::Response& response,
                               const httplib::ContentReader& content) {
    GatewayRequest asked = GatewayRequestOf(request, {});
    const GatewayCaller caller = gateway.Admit(asked);
    const bool packed = internal::IsPacked(request);
    if (caller.refusal || packed || request.is_multipart_form_data()) {
      const bool whole = internal::Discard(request, content);
      if (caller.refusal) {
        internal::Say(*caller.refusal, response);
      } else if (packed) {
        internal::Refuse(request, 415, "Content-Encoding: nothing but identity is taken", response);
      } else {
        internal::Refuse(request, 400, "body: a form, not JSON", response);
      }
      return whole ? void() : internal::EndWith(request, response);
    }
    std::string body;
    const size_t most = gateway.options().body_bytes;
    const bool whole = content([&](const char* bytes, size_t size) {
      body.append(bytes, std::min(size, most + 1 - body.size()));  // one more, to be refused for
      return body.size() <= most;
    });
    if (whole || body.size() > most) {
      asked.body = body;
      internal::Say(gateway.Handle(asked, caller), response);
    } else {
      internal::SayWhyNotWhole(request, most, response);
    }
    if (!whole) internal::EndWith(request, response);
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
    server.Put(pattern, ignore);
    server.Patch(pattern, ignore);
    server.Delete(pattern, ignore);
    server.Options(pattern, handle);
  }
}

}  // namespace troth
