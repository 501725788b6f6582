// The bytes of a server's answer, through the real transport's call over a connection in memory.
//
// Properties: whatever a server sends before it closes, the call ends once, as answered or lost, in
// no time, and with no more text than is kept. An answer that is well formed, by any framing, is
// read as its status and body say, or as too large.
//
// The connection is one end of a pair of sockets: socket() and connect() below take the place of
// the C library's, in this program and in the libraries that it uses. All is one thread's work.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "input.h"
#include "model/verdict.h"
#include "transport/http/http_call.h"

namespace troth::internal {
namespace {

using std::chrono::milliseconds;

constexpr size_t kAnswerBytesMax = 700;
constexpr milliseconds kTimeout{20'000};

// Answers each connection with the same bytes, once the request is there, and ends its side.
class Server {
 public:
  void SetAnswer(std::string answer) { answer_ = std::move(answer); }

  // The client's end of a new connection; the one before is over.
  int Connect() {
    Disconnect();
    std::array<int, 2> ends{};
    TROTH_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    client_ = ends[0];
    end_ = ends[1];
    request_.clear();
    return client_;
  }
  void Disconnect() {
    if (end_ >= 0) close(end_);
    end_ = client_ = -1;
  }
  bool IsClient(int socket) const { return socket == client_; }

  // What the client has just sent.
  void Take(std::string_view bytes) {
    const bool whole = request_.ends_with("\r\n\r\n");
    request_ += bytes;
    if (whole || !request_.ends_with("\r\n\r\n")) return;
    // It fits in what the system keeps for a socket, so this never waits.
    TROTH_CHECK(write(end_, answer_.data(), answer_.size()) ==
                static_cast<ssize_t>(answer_.size()));
    shutdown(end_, SHUT_WR);
  }

 private:
  int client_ = -1;
  int end_ = -1;
  std::string request_;
  std::string answer_;
};

Server& TheServer() {
  static Server& server = *new Server;
  return server;
}

CallEnded MakeCall(bool body_verdicts) {
  // A kept connection would carry one input's bytes into the next one.
  static HttpShared& shared =
      *new HttpShared({.answer_bytes = kAnswerBytesMax, .keep_idle = milliseconds(0)});
  static uint64_t id = 0;
  HttpCall call;
  call.call = {.id = ++id, .url = "http://127.0.0.1:1/", .post = false, .timeout = kTimeout};
  call.call.body_verdicts = body_verdicts;
  call.call.keep_body = true;
  call.url = *ParseHttpUrl(call.call.url);
  call.deadline = HttpCall::Clock::now() + kTimeout;
  std::optional<HttpCall::Clock::time_point> kept_until;
  CallEnded ended = MakeHttpCall(
      shared, call, [] { return true; }, &kept_until);
  TheServer().Disconnect();
  TROTH_CHECK(ended.id == id && !kept_until);
  TROTH_CHECK(HttpCall::Clock::now() < call.deadline);
  return ended;
}

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
  const uint8_t kind = in.Byte();
  const bool body_verdicts = (kind & 2) != 0;
  if ((kind & 1) == 0) {
    TheServer().SetAnswer(in.Rest());
    CheckAny(MakeCall(body_verdicts));
    return;
  }
  const int status = 200 + in.Byte();
  const std::string body = in.Rest();
  TheServer().SetAnswer(WellFormed(kind / 4, status, body));
  const CallEnded ended = MakeCall(body_verdicts);
  CheckAny(ended);
  CheckWellFormed(ended, status, body, body_verdicts);
}

}  // namespace
}  // namespace troth::internal

extern "C" {

int socket(int, int, int) { return troth::internal::TheServer().Connect(); }

int connect(int socket, const sockaddr*, socklen_t) {
  TROTH_CHECK(troth::internal::TheServer().IsClient(socket));
  return 0;
}

ssize_t send(int socket, const void* bytes, size_t size, int flags) {
  const auto sent = syscall(SYS_sendto, socket, bytes, size, flags, nullptr, 0);
  TROTH_CHECK(sent == static_cast<ssize_t>(size));
  troth::internal::TheServer().Take({static_cast<const char*>(bytes), size});
  return sent;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::internal::Check(troth::fuzz::Input(data, size));
  return 0;
}

}  // extern "C"
