// Tells a process from a child that it has forked.
#pragma once

#include <cstdint>

namespace troth::internal {

// Of the process in which it was made. getpid() says the same, but is a system call, and this is
// asked with each call of the API. fork() alone counts: after _Fork(), vfork() and the like a child
// may not come here.
class ProcessMark {
 public:
  ProcessMark();
  bool InForkedChild() const;

 private:
  uint64_t forks_;  // before this process began
};

}  // namespace troth::internal
