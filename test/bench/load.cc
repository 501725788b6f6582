#include "load.h"

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace troth::bench {
namespace {

// On a cache line of its own.
struct alignas(64) Count {
  std::atomic<uint64_t> done{0};
};

}  // namespace

double Rate(const Load& load, const std::function<void(int client)>& once) {
  std::atomic<bool> stop{false};
  std::vector<Count> counts(static_cast<size_t>(load.clients));
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::exception_ptr failure;
  for (int client = 0; client < load.clients; ++client) {
    threads.emplace_back([&, client] {
      try {
        while (!stop) {
          once(client);
          counts[static_cast<size_t>(client)].done.fetch_add(1, std::memory_order_relaxed);
        }
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
        stop = true;
      }
    });
  }
  const auto sum = [&] {
    uint64_t all = 0;
    for (const Count& count : counts) all += count.done.load(std::memory_order_relaxed);
    return all;
  };
  std::this_thread::sleep_for(load.warm_up);
  const auto start = std::chrono::steady_clock::now();
  const uint64_t before = sum();
  std::this_thread::sleep_for(load.time);
  const uint64_t after = sum();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  stop = true;
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  return static_cast<double>(after - before) / took.count();
}

}  // namespace troth::bench
