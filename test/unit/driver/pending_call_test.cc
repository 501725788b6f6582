// One blocking call: who answers, who waits, and who gives up.
#include "driver/pending_call.h"

#include <doctest/doctest.h>
#include <pthread.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace troth::internal {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Answer Saying(std::string body) {
  Answer answer;
  answer.body = std::move(body);
  return answer;
}

TEST_CASE("pending call: an answer that was there first is not slept for") {
  PendingCall call;
  CHECK(!call.done());
  call.Set(Saying("a"));
  CHECK(call.done());
  CHECK(call.WaitFor(0ms));
  CHECK(call.WaitFor(std::nullopt));
  CHECK(call.Take().body == "a");
}

TEST_CASE("pending call: an answer wakes whoever waits, with a time limit and without") {
  for (const auto limit : {std::optional(std::chrono::milliseconds(1min)),
                           std::optional<std::chrono::milliseconds>()}) {
    const auto call = std::make_shared<PendingCall>();
    std::thread other([reply = Reply(call)]() mutable { reply(Saying("b")); });
    CHECK(call->WaitFor(limit));
    CHECK(call->Take().body == "b");
    other.join();
  }
}

TEST_CASE("pending call: the time is up, and the answer that comes later is there all the same") {
  PendingCall call;
  const auto began = Clock::now();
  CHECK(!call.WaitFor(20ms));
  CHECK(Clock::now() - began >= 20ms);
  CHECK(!call.WaitFor(0ms));
  call.Set(Saying("late"));
  CHECK(call.WaitFor(0ms));
  CHECK(call.Take().body == "late");
}

TEST_CASE("pending call: dropped, it says that the coordinator was closed") {
  const auto call = std::make_shared<PendingCall>();
  { const Reply dropped(call); }
  CHECK(call->WaitFor(std::nullopt));
  CHECK(call->Take().status.code() == StatusCode::kCancelled);
}

TEST_CASE("pending call: of many answers one counts, whole") {
  for (int round = 0; round < 200; ++round) {
    const auto call = std::make_shared<PendingCall>();
    std::vector<std::thread> threads;
    for (const char digit : {'1', '2', '3'}) {
      threads.emplace_back([call, digit] { call->Set(Saying(std::string(100, digit))); });
    }
    CHECK(call->WaitFor(1min));
    const std::string body = call->Take().body;
    CHECK(body == std::string(100, body.at(0)));
    for (std::thread& thread : threads) thread.join();
    CHECK(call->WaitFor(0ms));
  }
}

TEST_CASE("pending call: whoever was woken may drop it while the one who answers is still at it") {
  for (int round = 0; round < 500; ++round) {
    auto call = std::make_shared<PendingCall>();
    std::thread other([reply = Reply(call)]() mutable { reply(Saying("d")); });
    CHECK(call->WaitFor(round % 2 == 0 ? std::optional(std::chrono::milliseconds(1min))
                                       : std::nullopt));
    call.reset();
    other.join();
  }
}

TEST_CASE("pending call: it is claimed once, by the engine or by who gives up") {
  PendingCall call;
  CHECK(!call.claimed());
  CHECK(call.Claim());
  CHECK(!call.Claim());
  CHECK(call.claimed());
}

TEST_CASE("pending call: a signal is no answer, and no end of the time") {
  struct sigaction action = {};
  action.sa_handler = [](int) {};  // without SA_RESTART: whatever sleeps is interrupted
  struct sigaction before = {};
  REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
  const auto call = std::make_shared<PendingCall>();
  std::thread waits([call] { CHECK(call->WaitFor(1min)); });
  for (int i = 0; i < 50; ++i) {
    std::this_thread::sleep_for(1ms);
    REQUIRE(pthread_kill(waits.native_handle(), SIGUSR1) == 0);
  }
  CHECK(!call->done());
  call->Set(Saying("c"));
  waits.join();
  const auto began = Clock::now();
  PendingCall alone;
  std::thread disturbs([self = pthread_self()] {
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(1ms);
      pthread_kill(self, SIGUSR1);
    }
  });
  CHECK(!alone.WaitFor(50ms));
  CHECK(Clock::now() - began >= 50ms);
  disturbs.join();
  REQUIRE(sigaction(SIGUSR1, &before, nullptr) == 0);
}

}  // namespace
}  // namespace troth::internal
