// One call under way, and how it is made on the thread that it has got.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "model/transport.h"
#include "model/url.h"
#include "transport/http/connection_pool.h"
#include "transport/http/http_options.h"
#include "transport/http/interrupt.h"
#include "transport/http/resolver.h"

namespace troth::internal {

struct HttpCall {
  using Clock = std::chrono::steady_clock;

  Call call;
  HttpUrl url;
  CallSink* sink = nullptr;
  Clock::time_point deadline;
  Interrupt interrupt;
  // Both guarded by the transport's lock.
  bool begun = false;  // from here on only its own thread ends it
  bool ended = false;
};

// What calls share.
struct HttpShared {
  explicit HttpShared(HttpOptions o)
      : options(std::move(o)), pool(options.keep_per_host), resolver({.lookup = options.lookup}) {}

  const HttpOptions options;
  ConnectionPool pool;
  Resolver resolver;
};

// Makes the call, which takes until it has an answer or `call.interrupt` is raised. `begin` is
// called when the request is ready, after headers_for has returned: false if the call has ended
// meanwhile and nothing may be sent. If a connection was kept, `*kept_until` says until when.
CallEnded MakeHttpCall(HttpShared& shared, HttpCall& call, const std::function<bool()>& begin,
                       std::optional<HttpCall::Clock::time_point>* kept_until);

// How a call ends that was interrupted before it was begun.
CallEnded NotBegun(const HttpCall& call, Interrupt::Why why);

}  // namespace troth::internal
