// When a call is made again, to the millisecond.
#include <algorithm>
#include <set>

#include "scene.h"

namespace troth::testing {
namespace {

using Milliseconds = std::vector<int64_t>;

TEST_CASE("retry: by default after 10 s, doubling, up to 10 min") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Times(9);
  CHECK(End(world, Steps({"a"})).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 10'000, 30'000, 70'000, 150'000, 310'000,
                                                      630'000, 1'230'000, 1'830'000, 2'430'000});
}

TEST_CASE("retry: the wait counts from the end of the call") {
  World world;
  world.Branch(Do("a")).Answer(500).Delay(700ms).Answer(500).Delay(300ms);
  CHECK(End(world, Steps({"a"})).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 10'700, 31'000});
}

TEST_CASE("retry: first, factor and cap in milliseconds") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Times(5);
  Saga saga = Steps({"a"});
  saga.options.retry = {.first = 7ms, .factor = 3.0, .cap = 100ms};
  CHECK(End(world, saga).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 7, 28, 91, 191, 291});
}

TEST_CASE("retry: a factor of 1 keeps the pace") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Times(4);
  Saga saga = Steps({"a"});
  saga.options.retry = {.first = 50ms, .factor = 1.0};
  CHECK(End(world, saga).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 50, 100, 150, 200});
}

TEST_CASE("retry: the step's policy wins over the transaction's, that over the coordinator's") {
  World world(Instant({.defaults = {.retry = {.first = 1s, .factor = 1.0}}}));
  for (const char* name : {"a", "b", "c"}) world.Branch(Do(name)).Answer(500).Times(2);
  Saga saga = Steps({"a", "b"});
  saga.options.retry.first = 200ms;
  saga.steps[1].options.retry.first = 30ms;
  CHECK(End(world, saga).succeeded());
  CHECK(End(world, Steps({"c"})).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 200, 400});
  CHECK(Starts(world.Branch(Do("b"))) == Milliseconds{0, 30, 60});  // the factor is inherited
  CHECK(Starts(world.Branch(Do("c"))) == Milliseconds{0, 1'000, 2'000});
}

TEST_CASE("retry: with jitter each wait is drawn from zero to the full one") {
  std::set<Milliseconds> seen;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World world({.seed = seed, .call_time = 0ms});
    world.Branch(Do("a")).Answer(500).Times(5);
    Saga saga = Steps({"a"});
    saga.options.retry = {.first = 1s, .factor = 2.0, .cap = 4s, .jitter = true};
    CHECK(End(world, saga).succeeded());
    const Milliseconds starts = Starts(world.Branch(Do("a")));
    REQUIRE(starts.size() == 6);
    const int64_t waits[] = {1'000, 2'000, 4'000, 4'000, 4'000};
    for (size_t i = 0; i < 5; ++i) {
      const int64_t gap = starts[i + 1] - starts[i];
      CHECK(gap >= 0);
      CHECK(gap <= waits[i]);
    }
    seen.insert(starts);
  }
  CHECK(seen.size() == 20);
}

TEST_CASE("retry: ongoing is asked again at the base interval, and never counts") {
  World world(Instant());
  world.Branch(Do("a")).Ongoing().Times(5);
  Saga saga = Steps({"a"});
  saga.options.retry.limit = 0;
  CHECK(End(world, saga).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 10'000, 20'000, 30'000, 40'000, 50'000});
}

TEST_CASE("retry: ongoing resets the back-off") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Answer(500).Ongoing().Answer(500).Answer(500);
  CHECK(End(world, Steps({"a"})).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 10'000, 30'000, 40'000, 50'000, 70'000});
}

TEST_CASE("retry: an ongoing compensation is asked again, and the saga fails when it is done") {
  World world(Instant());
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Ongoing().Times(2);
  CHECK(End(world, Steps({"a"})).status == TransactionStatus::kFailed);
  CHECK(Starts(world.Branch(Undo("a"))) == Milliseconds{0, 10'000, 20'000});
}

TEST_CASE("retry: past the limit the transaction rolls back, and says so") {
  for (int limit = 0; limit < 4; ++limit) {
    CAPTURE(limit);
    World world(Instant());
    world.Branch(Do("b")).Answer(500, "busy").Always();
    Saga saga = Steps({"a", "b"});
    saga.options.retry.limit = limit;
    const Outcome outcome = End(world, saga);
    CHECK(outcome.status == TransactionStatus::kFailed);
    CHECK(outcome.reason.code == ReasonCode::kRetriesExhausted);
    CHECK(outcome.reason.branch_id == "02");
    CHECK(outcome.reason.http_status == 500);
    CHECK(outcome.reason.text == "busy");
    CHECK(world.Branch(Do("b")).calls() == static_cast<size_t>(limit) + 1);
    CHECK(world.Branch(Undo("b")).calls() == 1);
    CHECK(world.Branch(Undo("a")).calls() == 1);
  }
}

TEST_CASE("retry: a success within the limit is a success; each operation counts for itself") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Times(2);
  world.Branch(Do("b")).Answer(500).Times(2);
  Saga saga = Steps({"a", "b"});
  saga.options.retry.limit = 2;
  CHECK(End(world, saga).succeeded());
}

TEST_CASE("retry: the limit does not bound compensations") {
  World world(Instant());
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Answer(500).Times(6);
  Saga saga = Steps({"a"});
  saga.options.retry.limit = 0;
  CHECK(End(world, saga).status == TransactionStatus::kFailed);
  CHECK(world.Branch(Undo("a")).calls() == 7);
}

TEST_CASE("retry: past give_up_after the transaction rolls back, also between two calls") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Always();
  Saga saga = Steps({"a"});
  saga.options.retry.give_up_after = 45s;
  const Time begin = world.now();
  const Outcome outcome = End(world, saga);
  CHECK(outcome.reason.code == ReasonCode::kGaveUp);
  CHECK((world.now() - begin) == 45s);
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 10'000, 30'000});
}

