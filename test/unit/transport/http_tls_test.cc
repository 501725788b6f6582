// HTTPS: peers are always verified, and a call whose handshake fails is not sent.

#include <thread>

#include "base/text.h"
#include "certificates.h"
#include "http_subject.h"

namespace troth::internal {
namespace {

using namespace std::chrono_literals;
using Kind = CallEnded::Kind;
using Verdict = BranchResult::Verdict;

void AnswerOk(Peer& peer, const ServedRequest&) { peer.Answer(200, "ok"); }

TEST_CASE("https: calls a server whose authority is trusted, and keeps the connection") {
  CertificateAuthority authority;
  authority.Issue("server", "IP:127.0.0.1,DNS:bank.test");
  const TlsFiles files{authority.Certificate("server"), authority.Key("server"), ""};
  RawServer server(&AnswerOk, &files);
  HttpTransport transport({.ca_file = authority.file(), .lookup = [](const std::string&) {
                             return Lookup{.addresses = {"127.0.0.1"}, .problem = {}};
                           }});
  for (uint64_t id = 1; id <= 5; ++id) {
    const CallEnded ended = CallOnce(transport, MakeCall(id, server.Url("/")));
    CAPTURE(ended.text);
    CHECK(ended.verdict == Verdict::kSuccess);
  }
  CHECK(server.connections() == 1);
  const std::string by_name = Concat("https://bank.test:", server.port(), "/");
  CHECK(CallOnce(transport, MakeCall(6, by_name)).verdict == Verdict::kSuccess);
}

TEST_CASE("https: many handshakes at once fit into the small stacks") {
  CertificateAuthority authority;
  authority.Issue("server", "IP:127.0.0.1");
  const TlsFiles files{authority.Certificate("server"), authority.Key("server"), ""};
  RawServer server(&AnswerOk, &files);
  HttpTransport transport({.ca_file = authority.file()});
  CollectingSink sink;
  for (uint64_t id = 1; id <= 60; ++id) transport.Start(MakeCall(id, server.Url("/")), sink);
  REQUIRE(sink.WaitFor(60));
  for (uint64_t id = 1; id <= 60; ++id) CHECK(sink.Last(id).verdict == Verdict::kSuccess);
}

TEST_CASE("https: an unknown authority is refused, in words") {
  CertificateAuthority authority;
  CertificateAuthority other;
  authority.Issue("server", "IP:127.0.0.1");
  const TlsFiles files{authority.Certificate("server"), authority.Key("server"), ""};
  RawServer server(&AnswerOk, &files);
  for (const std::string& ca : {other.file(), std::string()}) {
    HttpTransport transport({.ca_file = ca});
    const CallEnded ended = CallOnce(transport, MakeCall(1, server.Url("/")));
    CHECK(ended.kind == Kind::kNotSent);
    CHECK(ended.host_down);
    CHECK(ended.text.starts_with(
        Concat("the certificate of 127.0.0.1:", server.port(), " is not trusted: ")));
  }
  CHECK(server.requests().empty());
}

TEST_CASE("https: a certificate for another host is refused") {
  CertificateAuthority authority;
  authority.Issue("server", "IP:127.0.0.9,DNS:other.test");
  const TlsFiles files{authority.Certificate("server"), authority.Key("server"), ""};
  RawServer server(&AnswerOk, &files);
  HttpTransport transport({.ca_file = authority.file()});
  const CallEnded ended = CallOnce(transport, MakeCall(1, server.Url("/")));
  CHECK(ended.kind == Kind::kNotSent);
  CHECK(ended.text ==
        Concat("the certificate of 127.0.0.1:", server.port(), " is for another host"));
  CHECK(server.requests().empty());
}

TEST_CASE("https: a server that does not speak TLS, or hangs in the handshake, is not sent to") {
  RawServer plain([](Peer& peer, const ServedRequest&) { peer.Answer(200, ""); });
  HttpTransport transport({});
  Call hanging = TimedCall(Concat("https://127.0.0.1:", plain.port(), "/"), 200ms);
  const CallEnded late = CallOnce(transport, std::move(hanging));
  CHECK(late.kind == Kind::kNotSent);
  CHECK(late.code == ReasonCode::kCallTimeout);
  CollectingSink sink;
  transport.Start(MakeCall(3, Concat("https://127.0.0.1:", plain.port(), "/")), sink);
  while (plain.connections() < 2) std::this_thread::yield();
  transport.Cancel(3);
  REQUIRE(sink.WaitFor(1));
  CHECK(sink.Last(3).kind == Kind::kNotSent);
  CHECK(plain.requests().empty());
}

TEST_CASE("https: a client certificate is shown to the host that it is for") {
  CertificateAuthority authority;
  authority.Issue("server", "IP:127.0.0.1");
  authority.Issue("client", "");
  const TlsFiles files{authority.Certificate("server"), authority.Key("server"), authority.file()};
  RawServer server(&AnswerOk, &files);
  HttpTransport with({.ca_file = authority.file(),
                      .hosts = {{.host = Concat("127.0.0.1:", server.port()),
                                 .client_certificate = authority.Certificate("client"),
                                 .client_key = authority.Key("client")}}});
  CHECK(CallOnce(with, MakeCall(1, server.Url("/"))).verdict == Verdict::kSuccess);

  // With TLS 1.3 the server says no only after the handshake, when the request may be on its way.
  HttpTransport without({.ca_file = authority.file()});
  const CallEnded refused = CallOnce(without, MakeCall(2, server.Url("/")));
  CHECK(refused.kind != Kind::kAnswered);
  CHECK(server.requests().size() == 1);

  HttpTransport broken({.ca_file = authority.file(),
                        .hosts = {{.host = "127.0.0.1",
                                   .client_certificate = authority.Certificate("client"),
                                   .client_key = authority.file()}}});
  const CallEnded unusable = CallOnce(broken, MakeCall(3, server.Url("/")));
  CHECK(unusable.kind == Kind::kNotSent);
  CHECK(unusable.text.starts_with("the client certificate or its key can't be used"));
}

}  // namespace
}  // namespace troth::internal
