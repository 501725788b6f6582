#include "base/process_mark.h"

#include <pthread.h>

#include <atomic>

#include "base/check.h"

namespace troth::internal {
namespace {

// From the first process that made a mark to this one.
std::atomic<uint64_t> forks{0};

// For as long as the library is loaded.
void CountForks() {
  static const int failed =
      pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  TROTH_CHECK(failed == 0);
}

}  // namespace

ProcessMark::ProcessMark() {
  CountForks();
  forks_ = forks.load(std::memory_order_relaxed);
}

bool ProcessMark::InForkedChild() const { return forks.load(std::memory_order_relaxed) != forks_; }

}  // namespace troth::internal
