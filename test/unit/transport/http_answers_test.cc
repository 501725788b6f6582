// What the HTTP transport sends, and how it reads what comes back.

#include <algorithm>

#include "base/text.h"
#include "http_subject.h"

namespace troth::internal {
namespace {

using namespace std::chrono_literals;
using Kind = CallEnded::Kind;
using Verdict = BranchResult::Verdict;

class HttpSubject final : public TransportSubject {
 public:
  Transport& transport() override { return transport_; }
  std::string Good() override { return server_.Url("/good"); }
  std::string Failing() override { return server_.Url("/failing"); }
  std::string Hanging() override { return server_.Url("/hanging"); }
  void WaitUntilHanging(size_t calls) override { server_.WaitForRequests(calls); }
  std::string Unusable() override { return "local:f"; }
  bool CancelLoses() override { return true; }

 private:
  RawServer server_{[](Peer& peer, const ServedRequest& request) {
    if (request.target == "/good") peer.Answer(200, "done");
    if (request.target == "/failing") peer.Answer(409, "no money");
    if (request.target == "/hanging") peer.ReadUntilClosed();
  }};
  HttpTransport transport_{{}};
};

// Answers each call with what its path says: "/409?text".
void AnswerPath(Peer& peer, const ServedRequest& request) {
  const size_t mark = std::min(request.target.find('?'), request.target.size());
  const int status = std::stoi(request.target.substr(1, mark - 1));
  const std::string body =
      mark < request.target.size() ? request.target.substr(mark + 1) : std::string();
  peer.Answer(status, status == 204 ? "" : body);
}

TEST_CASE("http: keeps the contract of every transport") {
  CheckTransport([] { return std::make_unique<HttpSubject>(); });
}

TEST_CASE("http: verdict, code and text follow from status and body") {
  RawServer server(&AnswerPath);
  HttpTransport transport({});
  struct Row {
    const char* path;
    Verdict verdict;
    ReasonCode code;
    const char* text;
    bool host_down;
  };
  const Row rows[] = {
      {"/200?ok", Verdict::kSuccess, ReasonCode::kNone, "", false},
      {"/201?ok", Verdict::kSuccess, ReasonCode::kNone, "", false},
      {"/204", Verdict::kSuccess, ReasonCode::kNone, "", false},
      {"/200?FAILURE", Verdict::kFailure, ReasonCode::kActionFailed, "FAILURE", false},
      {"/200?ONGOING", Verdict::kOngoing, ReasonCode::kOngoing, "ONGOING", false},
      {"/202?later", Verdict::kOngoing, ReasonCode::kOngoing, "later", false},
      {"/425?busy", Verdict::kOngoing, ReasonCode::kOngoing, "busy", false},
      {"/409?no-money", Verdict::kFailure, ReasonCode::kActionFailed, "no-money", false},
      {"/404?nothing", Verdict::kUnknown, ReasonCode::kHttpStatus, "nothing", false},
      {"/400?FAILURE", Verdict::kUnknown, ReasonCode::kHttpStatus, "FAILURE", false},
      {"/401", Verdict::kUnknown, ReasonCode::kHttpStatus, "", false},
      {"/407", Verdict::kUnknown, ReasonCode::kHttpStatus, "", false},
      {"/500?oops", Verdict::kUnknown, ReasonCode::kHttpStatus, "oops", false},
      {"/502?proxy", Verdict::kUnknown, ReasonCode::kHttpStatus, "proxy", true},
      {"/503", Verdict::kUnknown, ReasonCode::kHttpStatus, "", true},
      {"/504", Verdict::kUnknown, ReasonCode::kHttpStatus, "", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    const CallEnded ended = CallOnce(transport, MakeCall(1, server.Url(row.path)));
    CHECK(ended.kind == Kind::kAnswered);
    CHECK(ended.verdict == row.verdict);
    CHECK(ended.code == row.code);
    CHECK(ended.text == row.text);
    CHECK(ended.host_down == row.host_down);
    CHECK(ended.http_status == std::stoi(row.path + 1));
  }
  CHECK(server.requests().size() == std::size(rows));
}

TEST_CASE("http: the answer to a JSON-RPC request is read by its error's code") {
  RawServer server(
      [](Peer& peer, const ServedRequest& request) { peer.Answer(200, request.body); });
  HttpTransport transport({});
  const auto call = [&](std::string_view answer) {
    Call made = MakeCall(1, server.Url("/rpc?method=In"));
    made.payload = answer;
    made.json_rpc = true;
    made.keep_body = true;
    return CallOnce(transport, std::move(made));
  };
  const CallEnded done = call(R"({"result":{"a":1}})");
  CHECK(done.verdict == Verdict::kSuccess);
  CHECK(done.body == R"({"result":{"a":1}})");
  const CallEnded refused = call(R"({"error":{"code":-32901}})");
  CHECK(refused.verdict == Verdict::kFailure);
  CHECK(refused.code == ReasonCode::kActionFailed);
  CHECK(call(R"({"error":{"code":-32902}})").verdict == Verdict::kOngoing);
  const CallEnded unknown = call(R"({"error":{"code":-32603}})");
  CHECK(unknown.kind == Kind::kAnswered);
  CHECK(unknown.verdict == Verdict::kUnknown);
  CHECK(unknown.code == ReasonCode::kBranchUnknown);
  CHECK(unknown.text == R"({"error":{"code":-32603}})");
  CHECK_FALSE(unknown.host_down);
  CHECK(server.requests()[0].target == "/rpc?method=In");
  CHECK(server.requests()[0].method == "POST");
}

TEST_CASE("http: without body verdicts only the status counts") {
  RawServer server(&AnswerPath);
  HttpTransport transport({});
  Call call = MakeCall(1, server.Url("/200?FAILURE"));
  call.body_verdicts = false;
  call.keep_body = true;
  const CallEnded ended = CallOnce(transport, std::move(call));
  CHECK(ended.verdict == Verdict::kSuccess);
  CHECK(ended.body == "FAILURE");
}

TEST_CASE("http: the text of a failure is cut at 1 kB, before a character rather than inside it") {
  RawServer server([](Peer& peer, const ServedRequest&) {
    peer.Answer(409, std::string(1023, 'x') + "\xC3\xA4 and more");
  });
  HttpTransport transport({});
  CHECK(CallOnce(transport, MakeCall(1, server.Url("/"))).text == std::string(1023, 'x'));
}

TEST_CASE("http: a redirect is unknown and not followed") {
  for (const int status : {301, 302, 303, 307, 308}) {
    RawServer server([&](Peer& peer, const ServedRequest&) {
      peer.Answer(status, "", "Location: /elsewhere\r\n");
    });
    HttpTransport transport({});
    const CallEnded ended = CallOnce(transport, MakeCall(1, server.Url("/a")));
    CHECK(ended.verdict == Verdict::kUnknown);
    CHECK(ended.http_status == status);
    CHECK(server.requests().size() == 1);
  }
}

TEST_CASE("http: 304 has no body to wait for, and interim answers decide nothing") {
  RawServer server([](Peer& peer, const ServedRequest& request) {
    if (request.target == "/304") peer.Write("HTTP/1.1 304 Not Modified\r\n\r\n");
    if (request.target == "/100") {
      peer.Write("HTTP/1.1 100 Continue\r\n\r\n");
      peer.Answer(409, "no");
    }
    if (request.target == "/103") {
      peer.Write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
      peer.Answer(409, "no");
    }
  });
  HttpTransport transport({});
  const CallEnded not_modified = CallOnce(transport, MakeCall(1, server.Url("/304")));
  CHECK(not_modified.kind == Kind::kAnswered);
  CHECK(not_modified.http_status == 304);
  CHECK(not_modified.verdict == Verdict::kUnknown);
  CHECK(CallOnce(transport, MakeCall(2, server.Url("/100"))).verdict == Verdict::kFailure);
  CHECK(CallOnce(transport, MakeCall(3, server.Url("/103"))).verdict == Verdict::kUnknown);
  CHECK(CallOnce(transport, MakeCall(4, server.Url("/100"))).verdict == Verdict::kFailure);
}

TEST_CASE("http: chunked answers, and bodies that end with the connection") {
  RawServer server([](Peer& peer, const ServedRequest& request) {
    if (request.target == "/chunked") {
      peer.Write(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
          "chunked\r\n\r\n4\r\nFAIL\r\n3\r\nURE\r\n0\r\n\r\n");
    } else {
      peer.Write("HTTP/1.0 200 OK\r\n\r\nFAILURE");
      peer.Close();
    }
  });
  HttpTransport transport({});
  CHECK(CallOnce(transport, MakeCall(1, server.Url("/chunked"))).text == "FAILURE");
  CHECK(CallOnce(transport, MakeCall(2, server.Url("/close"))).text == "FAILURE");
}

TEST_CASE("http: a packed answer is not unpacked") {
  RawServer server([](Peer& peer, const ServedRequest&) {
    peer.Answer(200, "not really gzip", "Content-Encoding: gzip\r\n");
  });
  HttpTransport transport({});
  Call call = MakeCall(1, server.Url("/"));
  call.keep_body = true;
  CHECK(CallOnce(transport, std::move(call)).body == "not really gzip");
  CHECK(server.requests().at(0).Get("accept-encoding") == "identity");
}

TEST_CASE("http: an answer over the limit is unknown, and its bytes are not kept") {
  RawServer server([](Peer& peer, const ServedRequest& request) {
    peer.Answer(200, std::string(request.target == "/fits" ? 1'000 : 1'001, 'x'));
  });
  HttpTransport transport({.answer_bytes = 1'000});
  CHECK(CallOnce(transport, MakeCall(1, server.Url("/fits"))).verdict == Verdict::kSuccess);
  const CallEnded ended = CallOnce(transport, MakeCall(2, server.Url("/over")));
  CHECK(ended.kind == Kind::kAnswered);
  CHECK(ended.verdict == Verdict::kUnknown);
  CHECK(ended.code == ReasonCode::kAnswerTooLarge);
  CHECK(ended.http_status == 200);
  CHECK(ended.text == "the answer is larger than 1000 bytes");
}

TEST_CASE("http: the request carries target, headers and payload untouched") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  HttpTransport transport({});
  Call call = MakeCall(1, server.Url("/a%20b/c+d?x=1+2&y=%2B&z=a/b:c@d#fragment"));
  call.context.headers = {{"traceparent", "00-abc-def-01"}, {"X-Shop", "one"}, {"x-shop", "two"}};
  const std::string payload("\0\r\n\xFF\0end", 8);
  call.payload = payload;
  CHECK(CallOnce(transport, std::move(call)).verdict == Verdict::kSuccess);
  const ServedRequest request = server.requests().at(0);
  CHECK(request.method == "POST");
  CHECK(request.target == "/a%20b/c+d?x=1+2&y=%2B&z=a/b:c@d");
  CHECK(request.body == payload);
  CHECK(request.Get("host") == Concat("127.0.0.1:", server.port()));
  CHECK(request.Get("content-type") == "application/json");
  CHECK(request.Get("content-length") == "8");
  CHECK(request.Get("traceparent") == "00-abc-def-01");
  CHECK(request.Get("x-shop") == "one|two");
  CHECK(request.Get("transfer-encoding").empty());
}

TEST_CASE("http: GET where the call says so, and POST with nothing in it for xa") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  HttpTransport transport({});
  Call get = MakeCall(1, server.Url("/g"));
  get.post = false;
  get.payload = {};
  CHECK(CallOnce(transport, std::move(get)).verdict == Verdict::kSuccess);
  Call post = MakeCall(2, server.Url("/p"));
  post.payload = {};
  CHECK(CallOnce(transport, std::move(post)).verdict == Verdict::kSuccess);
  const std::vector<ServedRequest> requests = server.requests();
  CHECK(requests.at(0).method == "GET");
  CHECK(requests.at(0).Get("content-type").empty());
  CHECK(requests.at(1).method == "POST");
  CHECK(requests.at(1).Get("content-length") == "0");
}

TEST_CASE("http: a payload of several megabytes arrives whole") {
  RawServer server([](Peer& peer, const ServedRequest& request) {
    peer.Answer(200, std::to_string(request.body.size()));
  });
  HttpTransport transport({});
  const std::string payload(6u << 20, 'p');
  Call call = MakeCall(1, server.Url("/"));
  call.payload = payload;
  call.keep_body = true;
  CHECK(CallOnce(transport, std::move(call)).body == std::to_string(payload.size()));
  CHECK(server.requests().at(0).body == payload);
}

TEST_CASE("http: headers_for adds at send time, over what is stored, and knows the call") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  std::string seen;
  HttpTransport transport({.headers_for = [&](const CallInfo& info) {
    seen = Concat(info.gid, " ", info.branch_id, " ", info.op, " ", info.url);
    return Headers{{"Authorization", "Bearer t0ken"}, {"x-a", "new"}};
  }});
  Call call = MakeCall(1, server.Url("/x"));
  call.context.headers = {{"X-A", "old"}, {"Content-Type", "text/plain"}};
  CHECK(CallOnce(transport, std::move(call)).verdict == Verdict::kSuccess);
  CHECK(seen == "g1 01 action " + server.Url("/x"));
  const ServedRequest request = server.requests().at(0);
  CHECK(request.Get("authorization") == "Bearer t0ken");
  CHECK(request.Get("x-a") == "new");
  CHECK(request.Get("content-type") == "text/plain");
}

TEST_CASE("http: headers that would change the request's shape are refused, and nothing is sent") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  HttpTransport transport({});
  using namespace std::string_literals;
  const Header bad[] = {{"Host", "other"},
                        {"content-length", "3"},
                        {"Transfer-Encoding", "x"},
                        {"CONNECTION", "x"},
                        {"X-A", "a\r\nX-B: b"},
                        {"X-A", "a\nb"},
                        {"X-A", "a\rb"},
                        {"X-A", "a\0b"s},
                        {"X A", "b"},
                        {"X-A\r\nX-B", "b"},
                        {"", "b"},
                        {"X:A", "b"}};
  for (const Header& header : bad) {
    CAPTURE(header.name);
    Call call = MakeCall(1, server.Url("/"));
    call.context.headers = {header};
    const CallEnded ended = CallOnce(transport, std::move(call));
    CHECK(ended.kind == Kind::kNotSent);
    CHECK(ended.text.starts_with("header"));
    HttpTransport added({.headers_for = [&](const CallInfo&) { return Headers{header}; }});
    CHECK(CallOnce(added, MakeCall(1, server.Url("/"))).kind == Kind::kNotSent);
  }
  CHECK(server.requests().empty());
}

TEST_CASE("http: an exception from headers_for means not sent") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  HttpTransport transport(
      {.headers_for = [](const CallInfo&) -> Headers { throw std::runtime_error("no token"); }});
  const CallEnded ended = CallOnce(transport, MakeCall(1, server.Url("/")));
  CHECK(ended.kind == Kind::kNotSent);
  CHECK(ended.code == ReasonCode::kBranchUnknown);
  CHECK(ended.text == "headers_for threw: no token");
  CHECK_FALSE(ended.host_down);
  CHECK(server.connections() == 0);
}

