// One connection of a BoundedServer (httplib_server.h): what is read from it, how much, how long,
// and where one request ends and the next begins. Not for applications.
#pragma once

#include "troth/httplib.h"

#ifndef CPPHTTPLIB_VERSION_NUM

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

namespace troth {
namespace internal {

using ServerClock = std::chrono::steady_clock;

struct ServerBounds {
  size_t head_bytes;
  size_t body_bytes;
  std::chrono::milliseconds request_time;
  std::chrono::milliseconds read_time;
  std::chrono::milliseconds write_time;
};

// Whether something of `events` comes in time.
inline bool WaitFor(int socket, short events, std::chrono::milliseconds time) {
  pollfd waited{socket, events, 0};
  return ::poll(&waited, 1, static_cast<int>(std::min<int64_t>(time.count(), INT32_MAX))) > 0;
}

// The bytes of a connection, as recv and send have them: -1 with EAGAIN where there is nothing yet,
// which wanted() has to be waited for.
class TcpWire {
 public:
  explicit TcpWire(int socket) : socket_(socket) {}

  int socket() const { return socket_; }
  short wanted() const { return wanted_; }
  bool pending() const { return false; }  // something has come that poll() does not see

  ssize_t Receive(char* out, size_t size) {
    wanted_ = POLLIN;
    return Again([&] { return ::recv(socket_, out, size, MSG_DONTWAIT); });
  }
  ssize_t Send(const char* bytes, size_t size) {
    wanted_ = POLLOUT;
    return Again([&] { return ::send(socket_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT); });
  }
  void Close() {}

 private:
  template <class Function>
  static ssize_t Again(const Function& function) {
    ssize_t done = 0;
    do {
      done = function();
    } while (done < 0 && errno == EINTR);
    return done;
  }

  const int socket_;
  short wanted_ = POLLIN;
};

// Where the body of a request ends: after as many bytes as its headers tell, or where its chunks
// do.
class BodyEnd {
 public:
  BodyEnd() = default;  // there is none
  void SetLength(uint64_t bytes) { *this = BodyEnd(State::kData, false, bytes, 0); }
  void SetChunks(uint64_t bytes_max) { *this = BodyEnd(State::kSize, true, 0, bytes_max); }
  void Refuse() { *this = BodyEnd(State::kRefused, false, 0, 0); }

  bool refused() const { return state_ == State::kRefused; }
  bool reached() const { return state_ == State::kEnd || (state_ == State::kData && left_ == 0); }
  // Of the bytes to come so many belong to it; of its chunks perhaps more.
  uint64_t left() const {
    if (state_ == State::kData) return left_;
    return reached() || refused() ? 0 : 1;
  }
  // At most left() of them. False: it is refused, for its framing or for what its chunks hold.
  bool Take(const char* bytes, size_t size) {
    if (state_ != State::kData) {
      TakeFraming(*bytes);
    } else if ((left_ -= size) == 0 && chunks_) {
      StartLine(State::kDataLine);
    }
    return !refused();
  }

 private:
  // The lines of the framing: the size of a chunk, what may stand behind it, the end of its data,
  // and what may stand behind the last one.
  enum class State { kData, kSize, kExtension, kDataLine, kTrailer, kEnd, kRefused };
  static constexpr size_t kLineMax = 1024;

  BodyEnd(State state, bool chunks, uint64_t left, uint64_t bytes_max)
      : state_(state), chunks_(chunks), left_(left), bytes_max_(bytes_max) {}

