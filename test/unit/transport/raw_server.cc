#include "raw_server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/text.h"

namespace troth::internal {
namespace {

int Listen(int* port) {
  const int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(bind(out, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(getsockname(out, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  *port = ntohs(address.sin_port);
  REQUIRE(listen(out, 1024) == 0);
  return out;
}

SSL_CTX* MakeTls(const TlsFiles& files) {
  SSL_CTX* out = SSL_CTX_new(TLS_server_method());
  REQUIRE(SSL_CTX_use_certificate_chain_file(out, files.certificate.c_str()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey_file(out, files.key.c_str(), SSL_FILETYPE_PEM) == 1);
  if (!files.client_ca.empty()) {
    REQUIRE(SSL_CTX_load_verify_locations(out, files.client_ca.c_str(), nullptr) == 1);
    SSL_CTX_set_verify(out, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return out;
}

ServedRequest ParseHead(std::string_view head) {
  ServedRequest out;
  const auto take = [&head](std::string_view end) {
    const size_t at = head.find(end);
    const std::string_view part = head.substr(0, at);
    head.remove_prefix(at == std::string_view::npos ? head.size() : at + end.size());
    return std::string(part);
  };
  out.method = take(" ");
  out.target = take(" ");
  take("\r\n");
  while (!head.empty()) {
    const std::string line = take("\r\n");
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    out.headers.emplace_back(LowerCase(line.substr(0, colon)), line.substr(colon + 2));
  }
  return out;
}

}  // namespace

std::string ServedRequest::Get(std::string_view name) const {
  std::string out;
  for (const auto& [key, value] : headers) {
    if (!EqualsIgnoringCase(key, name)) continue;
    if (!out.empty()) out += '|';
    out += value;
  }
  return out;
}

Peer::Peer(int socket, size_t number, SSL_CTX* tls) : socket_(socket), number_(number) {
  if (tls == nullptr) return;
  ssl_ = SSL_new(tls);
  SSL_set_fd(ssl_, socket);
}

Peer::~Peer() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  close(socket_);
}

bool Peer::Handshake() { return ssl_ == nullptr || SSL_accept(ssl_) == 1; }

bool Peer::ReadMore() {
  if (closed_) return false;
  char bytes[16 << 10];
  const ssize_t size = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof(bytes))
                                       : recv(socket_, bytes, sizeof(bytes), 0);
  if (size <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(size));
  ++pieces_;
  return true;
}

std::optional<ServedRequest> Peer::ReadRequest() {
  size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore()) return std::nullopt;
  }
  ServedRequest out = ParseHead(std::string_view(buffer_).substr(0, end + 2));
  out.connection = number_;
  const std::string length = out.Get("content-length");
  const size_t size = length.empty() ? 0 : std::strtoul(length.c_str(), nullptr, 10);
  while (buffer_.size() < end + 4 + size) {
    if (!ReadMore()) return std::nullopt;
  }
  out.pieces = std::exchange(pieces_, 0);
  out.body = buffer_.substr(end + 4, size);
  buffer_.erase(0, end + 4 + size);
  return out;
}

bool Peer::Write(std::string_view bytes) {
  while (!bytes.empty() && !closed_) {
    const ssize_t size = ssl_ != nullptr
                             ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                             : send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return !closed_;
}

void Peer::Answer(int status, std::string_view body, std::string_view more_headers) {
  Write(Concat("HTTP/1.1 ", status, " Status\r\nContent-Length: ", body.size(), "\r\n",
               more_headers, "\r\n", body));
}

void Peer::Close() {
  closed_ = true;
  Shut();
}

void Peer::Reset() {
  closed_ = true;
  // With a lingering time of zero the destructor's close() sends RST.
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

bool Peer::ReadUntilClosed() {
  const size_t before = buffer_.size();
  while (ReadMore()) {
  }
  closed_ = true;
  return buffer_.size() > before;
}

void Peer::Shut() { shutdown(socket_, SHUT_RDWR); }

RawServer::RawServer(Handler handler, const TlsFiles* tls) : handler_(std::move(handler)) {
  if (tls != nullptr) tls_ = MakeTls(*tls);
  listener_ = Listen(&port_);
  acceptor_ = std::thread([this] { Accept(); });
}

RawServer::~RawServer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& peer : peers_) peer->Shut();
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
  if (tls_ != nullptr) SSL_CTX_free(tls_);
}

std::string RawServer::Url(std::string_view path) const {
  return Concat(tls_ != nullptr ? "https" : "http", "://127.0.0.1:", port_, path);
}

std::vector<ServedRequest> RawServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

size_t RawServer::connections() const {
  std::lock_guard lock(mutex_);
  return threads_.size();
}

void RawServer::WaitForRequests(size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return requests_.size() >= count; });
}

void RawServer::WaitForEnded(size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ >= count; });
}

void RawServer::Accept() {
  for (;;) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0 && errno == EMFILE) {  // a test has taken all descriptors: for a moment
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    if (socket < 0) return;
    const int yes = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    std::lock_guard lock(mutex_);
    peers_.push_back(std::make_unique<Peer>(socket, threads_.size() + 1, tls_));
    if (stopping_) peers_.back()->Shut();
    const auto place = std::prev(peers_.end());
    threads_.emplace_back([this, place] {
      Serve(**place);
      std::lock_guard inner(mutex_);
      peers_.erase(place);
      ++ended_;
      changed_.notify_all();
    });
  }
}

void RawServer::Serve(Peer& peer) {
  // OpenSSL writes without MSG_NOSIGNAL.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (!peer.Handshake()) return;
  while (!peer.closed()) {
    std::optional<ServedRequest> request = peer.ReadRequest();
    if (!request) return;
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(*request);
      changed_.notify_all();
    }
    handler_(peer, *request);
  }
}

int UnusedPort() {
  int port = 0;
  close(Listen(&port));
  return port;
}

}  // namespace troth::internal
