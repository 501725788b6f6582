// Hosts alone: caps, turns, probes, and that nobody who waits is forgotten (R6, R21).
#include "engine/hosts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>

#include "desk.h"

namespace troth::internal {
namespace {

using Ids = std::vector<LiveId>;

bool Call(Hosts& hosts, const std::string& host, LiveId id, Time now = kStart) {
  if (!hosts.Admit(host, id, now)) return false;
  hosts.Started(host);
  return true;
}

TEST_CASE("hosts: who finds no room waits, once, and comes out in order of arrival") {
  Hosts hosts({.calls_per_host = 2, .calls = 10, .local_calls = 1});
  CHECK(Call(hosts, "a", 1));
  CHECK(Call(hosts, "a", 2));
  CHECK_FALSE(Call(hosts, "a", 3));
  CHECK_FALSE(Call(hosts, "a", 4));
  CHECK_FALSE(Call(hosts, "a", 3));
  CHECK(Call(hosts, "b", 5));
  CHECK(hosts.Ready(kStart) == Ids{});
  CHECK_FALSE(hosts.NextWake());
  hosts.Ended("a", Hosts::News::kUp, "", 1, kStart);
  CHECK(hosts.Ready(kStart) == Ids{3});
  CHECK(Call(hosts, "a", 3));
  hosts.Ended("a", Hosts::News::kUp, "", 2, kStart);
  hosts.Ended("a", Hosts::News::kUp, "", 3, kStart);
  CHECK(hosts.Ready(kStart) == Ids{4});
  CHECK(hosts.Ready(kStart) == Ids{});
}

TEST_CASE("hosts: nobody passes those that wait") {
  Hosts hosts({.calls_per_host = 1, .calls = 10, .local_calls = 1});
  CHECK(Call(hosts, "a", 1));
  CHECK_FALSE(Call(hosts, "a", 2));
  hosts.Ended("a", Hosts::News::kUp, "", 1, kStart);
  CHECK_FALSE(Call(hosts, "a", 1));  // its next step
  CHECK_FALSE(Call(hosts, "a", 3));
  CHECK(hosts.Ready(kStart) == Ids{2});
  CHECK_FALSE(Call(hosts, "a", 4));
  CHECK(Call(hosts, "a", 2));
  hosts.Ended("a", Hosts::News::kUp, "", 2, kStart);
  CHECK(hosts.Ready(kStart) == Ids{1});
}

TEST_CASE("hosts: room that was offered and not used goes to the next") {
  Hosts hosts({.calls_per_host = 1, .calls = 10, .local_calls = 1});
  CHECK(Call(hosts, "a", 1));
  for (LiveId id = 2; id <= 5; ++id) CHECK_FALSE(Call(hosts, "a", id));
  hosts.Ended("a", Hosts::News::kUp, "", 1, kStart);
  CHECK(hosts.Ready(kStart) == Ids{2});
  CHECK(hosts.Ready(kStart) == Ids{3});
  hosts.Forget(3);
  CHECK(hosts.Ready(kStart) == Ids{4});
  CHECK(Call(hosts, "a", 4));
  CHECK(hosts.Ready(kStart) == Ids{});
}

TEST_CASE("hosts: slots of all are shared in turn, local functions have their own") {
  Hosts hosts({.calls_per_host = 5, .calls = 2, .local_calls = 1});
  std::deque<std::string> calls = {"a", "a"};
  CHECK(Call(hosts, "a", 1));
  CHECK(Call(hosts, "a", 2));
  CHECK(Call(hosts, "local:", 3));
  CHECK_FALSE(Call(hosts, "local:", 4));
  for (LiveId id = 10; id < 14; ++id) CHECK_FALSE(Call(hosts, "a", id));
  for (LiveId id = 20; id < 24; ++id) CHECK_FALSE(Call(hosts, "b", id));
  Ids order;
  for (int i = 0; i < 8; ++i) {  // one call ends, one slot is free
    hosts.Ended(calls.front(), Hosts::News::kUp, "", 1, kStart);
    calls.pop_front();
    const Ids ready = hosts.Ready(kStart);
    REQUIRE(ready.size() == 1);
    order.push_back(ready[0]);
    calls.push_back(ready[0] < 20 ? "a" : "b");
    CHECK(Call(hosts, calls.back(), ready[0]));
  }
  CHECK(order == Ids{10, 20, 11, 21, 12, 22, 13, 23});
}

TEST_CASE("hosts: one that is down gets one probe at a time, later and later, at most a minute") {
  Hosts hosts({.calls_per_host = 5, .calls = 5, .local_calls = 1});
  CHECK(Call(hosts, "a", 1));
  Time now = kStart;
  Hosts::Change change = hosts.Ended("a", Hosts::News::kDown, "refused", 1, now);
  CHECK(change.went_down);
  Milliseconds pause = 500_ms;
  for (int i = 0; i < 12; ++i) {
    CHECK_FALSE(hosts.Admit("a", 7, now));
    CHECK(hosts.Ready(now) == Ids{});
    CHECK(hosts.NextWake() == now + pause);
    CHECK(hosts.Health().at(0).problem == "refused");
    now += pause;
    CHECK(hosts.Ready(now) == Ids{7});
    CHECK(Call(hosts, "a", 7, now));
    CHECK_FALSE(Call(hosts, "a", 8, now));
    CHECK_FALSE(hosts.NextWake());  // its end wakes
    CHECK(hosts.Ready(now) == Ids{});
    change = hosts.Ended("a", Hosts::News::kDown, "refused", 7, now);
    CHECK_FALSE(change.went_down);
    hosts.Forget(8);
    pause = std::min<Milliseconds>(pause * 2, 60_sec);
  }
  CHECK_FALSE(Call(hosts, "a", 9, now));
  now += 60_sec;
  CHECK(hosts.Ready(now) == Ids{9});
  CHECK(Call(hosts, "a", 9, now));
  change = hosts.Ended("a", Hosts::News::kUp, "", 9, now);
  CHECK(change.came_up);
  CHECK(change.relieved == Ids{1, 7});
  CHECK(hosts.Health().empty());
}

TEST_CASE("hosts: the probe of one that is down takes a slot of all, like any call") {
  Hosts hosts({.calls_per_host = 2, .calls = 1, .local_calls = 1});
  REQUIRE(Call(hosts, "a", 1));
  hosts.Ended("a", Hosts::News::kDown, "refused", 1, kStart);
  CHECK_FALSE(Call(hosts, "a", 1));
  const Time probe = *hosts.NextWake();
  REQUIRE(Call(hosts, "b", 2, probe));
  CHECK(hosts.Ready(probe).empty());
  CHECK_FALSE(hosts.NextWake());  // the end of a call comes first
  hosts.Ended("b", Hosts::News::kUp, "", 2, probe);
  CHECK(hosts.Ready(probe) == Ids{1});
  CHECK(Call(hosts, "a", 1, probe));
}

TEST_CASE("hosts: who has left memory is neither offered room nor relieved") {
  Hosts hosts({.calls_per_host = 1, .calls = 5, .local_calls = 1});
  CHECK(Call(hosts, "a", 1));
  CHECK_FALSE(Call(hosts, "a", 2));
  hosts.Forget(2);
  hosts.Ended("a", Hosts::News::kDown, "", 1, kStart);
  hosts.Forget(1);
  CHECK(hosts.Ready(kStart + 1_sec) == Ids{});
  CHECK(Call(hosts, "a", 3, kStart + 1_sec));
  CHECK(hosts.Ended("a", Hosts::News::kUp, "", 3, kStart + 1_sec).relieved == Ids{});
}

// The simplest thing that could be right, against which the real one is run.
struct Model {
  std::map<std::string, size_t> in_flight;
  std::map<std::string, Time> down_until;  // only those that are down
  std::set<std::pair<std::string, LiveId>> waiting;
  HostLimits limits;

