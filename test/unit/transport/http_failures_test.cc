// Branches that do not answer, or not well: how a call ends, and when.

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "base/text.h"
#include "hang.h"
#include "http_subject.h"
#include "transport/http/deadline_timer.h"

namespace troth::internal {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Kind = CallEnded::Kind;

struct Timed {
  CallEnded ended;
  std::chrono::milliseconds took{};
};

Timed TimedOnce(Transport& transport, Call call) {
  const Clock::time_point before = Clock::now();
  Timed out{.ended = CallOnce(transport, std::move(call))};
  out.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - before);
  return out;
}

// As long as it lives this process can open so many more, and no further one.
class FewDescriptors {
 public:
  explicit FewDescriptors(int left) {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &usual_) == 0);
    const rlimit few{.rlim_cur = 200, .rlim_max = usual_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (int copy = dup(0); copy >= 0; copy = dup(0)) taken_.push_back(copy);
    REQUIRE(taken_.size() >= static_cast<size_t>(left));
    for (; left > 0; --left) Release();
  }
  ~FewDescriptors() {
    while (!taken_.empty()) Release();
    setrlimit(RLIMIT_NOFILE, &usual_);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  void Release() {
    close(taken_.back());
    taken_.pop_back();
  }

  rlimit usual_{};
  std::vector<int> taken_;
};

// Not before the deadline, and not long after it; the upper bound is wide for slow machines.
void CheckOnTime(const Timed& timed, std::chrono::milliseconds timeout) {
  CAPTURE(timed.took.count());
  CHECK(timed.ended.code == ReasonCode::kCallTimeout);
  CHECK(timed.ended.host_down);
  CHECK(timed.took >= timeout);
  CHECK(timed.took < timeout + 1'500ms);
}

TEST_CASE("http: a refused connection is not sent, and says who refused") {
  HttpTransport transport({});
  const int port = UnusedPort();
  const CallEnded ended = CallOnce(transport, MakeCall(1, Concat("http://127.0.0.1:", port, "/")));
  CHECK(ended.kind == Kind::kNotSent);
  CHECK(ended.code == ReasonCode::kNoAnswer);
  CHECK(ended.text.starts_with(Concat("connection refused by 127.0.0.1:", port)));
  CHECK(ended.host_down);
  CHECK(ended.http_status == 0);
}

TEST_CASE("http: a name without an address is not sent") {
  HttpTransport transport({});
  const CallEnded ended = CallOnce(transport, MakeCall(1, "http://nonexistent.invalid/"));
  CHECK(ended.kind == Kind::kNotSent);
  CHECK(ended.host_down);
  CHECK(ended.text.starts_with("lookup of the name nonexistent.invalid failed: "));
}

void CheckNoDescriptor(const CallEnded& ended) {
  CAPTURE(ended.text);
  CHECK(ended.kind == Kind::kNotSent);
  CHECK(ended.code == ReasonCode::kNotSent);
  CHECK_FALSE(ended.host_down);
}

// Each case has a server of its own: one that accepts late what another case left behind would
// free a descriptor while none is to be had.
TEST_CASE("http: where no descriptor is left the call is not sent, and the host not down") {
  for (const int left : {0, 1}) {
    for (const std::string host : {"127.0.0.1", "localhost"}) {
      CAPTURE(left);
      CAPTURE(host);
      RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, "{}"); });
      const std::string url = Concat("http://", host, ":", server.port(), "/");
      HttpTransport transport({});
      CheckNoDescriptor([&] {
        const FewDescriptors few(left);
        return CallOnce(transport, MakeCall(1, url));
      }());
      CHECK(CallOnce(transport, MakeCall(1, url)).kind == Kind::kAnswered);
    }
  }
}

TEST_CASE("http: where no descriptor is left to watch a kept connection the call is not sent") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, "{}"); });
  HttpTransport transport({});
  CHECK(CallOnce(transport, MakeCall(1, server.Url("/"))).kind == Kind::kAnswered);
  CheckNoDescriptor([&] {
    const FewDescriptors few(0);
    return CallOnce(transport, MakeCall(1, server.Url("/")));
  }());
}

TEST_CASE("http: a server that accepts and never answers: lost at the deadline") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.ReadUntilClosed(); });
  HttpTransport transport({});
  const Timed timed = TimedOnce(transport, TimedCall(server.Url("/"), 150ms));
  CheckOnTime(timed, 150ms);
  CHECK(timed.ended.kind == Kind::kLost);
  CHECK(timed.ended.text.starts_with("timed out after 150 ms, the request may have been sent"));
}

