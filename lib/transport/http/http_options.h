// What an HttpTransport can be told.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "transport/http/resolver.h"
#include "troth/coordinator.h"
#include "troth/status.h"

namespace troth::internal {

struct HttpOptions {
  std::string ca_file = {};  // PEM; empty: the system's
  std::vector<HostOptions> hosts = {};
  std::function<Headers(const CallInfo&)> headers_for = {};
  size_t answer_bytes = 1u << 20;

  // A kept connection that is idle for longer is closed. Below the 5 s after which many servers
  // close theirs: a request that crosses with that close is lost.
  std::chrono::milliseconds keep_idle{4'000};
  size_t keep_per_host = 64;  // idle connections
  size_t threads_max = 2'048;
  std::chrono::milliseconds thread_idle{5'000};
  // How long Close waits for threads whose calls were cancelled. Only a headers_for that does not
  // return can take that long; its thread is left to itself then.
  std::chrono::milliseconds patience{2'000};

  LookupFunction lookup = &SystemLookup;  // for tests
};

// What follows from a coordinator's options. There is a thread for each call that its limits allow
// in flight, and when a wave of calls to a host has ended their connections are kept for the next.
HttpOptions HttpOptionsFrom(const CoordinatorOptions& options);

// kInvalidArgument names the option: a proxy that is not an http:// URL, a certificate without its
// key, files that can't be read.
Status CheckHttpOptions(const HttpOptions& options);

}  // namespace troth::internal
