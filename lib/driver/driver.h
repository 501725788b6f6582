// What makes an engine run: the seam between the public classes and either production's threads or
// the simulator's pump.
#pragma once

#include <chrono>
#include <optional>

#include "driver/pending_call.h"
#include "engine/event.h"

namespace troth::internal {

// Longer waits are as good as for ever, and overflow nothing.
inline constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours(24 * 3650);

class Driver {
 public:
  virtual ~Driver() = default;

  // Any thread. After the end of the driver the event is dropped, and its reply says kCancelled.
  virtual void Post(EngineEvent&& event) = 0;
  // Until the call is answered, or the time is up (false). Production sleeps; the simulator pumps
  // and jumps time.
  virtual bool Await(PendingCall& call, std::optional<std::chrono::milliseconds> timeout) = 0;
  virtual Time Now() const = 0;
  // The driver's clock less the wall clock.
  virtual std::chrono::milliseconds ClockOffset() const = 0;

  struct Closed {
    bool in_time = true;  // else calls were cut off
    bool written = true;  // else the store could not take the last results
  };
  // Ends in order: no new calls, `grace` for those in flight, everything known is written.
  virtual Closed Close(std::chrono::milliseconds grace) = 0;
  // Ends as a crash does.
  virtual void Abandon() = 0;
};

}  // namespace troth::internal
