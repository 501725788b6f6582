// A TCP proxy that makes trouble between the application and one service: it passes bytes on late,
// cuts a connection in the middle of a request or an answer, swallows them, or refuses.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>

// What became of the connections so far.
struct ProxyFigures {
  std::atomic<size_t> connections = 0;
  std::atomic<size_t> delayed = 0;
  std::atomic<size_t> cut_requests = 0;
  std::atomic<size_t> cut_answers = 0;
  std::atomic<size_t> swallowed = 0;
};

// Closes what it holds.
class Socket {
 public:
  explicit Socket(int handle = -1) : handle_(handle) {}
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  bool open() const { return handle_ >= 0; }
  int handle() const { return handle_; }

 private:
  int handle_;
};

class Proxy {
 public:
  // For a service at `port` of 127.0.0.1. Each connection draws its trouble, most of them none.
  Proxy(uint16_t port, unsigned seed, ProxyFigures& figures);
  ~Proxy();

  std::string Url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // From now on new connections are refused, as by a host without the service; or no longer.
  void Refuse(bool refusing) { refusing_ = refusing; }

 private:
  Socket Bind();
  void Run();
  void StartRelay(Socket client);

  const uint16_t target_;
  ProxyFigures& figures_;
  std::mt19937 random_;
  uint16_t port_ = 0;
  const Socket reserved_;  // bound, and never listening: the port stays ours while it refuses
  std::atomic<bool> refusing_ = false;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable ended_;
  size_t relays_ = 0;  // threads
  std::thread thread_;
};
