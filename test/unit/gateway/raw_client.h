// A client of a server on this machine that need not keep to HTTP.
#pragma once

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace troth {

// A connection on which anything can be sent.
class RawClient {
 public:
  explicit RawClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False: the server has closed it.
  bool Send(std::string_view bytes) const {
    return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // False: nothing comes any more. So many bytes at most are read and forgotten.
  bool Receive(size_t most) const {
    std::string some(most, ' ');
    return recv(socket_, some.data(), most, 0) > 0;
  }
  // All that comes until the server closes.
  std::string Rest() const {
    std::string all;
    std::array<char, 4096> some;
    for (;;) {
      const ssize_t size = recv(socket_, some.data(), some.size(), 0);
      if (size <= 0) return size == 0 ? all : all + "(cut off)";
      all.append(some.data(), static_cast<size_t>(size));
    }
  }
  // Of an answer, which is waited for; empty where none comes before the server closes.
  std::string Status() const {
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    std::string start(kVersion.size() + 3, ' ');
    const ssize_t size = recv(socket_, start.data(), start.size(), MSG_WAITALL);
    return size == static_cast<ssize_t>(start.size()) ? start.substr(kVersion.size()) : "";
  }

 private:
  const int socket_;
};

}  // namespace troth
