// The pool of threads for work that blocks: whom it wakes, and that nobody waits for another's job.
#include "transport/threads/thread_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <deque>
#include <future>
#include <latch>
#include <thread>

namespace troth::internal {
namespace {

using namespace std::chrono_literals;

TEST_CASE("thread pool: what the last act of a job submits needs no other thread") {
  ThreadPool pool({.threads_max = 4});
  std::promise<std::thread::id> first, second;
  REQUIRE(pool.Submit([&] {
    first.set_value(std::this_thread::get_id());
    const ThreadPool::LastAct last(pool);
    CHECK(pool.Submit([&] { second.set_value(std::this_thread::get_id()); }));
  }));
  CHECK(first.get_future().get() == second.get_future().get());
  CHECK(pool.Stop(60s));
  CHECK(pool.wake_ups() == 1);
}

TEST_CASE("thread pool: of two jobs that a last act submits, neither waits for the other") {
  ThreadPool pool({.threads_max = 4, .short_job = 200us});
  std::latch both(2);
  std::promise<void> met;
  REQUIRE(pool.Submit([&] {
    const ThreadPool::LastAct last(pool);
    CHECK(pool.Submit([&] { both.arrive_and_wait(); }));
    CHECK(pool.Submit([&] {
      both.arrive_and_wait();
      met.set_value();
    }));
  }));
  met.get_future().wait();
  CHECK(pool.Stop(60s));
}

TEST_CASE("thread pool: jobs that wait for each other all run, also after many short ones") {
  constexpr int kTogether = 32;
  ThreadPool pool({.threads_max = kTogether, .short_job = 200us});
  std::deque<std::latch> rounds;
  for (int round = 0; round < 20; ++round) {
    std::latch& all = rounds.emplace_back(kTogether + 1);
    std::atomic<int> short_ones{0};
    constexpr int kShort = 200;
    for (int i = 0; i < kShort; ++i) REQUIRE(pool.Submit([&] { ++short_ones; }));
    for (int i = 0; i < kTogether; ++i) REQUIRE(pool.Submit([&] { all.arrive_and_wait(); }));
    all.arrive_and_wait();
    CHECK(short_ones == kShort);
  }
  CHECK(pool.Stop(60s));
}

TEST_CASE(
    "thread pool: however short jobs are, one that nobody is at work for is not waited with") {
  ThreadPool pool({.threads_max = 4, .short_job = 1h});
  std::deque<std::promise<void>> all;
  for (int i = 0; i < 1'000; ++i) {
    std::promise<void>& done = all.emplace_back();
    REQUIRE(pool.Submit([&] { done.set_value(); }));
    done.get_future().wait();
  }
  CHECK(pool.Stop(60s));
}

TEST_CASE("thread pool: a thread that waits whether it is needed does not outlive the pool") {
  for (int round = 0; round < 50; ++round) {
    ThreadPool pool({.threads_max = 4, .short_job = 1h});
    for (int i = 0; i < 100; ++i) REQUIRE(pool.Submit([] {}));
    CHECK(pool.Stop(60s));
  }
}

}  // namespace
}  // namespace troth::internal