  size_t InAll() const {
    size_t all = 0;
    for (const auto& [host, count] : in_flight) all += host == "local:" ? 0 : count;
    return all;
  }
  bool HasRoom(const std::string& host, Time now) {
    const size_t used = in_flight[host];
    if (host == "local:") return used < limits.local_calls;
    const auto down = down_until.find(host);
    if (InAll() >= limits.calls) return false;
    if (down != down_until.end()) return used == 0 && now >= down->second;
    return used < limits.calls_per_host;
  }
};

TEST_CASE("hosts: whatever happens, nobody waits where there is room, and no cap is passed") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 draw(seed);
    const auto below = [&](size_t end) { return static_cast<size_t>(draw() % end); };
    Model model;
    model.limits = {.calls_per_host = 1 + below(4), .calls = 1 + below(6), .local_calls = 2};
    Hosts hosts(model.limits);
    const std::vector<std::string> names = {"a", "b", "c", "local:"};
    std::map<LiveId, std::string> wants;  // a transaction is at one host here
    std::vector<std::pair<std::string, LiveId>> calls;
    Time now = kStart;
    LiveId next_id = 1;
    const auto advance = [&](LiveId id) {
      const std::string host = wants.at(id);
      model.waiting.erase({host, id});
      if (hosts.Admit(host, id, now)) {
        CHECK(model.HasRoom(host, now));
        hosts.Started(host);
        ++model.in_flight[host];
        calls.emplace_back(host, id);
      } else {
        model.waiting.insert({host, id});
      }
    };
    for (int i = 0; i < 300; ++i) {
      switch (below(4)) {
        case 0:
          wants[next_id] = names[below(names.size())];
          advance(next_id++);
          break;
        case 1:
          if (!calls.empty()) {
            const size_t which = below(calls.size());
            const auto [host, id] = calls[which];
            calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(which));
            --model.in_flight[host];
            const bool down = host != "local:" && below(3) == 0;
            hosts.Ended(host, down ? Hosts::News::kDown : Hosts::News::kUp, "", id, now);
            if (down) {
              for (const HostHealth& health : hosts.Health()) {
                if (health.host == host) model.down_until[host] = health.next_probe;
              }
            } else {
              model.down_until.erase(host);
            }
          }
          break;
        case 2:
          now += Milliseconds{below(2'000)};
          break;
        default:
          if (!model.waiting.empty() && below(4) == 0) {
            const auto gone = *std::next(model.waiting.begin(),
                                         static_cast<std::ptrdiff_t>(below(model.waiting.size())));
            hosts.Forget(gone.second);
            model.waiting.erase(gone);
          }
      }
      for (;;) {
        const Ids ready = hosts.Ready(now);
        if (ready.empty()) break;
        for (const LiveId id : ready) {
          REQUIRE(model.waiting.erase({wants.at(id), id}) == 1);
          if (below(4) != 0) advance(id);  // else nothing of it is due any more
        }
      }
      for (const auto& [host, id] : model.waiting) {
        CHECK_FALSE(model.HasRoom(host, now));
        const bool probe = model.down_until.contains(host) && model.in_flight[host] == 0 &&
                           model.InAll() < model.limits.calls;
        if (probe) {
          REQUIRE(hosts.NextWake());
          CHECK(*hosts.NextWake() <= model.down_until[host]);
        } else {
          CHECK_FALSE(calls.empty());
        }
      }
      CHECK(hosts.in_flight() == calls.size());
    }
  }
}

TEST_CASE("hosts: a call of which nothing was sent tells nothing of its host") {
  Hosts hosts({});
  REQUIRE(hosts.Admit("a", 1, kStart));
  hosts.Started("a");
  CHECK(hosts.Ended("a", Hosts::News::kDown, "refused", 1, kStart).went_down);
  const Time probe = *[&] {
    CHECK_FALSE(hosts.Admit("a", 2, kStart));
    return hosts.NextWake();
  }();
  REQUIRE(hosts.Ready(probe) == Ids{2});
  REQUIRE(hosts.Admit("a", 2, probe));
  hosts.Started("a");
  const Hosts::Change change = hosts.Ended("a", Hosts::News::kNone, "", 2, probe);
  CHECK_FALSE(change.came_up);
  CHECK(change.relieved == Ids{});
  REQUIRE(hosts.Health().size() == 1);
  CHECK(hosts.Health()[0].down);
}

}  // namespace
}  // namespace troth::internal
