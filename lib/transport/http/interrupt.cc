#include "transport/http/interrupt.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace troth::internal {

Interrupt::~Interrupt() { Unwatch(); }

void Interrupt::Raise(Why why) {
  std::function<void()> waker;
  {
    std::lock_guard lock(mutex_);
    if (why_.load() != Why::kNone) return;
    why_.store(why);
    if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
    waker = std::move(waker_);
    waker_ = nullptr;
  }
  if (waker) waker();
}

bool Interrupt::Watch(int socket) {
  Unwatch();
  std::lock_guard lock(mutex_);
  socket_ = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (socket_ >= 0 && why_.load() == Why::kNone) return true;
  shutdown(socket, SHUT_RDWR);
  return false;
}

void Interrupt::Unwatch() {
  std::lock_guard lock(mutex_);
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

int Interrupt::socket() const {
  std::lock_guard lock(mutex_);
  return socket_;
}

void Interrupt::SetWaker(std::function<void()> waker) {
  std::lock_guard lock(mutex_);
  waker_ = std::move(waker);
}

}  // namespace troth::internal
