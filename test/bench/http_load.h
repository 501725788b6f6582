// Clients of an HTTP server, each with one kept-alive connection, all on the caller's own thread
// and over raw sockets: so little that what is measured is the server.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troth::bench {

// A request that is sent again and again, each time with another number in it.
class NumberedRequest {
 public:
  // The '#'s of the body, which follow each other, become the digits of a number that grows.
  NumberedRequest(std::string_view target, std::string_view body);
  std::string_view Next();

 private:
  std::string bytes_;
  size_t first_ = 0;
  size_t last_ = 0;
};

class HttpClients {
 public:
  HttpClients(int port, int connections);
  ~HttpClients();
  HttpClients(const HttpClients&) = delete;
  HttpClients& operator=(const HttpClients&) = delete;

  // How many answers come in a second, each client asking again as soon as it has its answer.
  // Fails if one has another status than 200, or does not come.
  double Rate(NumberedRequest& request, std::chrono::milliseconds warm_up,
              std::chrono::milliseconds time);
  // Comes back when each client has asked so many times, one after the other.
  void AskEach(NumberedRequest& request, int times);
  // Of all times; for another thread.
  uint64_t answers() const { return answers_.load(std::memory_order_relaxed); }

 private:
  struct Client {
    int socket = -1;
    std::string answer;  // what has come of it
    int answers = 0;
  };
  // Each client asks, and again for as long as `again` says so of it.
  void Run(NumberedRequest& request, const std::function<bool(Client&)>& again);
  void Ask(Client& client, NumberedRequest& request);
  // Whether the answer is whole.
  bool Hear(Client& client);

  int epoll_ = -1;
  std::vector<Client> clients_;
  std::atomic<uint64_t> answers_{0};
};

// A socket that is connected to the port on this machine.
int ConnectTo(int port);

}  // namespace troth::bench
