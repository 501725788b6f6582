#include "transport/routing.h"

#include <algorithm>
#include <utility>

#include "model/url.h"

namespace troth::internal {

Transport& RoutingTransport::For(std::string_view url) const {
  return IsLocalUrl(url) ? local_ : http_;
}

Status RoutingTransport::CheckUrl(std::string_view url) const { return For(url).CheckUrl(url); }

bool RoutingTransport::CanCall(std::string_view url) const { return For(url).CanCall(url); }

void RoutingTransport::Start(Call call, CallSink& sink) {
  Transport& transport = For(call.url);
  transport.Start(std::move(call), sink);
}

// Ids are unique in all, and unknown ones are ignored.
void RoutingTransport::Cancel(uint64_t id) {
  local_.Cancel(id);
  http_.Cancel(id);
}

bool RoutingTransport::Close(std::chrono::milliseconds grace) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point until = Clock::now() + grace;
  const bool http = http_.Close(grace);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
  const bool local = local_.Close(std::max(left, std::chrono::milliseconds(0)));
  return http && local;
}

}  // namespace troth::internal
