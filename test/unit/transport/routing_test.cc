#include "transport/routing.h"

#include <doctest/doctest.h>

#include "collecting_sink.h"
#include "conformance.h"
#include "http_subject.h"
#include "transport/local/local_transport.h"

namespace troth::internal {
namespace {

using namespace std::chrono_literals;

TEST_CASE("routing: each URL goes to the transport of its scheme") {
  RawServer server([](Peer& peer, const ServedRequest&) { peer.Answer(200, "http"); });
  LocalTransport local;
  HttpTransport http({});
  RoutingTransport routing(local, http);
  REQUIRE(
      local.Register("f", [](auto&, auto, auto) { return BranchResult::Success("local"); }).ok());
  CHECK(routing.CheckUrl("local:g").ok());
  CHECK_FALSE(routing.CanCall("local:g"));
  CHECK(routing.CanCall("local:f"));
  CHECK(routing.CanCall(server.Url("/")));
  CHECK_FALSE(routing.CheckUrl("local:a/b").ok());
  CHECK_FALSE(routing.CheckUrl("ftp://h/").ok());
  CollectingSink sink;
  Call first = MakeCall(1, "local:f");
  Call second = MakeCall(2, server.Url("/"));
  first.keep_body = second.keep_body = true;
  routing.Start(std::move(first), sink);
  routing.Start(std::move(second), sink);
  REQUIRE(sink.WaitFor(2));
  CHECK(sink.Last(1).body == "local");
  CHECK(sink.Last(2).body == "http");
  CHECK(routing.Close(1s));
  routing.Start(MakeCall(3, "local:f"), sink);
  routing.Start(MakeCall(4, server.Url("/")), sink);
  CHECK(sink.Last(3).kind == CallEnded::Kind::kNotSent);
  CHECK(sink.Last(4).kind == CallEnded::Kind::kNotSent);
}

}  // namespace
}  // namespace troth::internal