  void StartLine(State state) {
    state_ = state;
    line_ = 0;
  }
  // Whatever a proxy before this server, or httplib behind it, could read in another way is
  // refused: then they would not agree where the next request begins.
  void TakeFraming(char byte) {
    if (returned_ != (byte == '\n')) return Refuse();
    returned_ = byte == '\r';
    if (returned_) return;
    if (byte == '\n') return EndLine();
    if (++line_ > kLineMax) return Refuse();
    if (state_ == State::kDataLine) return Refuse();
    if (state_ != State::kSize) return;
    if (std::isxdigit(static_cast<unsigned char>(byte))) return TakeDigit(byte);
    const bool behind_digits = line_ > 1 && (byte == ';' || byte == ' ' || byte == '\t');
    if (!behind_digits) return Refuse();
    state_ = State::kExtension;
  }
  void TakeDigit(char digit) {
    left_ =
        left_ * 16 + static_cast<uint64_t>(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
    if (left_ > bytes_max_ - bytes_) Refuse();
  }
  void EndLine() {
    if (state_ == State::kDataLine) return StartLine(State::kSize);
    if (state_ == State::kTrailer) return StartLine(line_ == 0 ? State::kEnd : State::kTrailer);
    if (line_ == 0) return Refuse();
    bytes_ += left_;
    StartLine(left_ == 0 ? State::kTrailer : State::kData);
  }

  State state_ = State::kData;
  bool chunks_ = false;
  uint64_t left_ = 0;       // of the body, or of this chunk
  uint64_t bytes_ = 0;      // of all chunks so far
  uint64_t bytes_max_ = 0;  // of all chunks
  size_t line_ = 0;         // so much of this line has come
  bool returned_ = false;   // a carriage return was the last of it
};

// The listening socket, as those see it who wait on connections: it tells of stop().
class ListeningSocket {
 public:
  enum class Came { kReady, kNothing, kStop };

  // Owns `descriptor`, a copy; -1 where there was none left. Then `server`, httplib's own, is
  // looked at now and then.
  ListeningSocket(int descriptor, const std::atomic<socket_t>& server)
      : descriptor_(descriptor), server_(server) {}
  ~ListeningSocket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  // Until something of `events` comes on the other one.
  Came WaitFor(int socket, short events, ServerClock::time_point until) const {
    for (;;) {
      if (descriptor_ < 0 && server_ == INVALID_SOCKET) return Came::kStop;
      auto left = std::chrono::ceil<std::chrono::milliseconds>(until - ServerClock::now());
      if (left.count() <= 0) return Came::kNothing;
      if (descriptor_ < 0) left = std::min(left, kLook);
      std::array<pollfd, 2> waited{{{socket, events, 0}, {descriptor_, 0, 0}}};
      const int time = static_cast<int>(std::min<int64_t>(left.count(), INT32_MAX));
      if (::poll(waited.data(), waited.size(), time) < 0 && errno != EINTR) return Came::kNothing;
      if (waited[1].revents != 0) return Came::kStop;
      if (waited[0].revents != 0) return Came::kReady;
    }
  }

 private:
  static constexpr std::chrono::milliseconds kLook{500};

  const int descriptor_;
  const std::atomic<socket_t>& server_;
};

// One connection: its requests, one after the other, and their answers.
template <class Wire>
class BoundedConnection final : public httplib::Stream {
 public:
  BoundedConnection(Wire& wire, const ServerBounds& bounds, const ListeningSocket& listening)
      : wire_(wire), bounds_(bounds), listening_(listening) {}

  enum class Head { kWhole, kEnded, kTooLong, kNoHttp, kPathTooLong, kEncoded };

  // Reads on until the head of the next request is there.
  Head ReadHead() {
    until_ = ServerClock::now() + bounds_.request_time;
    buffer_.erase(0, at_);
    at_ = head_ = 0;
    request_ = nullptr;
    for (size_t seen = 0;;) {
      if (seen == 0 && buffer_.compare(0, 2, "\r\n") == 0) buffer_.erase(0, 2);
      if (!buffer_.empty() && !std::isalpha(static_cast<unsigned char>(buffer_[0]))) {
        return Head::kNoHttp;
      }
      const size_t end = buffer_.find("\n\r\n", seen - std::min<size_t>(seen, 2));
      if (std::min(end, buffer_.size()) > bounds_.head_bytes) return Head::kTooLong;
      if (end != std::string::npos) {
        head_ = end + 3;
        return LookOver();
      }
      seen = buffer_.size();
      if (!Fill(kRead)) return Head::kEnded;
    }
  }