TEST_CASE("http: a connection that is never accepted: not sent at the deadline") {
  // A full backlog: further connection attempts are not answered.
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  REQUIRE(listen(listener, 0) == 0);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    static_cast<void>(connect(fillers.back(), reinterpret_cast<sockaddr*>(&address), size));
  }
  const std::string url = Concat("http://127.0.0.1:", ntohs(address.sin_port), "/");
  HttpTransport transport({});
  const Timed timed = TimedOnce(transport, TimedCall(url, 200ms));
  CHECK(timed.ended.kind == Kind::kNotSent);
  CHECK(timed.ended.text.find("before the request was sent") != std::string::npos);
  CheckOnTime(timed, 199ms);
  // Cancel, too, ends a connection attempt.
  CollectingSink sink;
  transport.Start(MakeCall(5, url), sink);
  transport.Cancel(5);
  REQUIRE(sink.WaitFor(1));
  CHECK(sink.Last(5).kind == Kind::kNotSent);
  for (const int filler : fillers) close(filler);
  close(listener);
}

TEST_CASE("http: the deadline is of the whole call, also when the answer drips") {
  RawServer server([](Peer& peer, const ServedRequest& request) {
    if (request.target == "/body") peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    if (request.target == "/open") peer.Write("HTTP/1.1 200 OK\r\n\r\n");
    const char* drop = request.target == "/header" ? "H" : "x";
    while (peer.Write(drop)) std::this_thread::sleep_for(5ms);
    peer.Close();
  });
  HttpTransport transport({});
  for (const char* path : {"/body", "/header", "/open"}) {
    CAPTURE(path);
    const Timed timed = TimedOnce(transport, TimedCall(server.Url(path), 200ms));
    CheckOnTime(timed, 200ms);
    CHECK(timed.ended.kind == Kind::kLost);
  }
}

TEST_CASE("http: the deadline includes the lookup of the name, and nothing is sent after it") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  Hang hang;
  {
    HttpTransport transport({.lookup = [&hang](const std::string&) {
      hang.Wait();
      return Lookup{.addresses = {"127.0.0.1"}, .problem = {}};
    }});
    const std::string url = Concat("http://bank.test:", server.port(), "/");
    const Timed timed = TimedOnce(transport, TimedCall(url, 150ms));
    CheckOnTime(timed, 150ms);
    CHECK(timed.ended.kind == Kind::kNotSent);
    CollectingSink sink;
    transport.Start(MakeCall(7, url), sink);
    hang.AwaitWaiter();
    transport.Cancel(7);
    REQUIRE(sink.WaitFor(1));
    CHECK(sink.Last(7).kind == Kind::kNotSent);
    // A lookup that hangs does not hold up Close.
    transport.Start(MakeCall(8, url), sink);
    CHECK_FALSE(transport.Close(0ms));
    CHECK(sink.Last(8).kind == Kind::kNotSent);
    hang.Release();
  }
  CHECK(server.connections() == 0);
}

TEST_CASE("http: lookups are shared, kept for a while, and tried in their order") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  std::atomic<int> lookups{0};
  HttpTransport transport({.lookup = [&](const std::string& host) {
    CHECK(host == "bank.test");
    ++lookups;
    return Lookup{.addresses = {"::1", "127.0.0.1"}, .problem = {}};
  }});
  const std::string url = Concat("http://bank.test:", server.port(), "/");
  CollectingSink sink;
  for (uint64_t id = 1; id <= 20; ++id) transport.Start(MakeCall(id, url), sink);
  REQUIRE(sink.WaitFor(20));
  for (uint64_t id = 1; id <= 20; ++id) CHECK(sink.Last(id).http_status == 200);
  CHECK(lookups == 1);
  CHECK(server.requests().at(0).Get("host") == Concat("bank.test:", server.port()));
}

