#include "proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace {

// How often a thread looks whether it is to end.
constexpr int kTickMs = 20;

sockaddr_in AddressOf(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Socket NewSocket() { return Socket(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

void Switch(const Socket& socket, int level, int option) {
  const int yes = 1;
  setsockopt(socket.handle(), level, option, &yes, sizeof yes);
}

Socket Connect(uint16_t port) {
  Socket connection = NewSocket();
  const sockaddr_in address = AddressOf(port);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (connect(connection.handle(), generic, sizeof address) != 0) return Socket();
  return connection;
}

bool SendAll(const Socket& to, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(to.handle(), data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

bool IsReadable(const Socket& socket) {
  pollfd one{.fd = socket.handle(), .events = POLLIN, .revents = 0};
  return poll(&one, 1, kTickMs) > 0;
}

// What a connection suffers, after so many bytes of the direction concerned.
struct Trouble {
  enum class Kind { kNone, kDelay, kCut, kSwallow };
  Kind kind = Kind::kNone;
  bool of_answers = false;  // else of requests
  size_t after = 0;
  int delay_ms = 0;  // of each piece, in both directions
};

Trouble Draw(std::mt19937& random) {
  const auto below = [&](unsigned end) { return static_cast<unsigned>(random() % end); };
  const bool of_answers = below(2) == 0;
  // A request has about 200 bytes, an answer less: the first of a connection is hit, or a later
  // one.
  const size_t after = below(of_answers ? 500 : 800);
  const unsigned drawn = below(100);
  if (drawn < 60) return {};
  if (drawn < 75) return {Trouble::Kind::kDelay, false, 0, 1 + static_cast<int>(below(120))};
  return {drawn < 90 ? Trouble::Kind::kCut : Trouble::Kind::kSwallow, of_answers, after, 0};
}

// A connection from the application on to the service.
class Relay {
 public:
  Relay(Socket application, Socket service, const Trouble& trouble, ProxyFigures& figures)
      : sides_{std::move(application), std::move(service)}, trouble_(trouble), figures_(figures) {
    for (const Socket& side : sides_) Switch(side, IPPROTO_TCP, TCP_NODELAY);
  }

  // Passes bytes on until one side closes, or the trouble does.
  void Run(const std::atomic<bool>& stopping) {
    while (!stopping) {
      pollfd both[] = {{.fd = sides_[0].handle(), .events = POLLIN, .revents = 0},
                       {.fd = sides_[1].handle(), .events = POLLIN, .revents = 0}};
      poll(both, 2, kTickMs);
      for (const size_t from : {0, 1}) {
        if (both[from].revents != 0 && !Pass(from)) return;
      }
    }
  }

 private:
  bool Pass(size_t from) {
    char data[4096];
    const ssize_t got = recv(sides_[from].handle(), data, sizeof data, 0);
    if (got <= 0) return false;
    size_t size = static_cast<size_t>(got);
    if (trouble_.kind == Trouble::Kind::kDelay) {
      Tell(figures_.delayed);
      std::this_thread::sleep_for(std::chrono::milliseconds(trouble_.delay_ms));
    }
    const bool hit = Hits(from, size);
    if (hit) size = trouble_.after - std::min(trouble_.after, passed_[from]);
    passed_[from] += size;
    if (!SendAll(sides_[1 - from], data, size)) return false;
    return !hit || trouble_.kind != Trouble::Kind::kCut;
  }

  // Whether the trouble comes with these bytes, or has come before.
  bool Hits(size_t from, size_t size) {
    const bool cuts = trouble_.kind == Trouble::Kind::kCut;
    if (!cuts && trouble_.kind != Trouble::Kind::kSwallow) return false;
    if (trouble_.of_answers != (from == 1) || passed_[from] + size <= trouble_.after) return false;
    Tell(!cuts                 ? figures_.swallowed
         : trouble_.of_answers ? figures_.cut_answers
                               : figures_.cut_requests);
    return true;
  }

  // Once a connection.
  void Tell(std::atomic<size_t>& figure) { figure += !std::exchange(told_, true); }

  const Socket sides_[2];  // the application, the service
  const Trouble trouble_;
  ProxyFigures& figures_;
  size_t passed_[2] = {0, 0};
  bool told_ = false;
};

}  // namespace

Socket::Socket(Socket&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Socket::~Socket() {
  if (handle_ >= 0) close(handle_);
}

Proxy::Proxy(uint16_t port, unsigned seed, ProxyFigures& figures)
    : target_(port), figures_(figures), random_(seed), reserved_(Bind()) {
  thread_ = std::thread([this] { Run(); });
}

Proxy::~Proxy() {
  stopping_ = true;
  thread_.join();
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return relays_ == 0; });
}

// The first call takes any port, the others the same one.
Socket Proxy::Bind() {
  Socket bound = NewSocket();
  Switch(bound, SOL_SOCKET, SO_REUSEPORT);
  sockaddr_in address = AddressOf(port_);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (bind(bound.handle(), generic, size) != 0 ||
      getsockname(bound.handle(), generic, &size) != 0) {
    std::perror("a proxy's port");
    std::exit(1);
  }
  port_ = ntohs(address.sin_port);
  return bound;
}

void Proxy::Run() {
  Socket listener;
  while (!stopping_) {
    if (refusing_) {
      listener = Socket();
      std::this_thread::sleep_for(std::chrono::milliseconds(kTickMs));
      continue;
    }
    if (!listener.open()) {
      listener = Bind();
      listen(listener.handle(), SOMAXCONN);
    }
    if (!IsReadable(listener)) continue;
    Socket client(accept4(listener.handle(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client.open()) StartRelay(std::move(client));
  }
}

// Connects on the new thread: a frozen service may take long to answer even that.
void Proxy::StartRelay(Socket client) {
  ++figures_.connections;
  const std::lock_guard lock(mutex_);
  ++relays_;
  std::thread([this, client = std::move(client), trouble = Draw(random_)]() mutable {
    if (Socket service = Connect(target_); service.open()) {
      Relay(std::move(client), std::move(service), trouble, figures_).Run(stopping_);
    }
    const std::lock_guard ending(mutex_);
    --relays_;
    ended_.notify_all();
  }).detach();
}
