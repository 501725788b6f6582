// A thread with a stack of chosen size, which std::thread can't have. It never throws.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <optional>

namespace troth::internal {

struct ThreadOptions {
  size_t stack_bytes = 0;      // 0: the system's default
  bool block_sigpipe = false;  // in this thread only: a write to a closed socket must not end us
};

// Nothing if the system has no thread left. Must be joined or detached.
std::optional<pthread_t> StartThread(const ThreadOptions& options, std::function<void()> run);

}  // namespace troth::internal
