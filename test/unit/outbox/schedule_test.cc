#include "outbox/schedule.h"

#include <doctest/doctest.h>

namespace troth::internal::outbox {

using std::chrono::milliseconds;

TEST_CASE("schedule: nothing expected, no wake-up") {
  Schedule schedule;
  CHECK_FALSE(schedule.Next());
  schedule.LookNow();
  CHECK(schedule.LookIsDue(Time{}));
  schedule.BeginLook();
  schedule.EndLook({}, false, Time{});
  CHECK_FALSE(schedule.Next());
}

TEST_CASE("schedule: an open transaction is looked after 20 times, from 1 ms to a minute apart") {
  Schedule schedule;
  Time now{std::chrono::hours(1)};
  schedule.Expect("a", now);
  milliseconds wanted{1};
  int looks = 0;
  while (const auto next = schedule.Next()) {
    CHECK(*next - now == wanted);
    now = *next;
    CHECK(schedule.LookIsDue(now));
    schedule.BeginLook();
    schedule.EndLook({}, false, now);
    wanted = std::min<milliseconds>(wanted * 2, Schedule::kCap);
    REQUIRE(++looks <= 20);
  }
  CHECK(looks == 20);
}

TEST_CASE("schedule: what was expected has come, and the looks end") {
  Schedule schedule;
  const Time now{std::chrono::hours(1)};
  schedule.Expect("a", now);
  schedule.Expect("b", now);
  schedule.EndLook({"a"}, false, now);
  CHECK(schedule.Next());
  schedule.EndLook({"a", "b"}, false, now);
  CHECK_FALSE(schedule.Next());
}

TEST_CASE("schedule: tickets that come one after the other do not put the look off") {
  Schedule schedule;
  const Time begun{std::chrono::hours(1)};
  schedule.Expect("a", begun);
  schedule.Expect("b", begun + milliseconds(1));
  CHECK(schedule.LookIsDue(begun + milliseconds(1)));
}

TEST_CASE("schedule: what was rolled back is forgotten while others go on coming") {
  Schedule schedule;
  Time now{std::chrono::hours(1)};
  schedule.Expect("rolled back", now);
  for (int i = 0; i < 1'000; ++i) {
    now += std::chrono::seconds(1);
    schedule.Expect("fine", now);
    schedule.BeginLook();
    schedule.EndLook({"fine"}, false, now);
  }
  CHECK_FALSE(schedule.Next());
}

TEST_CASE("schedule: trouble is tried again with growing pauses, until it is over") {
  Schedule schedule;
  const Time now{std::chrono::hours(1)};
  schedule.EndLook({}, true, now);
  CHECK(*schedule.Next() == now + milliseconds(100));
  schedule.EndLook({}, true, now);
  CHECK(*schedule.Next() == now + milliseconds(200));
  schedule.EndLook({}, false, now);
  CHECK_FALSE(schedule.Next());
}

TEST_CASE("schedule: rows that are left are swept after ten quiet minutes") {
  Schedule schedule;
  const Time now{std::chrono::hours(1)};
  schedule.Quieten(true, now);
  CHECK(*schedule.Next() == now + std::chrono::minutes(10));
  CHECK(schedule.SweepIsDue(*schedule.Next()));
  CHECK_FALSE(schedule.LookIsDue(*schedule.Next()));
  schedule.Quieten(false, now);
  CHECK_FALSE(schedule.Next());
}

}  // namespace troth::internal::outbox
