// cpp-httplib 0.11 to 0.53; what differs between them is asked for with `requires`.
//
// What is set on each client, and why: no redirects (the verdict of a redirect is unknown), no URL
// rewriting (it would turn '+' into %2B), no decompression, TCP_NODELAY (header and body are two
// sends), read and write limits that never come first (the transport's deadline ends a call).

#include "transport/http/connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <utility>

#include "base/text.h"
#include "transport/http/guarded_client.h"

namespace troth::internal {
namespace {

constexpr std::chrono::hours kNeverFirst{24};
// Of the answer's own limit: its headers, and what chunking adds at worst, with each byte a chunk.
constexpr size_t kHeadersAllowance = 128u << 10;
constexpr size_t kChunkingFactor = 8;
constexpr std::chrono::milliseconds kWatch{2};

std::string LastTlsError() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? std::string() : Concat(": ", reason);
}

// The newer library keeps no such number.
template <class TlsClient>
long VerifyResult(const TlsClient& client) {
  if constexpr (requires { client.get_openssl_verify_result(); }) {
    return client.get_openssl_verify_result();
  } else {
    return X509_V_ERR_UNSPECIFIED;
  }
}

template <class HttpClient>
void KeepTargetsAsTheyAre(HttpClient& client) {
  if constexpr (requires { client.set_path_encode(false); }) {
    client.set_path_encode(false);
  } else {
    client.set_url_encode(false);
  }
}

// Environment variables and system certificates must not add to what the options say.
template <class HttpClient>
void TrustOnly(HttpClient& client, const std::string& ca_file) {
  if (ca_file.empty()) return;
  client.set_ca_cert_path(ca_file);
  if constexpr (requires { client.enable_system_ca(false); }) client.enable_system_ca(false);
}

// The number in "timeout=5, max=100".
std::chrono::milliseconds KeepAliveMax(const httplib::Response& response) {
  const std::string value = LowerCase(response.get_header_value("Keep-Alive"));
  const size_t at = value.find("timeout=");
  if (at == std::string::npos) return {};
  int seconds = 0;
  std::from_chars(value.data() + at + std::strlen("timeout="), value.data() + value.size(),
                  seconds);
  return std::chrono::seconds(seconds > 0 && seconds < 3'600 ? seconds : 0);
}

bool IsFramed(const httplib::Response& response) {
  return response.status == 204 || response.has_header("Content-Length") ||
         EqualsIgnoringCase(response.get_header_value("Transfer-Encoding"), "chunked");
}

bool HasNoBody(int status) { return status < 200 || status == 304; }

}  // namespace

struct Connection::Client {
  Endpoint endpoint;
  std::unique_ptr<httplib::ClientImpl> http;
  GuardedTlsClient* tls = nullptr;  // these are the same object
  GuardedPlainClient* plain = nullptr;
  std::string address;  // the last one set
  size_t answers = 0;
  std::chrono::steady_clock::time_point answered_at;

