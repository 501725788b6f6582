// Calls branches over HTTP and HTTPS: one thread of an elastic pool for each call in flight.
//
// It sends a request at most once. The one exception: a kept-alive connection that the peer had
// closed before the kernel sent one byte of the request; then it goes out, at once, on a fresh
// connection. Whenever that is not certain, the call is lost, and the engine decides what follows.
// It never connects once a call has ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "model/transport.h"
#include "transport/http/http_options.h"

namespace troth::internal {

class HttpTransport final : public Transport {
 public:
  // The options must have passed CheckHttpOptions. Starts no thread.
  explicit HttpTransport(HttpOptions options);
  // As Close(0).
  ~HttpTransport() override;

  Status CheckUrl(std::string_view url) const override;
  bool CanCall(std::string_view url) const override;
  void Start(Call call, CallSink& sink) override;
  void Cancel(uint64_t id) override;
  bool Close(std::chrono::milliseconds grace) override;

  // For tests.
  size_t threads() const;
  size_t kept_connections() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace troth::internal