TEST_CASE("retry: give_up_after is kept while a step waits for its host to be back") {
  World world(
      {.coordinator = {}, .call_time = 20ms});  // both are called before it is known to be down
  Saga sagas[2] = {Steps({"a"}), Steps({"a"})};
  world.Branch(Do("a")).Refuse().Always();
  const Time begin = world.now();
  for (Saga& saga : sagas) {
    saga.options.retry.first = 1s;
    saga.options.retry.give_up_after = 1500ms;
    Submit(world, saga);
  }
  for (const Saga& saga : sagas) CHECK(Wait(world, saga).reason.code == ReasonCode::kGaveUp);
  CHECK((world.now() - begin) == 1500ms);
}

TEST_CASE("retry: give_up_after does not cut off a call in flight") {
  World world(Instant());
  world.Branch(Do("a")).Succeed().Delay(2s);
  Saga saga = Steps({"a"});
  saga.options.retry.give_up_after = 1s;
  CHECK(End(world, saga).succeeded());
}

TEST_CASE("retry: give_up_after also bounds a step that is ongoing for ever") {
  World world(Instant());
  world.Branch(Do("a")).Ongoing().Always();
  Saga saga = Steps({"a"});
  saga.options.retry.give_up_after = 25s;
  CHECK(End(world, saga).reason.code == ReasonCode::kGaveUp);
  CHECK(world.Branch(Do("a")).calls() == 3);
}

TEST_CASE("retry: past park_after a compensation waits for a person, listed and with its reason") {
  std::vector<Event> events;
  World world(Instant({.on_event = [&](const Event& event) { events.push_back(event); }}));
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Answer(500).Times(3);
  Saga saga = Steps({"a"});
  saga.options.retry.park_after = 2;
  Submit(world, saga);
  world.RunUntilIdle(24h * 365);
  CHECK(world.Branch(Undo("a")).calls() == 3);
  const TransactionRecord record = Look(world, saga);
  CHECK(record.status == TransactionStatus::kAborting);
  CHECK(record.parked == ReasonCode::kParkedRetries);
  CHECK_FALSE(record.due);
  const Result<ListPage> parked = world.coordinator().List({.parked = true});
  REQUIRE(parked.ok());
  REQUIRE(parked->transactions.size() == 1);
  CHECK(parked->transactions[0].gid == saga.gid);
  CHECK(std::any_of(events.begin(), events.end(), [&](const Event& event) {
    return event.kind == EventKind::kParked && event.gid == saga.gid;
  }));
  // It stays so in the next life, until somebody acts.
  REQUIRE(world.Reopen().ok());
  world.RunUntilIdle(24h * 365);
  CHECK(world.Branch(Undo("a")).calls() == 3);
  const Result<Outcome> waited = world.coordinator().Wait(saga.gid, 1s);
  CHECK(waited.status().code() == StatusCode::kDeadlineExceeded);
  CHECK(waited.status().message().find("parked") != std::string::npos);
  REQUIRE(world.coordinator().RetryNow(saga.gid, kAnn).ok());
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  CHECK(world.coordinator().List({.parked = true})->transactions.empty());
}

TEST_CASE("retry: the policy in force is the one of the submit, in later lives too") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Times(2);
  Saga saga = Steps({"a"});
  saga.options.retry = {.first = 3s, .factor = 1.0};
  Submit(world, saga);
  world.Advance(1s);
  REQUIRE(world.Reopen().ok());
  CHECK(Wait(world, saga).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 3'000, 6'000});
}

TEST_CASE("retry: a crash in the middle of a long wait neither shortens nor lengthens it") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Times(6);
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(320s);  // the sixth wait, of 320 s, has begun at 310 s
  REQUIRE(world.Reopen().ok());
  CHECK(Wait(world, saga).succeeded());
  CHECK(Starts(world.Branch(Do("a"))).back() == 630'000);
}

TEST_CASE("retry: waits and deadlines beyond what is kept in memory come back in time") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500).Always();
  Saga saga = Steps({"a"});
  saga.options.retry = {.first = 1h, .factor = 2.0, .cap = 24h};
  saga.timeout_to_fail = 10h;
  const Time begin = world.now();
  Submit(world, saga);
  world.Advance(5min);
  CHECK(world.coordinator().GetHealth().live == 0);  // a row, not an object
  const Outcome outcome = Wait(world, saga);
  CHECK(outcome.reason.code == ReasonCode::kTimeout);
  CHECK((world.now() - begin) == 10h);
  CHECK(Starts(world.Branch(Do("a"))) == Milliseconds{0, 3'600'000, 3 * 3'600'000, 7 * 3'600'000});
}

TEST_CASE("retry: many that wait long are rows, and each comes back at its own time") {
  World world(Instant());
  std::vector<Saga> sagas;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "h" + std::to_string(i);
    world.Branch(Do(name)).Answer(500);
    sagas.push_back(Steps({name}));
    sagas.back().options.retry = {.first = 90s + i * 7s, .cap = 1h};
    Submit(world, sagas.back());
  }
  world.Advance(2s);
  CHECK(world.coordinator().GetHealth().live == 0);
  world.RunUntilIdle();
  for (int i = 0; i < 50; ++i) {
    CAPTURE(i);
    CHECK(Look(world, sagas[static_cast<size_t>(i)]).status == TransactionStatus::kSucceed);
    const auto starts = Starts(world.Branch(Do("h" + std::to_string(i))));
    REQUIRE(starts.size() == 2);
    CHECK(starts[1] == 90'000 + i * 7'000);
  }
}

}  // namespace
}  // namespace troth::testing
