// What ends one HTTP call from outside: its deadline, Cancel or Close.
//
// It ends a socket with shutdown() on a descriptor of its own, a duplicate. httplib's stop() can't
// be used: it waits for a lock that httplib holds while it connects and shakes hands, and
// shutdown() on httplib's own descriptor could hit another file, if httplib has closed it
// meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>

namespace troth::internal {

class Interrupt {
 public:
  enum class Why : uint8_t { kNone, kDeadline, kCancelled, kClosed };

  Interrupt() = default;
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // From any thread; the first reason counts. From then on no socket given to Watch sends or
  // receives.
  void Raise(Why why);
  Why why() const { return why_.load(); }
  bool raised() const { return why() != Why::kNone; }

  // The rest is for the thread that makes the call.

  // Watches this socket in place of the one before. False: raised already, or no descriptor is left
  // to duplicate it into; the socket is shut down then.
  bool Watch(int socket);
  // Closes the duplicate.
  void Unwatch();
  // The duplicate, or -1: shows the socket's state also after httplib has closed it.
  int socket() const;

  // Is called once by a Raise that comes after it, without a lock held; an empty one ends that.
  // The caller looks at raised() after it has set it.
  void SetWaker(std::function<void()> waker);

 private:
  mutable std::mutex mutex_;
  std::atomic<Why> why_{Why::kNone};
  int socket_ = -1;
  std::function<void()> waker_;
};

}  // namespace troth::internal
