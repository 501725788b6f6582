// A cpp-httplib server that bounds what a client can make it hold, and for how long:
//
//   troth::BoundedServer server;  // in place of httplib::Server; used in the same way
//   server.set_payload_max_length(8u << 20);
//
// httplib 0.11 reads headers without end into memory, bodies in chunks too, and reads to its end
// what it then refuses for its length; a client that sends a byte now and then holds a thread for
// ever. It unpacks what is compressed without a bound, and matches paths and the header Range with
// regular expressions, which a long one ends the process with. Here such clients are refused as
// soon as it shows, with an answer that says why (413 for a body, 414 for a path, 415 for a
// Content-Encoding but identity, 431 for headers, 400 for what is no HTTP), and their connections
// closed; the header Range is passed over, and the whole answered. A connection on which nothing
// comes costs its thread, and no wake-ups. Newer versions of httplib have bounds of their own,
// which hold instead of these (they say their number, CPPHTTPLIB_VERSION_NUM).
//
// The same over TLS: httplib_ssl_server.h.
//
// Header-only: cpp-httplib is the application's. Link troth_branch or troth_gateway.
#pragma once

#include "troth/httplib.h"

#ifdef CPPHTTPLIB_VERSION_NUM

#include <chrono>
#include <cstddef>

namespace troth {
namespace internal {

template <class Server>
class Bounded : public Server {
 public:
  using Server::Server;
  Bounded& set_head_max_length(size_t) { return *this; }
  Bounded& set_request_timeout(std::chrono::milliseconds) { return *this; }
};

}  // namespace internal

class BoundedServer : public internal::Bounded<httplib::Server> {};

}  // namespace troth

#else

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "troth/httplib_connection.h"

namespace troth {
namespace internal {

template <class Server>
class Bounded : public Server {
 public:
  using Server::Server;

  // Of one request's first line and headers in all.
  Bounded& set_head_max_length(size_t bytes) {
    head_bytes_ = bytes;
    return *this;
  }
  // How long a request may take to come, from its first byte to its last. Past it the connection is
  // closed. Once the server stops, it may take no longer than httplib's read time-out, and the
  // client to take its answer no longer than the write time-out: 5 s each.
  Bounded& set_request_timeout(std::chrono::milliseconds time) {
    request_time_ = time;
    return *this;
  }

 protected:
  ServerBounds bounds() const {
    return {.head_bytes = head_bytes_,
            .body_bytes = std::min(this->payload_max_length_, SIZE_MAX / 64),
            .request_time = request_time_,
            .read_time = Milliseconds(this->read_timeout_sec_, this->read_timeout_usec_),
            .write_time = Milliseconds(this->write_timeout_sec_, this->write_timeout_usec_)};
  }

  // Answers the requests that come over the wire. `set_up` sees each before it is answered.
  template <class Wire>
  bool ServeAll(Wire& wire, const std::function<void(httplib::Request&)>& set_up) {
    const std::shared_ptr<const ListeningSocket> listening = Listening();
    BoundedConnection<Wire> connection(wire, bounds(), *listening);
    bool ok = true;
    bool last = false;
    for (size_t left = this->keep_alive_max_count_; left > 0 && ok && !last; --left) {
      const auto until =
          ServerClock::now() +
          std::chrono::seconds(std::min<time_t>(this->keep_alive_timeout_sec_, time_t{INT32_MAX}));
      if (!connection.waiting() &&
          listening->WaitFor(wire.socket(), POLLIN, until) != ListeningSocket::Came::kReady) {
        break;
      }
      ok = ServeOne(connection, left == 1, last, set_up);
      if (!ok || !connection.RequestRead()) {
        wire.Close();
        if (connection.open()) Drain(wire.socket());
        return ok;
      }
    }
    wire.Close();
    return ok;
  }

  // One for all connections that there are.
  std::shared_ptr<const ListeningSocket> Listening() {
    const std::lock_guard lock(mutex_);
    if (const auto known = listening_.lock()) return known;
    // stop() takes the descriptor away before it closes it: if it is still there, the copy is one
    // of the socket, and not of what has come to the same number.
    const int socket = this->svr_sock_;
    int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0 && this->svr_sock_ != socket) {
      ::close(copy);
      copy = -1;
    }
    const auto made = std::make_shared<const ListeningSocket>(copy, this->svr_sock_);
    if (copy >= 0) listening_ = made;  // else the next one tries again
    return made;
  }

  static void CloseSocket(int socket) {
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
  }

 private:
  static std::chrono::milliseconds Milliseconds(time_t seconds, time_t microseconds) {
    return std::chrono::seconds(seconds) + std::chrono::milliseconds(microseconds / 1'000);
  }

  // False: nothing can follow.
  template <class Wire>
  bool ServeOne(BoundedConnection<Wire>& connection, bool close, bool& closed,
                const std::function<void(httplib::Request&)>& set_up) {
    using Head = typename BoundedConnection<Wire>::Head;
    switch (connection.ReadHead()) {
      case Head::kWhole:
        return this->process_request(connection, close, closed, [&](httplib::Request& request) {
          if (set_up) set_up(request);
          connection.ExpectBody(request);
        });
      case Head::kTooLong:
        connection.Refuse("431 Request Header Fields Too Large",
                          "headers: more than " + std::to_string(head_bytes_) + " bytes");
        return false;
      case Head::kPathTooLong:
        connection.Refuse("414 URI Too Long", "path: too long");
        return false;
      case Head::kEncoded:
        connection.Refuse("415 Unsupported Media Type",
                          "Content-Encoding: nothing but identity is taken");
        return false;
      case Head::kNoHttp:
        connection.Refuse("400 Bad Request", "this is no HTTP request");
        return false;
      case Head::kEnded:
        break;
    }
    return false;
  }

  // Where a connection is closed while more comes, its peer is reset, and may never see the answer.
  // So what comes is thrown away first; but not for ever. It is not even copied.
  static void Drain(int socket) {
    constexpr size_t kMost = 16u << 20;
    constexpr std::chrono::milliseconds kTime{1'000};
    ::shutdown(socket, SHUT_WR);
    std::array<char, 256u << 10> unused;
    const int at_once = static_cast<int>(unused.size());  // or the end: few wake-ups
    ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &at_once, sizeof at_once);
    const auto until = ServerClock::now() + kTime;
    for (size_t drained = 0; drained < kMost;) {
      const ssize_t size = ::recv(socket, unused.data(), unused.size(), MSG_TRUNC | MSG_DONTWAIT);
      if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) return;
      drained += static_cast<size_t>(std::max<ssize_t>(size, 0));
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until - ServerClock::now());
      if (left.count() <= 0 || (size < 0 && !WaitFor(socket, POLLIN, left))) return;
    }
  }

  size_t head_bytes_ = 64u << 10;
  std::chrono::milliseconds request_time_ = std::chrono::minutes(1);
  std::mutex mutex_;
  std::weak_ptr<const ListeningSocket> listening_;
};

}  // namespace internal

class BoundedServer : public internal::Bounded<httplib::Server> {
 private:
  bool process_and_close_socket(socket_t socket) override {
    internal::TcpWire wire(socket);
    const bool ok = ServeAll(wire, {});
    CloseSocket(socket);
    return ok;
  }
};

}  // namespace troth

#endif
