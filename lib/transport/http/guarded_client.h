// httplib's clients, with a stream of our own below them that bounds what a peer can make them
// read. Included by connection.cc alone.
//
// Why: the old library reads a line of any length into memory, and then matches a status line with
// std::regex, which takes stack for each character: a reason phrase of some kilobytes would end the
// process. Versions that carry a number bound their lines themselves, and need a larger stack.
#pragma once

#include <httplib.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

namespace troth::internal {

#ifdef CPPHTTPLIB_VERSION_NUM

using GuardedPlainClient = httplib::ClientImpl;
using GuardedTlsClient = httplib::SSLClient;
inline constexpr size_t kClientStackBytes = 8u << 20;

#else

inline constexpr size_t kStatusLineBytesMax = 256;
// Several times what a status line of that length takes; a program's thread-local variables are in
// it too. Untouched pages cost nothing.
inline constexpr size_t kClientStackBytes = 1u << 20;
inline constexpr size_t kHeaderBytesMax = 64u << 10;

// One exchange over a connected, blocking socket. What blocks here is ended by shutdown().
class GuardedStream final : public httplib::Stream {
 public:
  // `bytes_max`: of the answer in all, with its headers and whatever chunking adds.
  GuardedStream(int socket, SSL* ssl, size_t bytes_max)
      : socket_(socket), ssl_(ssl), bytes_max_(bytes_max) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

  ssize_t read(char* out, size_t size) override {
    if (failed_ || !SendHeld()) return -1;
    if (begin_ == end_ && !Fill()) return failed_ ? -1 : 0;
    const size_t taken = std::min(size, end_ - begin_);
    if (!in_body_ && !Accept(std::string_view(&buffer_[begin_], taken))) return -1;
    std::memcpy(out, &buffer_[begin_], taken);
    begin_ += taken;
    return static_cast<ssize_t>(taken);
  }

  // The library writes the headers, and then the body. What is small is held back until an answer
  // is asked for, so that it leaves in one piece: the peer is woken once.
  ssize_t write(const char* bytes, size_t size) override {
    if (total_ == 0 && size <= buffer_.size() - held_) {
      std::memcpy(&buffer_[held_], bytes, size);
      held_ += size;
      return static_cast<ssize_t>(size);
    }
    return SendHeld() ? Send(bytes, size) : -1;
  }

 private:
  ssize_t Send(const char* bytes, size_t size) {
    // Before the first byte: has the peer closed a connection that was kept?
    char next = 0;
    const bool first = !wrote_;
    wrote_ = true;
    if (first && recv(socket_, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0) return -1;
    if (ssl_ != nullptr) {
      return SSL_write(ssl_, bytes, static_cast<int>(std::min<size_t>(size, INT_MAX)));
    }
    ssize_t sent = 0;
    do {
      sent = send(socket_, bytes, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent;
  }

  bool SendHeld() {
    for (size_t done = 0; done < held_;) {
      const ssize_t sent = Send(&buffer_[done], held_ - done);
      if (sent <= 0) return Fail();
      done += static_cast<size_t>(sent);
    }
    held_ = 0;
    return true;
  }

  bool Fill() {
    if (total_ >= bytes_max_) return Fail();
    ssize_t size = 0;
    if (ssl_ != nullptr) {
      size = SSL_read(ssl_, buffer_.data(), static_cast<int>(buffer_.size()));
      const bool ended =
          size <= 0 && SSL_get_error(ssl_, static_cast<int>(size)) == SSL_ERROR_ZERO_RETURN;
      if (size <= 0) return ended ? false : Fail();
    } else {
      do {
        size = recv(socket_, buffer_.data(), buffer_.size(), 0);
      } while (size < 0 && errno == EINTR);
      if (size < 0) return Fail();
    }
    begin_ = 0;
    end_ = static_cast<size_t>(size);
    total_ += end_;
    return size > 0;
  }

  bool Fail() {
    failed_ = true;
    return false;
  }

  // Looks at the bytes of status line and headers; whether they are within bounds.
  bool Accept(std::string_view bytes) {
    for (const char c : bytes) {
      ++line_bytes_;
      if (++header_bytes_ > kHeaderBytesMax) return Fail();
      // After an interim answer the library takes further lines for status lines.
      if ((at_status_ || interim_) && line_bytes_ > kStatusLineBytesMax) return Fail();
      if (at_status_ && line_bytes_ <= status_.size()) status_[line_bytes_ - 1] = c;
      if (c == '\n') EndLine();
    }
    return true;
  }

  void EndLine() {
    if (at_status_) {
      const std::string_view start(status_.data(), std::min(line_bytes_, status_.size()));
      interim_ = start.ends_with(" 100");
      at_status_ = false;
    } else if (line_bytes_ <= 2) {
      at_status_ = interim_;
      in_body_ = !interim_;
    }
    line_bytes_ = 0;
  }

  const int socket_;
  SSL* const ssl_;
  const size_t bytes_max_;
  std::array<char, 4096> buffer_;  // of the answer; before that, what is held back of the request
  size_t held_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t total_ = 0;
  size_t header_bytes_ = 0;
  size_t line_bytes_ = 0;
  std::array<char, 12> status_{};  // "HTTP/1.1 200"
  bool at_status_ = true;
  bool interim_ = false;
  bool in_body_ = false;
  bool failed_ = false;
  bool wrote_ = false;
};

template <class Base>
class Guarded final : public Base {
 public:
  using Base::Base;
  size_t bytes_max = 0;

 private:
  bool process_socket(const typename Base::Socket& socket,
                      std::function<bool(httplib::Stream&)> callback) override {
    GuardedStream stream(socket.sock, socket.ssl, bytes_max);
    return callback(stream);
  }
};

using GuardedPlainClient = Guarded<httplib::ClientImpl>;
using GuardedTlsClient = Guarded<httplib::SSLClient>;

#endif

template <class Client>
void BoundAnswers(Client& client, size_t bytes_max) {
  if constexpr (requires { client.bytes_max; }) client.bytes_max = bytes_max;
}

}  // namespace troth::internal
