// Who makes outboxes work: a thread in production, the world's agenda in the test kit.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

namespace troth::internal::outbox {

class Runner {
 public:
  // Does what is due. When there will be more to do, if nobody wakes the runner before.
  using Work = std::function<std::optional<std::chrono::milliseconds>()>;

  virtual ~Runner() = default;
  // Calls `work` now, when it has asked to be called, and after every Wake(); never two at once.
  virtual void Start(Work work) = 0;
  // Any thread; never waits.
  virtual void Wake() = 0;
  // Any thread but the one that works. Not before it has returned; `work` is called no more.
  virtual void Stop() = 0;
};

}  // namespace troth::internal::outbox
