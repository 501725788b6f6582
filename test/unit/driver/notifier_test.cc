// What callbacks that are behind are told when it ends.
#include "driver/notifier.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace troth::internal {
namespace {

using namespace std::chrono_literals;

struct Slow {
  std::atomic<int> told = 0;
  std::vector<std::string> lines;  // of the notifier's thread

  internal::Callbacks CallbacksOf(std::chrono::milliseconds each) {
    Callbacks callbacks;
    callbacks.on_finished = [this, each](const Outcome&) {
      ++told;
      std::this_thread::sleep_for(each);
    };
    callbacks.log = [this](LogLevel, std::string_view line) { lines.emplace_back(line); };
    return callbacks;
  }
};

void Finish(Notifier& notifier, int count) {
  for (int i = 0; i < count; ++i) notifier.OnFinished(std::make_shared<const Outcome>());
}

TEST_CASE("notifier: a callback that is behind is told all, if there is time") {
  Slow slow;
  Notifier notifier(slow.CallbacksOf(1ms));
  Finish(notifier, 20);
  notifier.Stop(1min);
  CHECK(slow.told == 20);
  CHECK(notifier.dropped() == 0);
  CHECK(slow.lines.empty());
}

TEST_CASE("notifier: a callback that is too slow does not keep it from its end, and is counted") {
  Slow slow;
  Notifier notifier(slow.CallbacksOf(50ms));
  Finish(notifier, 10'000);  // eight minutes of it
  while (slow.told == 0) std::this_thread::yield();
  notifier.Stop(100ms);
  REQUIRE(slow.told < 10'000);
  CHECK(notifier.dropped() + static_cast<uint64_t>(slow.told) == 10'000);
  REQUIRE(slow.lines.size() == 1);
  CHECK(slow.lines[0].find(std::to_string(notifier.dropped()) + " notices were dropped") == 0);
}

TEST_CASE("notifier: what is cut off like a crash tells nothing more") {
  Slow slow;
  Notifier notifier(slow.CallbacksOf(20ms));
  Finish(notifier, 1'000);
  notifier.Stop(0ms);
  CHECK(slow.told < 1'000);
  CHECK(slow.lines.empty());
}

}  // namespace
}  // namespace troth::internal