  // What is read after the head: no more than belongs to the request. A body that is too long is
  // refused before it is read, and one of which it is not certain how long it is.
  void ExpectBody(httplib::Request& request) {
    request_ = &request;
    const auto [first, last] = request.headers.equal_range("Content-Length");
    const auto coding = request.headers.find("Transfer-Encoding");
    body_ = {};
    if (coding != request.headers.end()) {
      const bool known = first == last && request.headers.count("Transfer-Encoding") == 1 &&
                         Equals(coding->second, "chunked");
      known ? body_.SetChunks(bounds_.body_bytes + kSpare) : body_.Refuse();
    } else if (first != last) {
      const std::string& told = first->second;
      const bool number = !told.empty() && told.size() < 19 &&
                          told.find_first_not_of("0123456789") == std::string::npos;
      const uint64_t length = number ? std::strtoull(told.c_str(), nullptr, 10) : 0;
      const bool known = number && std::next(first) == last && length <= bounds_.body_bytes;
      known ? body_.SetLength(length) : body_.Refuse();
    }
    if (body_.refused()) request.headers.erase("Expect");  // no: it shall not be sent
    if (body_.refused() || (!body_.reached() && !IsBodyRead(request))) SayClose();
  }

  // Whether the next request may follow: the last one is read to its end.
  bool RequestRead() const { return at_ >= head_ && request_ != nullptr && body_.reached(); }
  bool waiting() const { return at_ < buffer_.size() || wire_.pending(); }
  // Whether more may come.
  bool open() const { return open_; }

  void Refuse(std::string_view status, const std::string& why) {
    const std::string body = R"({"message":")" + why + "\"}";
    const std::string answer = "HTTP/1.1 " + std::string(status) +
                               "\r\nConnection: close\r\n"
                               "Content-Type: application/json; charset=utf-8\r\nContent-Length: " +
                               std::to_string(body.size()) + "\r\n\r\n" + body;
    write(answer.data(), answer.size());
  }

  // --- what httplib asks ---

  bool is_readable() const override {
    return waiting() || Wait(POLLIN, bounds_.read_time, read_until_);
  }
  bool is_writable() const override { return Wait(POLLOUT, bounds_.write_time, write_until_); }

  ssize_t read(char* out, size_t size) override {
    const bool in_head = at_ < head_;
    const uint64_t left = in_head ? head_ - at_ : body_.left();
    size = static_cast<size_t>(std::min<uint64_t>(size, left));
    if (size == 0) return body_.refused() ? BrokenOff() : 0;
    if (at_ == buffer_.size()) {
      buffer_.clear();
      at_ = head_ = 0;
      if (!Fill(static_cast<size_t>(std::clamp<uint64_t>(left, kRead, kReadMost)))) {
        return BrokenOff();
      }
    }
    size = std::min(size, buffer_.size() - at_);
    std::copy_n(buffer_.data() + at_, size, out);
    at_ += size;
    if (!in_head && !body_.Take(out, size)) return BrokenOff();
    return static_cast<ssize_t>(size);
  }

  ssize_t write(const char* bytes, size_t size) override {
    for (;;) {
      const ssize_t sent = wire_.Send(bytes, size);
      if (sent >= 0 || errno != EAGAIN) return sent;
      if (!Wait(wire_.wanted(), bounds_.write_time, write_until_)) return -1;
    }
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    TellAddress(&::getpeername, remote_, ip, port);
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    TellAddress(&::getsockname, local_, ip, port);
  }
  socket_t socket() const override { return wire_.socket(); }

 private:
  // What a body in chunks may hold past the bound, so that its handler sees that it does.
  static constexpr size_t kSpare = 64u << 10;
  static constexpr size_t kPathMax = 2048;  // the method before it included
  static constexpr size_t kRead = 4096;     // at once; of a body that is longer, up to
  static constexpr size_t kReadMost = 64u << 10;

  struct Address {
    std::string ip;
    int port = 0;
  };
  using Asked = int (*)(int socket, sockaddr* address, socklen_t* size);

  // Leaves both as they are where there is no address.
  void TellAddress(Asked ask, Address& known, std::string& ip, int& port) const {
    if (known.ip.empty()) Ask(ask, known);
    if (known.ip.empty()) return;
    ip = known.ip;
    port = known.port;
  }
  void Ask(Asked ask, Address& out) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> service{};
    if (ask(wire_.socket(), plain, &size) != 0 ||
        ::getnameinfo(plain, size, host.data(), host.size(), service.data(), service.size(),
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
      return;
    }
    out = {host.data(), std::atoi(service.data())};
  }

