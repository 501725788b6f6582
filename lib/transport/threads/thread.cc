#include "transport/threads/thread.h"

#include <climits>
#include <csignal>
#include <memory>
#include <utility>

namespace troth::internal {
namespace {

struct Start {
  std::function<void()> run;
  bool block_sigpipe = false;
};

void* Main(void* argument) {
  std::unique_ptr<Start> start(static_cast<Start*>(argument));
  if (start->block_sigpipe) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
  }
  std::function<void()> run = std::move(start->run);
  start.reset();
  run();
  return nullptr;
}

}  // namespace

std::optional<pthread_t> StartThread(const ThreadOptions& options, std::function<void()> run) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return std::nullopt;
  if (options.stack_bytes != 0) pthread_attr_setstacksize(&attributes, options.stack_bytes);
  auto start = std::make_unique<Start>(Start{std::move(run), options.block_sigpipe});
  pthread_t thread{};
  const int error = pthread_create(&thread, &attributes, &Main, start.get());
  pthread_attr_destroy(&attributes);
  if (error != 0) return std::nullopt;
  start.release();  // NOLINT: Main owns it now
  return thread;
}

}  // namespace troth::internal
