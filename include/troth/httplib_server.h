// A cpp-httplib server that bounds what a client can make it hold, and for how long:
//
//   troth::BoundedServer server;  // in place of httplib::Server; used in the same way
//   server.set_payload_max_length(8u << 20);
//
// httplib 0.11 reads headers without end into memory, and bodies too where they come in chunks; and
// a client that sends a byte now and then holds a thread for ever. Its newer versions have bounds
// of their own, which hold instead of these (they say their number, CPPHTTPLIB_VERSION_NUM).
//
// Header-only: cpp-httplib is the application's. Link troth_branch or troth_gateway.
#pragma once

#include "troth/httplib.h"

#ifdef CPPHTTPLIB_VERSION_NUM

#include <chrono>
#include <cstddef>

namespace troth {

class BoundedServer : public httplib::Server {
 public:
  BoundedServer& set_head_max_length(size_t) { return *this; }
  BoundedServer& set_request_timeout(std::chrono::milliseconds) { return *this; }
};

}  // namespace troth

#else

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace troth {

class BoundedServer : public httplib::Server {
 public:
  // Of one request's first line and headers in all. Past it the connection is closed.
  BoundedServer& set_head_max_length(size_t bytes) {
    head_bytes_ = bytes;
    return *this;
  }
  // How long a request may take to come, from its first byte to its last. Past it the connection is
  // closed.
  BoundedServer& set_request_timeout(std::chrono::milliseconds time) {
    request_time_ = time;
    return *this;
  }

 private:
  using Clock = std::chrono::steady_clock;

  // One request and its answer, over a socket that it does not own.
  class BoundedStream final : public httplib::Stream {
   public:
    BoundedStream(int socket, size_t head_bytes, size_t bytes, Clock::time_point until,
                  std::chrono::milliseconds read_time, std::chrono::milliseconds write_time)
        : socket_(socket),
          head_bytes_(head_bytes),
          bytes_(bytes),
          until_(until),
          read_time_(read_time),
          write_time_(write_time) {}

    bool is_readable() const override { return begin_ != end_ || Ready(POLLIN, read_time_); }
    bool is_writable() const override { return Ready(POLLOUT, write_time_); }

    ssize_t read(char* out, size_t size) override {
      if (begin_ == end_) {
        const ssize_t filled = Fill();
        if (filled <= 0) return filled;
      }
      const size_t taken = std::min(size, end_ - begin_);
      for (size_t i = 0; i < taken; ++i) out[i] = buffer_[begin_ + i];
      begin_ += taken;
      return WithinBounds(out, taken) ? static_cast<ssize_t>(taken) : -1;
    }

    ssize_t write(const char* bytes, size_t size) override {
      if (!is_writable()) return -1;
      ssize_t sent = 0;
      do {
        sent = ::send(socket_, bytes, size, MSG_NOSIGNAL);
      } while (sent < 0 && errno == EINTR);
      return sent;
    }

    void get_remote_ip_and_port(std::string& ip, int& port) const override {
      TellAddress(&::getpeername, ip, port);
    }
    void get_local_ip_and_port(std::string& ip, int& port) const override {
      TellAddress(&::getsockname, ip, port);
    }
    socket_t socket() const override { return socket_; }

   private:
    using Asked = int (*)(int socket, sockaddr* address, socklen_t* size);
    // Leaves both as they are where there is no address.
    void TellAddress(Asked ask, std::string& ip, int& port) const {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      auto* const plain = reinterpret_cast<sockaddr*>(&address);
      std::array<char, NI_MAXHOST> host{};
      std::array<char, NI_MAXSERV> service{};
      if (ask(socket_, plain, &size) != 0 ||
          ::getnameinfo(plain, size, host.data(), host.size(), service.data(), service.size(),
                        NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return;
      }
      ip = host.data();
      port = std::atoi(service.data());
    }

    bool Ready(short events, std::chrono::milliseconds time) const {
      pollfd waited{socket_, events, 0};
      return ::poll(&waited, 1, static_cast<int>(time.count())) > 0;
    }

    ssize_t Fill() {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until_ - Clock::now());
      if (left.count() <= 0 || !Ready(POLLIN, std::min(left, read_time_))) return -1;
      ssize_t size = 0;
      do {
        size = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
      } while (size < 0 && errno == EINTR);
      begin_ = 0;
      end_ = size > 0 ? static_cast<size_t>(size) : 0;
      return size;
    }

    // Counts what is handed out, and sees where the head ends: at the first empty line.
    bool WithinBounds(const char* bytes, size_t size) {
      total_ += size;
      for (size_t i = 0; i < size && !in_body_; ++i) {
        ++head_;
        if (bytes[i] == '\n') {
          in_body_ = line_ == 0;
          line_ = 0;
        } else if (bytes[i] != '\r') {
          ++line_;
        }
      }
      return head_ <= head_bytes_ && total_ <= bytes_;
    }

    const int socket_;
    const size_t head_bytes_;
    const size_t bytes_;
    const Clock::time_point until_;
    const std::chrono::milliseconds read_time_;
    const std::chrono::milliseconds write_time_;
    std::array<char, 4096> buffer_;
    size_t begin_ = 0;
    size_t end_ = 0;
    size_t total_ = 0;
    size_t head_ = 0;
    size_t line_ = 0;
    bool in_body_ = false;
  };

  static std::chrono::milliseconds Milliseconds(time_t seconds, time_t microseconds) {
    return std::chrono::seconds(seconds) + std::chrono::milliseconds(microseconds / 1'000);
  }

  // Whether a request begins before the connection has been idle for too long. In slices, so that
  // stop() is noticed.
  bool WaitForRequest(int socket) const {
    const Clock::time_point until = Clock::now() + std::chrono::seconds(keep_alive_timeout_sec_);
    constexpr int kSliceMs = 50;
    while (svr_sock_ != INVALID_SOCKET && Clock::now() < until) {
      pollfd waited{socket, POLLIN, 0};
      const int ready = ::poll(&waited, 1, kSliceMs);
      if (ready != 0) return ready > 0;
    }
    return false;
  }

  bool process_and_close_socket(socket_t socket) override {
    // What frames the chunks of a body is read too, and may be as much as they are.
    const size_t limit = std::min(payload_max_length_, SIZE_MAX / 4);
    bool ok = false;
    for (size_t left = keep_alive_max_count_; left > 0 && WaitForRequest(socket); --left) {
      BoundedStream stream(socket, head_bytes_, head_bytes_ + 2 * limit,
                           Clock::now() + request_time_,
                           Milliseconds(read_timeout_sec_, read_timeout_usec_),
                           Milliseconds(write_timeout_sec_, write_timeout_usec_));
      bool closed = false;
      ok = process_request(stream, left == 1, closed, nullptr);
      if (!ok || closed) break;
    }
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return ok;
  }

  size_t head_bytes_ = 64u << 10;
  std::chrono::milliseconds request_time_ = std::chrono::minutes(1);
};

}  // namespace troth

#endif
