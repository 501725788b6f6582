#include "driver/answerer.h"

#include <iterator>
#include <utility>

namespace troth::internal {

void Tell(Answers&& answers) {
  for (auto& [reply, answer] : answers) reply(std::move(answer));
  answers.clear();
}

void Answerer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Answerer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    given_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Answerer::Give(Answers&& answers) {
  const std::lock_guard lock(mutex_);
  queue_.insert(queue_.end(), std::make_move_iterator(answers.begin()),
                std::make_move_iterator(answers.end()));
  given_.notify_one();
}

void Answerer::Run() {
  Answers taken;
  std::unique_lock lock(mutex_);
  for (;;) {
    given_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::swap(taken, queue_);
    lock.unlock();
    Tell(std::move(taken));
    lock.lock();
  }
}

}  // namespace troth::internal
