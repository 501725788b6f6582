// The bytes of a server's answer, through the real transport over a loop-back connection.
//
// Properties: whatever a server sends before it closes, the call ends once, as answered or lost, in
// no time, and with no more text than is kept. An answer that is well formed, by any framing, is
// read as its status and body say, or as too large.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/check.h"
#include "base/text.h"
#include "input.h"
#include "model/verdict.h"
#include "transport/http/http_transport.h"

namespace troth::internal {
namespace {

using std::chrono::milliseconds;

constexpr size_t kAnswerBytesMax = 700;
constexpr milliseconds kTimeout{20'000};

// Answers each connection with the same bytes, whatever is asked, and ends its side.
class Server {
 public:
  Server() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    TROTH_CHECK(listener_ >= 0 && bind(listener_, any, size) == 0 && listen(listener_, 16) == 0);
    TROTH_CHECK(getsockname(listener_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    std::thread([this] { Run(); }).detach();
  }

  int port() const { return port_; }
  void SetAnswer(std::string answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }

 private:
  void Run() {
    for (;;) {
      const int connection = accept(listener_, nullptr, nullptr);
      TROTH_CHECK(connection >= 0);
      ReadRequest(connection);
      {
        const std::lock_guard lock(mutex_);
        (void)send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      }
      shutdown(connection, SHUT_WR);
      // A close with bytes unread would take back what the client has not read yet.
      while (recv(connection, buffer_.data(), buffer_.size(), 0) > 0) {
      }
      close(connection);
    }
  }

  void ReadRequest(int connection) {
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t size = recv(connection, buffer_.data(), buffer_.size(), 0);
      if (size <= 0) return;
      request.append(buffer_.data(), static_cast<size_t>(size));
    }
  }

  const int listener_;
  int port_ = 0;
  std::array<char, 4096> buffer_;
  std::mutex mutex_;
  std::string answer_;
};

class Caller : private CallSink {
 public:
  CallEnded Make(const std::string& url, bool body_verdicts) {
    ended_.reset();
    Call call{.id = ++id_, .url = url, .post = false, .timeout = kTimeout};
    call.body_verdicts = body_verdicts;
    call.keep_body = true;
    transport_.Start(std::move(call), *this);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_.has_value(); });
    return *std::move(ended_);
  }

 private:
  void OnCallEnded(CallEnded&& ended) override {
    const std::lock_guard lock(mutex_);
    TROTH_CHECK(!ended_ && ended.id == id_);
    ended_ = std::move(ended);
    changed_.notify_one();
  }

  // A kept connection would carry one input's bytes into the next one.
  HttpTransport transport_{{.answer_bytes = kAnswerBytesMax, .keep_idle = milliseconds(0)}};
  uint64_t id_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<CallEnded> ended_;
};

void CheckAny(const CallEnded& ended) {
  TROTH_CHECK(ended.kind != CallEnded::Kind::kNotSent);
  TROTH_CHECK(ended.code != ReasonCode::kCallTimeout);
  TROTH_CHECK(ended.text.size() <= 1024 && ended.body.size() <= kAnswerBytesMax);
  if (ended.kind == CallEnded::Kind::kLost) {
    TROTH_CHECK(ended.verdict == BranchResult::Verdict::kUnknown && ended.body.empty());
  }
}

std::string Chunked(std::string_view body, size_t chunk) {
  std::string out;
  while (!body.empty()) {
    const std::string_view part = body.substr(0, chunk);
    std::array<char, 8> size{};
    std::snprintf(size.data(), size.size(), "%zx", part.size());
    out += Concat(size.data(), "\r\n", part, "\r\n");
    body.remove_prefix(part.size());
  }
  return out + "0\r\n\r\n";
}

std::string WellFormed(uint8_t framing, int status, std::string_view body) {
  const std::string head = Concat("HTTP/1.1 ", status, " Whatever\r\nServer: fuzz\r\n");
  switch (framing % 3) {
    case 0:
      return Concat(head, "Content-Length: ", body.size(), "\r\n\r\n", body);
    case 1:
      return Concat(head, "Transfer-Encoding: chunked\r\n\r\n", Chunked(body, 1 + framing / 4));
    default:
      return Concat(head, "\r\n", body);
  }
}

void CheckWellFormed(const CallEnded& ended, int status, std::string_view body,
                     bool body_verdicts) {
  TROTH_CHECK(ended.kind == CallEnded::Kind::kAnswered && ended.http_status == status);
  if (status == 204 || status == 304) body = {};
  if (body.size() > kAnswerBytesMax) {
    TROTH_CHECK(ended.code == ReasonCode::kAnswerTooLarge);
    return;
  }
  TROTH_CHECK(ended.verdict == ReadVerdict(status, body, body_verdicts));
  const bool success = ended.verdict == BranchResult::Verdict::kSuccess;
  TROTH_CHECK(ended.body == (success ? body : std::string_view()));
  TROTH_CHECK(success ? ended.text.empty() : body.starts_with(ended.text));
}

void Check(fuzz::Input in) {
  static Server& server = *new Server;
  static Caller& caller = *new Caller;
  static const std::string url = Concat("http://127.0.0.1:", server.port(), "/");
  const uint8_t kind = in.Byte();
  const bool body_verdicts = (kind & 2) != 0;
  if ((kind & 1) == 0) {
    server.SetAnswer(in.Rest());
    CheckAny(caller.Make(url, body_verdicts));
    return;
  }
  const int status = 200 + in.Byte();
  const std::string body = in.Rest();
  server.SetAnswer(WellFormed(kind / 4, status, body));
  const CallEnded ended = caller.Make(url, body_verdicts);
  CheckAny(ended);
  CheckWellFormed(ended, status, body, body_verdicts);
}

}  // namespace
}  // namespace troth::internal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::internal::Check(troth::fuzz::Input(data, size));
  return 0;
}
