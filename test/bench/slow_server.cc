#include "slow_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <unordered_map>

#include "child.h"

namespace troth::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kAnswer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

class SlowServer {
 public:
  explicit SlowServer(std::chrono::milliseconds each) : each_(each) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    socklen_t size = sizeof name;
    Check(bind(listener_, reinterpret_cast<sockaddr*>(&name), size) == 0, "bind");
    Check(listen(listener_, 8'192) == 0, "listen");
    Check(getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size) == 0, "getsockname");
    Say("port", ntohs(name.sin_port));
    Watch(listener_);
  }

  [[noreturn]] void Run() {
    for (;;) {
      epoll_event events[256];
      const int count = epoll_wait(epoll_, events, 256, MillisecondsToNext());
      for (int i = 0; i < count; ++i) {
        if (events[i].data.fd == listener_) {
          Accept();
        } else {
          Read(events[i].data.fd);
        }
      }
      AnswerWhatIsDue();
    }
  }

 private:
  struct Connection {
    uint64_t number = 0;  // a descriptor is used again
    std::string read;
  };
  struct Due {
    Clock::time_point at;
    int socket;
    uint64_t number;
  };

  void Watch(int socket) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = socket;
    Check(epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) == 0, "epoll");
  }

  // All requests take as long, so the first is due first.
  int MillisecondsToNext() const {
    if (due_.empty()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_.front().at - Clock::now());
    return static_cast<int>(std::max<int64_t>(left.count(), 0));
  }

  void Accept() {
    int socket = -1;
    while ((socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      const int yes = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      connections_[socket] = {.number = ++accepted_, .read = {}};
      Watch(socket);
    }
  }

  void Read(int socket) {
    Connection& connection = connections_.at(socket);
    char bytes[4'096];
    ssize_t count = 0;
    while ((count = recv(socket, bytes, sizeof bytes, 0)) > 0) {
      connection.read.append(bytes, static_cast<size_t>(count));
    }
    if (count == 0 || errno != EAGAIN) {
      connections_.erase(socket);
      close(socket);
      return;
    }
    if (!TakeRequest(connection.read)) return;
    due_.push_back({.at = Clock::now() + each_, .socket = socket, .number = connection.number});
  }

  // Whether a whole request was there; a client has one under way at a time.
  static bool TakeRequest(std::string& read) {
    const size_t head = read.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    constexpr std::string_view kLength = "Content-Length: ";
    const size_t at = read.find(kLength);
    const size_t body =
        at < head ? std::strtoul(read.c_str() + at + kLength.size(), nullptr, 10) : 0;
    if (read.size() < head + 4 + body) return false;
    read.clear();
    return true;
  }

  void AnswerWhatIsDue() {
    const Clock::time_point now = Clock::now();
    for (; !due_.empty() && due_.front().at <= now; due_.pop_front()) {
      const auto found = connections_.find(due_.front().socket);
      if (found == connections_.end() || found->second.number != due_.front().number) continue;
      // A whole answer fits into an empty socket's buffer.
      (void)send(due_.front().socket, kAnswer, sizeof kAnswer - 1, MSG_NOSIGNAL);
    }
  }

  const std::chrono::milliseconds each_;
  const int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  uint64_t accepted_ = 0;
  std::unordered_map<int, Connection> connections_;
  std::deque<Due> due_;
};

}  // namespace

void ServeSlowly(std::chrono::milliseconds each) { SlowServer(each).Run(); }

void AllowManyFiles(size_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= count) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, count);
  Check(setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= count,
        "the system allows too few open files");
}

}  // namespace troth::bench