  std::string Peer() const { return HostAndPort(endpoint.host, endpoint.port); }
  std::string NotConnected(httplib::Error error, int system_error) const;
  std::string ConnectText(int system_error) const;
  std::string VerifyText() const;
  std::string TlsText() const { return tls == nullptr ? std::string() : LastTlsError(); }
  HttpReply Failure(httplib::Error error, int system_error) const;
};

std::string Connection::Client::ConnectText(int system_error) const {
  std::string where = HostAndPort(endpoint.ConnectHost(), endpoint.ConnectPort());
  if (address != endpoint.ConnectHost()) where += Concat(" (", address, ")");
  if (!endpoint.proxy_host.empty()) where = Concat("proxy ", where);
  if (system_error == ECONNREFUSED) return Concat("connection refused by ", where);
  if (system_error == ENETUNREACH || system_error == EHOSTUNREACH || system_error == EMFILE ||
      system_error == ENFILE || system_error == EADDRNOTAVAIL) {
    return Concat("no connection to ", where, ": ", std::strerror(system_error));
  }
  // The library asks the socket for its error, and keeps it to itself.
  return Concat("connection refused by ", where, ", or no way to it");
}

std::string Connection::Client::VerifyText() const {
  const long result = VerifyResult(*tls);
  if (result == X509_V_OK) return Concat("the certificate of ", Peer(), " is for another host");
  return Concat("the certificate of ", Peer(),
                " is not trusted: ", X509_verify_cert_error_string(result));
}

std::string Connection::Client::NotConnected(httplib::Error error, int system_error) const {
  using httplib::Error;
  switch (error) {
    case Error::ConnectionTimeout:
      return Concat("connecting to ", HostAndPort(endpoint.ConnectHost(), endpoint.ConnectPort()),
                    " timed out");
    case Error::SSLConnection:
      return Concat("TLS handshake with ", Peer(), " failed", LastTlsError());
    case Error::SSLLoadingCerts:
      return Concat("the file of trusted certificates can't be read: ", endpoint.ca_file);
    case Error::SSLServerVerification:
      return VerifyText();
    default:
      return ConnectText(system_error);
  }
}

HttpReply Connection::Client::Failure(httplib::Error error, int system_error) const {
  using httplib::Error;
  HttpReply reply;
  switch (error) {
    case Error::Connection:
    case Error::ConnectionTimeout:
    case Error::BindIPAddress:
    case Error::SSLConnection:
    case Error::SSLLoadingCerts:
    case Error::SSLServerVerification:
      reply.kind = HttpReply::Kind::kNotConnected;
      reply.connect_timed_out = error == Error::ConnectionTimeout;
      // Also of a file of certificates that could not be opened.
      reply.ours = system_error == EMFILE || system_error == ENFILE;
      reply.problem = NotConnected(error, system_error);
      break;
    case Error::Write:
      reply.problem =
          Concat(Peer(), " closed the connection while the request was sent", TlsText());
      break;
    default:
      reply.problem = Concat(Peer(), " gave no whole HTTP answer", TlsText());
  }
  return reply;
}

Connection::Connection(const Endpoint& endpoint) : client_(std::make_unique<Client>()) {
  client_->endpoint = endpoint;
  if (endpoint.tls) {
    auto tls = std::make_unique<GuardedTlsClient>(endpoint.host, endpoint.port,
                                                  endpoint.certificate, endpoint.key);
    client_->tls = tls.get();
    client_->http = std::move(tls);
    TrustOnly(*client_->http, endpoint.ca_file);
    client_->http->enable_server_certificate_verification(true);
  } else {
    auto plain = std::make_unique<GuardedPlainClient>(endpoint.host, endpoint.port);
    client_->plain = plain.get();
    client_->http = std::move(plain);
  }
  httplib::ClientImpl& http = *client_->http;
  http.set_keep_alive(true);
  http.set_follow_location(false);
  KeepTargetsAsTheyAre(http);
  http.set_compress(false);
  http.set_decompress(false);
  http.set_tcp_nodelay(true);
  http.set_read_timeout(kNeverFirst);
  http.set_write_timeout(kNeverFirst);
}

Connection::~Connection() = default;

int Connection::socket() const {
  return client_->http->is_socket_open() ? client_->http->socket() : -1;
}

bool Connection::IsQuiet() const {
  pollfd look{.fd = socket(), .events = POLLIN | POLLRDHUP, .revents = 0};
  return look.fd >= 0 && poll(&look, 1, 0) == 0;
}

bool Connection::IsKept() const {
  const auto age = std::chrono::steady_clock::now() - client_->answered_at;
  if (client_->answers != 1 || age >= kWatch) return IsQuiet();
  pollfd look{.fd = socket(), .events = POLLIN | POLLRDHUP, .revents = 0};
  return look.fd >= 0 && poll(&look, 1, static_cast<int>(kWatch.count())) == 0;
}

void Connection::SetAddress(const std::string& address, std::chrono::milliseconds timeout) {
  const Endpoint& endpoint = client_->endpoint;
  client_->address = address;
  client_->http->set_connection_timeout(timeout);
  if (endpoint.proxy_host.empty()) {
    client_->http->set_hostname_addr_map({{endpoint.host, address}});
  } else {
    client_->http->set_proxy(address, endpoint.proxy_port);
  }
}

HttpReply Connection::Exchange(const HttpRequest& request, const OnSocket& on_socket) {
  if (client_->tls != nullptr && !client_->http->is_valid()) {
    HttpReply reply{.kind = HttpReply::Kind::kNotConnected};
    reply.problem =
        Concat("the client certificate or its key can't be used: ", client_->endpoint.certificate,
               LastTlsError());
    return reply;
  }
  HttpReply reply;
  httplib::Request wire;
  wire.method = request.post ? "POST" : "GET";
  wire.path = request.target;
  for (const Header& header : request.headers) wire.headers.emplace(header.name, header.value);
  if (request.post) wire.body = request.payload;

  client_->http->set_socket_options([&](socket_t socket) { on_socket(socket); });
  const size_t bytes_max = request.answer_bytes_max * kChunkingFactor + kHeadersAllowance;
  if (client_->tls != nullptr) BoundAnswers(*client_->tls, bytes_max);
  if (client_->plain != nullptr) BoundAnswers(*client_->plain, bytes_max);
  bool seen = false;  // status and headers of an answer
  wire.response_handler = [&](const httplib::Response& response) {
    seen = true;
    reply.status = response.status;
    return !HasNoBody(response.status);
  };
  wire.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
    if (reply.body.size() + size > request.answer_bytes_max) {
      reply.kind = HttpReply::Kind::kTooLarge;
      return false;
    }
    reply.body.append(data, size);
    return true;
  };

  httplib::Response response;
  httplib::Error error = httplib::Error::Success;
  if (client_->tls != nullptr) ERR_clear_error();  // a thread's first one takes memory
  errno = 0;
  bool ok = false;
  try {
    ok = client_->http->send(wire, response, error);
  } catch (const std::exception& e) {
    // The library parses with exceptions; what it throws means that the answer made no sense.
    reply.problem = Concat(client_->Peer(), " gave an answer that can't be read: ", e.what());
    return reply;
  }
  const int system_error = errno;
  client_->http->set_socket_options(nullptr);
  if (ok || (seen && HasNoBody(reply.status))) {
    reply.kind = HttpReply::Kind::kComplete;
    reply.status = response.status;
    reply.framed = IsFramed(response) || HasNoBody(response.status);
    reply.reusable = ok && IsFramed(response) && client_->http->is_socket_open() &&
                     !EqualsIgnoringCase(response.get_header_value("Connection"), "close");
    reply.keep_alive_max = KeepAliveMax(response);
    ++client_->answers;
    client_->answered_at = std::chrono::steady_clock::now();
    return reply;
  }
  if (reply.kind == HttpReply::Kind::kTooLarge) return reply;
  HttpReply failure = client_->Failure(error, system_error);
  failure.status = reply.status;
  return failure;
}

size_t ConnectionStackBytes() { return kClientStackBytes; }

void InitializeTls() { OPENSSL_init_ssl(0, nullptr); }

}  // namespace troth::internal
