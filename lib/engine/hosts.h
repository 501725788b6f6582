// How many calls each host gets, and when one that is down is tried again (R6, R21). Pure: no
// clock, no threads.
//
// Hosts queue transactions, not calls: when a host has room the engine plans the waiting
// transaction again and sends what is due then. Who waits comes first: first come, first served at
// each host, and hosts take turns where all of them want the same slots. Local functions are one
// host like any other, with its own cap and without a back-off.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/transaction.h"
#include "troth/coordinator.h"

namespace troth::internal {

struct HostLimits {
  size_t calls_per_host = 256;
  size_t calls = 1024;  // local functions apart
  size_t local_calls = 64;
  ProbeOptions probe = {};
};

// Identifies a transaction in memory; never reused in a life.
using LiveId = uint64_t;

class Hosts {
 public:
  explicit Hosts(HostLimits limits) : limits_(limits) {}

  // Whether a call may be sent now. If not, the transaction is queued there, once, and comes out of
  // Ready: that must be asked before the next end of a call is waited for.
  bool Admit(const std::string& host, LiveId waiter, Time now);
  // After Admit said yes.
  void Started(const std::string& host);

  struct Change {
    bool went_down = false;
    bool came_up = false;
    std::vector<LiveId> relieved;  // came_up: those whose own back-off was this host's fault
  };
  // What the end of a call says of its host.
  enum class News { kNone, kUp, kDown };
  // A call has ended. `sufferer` backs off because of it, if the host was down.
  Change Ended(const std::string& host, News news, std::string_view problem, LiveId sufferer,
               Time now);

  // Takes out transactions that may be planned again because there is room; at most as many as
  // there is room for. It is kept for them until the next time: call it until it gives nothing.
  std::vector<LiveId> Ready(Time now);
  // When Ready has something that it has not now, if nothing ends before: the next probe that
  // somebody waits for.
  std::optional<Time> NextWake() const;

  // The transaction left memory.
  void Forget(LiveId waiter);

  size_t in_flight() const { return in_flight_ + local_in_flight_; }
  std::vector<HostHealth> Health() const;

 private:
  struct Host {
    std::string key;
    bool local = false;
    size_t in_flight = 0;
    bool down = false;
    Milliseconds backoff{};
    Time next_probe{};
    std::string problem;
    std::set<LiveId> offered;  // by Ready, and have not used their room yet
    std::deque<LiveId> waiting;
    std::set<LiveId> queued;     // the same, to find
    std::set<LiveId> sufferers;  // in a back-off of their own since the host went down
  };

  Host& Get(const std::string& key);
  bool UseOffer(Host& host, LiveId waiter);
  // Beyond what was offered.
  size_t FreeSlots(const Host& host, Time now) const;
  void DropIfIdle(const std::string& key);

  const HostLimits limits_;
  std::map<std::string, Host, std::less<>> hosts_;
  std::deque<Host*> crowded_;  // those with a queue, in turn
  std::vector<Host*> offering_;
  size_t offered_ = 0;    // local ones apart
  size_t in_flight_ = 0;  // the same
  size_t local_in_flight_ = 0;
};

}  // namespace troth::internal
