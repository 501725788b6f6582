// One transport over two: local: URLs go to one, http: and https: to the other. It has no state of
// its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "model/transport.h"

namespace troth::internal {

class RoutingTransport final : public Transport {
 public:
  // Both must outlive it.
  RoutingTransport(Transport& local, Transport& http) : local_(local), http_(http) {}

  Status CheckUrl(std::string_view url) const override;
  bool CanCall(std::string_view url) const override;
  void Start(Call call, CallSink& sink) override;
  void Cancel(uint64_t id) override;
  // Both have `grace` together.
  bool Close(std::chrono::milliseconds grace) override;

 private:
  Transport& For(std::string_view url) const;

  Transport& local_;
  Transport& http_;
};

}  // namespace troth::internal
