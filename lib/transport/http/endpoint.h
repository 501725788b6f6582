// Whom to connect to, and how: what is fixed for all calls of one host.
#pragma once

#include <string>

#include "model/url.h"
#include "transport/http/http_options.h"

namespace troth::internal {

struct Endpoint {
  bool tls = false;
  std::string host;  // without brackets
  int port = 0;
  std::string ca_file;
  std::string certificate;  // PEM files; empty: none
  std::string key;
  std::string proxy_host;  // empty: none
  int proxy_port = 0;

  // Which name to look up.
  const std::string& ConnectHost() const { return proxy_host.empty() ? host : proxy_host; }
  int ConnectPort() const { return proxy_host.empty() ? port : proxy_port; }
};

// The options of "host:port" win over those of "host".
Endpoint EndpointFor(const HttpUrl& url, const HttpOptions& options);

// "bank.example:8443", "[::1]:80".
std::string HostAndPort(const std::string& host, int port);

// The Host header: without the scheme's own port.
std::string HostHeader(const Endpoint& endpoint);

}  // namespace troth::internal
