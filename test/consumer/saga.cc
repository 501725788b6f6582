// An application as a user writes it: a coordinator in memory, a saga of two local branches.
#include <troth/coordinator.h>
#include <troth/saga.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <stop_token>
#include <string_view>

int main() {
  std::atomic<int> calls = 0;
  const auto step = [&calls](const troth::BranchContext&, std::string_view, std::stop_token) {
    ++calls;
    return troth::BranchResult::Success();
  };
  troth::Result<troth::Coordinator> coordinator = troth::Coordinator::Open(
      {.store = ":memory:",
       .local = {{.name = "reserve", .function = step}, {.name = "charge", .function = step}}});
  if (!coordinator.ok()) {
    std::fprintf(stderr, "%s\n", coordinator.status().ToString().c_str());
    return 1;
  }

  troth::Saga saga;
  saga.Add({.action = "local:reserve", .compensate = {}, .payload = "{}"});
  saga.Add({.action = "local:charge", .compensate = {}, .payload = "{}"});
  const troth::Result<troth::Accepted> accepted = coordinator->Submit(saga);
  if (!accepted.ok()) {
    std::fprintf(stderr, "%s\n", accepted.status().ToString().c_str());
    return 1;
  }
  const auto outcome = coordinator->Wait(saga.gid, std::chrono::seconds(10));
  if (!outcome.ok()) {
    std::fprintf(stderr, "%s\n", outcome.status().ToString().c_str());
    return 1;
  }
  std::printf("%s: %d calls\n", saga.gid.c_str(), calls.load());
  return calls == 2 && coordinator->Close().ok() ? 0 : 1;
}