TEST_CASE("http: a server that hangs up, resets or talks nonsense: lost, not sent again") {
  RawServer server([](Peer& peer, const ServedRequest& request) {
    const std::string& how = request.target;
    if (how == "/garbage") peer.Write("hello, this is not HTTP\r\n\r\n");
    if (how == "/binary") peer.Write(std::string(100'000, '\xFE'));
    if (how == "/half-header") peer.Write("HTTP/1.1 200 OK\r\nContent-Le");
    if (how == "/half-body") peer.Write("HTTP/1.1 409 No\r\nContent-Length: 10\r\n\r\nabc");
    if (how == "/half-chunk") {
      peer.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc");
    }
    if (how == "/reset-body") peer.Write("HTTP/1.1 200 OK\r\n\r\nabc");
    if (how.starts_with("/reset")) {
      peer.Reset();
    } else {
      peer.Close();
    }
  });
  HttpTransport transport({});
  size_t calls = 0;
  for (const char* path : {"/close", "/reset", "/reset-body", "/garbage", "/binary", "/half-header",
                           "/half-body", "/half-chunk"}) {
    CAPTURE(path);
    const CallEnded ended = CallOnce(transport, MakeCall(1, server.Url(path)));
    CAPTURE(ended.text);
    CHECK(ended.kind == Kind::kLost);
    CHECK(ended.code == ReasonCode::kNoAnswer);
    CHECK(ended.host_down);
    CHECK_FALSE(ended.text.empty());
    CHECK(server.requests().size() == ++calls);
  }
}

TEST_CASE("http: a call that waits for a thread ends at its deadline, and when it is cancelled") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.ReadUntilClosed(); });
  HttpTransport transport({.threads_max = 1});
  CollectingSink sink;
  transport.Start(MakeCall(1, server.Url("/")), sink);
  server.WaitForRequests(1);
  Call second = TimedCall(server.Url("/"), 50ms);
  second.id = 2;
  transport.Start(std::move(second), sink);
  transport.Start(MakeCall(3, server.Url("/")), sink);
  transport.Cancel(3);
  REQUIRE(sink.WaitFor(2));
  CHECK(sink.Last(2).kind == Kind::kNotSent);
  CHECK(sink.Last(2).code == ReasonCode::kCallTimeout);
  CHECK(sink.Last(3).kind == Kind::kNotSent);
  CHECK(sink.Last(3).code == ReasonCode::kNotSent);
  CHECK_FALSE(sink.Last(3).host_down);
  CHECK_FALSE(transport.Close(0ms));
  CHECK(sink.Last(1).kind == Kind::kLost);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("http: a headers_for that does not return holds up neither its call nor close") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  auto hang = std::make_shared<Hang>();
  {
    HttpTransport transport({.headers_for =
                                 [hang](const CallInfo&) {
                                   hang->Wait();
                                   return Headers{};
                                 },
                             .patience = 10ms});
    const Timed timed = TimedOnce(transport, TimedCall(server.Url("/"), 50ms));
    CHECK(timed.ended.kind == Kind::kNotSent);
    CHECK(timed.ended.code == ReasonCode::kCallTimeout);
    CHECK(transport.Close(0ms));
  }
  hang->Release();
  CHECK(server.requests().empty());
}

TEST_CASE("http: a call whose end is just being told is not cut off by close") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  HoldingSink sink;
  HttpTransport transport({.patience = 10ms});
  transport.Start(MakeCall(1, server.Url("/")), sink);
  sink.hang.AwaitWaiter();
  CHECK(transport.Close(0ms));
}

TEST_CASE("http: idle threads end") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  HttpTransport transport({.thread_idle = 1ms});
  CHECK(transport.threads() == 0);
  CHECK(CallOnce(transport, MakeCall(1, server.Url("/"))).http_status == 200);
  for (int i = 0; i < 10'000 && transport.threads() > 0; ++i) std::this_thread::sleep_for(1ms);
  CHECK(transport.threads() == 0);
}

TEST_CASE("http: the timer tells moments in their order, and none that was removed") {
  CollectingSink sink;
  std::mutex mutex;
  std::vector<uint64_t> told;
  DeadlineTimer timer([&](uint64_t id) {
    {
      std::lock_guard lock(mutex);
      told.push_back(id);
    }
    sink.OnCallEnded({.id = id});
  });
  const Clock::time_point now = Clock::now();
  CHECK(timer.Add(3, now + 40ms));
  CHECK(timer.Add(1, now + 10ms));
  CHECK(timer.Add(9, now + 15ms));
  CHECK(timer.Add(2, now + 20ms));
  timer.Remove(9, now + 15ms);
  REQUIRE(sink.WaitFor(3));
  CHECK(Clock::now() >= now + 40ms);
  timer.Stop();
  CHECK_FALSE(timer.Add(4, now));
  CHECK(told == std::vector<uint64_t>{1, 2, 3});
}

}  // namespace
}  // namespace troth::internal