TEST_CASE("http: a status line of any length is no danger to the thread that reads it") {
  RawServer server([](Peer& peer, const ServedRequest& request) {
    const std::string reason(std::stoul(request.target.substr(2)), 'r');
    if (request.target[1] == 'i') peer.Write("HTTP/1.1 100 Continue\r\n\r\n");
    if (request.target[1] == 'x') peer.Write("HTTP/1.1 100 Continue\r\nX: y\r\n");
    peer.Write(Concat("HTTP/1.1 409 ", reason, "\r\nContent-Length: 0\r\n\r\n"));
    peer.Close();
  });
  HttpTransport transport({});
  for (const char* path : {"/s20", "/s200", "/i20", "/i200"}) {
    CAPTURE(path);
    CHECK(CallOnce(transport, MakeCall(1, server.Url(path))).verdict == Verdict::kFailure);
  }
  for (const char* path : {"/s300", "/s1000000", "/i300", "/i1000000", "/x300", "/x1000000"}) {
    CAPTURE(path);
    CHECK(CallOnce(transport, MakeCall(1, server.Url(path))).kind == Kind::kLost);
  }
}

TEST_CASE("http: headers and chunks without an end are cut off long before the deadline") {
  RawServer server([](Peer& peer, const ServedRequest& request) {
    peer.Write("HTTP/1.1 200 OK\r\n");
    if (request.target == "/chunk") peer.Write("Transfer-Encoding: chunked\r\n\r\n");
    const std::string piece =
        request.target == "/many" ? std::string("X-A: b\r\n") : std::string(1'000, '1');
    while (peer.Write(piece)) {
    }
    peer.Close();
  });
  HttpTransport transport({.answer_bytes = 1'000});
  for (const char* path : {"/long", "/many", "/chunk"}) {
    CAPTURE(path);
    const CallEnded ended = CallOnce(transport, MakeCall(1, server.Url(path)));
    CHECK(ended.kind == Kind::kLost);
    CHECK(ended.code == ReasonCode::kNoAnswer);
  }
}

TEST_CASE("http: a proxy is used for the hosts that name it") {
  RawServer proxy([](Peer& peer, const ServedRequest&) { peer.Answer(200, "via"); });
  const std::string address = Concat("http://127.0.0.1:", proxy.port());
  HttpTransport transport({.hosts = {{.host = "Bank.invalid:81", .proxy = address}}});
  Call call = MakeCall(1, "http://bank.invalid:81/a?b=c");
  call.keep_body = true;
  CHECK(CallOnce(transport, std::move(call)).body == "via");
  CHECK(proxy.requests().at(0).target == "http://bank.invalid:81/a?b=c");
  CHECK(proxy.requests().at(0).Get("host") == "bank.invalid:81");
  CHECK(CallOnce(transport, MakeCall(2, "http://bank.invalid:82/")).kind == Kind::kNotSent);
}

TEST_CASE("http: options that can't work are named") {
  CHECK(CheckHttpOptions({}).ok());
  CHECK(CheckHttpOptions({.hosts = {{.host = "h", .proxy = "http://p:3128"}}}).ok());
  for (const char* proxy : {"https://p:1", "p:1", "http://p:1/path", "socks5://p:1"}) {
    CHECK_FALSE(CheckHttpOptions({.hosts = {{.host = "h", .proxy = proxy}}}).ok());
  }
  CHECK_FALSE(CheckHttpOptions({.ca_file = "/no/such/file"}).ok());
  CHECK_FALSE(CheckHttpOptions({.hosts = {{.host = ""}}}).ok());
  CHECK_FALSE(CheckHttpOptions({.hosts = {{.host = "h", .client_key = "/dev/null"}}}).ok());
}

}  // namespace
}  // namespace troth::internal
