// Timers and Loader alone: bookkeeping, run against what it is bookkeeping of.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "desk.h"
#include "engine/loader.h"
#include "engine/timers.h"

namespace troth::internal {
namespace {

TEST_CASE("timers: the latest setting counts, and each fires once in order") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 draw(seed);
    Timers timers;
    std::map<LiveId, Time> model;
    Time now = kStart;
    for (int i = 0; i < 1'000; ++i) {
      const LiveId id = draw() % 20;
      switch (draw() % 4) {
        case 0:
          timers.Set(id, std::nullopt);
          model.erase(id);
          break;
        case 1: {
          now += Milliseconds{draw() % 50};
          while (const auto due = timers.TakeDue(now)) {
            REQUIRE(model.contains(*due));
            for (const auto& [other, at] : model) CHECK(model[*due] <= at);
            CHECK(model[*due] <= now);
            model.erase(*due);
          }
          for (const auto& [other, at] : model) CHECK(at > now);
          break;
        }
        default:
          model[id] = now + Milliseconds{draw() % 200};
          timers.Set(id, model[id]);
      }
      std::optional<Time> next;
      for (const auto& [other, at] : model) next = std::min(next.value_or(at), at);
      CHECK(timers.Next() == next);
    }
  }
}

// A store of due times, and who of it is in memory.
struct Shelf {
  std::map<LiveId, Time> due;  // stored
  std::set<LiveId> in_memory;
  std::map<LiveId, size_t> reads;  // since it was last out of memory

  DueLoaded Read(const Loader::Ask& ask, size_t max) {
    std::set<std::pair<Time, int64_t>> order;
    for (const auto& [id, at] : due) order.insert({at, static_cast<int64_t>(id)});
    DueLoaded page;
    size_t count = 0;
    for (const auto& [at, id] : order) {
      if (ask.after && std::pair(at, id) <= std::pair(ask.after->due, ask.after->id)) continue;
      if (at > ask.until) {
        page.next_due = at;
        break;
      }
      if (count++ == max) {
        page.more = true;
        break;
      }
      page.last = DuePosition{at, id};
      in_memory.insert(static_cast<LiveId>(id));
      ++reads[static_cast<LiveId>(id)];
    }
    return page;
  }
};

