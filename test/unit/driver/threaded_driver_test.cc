// The driver of production, alone with a store in memory and nobody to call.
#include "driver/threaded_driver.h"

#include <doctest/doctest.h>

#include <functional>
#include <future>

#include "store/memory/memory_store.h"

namespace troth::internal {
namespace {

using namespace std::chrono_literals;

class NobodyToCall final : public Transport {
 public:
  Status CheckUrl(std::string_view) const override { return {}; }
  bool CanCall(std::string_view) const override { return true; }
  void Start(Call, CallSink&) override {}
  void Cancel(uint64_t) override {}
  bool Close(std::chrono::milliseconds) override { return true; }
};

ControlRequest Ask(std::function<void()> then) {
  return {.kind = ControlRequest::Kind::kHealth,
          .name = {},
          .done = [then = std::move(then)](const Health&) { then(); }};
}

// Gives others every chance to come to where they wait. On a busy machine one yield may take
// milliseconds.
void LetOthersGoOn() {
  const auto enough = std::chrono::steady_clock::now() + 200ms;
  for (int i = 0; i < 10'000 && std::chrono::steady_clock::now() < enough; ++i) {
    std::this_thread::yield();
  }
}

TEST_CASE("driver: Close does not sleep on where the last turn leaves it as quiet as it was") {
  for (int round = 0; round < 20; ++round) {
    MemoryStore store(std::make_shared<MemoryDisk>());
    REQUIRE(store.Open({.path = "s"}).ok());
    NobodyToCall transport;
    ThreadedDriver driver(store, transport, Callbacks{}, EngineOptions{}, {});
    driver.Start(false);

    // One turn lasts until Close has asked; the turn after Close's lasts, and leaves one more
    // event.
    std::promise<void> first, release_first, last, release_last;
    std::thread client([&] {
      driver.Post(Ask([&] {
        first.set_value();
        release_first.get_future().wait();
      }));
    });
    first.get_future().wait();
    const auto begun = std::chrono::steady_clock::now();
    std::thread closer([&] { driver.Close(20s); });
    LetOthersGoOn();
    driver.Post(Ask([&] {
      driver.Post(Ask([&] {
        driver.Post(Ask([] {}));
        last.set_value();
        release_last.get_future().wait();
      }));
    }));
    release_first.set_value();
    last.get_future().wait();
    LetOthersGoOn();
    release_last.set_value();
    client.join();
    closer.join();
    CHECK(std::chrono::steady_clock::now() - begun < 10s);
  }
}

}  // namespace
}  // namespace troth::internal
