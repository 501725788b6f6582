#include "http_load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>

#include "bench.h"

namespace troth::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPatienceMs = 10'000;

// How long the answer is, headers included, as far as it says so yet; 0: it does not.
size_t SizeOf(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return 0;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const size_t at = answer.find(kLength);
  Check(at < end, "an answer without its length: " + answer);
  return end + 4 + std::strtoul(answer.c_str() + at + kLength.size(), nullptr, 10);
}

}  // namespace

NumberedRequest::NumberedRequest(std::string_view target, std::string_view body) {
  bytes_ = "POST " + std::string(target) +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n";
  const size_t digits = body.find('#');
  Check(digits != std::string_view::npos, "a body without a number");
  first_ = bytes_.size() + digits;
  last_ = bytes_.size() + body.find_last_of('#');
  bytes_ += body;
  for (size_t i = first_; i <= last_; ++i) bytes_[i] = '0';
}

std::string_view NumberedRequest::Next() {
  for (size_t i = last_; i >= first_; --i) {
    if (bytes_[i] != '9') {
      ++bytes_[i];
      break;
    }
    bytes_[i] = '0';
  }
  return bytes_;
}

int ConnectTo(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Check(connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "connect");
  const int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return socket;
}

HttpClients::HttpClients(int port, int connections) : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  clients_.resize(static_cast<size_t>(connections));
  for (Client& client : clients_) {
    client.socket = ConnectTo(port);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &client}};
    Check(epoll_ctl(epoll_, EPOLL_CTL_ADD, client.socket, &event) == 0, "epoll_ctl");
  }
}

HttpClients::~HttpClients() {
  for (const Client& client : clients_) close(client.socket);
  close(epoll_);
}

void HttpClients::Ask(Client& client, NumberedRequest& request) {
  const std::string_view bytes = request.Next();
  client.answer.clear();
  const ssize_t sent = send(client.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  Check(sent == static_cast<ssize_t>(bytes.size()), "a request could not be sent");
}

bool HttpClients::Hear(Client& client) {
  std::array<char, 4096> buffer;
  const ssize_t size = recv(client.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return false;
  Check(size > 0, "the server has closed a connection after: " + client.answer);
  client.answer.append(buffer.data(), static_cast<size_t>(size));
  const size_t whole = SizeOf(client.answer);
  if (whole == 0 || client.answer.size() < whole) return false;
  Check(client.answer.starts_with("HTTP/1.1 200 "), "answered: " + client.answer);
  return true;
}

double HttpClients::Rate(NumberedRequest& request, std::chrono::milliseconds warm_up,
                         std::chrono::milliseconds time) {
  const Clock::time_point start = Clock::now() + warm_up;
  const Clock::time_point stop = start + time;
  uint64_t answers = 0;
  // Past the stop nobody asks again, and who has asked is waited for.
  Run(request, [&](Client&) {
    const Clock::time_point now = Clock::now();
    if (now >= start && now < stop) ++answers;
    return now < stop;
  });
  return static_cast<double>(answers) / std::chrono::duration<double>(time).count();
}

void HttpClients::AskEach(NumberedRequest& request, int times) {
  Run(request, [&](const Client& client) { return client.answers % times != 0; });
}

void HttpClients::Run(NumberedRequest& request, const std::function<bool(Client&)>& again) {
  size_t open = clients_.size();
  for (Client& client : clients_) Ask(client, request);
  std::array<epoll_event, 64> events;
  while (open > 0) {
    const int ready =
        epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kPatienceMs);
    Check(ready > 0, "an answer does not come");
    for (int i = 0; i < ready; ++i) {
      Client& client = *static_cast<Client*>(events[static_cast<size_t>(i)].data.ptr);
      if (!Hear(client)) continue;
      ++client.answers;
      answers_.fetch_add(1, std::memory_order_relaxed);
      if (again(client)) {
        Ask(client, request);
      } else {
        --open;
      }
    }
  }
}

}  // namespace troth::bench
