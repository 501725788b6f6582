// Kept-alive connections: they are used again, and a request is never processed twice because of
// one that the server has closed.

#include <atomic>
#include <map>
#include <thread>

#include "base/text.h"
#include "http_subject.h"
#include "transport/http/sent_bytes.h"

namespace troth::internal {
namespace {

using namespace std::chrono_literals;
using Kind = CallEnded::Kind;

TEST_CASE("http: calls one after the other share a connection") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, "ok"); });
  HttpTransport transport({});
  for (uint64_t id = 1; id <= 20; ++id) {
    CHECK(CallOnce(transport, MakeCall(id, server.Url("/"))).http_status == 200);
  }
  CHECK(server.requests().size() == 20);
  CHECK(server.connections() == 1);
  CHECK(transport.kept_connections() == 1);
}

TEST_CASE("http: a small request leaves in one piece, a large one comes whole") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, "ok"); });
  HttpTransport transport({});
  const std::string large(100'000, 'x');
  for (uint64_t id = 1; id <= 20; ++id) {
    Call call = MakeCall(id, server.Url("/"));
    call.payload = id % 2 == 0 ? std::string_view(large) : R"({"amount":30})";
    CHECK(CallOnce(transport, std::move(call)).http_status == 200);
  }
  const std::vector<ServedRequest> requests = server.requests();
  REQUIRE(requests.size() == 20);
  for (size_t i = 0; i < requests.size(); i += 2) {
    CHECK(requests[i].pieces == 1);
    CHECK(requests[i].body == R"({"amount":30})");
    CHECK(requests[i + 1].body == large);
  }
}

TEST_CASE("http: no more connections are kept for a host than the option says") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, "ok"); });
  HttpTransport transport({.keep_per_host = 2});
  CollectingSink sink;
  for (uint64_t id = 1; id <= 30; ++id) transport.Start(MakeCall(id, server.Url("/")), sink);
  REQUIRE(sink.WaitFor(30));
  CHECK(transport.kept_connections() <= 2);
  CHECK(server.requests().size() == 30);
}

TEST_CASE("http: as many calls at once as the coordinator's limits allow each have a thread") {
  CoordinatorOptions options;
  CHECK(HttpOptionsFrom(options).threads_max >= options.limits.calls);
  options.limits.calls = 5'000;
  options.limits.calls_per_host = 4'000;
  CHECK(HttpOptionsFrom(options).threads_max >= 5'000);
  CHECK(HttpOptionsFrom(options).keep_per_host >= 4'000);
}

TEST_CASE("http: an idle connection is closed after its time, by a timer") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, "ok"); });
  HttpTransport transport({.keep_idle = 20ms});
  CHECK(CallOnce(transport, MakeCall(1, server.Url("/"))).http_status == 200);
  server.WaitForEnded(1);
  CHECK(transport.kept_connections() == 0);
  CHECK(CallOnce(transport, MakeCall(2, server.Url("/"))).http_status == 200);
  server.WaitForEnded(2);
}

TEST_CASE("http: what the server says about keeping the connection is heeded") {
  for (const char* header :
       {"Connection: close\r\n", "Connection: Close\r\n", "Keep-Alive: timeout=1\r\n"}) {
    CAPTURE(header);
    RawServer server([&](Peer& peer, const ServedRequest&) { peer.Answer(200, "ok", header); });
    HttpTransport transport({});
    for (uint64_t id = 1; id <= 3; ++id) {
      CHECK(CallOnce(transport, MakeCall(id, server.Url("/"))).http_status == 200);
    }
    CHECK(transport.kept_connections() == 0);
    CHECK(server.connections() == 3);
  }
}

TEST_CASE("http: a server that closes right after each answer: nothing lost, nothing twice") {
  RawServer server([](Peer& peer, const ServedRequest&) {
    peer.Answer(200, "ok");
    peer.Close();
  });
  HttpTransport transport({});
  for (uint64_t id = 1; id <= 30; ++id) {
    const CallEnded ended = CallOnce(transport, MakeCall(id, server.Url("/")));
    CHECK(ended.kind == Kind::kAnswered);
    // The close has been sent when the connection has ended, and loopback delivers it at once.
    server.WaitForEnded(id);
  }
  CHECK(server.requests().size() == 30);
  CHECK(server.connections() == 30);
}

TEST_CASE("http: a server that says something unasked on an idle connection is not believed") {
  RawServer server([](Peer& peer, const ServedRequest&) {
    peer.Answer(200, "ok");
    peer.Write("HTTP/1.1 409 Late\r\nContent-Length: 0\r\n\r\n");
  });
  HttpTransport transport({});
  for (uint64_t id = 1; id <= 10; ++id) {
    const CallEnded ended = CallOnce(transport, MakeCall(id, server.Url("/")));
    // Either it was seen in time, or the answer came before its request: that one can't be told.
    CHECK(ended.kind == Kind::kAnswered);
  }
  CHECK(server.requests().size() == 10);
}

TEST_CASE("http: a close that crosses with the next request never processes a request twice") {
  // Each request carries its number. The server closes a moment after its second answer, when the
  // connection is believed to be kept, so that some closes cross with the next request.
  std::atomic<int> pause{0};
  std::atomic<size_t> answered_on{0};
  RawServer server([&](Peer& peer, const ServedRequest& request) {
    peer.Answer(200, "ok");
    if (answered_on.exchange(request.connection) != request.connection) return;
    for (int i = pause.fetch_add(7) % 60; i > 0; --i) std::this_thread::yield();
    peer.Close();
  });
  HttpTransport transport({});
  constexpr uint64_t kCalls = 400;
  std::map<std::string, CallEnded> ended;
  for (uint64_t id = 1; id <= kCalls; ++id) {
    Call call = MakeCall(id, server.Url("/"));
    const std::string number = std::to_string(id);
    call.payload = number;
    ended[number] = CallOnce(transport, std::move(call));
  }
  std::map<std::string, int> processed;
  for (const ServedRequest& request : server.requests()) ++processed[request.body];
  size_t lost = 0;
  for (const auto& entry : ended) {
    const std::string& number = entry.first;
    const CallEnded& end = entry.second;
    CAPTURE(number);
    CAPTURE(end.text);
    REQUIRE(processed[number] <= 1);
    if (end.kind == Kind::kAnswered) REQUIRE(processed[number] == 1);
    if (end.kind == Kind::kNotSent) REQUIRE(processed[number] == 0);
    if (end.kind == Kind::kLost) ++lost;
  }
  MESSAGE("closes that crossed: " << lost << " of " << kCalls);
}

TEST_CASE("http: only a connection that counts is believed to have sent nothing") {
  using Bytes = std::optional<SentBytes>;
  CHECK(CertainlyNothingSent(Bytes({.sent = 10}), Bytes({.sent = 10})));
  CHECK_FALSE(CertainlyNothingSent(Bytes({.sent = 10}), Bytes({.sent = 11})));
  CHECK_FALSE(CertainlyNothingSent(Bytes({.sent = 10}), Bytes({.sent = 10, .waiting = 1})));
  CHECK_FALSE(CertainlyNothingSent(Bytes({.sent = 0}), Bytes({.sent = 0})));
  CHECK_FALSE(CertainlyNothingSent(std::nullopt, Bytes({.sent = 10})));
  CHECK_FALSE(CertainlyNothingSent(Bytes({.sent = 10}), std::nullopt));
  CHECK_FALSE(ReadSentBytes(-1).has_value());
}

}  // namespace
}  // namespace troth::internal
