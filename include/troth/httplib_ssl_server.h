// A BoundedServer (httplib_server.h) over TLS, in place of httplib::SSLServer:
//
//   troth::BoundedSslServer server("server.crt", "server.key");
//
// The handshake is bounded as a request is. Only where httplib is compiled with OpenSSL,
// CPPHTTPLIB_OPENSSL_SUPPORT; the application then links OpenSSL, as httplib wants it to.
#pragma once

#include "troth/httplib_server.h"

#ifdef CPPHTTPLIB_OPENSSL_SUPPORT

#ifdef CPPHTTPLIB_VERSION_NUM

namespace troth {

class BoundedSslServer : public internal::Bounded<httplib::SSLServer> {
 public:
  using Bounded::Bounded;
};

}  // namespace troth

#else

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <memory>

namespace troth {
namespace internal {

// As TcpWire, over TLS.
class TlsWire {
 public:
  // The socket must not block.
  TlsWire(SSL* session, int socket) : session_(session), socket_(socket) {}

  // False: it was not done in time, the server stops, or the other side speaks no TLS.
  bool Accept(std::chrono::milliseconds time, const ListeningSocket& listening) {
    const auto until = ServerClock::now() + time;
    for (;;) {
      ERR_clear_error();
      const ssize_t done = Done(SSL_accept(session_));
      if (done > 0) return true;
      if (done == 0 || errno != EAGAIN) return false;
      if (listening.WaitFor(socket_, wanted_, until) != ListeningSocket::Came::kReady) return false;
    }
  }

  int socket() const { return socket_; }
  short wanted() const { return wanted_; }
  bool pending() const { return SSL_pending(session_) > 0; }

  ssize_t Receive(char* out, size_t size) {
    ERR_clear_error();
    return Done(SSL_read(session_, out, Bounded(size)));
  }
  ssize_t Send(const char* bytes, size_t size) {
    if (size == 0) return 0;
    ERR_clear_error();
    return Done(SSL_write(session_, bytes, Bounded(size)));
  }
  // Tells the other side that this is the end, and not a cut.
  void Close() {
    if (!broken_) SSL_shutdown(session_);
    ERR_clear_error();
  }

 private:
  static int Bounded(size_t size) { return static_cast<int>(std::min<size_t>(size, INT_MAX)); }

  ssize_t Done(int result) {
    if (result > 0) return result;
    switch (SSL_get_error(session_, result)) {
      case SSL_ERROR_WANT_READ:
        wanted_ = POLLIN;
        errno = EAGAIN;
        return -1;
      case SSL_ERROR_WANT_WRITE:
        wanted_ = POLLOUT;
        errno = EAGAIN;
        return -1;
      case SSL_ERROR_ZERO_RETURN:
        return 0;
      default:
        broken_ = true;  // nothing may be done with the session any more
        errno = EIO;
        return -1;
    }
  }

  SSL* const session_;
  const int socket_;
  short wanted_ = POLLIN;
  bool broken_ = false;
};

}  // namespace internal

class BoundedSslServer : public internal::Bounded<httplib::SSLServer> {
 public:
  using Bounded::Bounded;

 private:
  bool process_and_close_socket(socket_t socket) override {
    const bool ok = ServeSession(socket);
    CloseSocket(socket);
    return ok;
  }

  bool ServeSession(socket_t socket) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(ssl_context()), &SSL_free);
    const int flags = ::fcntl(socket, F_GETFL);
    if (session == nullptr || flags < 0 || ::fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0 ||
        SSL_set_fd(session.get(), socket) != 1) {
      return false;
    }
    SSL_set_mode(session.get(),
                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    internal::TlsWire wire(session.get(), socket);
    if (!wire.Accept(bounds().request_time, *Listening())) return false;
    return ServeAll(wire, [&](httplib::Request& request) { request.ssl = session.get(); });
  }
};

}  // namespace troth

#endif

#endif