TEST_CASE("loader: what is due is in memory, and nothing is read twice, whatever happens") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 draw(seed);
    const auto below = [&](size_t end) { return static_cast<size_t>(draw() % end); };
    Loader loader;
    Shelf shelf;
    LiveId next_id = 1;
    for (size_t i = below(60); i > 0; --i) {
      shelf.due[next_id++] = kStart + Milliseconds{below(600'000)} - 60_sec;
    }
    Time now = kStart;
    std::optional<DueLoaded> page;
    bool failed = false;     // the last reading, which is repeated after a pause
    const auto step = [&] {  // true: something was asked or answered
      if (page) {
        loader.OnLoaded(*page, now);
        failed = !page->status.ok();
        page.reset();
        return true;
      }
      const auto ask = loader.Next(now, true);
      if (!ask) return false;
      if (below(8) == 0) {
        page = DueLoaded{.status = Status(StatusCode::kUnavailable, "busy"), .transactions = {}};
      } else {
        page = shelf.Read(*ask, 1 + below(10));
      }
      return true;
    };
    for (int i = 0; i < 400; ++i) {
      switch (below(4)) {
        case 0:
          // Made in memory, due at once; or ended.
          if (below(2) == 0) {
            shelf.due[next_id] = now;
            shelf.in_memory.insert(next_id++);
          } else if (!shelf.in_memory.empty()) {
            const LiveId id = *shelf.in_memory.begin();
            shelf.in_memory.erase(id);
            shelf.due.erase(id);
          }
          break;
        case 1: {
          // Leaves: its row says when, before.
          if (shelf.in_memory.empty()) break;
          const auto it = std::next(shelf.in_memory.begin(),
                                    static_cast<std::ptrdiff_t>(below(shelf.in_memory.size())));
          const LiveId id = *it;
          shelf.due[id] = now + kHorizon + Milliseconds{1 + below(300'000)};
          shelf.in_memory.erase(it);
          shelf.reads.erase(id);
          loader.OnLeft(shelf.due[id]);
          break;
        }
        case 2:
          step();
          break;
        default: {
          // Time passes, no further than the loader wants to be woken.
          Time until = now + Milliseconds{below(40'000)};
          if (page) until = now + Milliseconds{below(100)};
          if (const auto wake = loader.wake()) until = std::min(until, std::max(now, *wake));
          now = until;
        }
      }
      if (page || failed || (loader.wake() && *loader.wake() <= now)) continue;
      // It has nothing to do: all that is due, and half a minute more, is in memory.
      for (const auto& [id, at] : shelf.due) {
        if (at <= now + kHorizon / 2 - 1_ms) CHECK(shelf.in_memory.contains(id));
      }
    }
    for (const auto& [id, count] : shelf.reads) CHECK(count <= 1);
  }
}

TEST_CASE("loader: what is due in a future that was never meant is read once, however late it is") {
  Loader loader;
  loader.ReadAllOnce();
  Shelf shelf;
  for (LiveId id = 1; id <= 30; ++id) {
    shelf.due[id] = kStart + std::chrono::hours(24 * 365) + Milliseconds{id};
  }
  for (;;) {
    const auto ask = loader.Next(kStart, true);
    REQUIRE(ask);
    const DueLoaded page = shelf.Read(*ask, 7);
    loader.OnLoaded(page, kStart);
    if (!page.more) break;
  }
  CHECK(shelf.in_memory.size() == 30);
  // One that leaves again is due later than a minute from now: it comes in its time.
  shelf.in_memory.erase(1);
  shelf.due[1] = kStart + 100_sec;
  loader.OnLeft(shelf.due[1]);
  const auto again = loader.Next(kStart, true);
  REQUIRE(again);
  loader.OnLoaded(shelf.Read(*again, 7), kStart);
  REQUIRE(loader.wake());
  CHECK(*loader.wake() <= shelf.due[1]);
}

TEST_CASE("loader: when it starts over, all that is due is read, whenever that comes") {
  for (int questions = 1; questions <= 6; ++questions) {
    for (const bool before_the_answer : {false, true}) {
      CAPTURE(questions);
      CAPTURE(before_the_answer);
      Loader loader;
      Shelf shelf;
      for (LiveId id = 1; id <= 20; ++id) shelf.due[id] = kStart + Milliseconds{id};
      shelf.due[21] = kStart + 100_sec;
      for (int i = 1; i <= questions; ++i) {
        const auto ask = loader.Next(kStart, true);
        if (!ask) break;  // it had read all
        const DueLoaded page = shelf.Read(*ask, 7);
        const bool last = i == questions;
        if (last && before_the_answer) loader.StartOver(kStart);
        loader.OnLoaded(page, kStart);
      }
      if (!before_the_answer || questions > 3) loader.StartOver(kStart);
      shelf.in_memory.erase(1);  // the first one, which lies behind all that was read
      REQUIRE(loader.wake());
      CHECK(*loader.wake() > kStart);  // not at once: the store has trouble
      const Time now = *loader.wake();
      while (const auto ask = loader.Next(now, true)) loader.OnLoaded(shelf.Read(*ask, 7), now);
      for (LiveId id = 1; id <= 20; ++id) CHECK(shelf.in_memory.contains(id));
      CHECK_FALSE(shelf.in_memory.contains(21));
      CHECK(loader.wake() == shelf.due[21] - kHorizon / 2);
    }
  }
}

TEST_CASE("loader: with nothing stored for later it sleeps") {
  Loader loader;
  REQUIRE(loader.Next(kStart, true));
  CHECK_FALSE(loader.Next(kStart, true));  // one question at a time
  loader.OnLoaded({}, kStart);
  CHECK_FALSE(loader.wake());
  CHECK_FALSE(loader.Next(kStart + std::chrono::hours(1'000), true));
}

TEST_CASE("loader: without room it asks for nothing") {
  Loader loader;
  CHECK_FALSE(loader.Next(kStart, false));
  CHECK(loader.Next(kStart, true));
}

}  // namespace
}  // namespace troth::internal
