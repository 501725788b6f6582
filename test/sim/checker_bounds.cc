// What is bounded: calls in flight, transactions in memory, and that nothing happens where there is
// nothing to do (I34).
#include <algorithm>
#include <map>

#include "checker_checks.h"
#include "model/url.h"

namespace troth::sim {
namespace {

using internal::HostKey;

class InFlight {
 public:
  InFlight(const Limits& limits, Findings& findings) : limits_(limits), findings_(findings) {}

  void Add(const Call& call, int change) {
    const std::string host = HostKey(call.url);
    const int here = at_host_[host] += change;
    if (!call.local) in_all_ += change;
    const size_t allowed = call.local ? limits_.local_threads : limits_.calls_per_host;
    if (change < 0) return;
    if (static_cast<size_t>(here) > allowed) {
      findings_.Add(call.sent.seq, Concat(here, " calls were in flight at ", host));
    }
    if (!call.local && static_cast<size_t>(in_all_) > limits_.calls) {
      findings_.Add(call.sent.seq, Concat(in_all_, " calls were in flight"));
    }
  }

 private:
  const Limits& limits_;
  Findings& findings_;
  std::map<std::string, int> at_host_;
  int in_all_ = 0;
};

// Transactions of this life that somebody has come back to: that brings one into memory that had
// left it, whatever room there is.
size_t AskedAgain(const Log& log, const Stamp& now) {
  std::map<std::string, int> asked;
  for (const ApiCall& call : log.api) {
    if (call.began.life == now.life && call.began.seq < now.seq && !call.gid.empty()) {
      ++asked[call.gid];
    }
  }
  return static_cast<size_t>(
      std::count_if(asked.begin(), asked.end(), [](const auto& one) { return one.second > 1; }));
}

void CheckCaps(const Index& index, Findings& findings) {
  for (const Life& life : index.log().lives) {
    std::map<uint64_t, std::pair<const Call*, int>> changes;
    for (const Call& call : index.log().calls) {
      if (call.alert || call.sent.life != life.number) continue;
      changes[call.sent.seq] = {&call, +1};
      if (call.ended) changes[call.ended->seq] = {&call, -1};
    }
    InFlight in_flight(index.log().facts.limits, findings);
    for (const auto& [seq, change] : changes) in_flight.Add(*change.first, change.second);
  }
}

}  // namespace

void CheckIdle(const Index& index, Findings& findings) {
  const Log& log = index.log();
  CheckCaps(index, findings);
  for (const ApiCall& call : log.api) {
    // What was asked of the store while there was room may come when there is none.
    const Life* life = index.LifeOf(call.began);
    const size_t stored = life != nullptr && life->image < log.images.size()
                              ? log.images[life->image].rows.size()
                              : 0;
    if (!call.health) continue;
    if (call.health->live > log.facts.limits.live + stored + AskedAgain(log, call.began)) {
      findings.Add(call.began.seq, Concat(call.health->live, " transactions were in memory"));
    }
  }
  if (!log.end.settled) return;
  size_t busy = 0;
  for (const Stored& row : log.end.image.rows) {
    const bool held = row.row.parked == ReasonCode::kNotCallable ||
                      row.row.parked == ReasonCode::kParkedNotReturning;
    if (held) ++busy;
  }
  if (log.end.health.live > busy) {
    findings.Add(log.end.when.seq,
                 Concat(log.end.health.live, " transactions were in memory with nothing to do, ",
                        busy, " had a reason"));
  }
  if (log.end.idle_wakes && *log.end.idle_wakes > 0) {
    findings.Add(log.end.when.seq,
                 Concat("was woken ", *log.end.idle_wakes, " times with nothing to do"));
  }
}

}  // namespace troth::sim