  // `lower` in any case.
  static bool Equals(std::string_view text, std::string_view lower) {
    return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                      [](unsigned char a, char b) { return std::tolower(a) == b; });
  }

  // Of a head that has come: what httplib must not see, as it would take stack, memory or time that
  // its bytes do not tell. It matches path and Range with regular expressions, which recurse for
  // each character; it answers each of a thousand ranges; it unpacks without an end.
  Head LookOver() {
    const std::string_view first(buffer_.data(), buffer_.find('\n') + 1);
    if (std::min(first.find('?'), first.size()) > kPathMax) return Head::kPathTooLong;
    for (size_t line = first.size(); line < head_;) {
      const size_t next = buffer_.find('\n', line) + 1;
      const std::string_view header(buffer_.data() + line, next - line);
      const size_t colon = std::min(header.find(':'), header.size() - 1);
      const std::string_view name = header.substr(0, colon);
      if (Equals(name, "content-encoding") && !IsIdentity(header.substr(colon + 1))) {
        return Head::kEncoded;
      }
      if (Equals(name, "range")) {  // whoever answers may ignore it
        buffer_.erase(line, header.size());
        head_ -= header.size();
      } else {
        line = next;
      }
    }
    return Head::kWhole;
  }
  static bool IsIdentity(std::string_view value) {
    constexpr char kBlank[] = " \t\r\n";
    const size_t first = std::min(value.find_first_not_of(kBlank), value.size());
    value = value.substr(first, value.find_last_not_of(kBlank) + 1 - first);
    return value.empty() || Equals(value, "identity");
  }

  // Whether httplib reads the body before it answers, if the handler does not read it.
  static bool IsBodyRead(const httplib::Request& request) {
    if (request.method == "DELETE") return request.has_header("Content-Length");
    return request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  }
  // Nothing can follow the answer; httplib says so in it where the request does.
  void SayClose() {
    request_->headers.erase("Connection");
    request_->headers.emplace("Connection", "close");
  }
  ssize_t BrokenOff() {
    if (request_ != nullptr) SayClose();
    return -1;
  }

  // Whether something of `events` comes in time. When the server stops, it is waited for once more
  // as long as for who sends, or takes, nothing at all: until `until`.
  bool Wait(short events, std::chrono::milliseconds time, ServerClock::time_point& until) const {
    using Came = ListeningSocket::Came;
    const auto usual = ServerClock::now() + time;
    if (until == ServerClock::time_point::max()) {
      const Came came = listening_.WaitFor(wire_.socket(), events, usual);
      if (came != Came::kStop) return came == Came::kReady;
      until = ServerClock::now() + time;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(std::min(usual, until) - ServerClock::now());
    return left.count() > 0 && WaitFor(wire_.socket(), events, left);
  }

  bool Fill(size_t most) {
    const size_t had = buffer_.size();
    buffer_.resize(had + most);
    const ssize_t size = Receive(buffer_.data() + had, most);
    buffer_.resize(had + static_cast<size_t>(std::max<ssize_t>(size, 0)));
    open_ = size > 0;
    return open_;
  }

  ssize_t Receive(char* out, size_t size) {
    for (;;) {
      const ssize_t got = wire_.Receive(out, size);
      if (got >= 0 || errno != EAGAIN) return got;
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until_ - ServerClock::now());
      if (left.count() <= 0 ||
          !Wait(wire_.wanted(), std::min(left, bounds_.read_time), read_until_)) {
        return -1;
      }
    }
  }

  Wire& wire_;
  const ServerBounds bounds_;
  const ListeningSocket& listening_;
  ServerClock::time_point until_{};
  mutable ServerClock::time_point read_until_ = ServerClock::time_point::max();
  mutable ServerClock::time_point write_until_ = ServerClock::time_point::max();
  std::string buffer_;                   // what has come
  size_t at_ = 0;                        // so much of it is read
  size_t head_ = 0;                      // so much of it is the head of the request
  httplib::Request* request_ = nullptr;  // since what comes after its head is known
  BodyEnd body_;
  bool open_ = true;
  mutable Address remote_;
  mutable Address local_;
};

}  // namespace internal
}  // namespace troth

#endif
