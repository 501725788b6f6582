// Calls branches that are functions in this process, for "local:<name>" URLs.
//
// A function runs on a thread of this transport's own pool, several at once, and its call ends when
// it returns: there is no time-out here. Whoever wants one calls Cancel, which asks the function to
// stop through its token. A function never runs after its call has ended, except one that does not
// return from a Close.
//
// A function sees the headers of the call in its context, and the URL's query, if there is one, as
// a last header "Troth-Query", without the '?' and not decoded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/transport.h"
#include "troth/coordinator.h"

namespace troth::internal {

inline constexpr std::string_view kQueryHeader = "Troth-Query";

struct LocalOptions {
  size_t threads_max = 64;
  std::chrono::milliseconds thread_idle{5'000};
  size_t stack_bytes = 0;  // 0: the system's default; it is the user's code that runs there
  // How long Close waits for functions that were asked to stop, before it leaves them alone.
  std::chrono::milliseconds patience{500};
};

class LocalTransport final : public Transport {
 public:
  explicit LocalTransport(const LocalOptions& options = {});
  // As Close(0).
  ~LocalTransport() override;

  // At any time; a function of the same name is replaced for calls that begin later.
  // kInvalidArgument: not a local name, or no function.
  Status Register(std::string_view name, LocalFunction function);

  Status CheckUrl(std::string_view url) const override;
  bool CanCall(std::string_view url) const override;
  void Start(Call call, CallSink& sink) override;
  void Cancel(uint64_t id) override;
  bool Close(std::chrono::milliseconds grace) override;

  // For tests.
  size_t threads() const;
  uint64_t wake_ups() const;

 private:
  struct Core;
  struct QueuedCall;
  std::shared_ptr<Core> core_;
};

}  // namespace troth::internal
