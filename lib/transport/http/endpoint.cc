#include "transport/http/endpoint.h"

#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace troth::internal {
namespace {

std::string Bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : Concat("[", host, "]");
}

const HostOptions* Find(const std::vector<HostOptions>& hosts, std::string_view name) {
  for (const HostOptions& each : hosts) {
    if (EqualsIgnoringCase(each.host, name)) return &each;
  }
  return nullptr;
}

// One that no URL can name would be left out in silence.
bool IsHost(const std::string& host) {
  if (host.find_first_of("/?#") != std::string::npos) return false;
  return ParseHttpUrl(Concat("http://", host)).ok() ||
         ParseHttpUrl(Concat("http://[", host, "]")).ok();
}

Status CheckFile(std::string_view option, const std::string& path) {
  if (path.empty() || access(path.c_str(), R_OK) == 0) return {};
  return {StatusCode::kInvalidArgument, Concat(option, ": can't read ", path)};
}

}  // namespace

HttpOptions HttpOptionsFrom(const CoordinatorOptions& options) {
  const size_t threads = HttpOptions().threads_max;
  return {.ca_file = options.ca_file,
          .hosts = options.hosts,
          .headers_for = options.headers_for,
          .answer_bytes = options.limits.answer_bytes,
          .keep_per_host = options.limits.calls_per_host,
          .threads_max = std::max(threads, options.limits.calls)};
}

Status CheckHttpOptions(const HttpOptions& options) {
  if (Status status = CheckFile("ca_file", options.ca_file); !status.ok()) return status;
  for (size_t i = 0; i < options.hosts.size(); ++i) {
    const HostOptions& host = options.hosts[i];
    const std::string name = Concat("hosts[", i, "]");
    if (host.host.empty()) return {StatusCode::kInvalidArgument, Concat(name, ".host: is empty")};
    if (!IsHost(host.host)) {
      return {StatusCode::kInvalidArgument,
              Concat(name, ".host: \"", host.host, "\" is not a host, or host:port, alone")};
    }
    if (host.client_certificate.empty() != host.client_key.empty()) {
      return {StatusCode::kInvalidArgument,
              Concat(name, ": a client certificate and its key go together")};
    }
    for (const std::string* file : {&host.client_certificate, &host.client_key}) {
      if (Status status = CheckFile(name, *file); !status.ok()) return status;
    }
    if (host.proxy.empty()) continue;
    const Result<HttpUrl> proxy = ParseHttpUrl(host.proxy);
    if (!proxy.ok() || proxy->tls || proxy->target != "/") {
      return {StatusCode::kInvalidArgument, Concat(name, ".proxy: must be http://host:port")};
    }
  }
  return {};
}

Endpoint EndpointFor(const HttpUrl& url, const HttpOptions& options) {
  Endpoint out{.tls = url.tls, .host = url.host, .port = url.port, .ca_file = options.ca_file};
  const HostOptions* found = Find(options.hosts, HostAndPort(url.host, url.port));
  if (found == nullptr) found = Find(options.hosts, Bracketed(url.host));
  if (found == nullptr) found = Find(options.hosts, url.host);
  if (found == nullptr) return out;
  out.certificate = found->client_certificate;
  out.key = found->client_key;
  const Result<HttpUrl> proxy = ParseHttpUrl(found->proxy);
  if (proxy.ok()) {
    out.proxy_host = proxy->host;
    out.proxy_port = proxy->port;
  }
  return out;
}

std::string HostAndPort(const std::string& host, int port) {
  return Concat(Bracketed(host), ":", port);
}

std::string HostHeader(const Endpoint& endpoint) {
  const int own = endpoint.tls ? 443 : 80;
  return endpoint.port == own ? Bracketed(endpoint.host)
                              : HostAndPort(endpoint.host, endpoint.port);
}

}  // namespace troth::internal
