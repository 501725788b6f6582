// What the tests of the HTTP transport share.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "collecting_sink.h"
#include "conformance.h"
#include "raw_server.h"
#include "transport/http/http_transport.h"

namespace troth::internal {

inline CallEnded CallOnce(Transport& transport, Call call) {
  CollectingSink sink;
  const uint64_t id = call.id;
  transport.Start(std::move(call), sink);
  REQUIRE(sink.WaitFor(1));
  REQUIRE(sink.Times(id) == 1);
  return sink.Last(id);
}

inline Call TimedCall(std::string url, std::chrono::milliseconds timeout) {
  Call call = MakeCall(1, std::move(url));
  call.timeout = timeout;
  return call;
}

}  // namespace troth::internal
