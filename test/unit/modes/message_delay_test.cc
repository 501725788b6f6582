// Messages that are to be delivered later: no action before its time, whoever submits, and whatever
// crashes in between.
#include "scene.h"

namespace troth::testing {
namespace {

using enum TransactionStatus;

// How long after `begin` its first action was called.
milliseconds FirstAction(World& world, std::string_view name, Time begin) {
  const auto calls = world.Branch(Url(name, "do")).recorded();
  REQUIRE_FALSE(calls.empty());
  return calls.front().at - begin;
}

TEST_CASE("message: a delay counts from the submit, to the millisecond") {
  World world(Instant());
  Message message = News({"a", "b"});
  message.delay = 10s;
  const Time begin = world.now();
  REQUIRE(world.coordinator().Submit(message).ok());
  world.Advance(9'999ms);
  CHECK(StatusOf(world, message.gid) == kSubmitted);
  CHECK(world.calls().empty());
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(FirstAction(world, "a", begin) == 10s);
  CHECK(FirstAction(world, "b", begin) == 10s);
}

TEST_CASE("message: a start is a time of its own, and one that has passed is now") {
  World world(Instant());
  Message later = News({"a"});
  later.start = world.now() + 48h;
  Message past = News({"b"});
  past.start = world.now() - 1h;
  const Time begin = world.now();
  REQUIRE(world.coordinator().Submit(later).ok());
  REQUIRE(world.coordinator().Submit(past).ok());
  CHECK(Wait(world, later.gid).succeeded());
  CHECK(FirstAction(world, "a", begin) == 48h);
  CHECK(FirstAction(world, "b", begin) == 0s);
}

TEST_CASE("message: the delay is known from the prepare on, and counts from there") {
  World world(Instant());
  Message message = News({"a"});
  message.delay = 60s;
  const Time begin = world.now();
  REQUIRE(world.coordinator().Prepare(message).ok());
  SUBCASE("submitted") {
    world.Advance(20s);
    REQUIRE(world.coordinator().SubmitPrepared(message).ok());
  }
  SUBCASE("promoted by the check-back") {}
  SUBCASE("promoted, and opened again before and after") {
    world.Advance(20s);
    REQUIRE(world.Reopen().ok());
    world.Advance(20s);
    CHECK(StatusOf(world, message.gid) == kSubmitted);
    REQUIRE(world.Reopen().ok());
  }
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(FirstAction(world, "a", begin) == 60s);
}

TEST_CASE("message: a delay that is given only at submit counts from there") {
  World world(Instant());
  Message message = News({"a"});
  REQUIRE(world.coordinator().Prepare(message).ok());
  world.Advance(20s);
  message.delay = 30s;
  const Time begin = world.now();
  SUBCASE("of what is prepared") { REQUIRE(world.coordinator().SubmitPrepared(message).ok()); }
  SUBCASE("as a whole") { REQUIRE(world.coordinator().Submit(message).ok()); }
  SUBCASE("as a whole, to a row") {
    REQUIRE(world.Reopen().ok());
    REQUIRE(world.coordinator().Submit(message).ok());
  }
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(FirstAction(world, "a", begin) == 30s);
}

TEST_CASE("message: the first delay is the one that counts") {
  World world(Instant());
  Message message = News({"a"});
  message.delay = 60s;
  const Time begin = world.now();
  REQUIRE(world.coordinator().Prepare(message).ok());
  message.delay = 1s;
  REQUIRE(world.coordinator().SubmitPrepared(message).ok());
  message.delay = 2s;
  CHECK(world.coordinator().Submit(message)->repeated);
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(FirstAction(world, "a", begin) == 60s);
}

TEST_CASE("message: a delayed one is cancelled as long as nothing has begun") {
  World world(Instant());
  Message message = News({"a"});
  message.delay = 1h;
  REQUIRE(world.coordinator().Submit(message).ok());
  world.Advance(59min);
  REQUIRE(world.coordinator().Cancel(message.gid, kAnn).ok());
  const Outcome outcome = Wait(world, message.gid);
  CHECK(outcome.status == kFailed);
  CHECK(outcome.reason.code == ReasonCode::kCancelled);
  CHECK(outcome.reason.author == "ann");
  world.Advance(24h);
  CHECK(world.calls().empty());
}

TEST_CASE("message: a delayed one that was promoted by the check-back can be cancelled too") {
  World world(Instant());
  Message message = News({"a"});
  message.delay = 1h;
  REQUIRE(world.coordinator().Prepare(message).ok());
  world.Advance(40s);
  REQUIRE(StatusOf(world, message.gid) == kSubmitted);
  REQUIRE(world.coordinator().Cancel(message.gid, kAnn).ok());
  CHECK(Wait(world, message.gid).status == kFailed);
  CHECK(Called(world) == Names{"ask/back 00/msg"});
}

TEST_CASE("message: a delayed one whose cancel asked a check-back that said yes is delivered") {
  World world(Instant());
  Message message = News({"a"});
  message.delay = 1h;
  REQUIRE(world.coordinator().Prepare(message).ok());
  REQUIRE(world.coordinator().Cancel(message.gid, kAnn).ok());
  world.Advance(1s);
  CHECK(StatusOf(world, message.gid) == kSubmitted);
  CHECK(Wait(world, message.gid).succeeded());
}

TEST_CASE("message: once its time has come it can't be cancelled") {
  World world(Instant());
  world.Branch(Url("a", "do")).Answer(500);
  Message message = News({"a"});
  message.delay = 10s;
  REQUIRE(world.coordinator().Submit(message).ok());
  world.Advance(11s);
  CHECK(world.coordinator().Cancel(message.gid, kAnn).code() == StatusCode::kFailedPrecondition);
  CHECK(Wait(world, message.gid).succeeded());
}

TEST_CASE("message: a delay changes no retry interval") {
  World world(Instant());
  world.Branch(Url("a", "do")).Answer(500);
  Message message = News({"a"});
  message.delay = 60s;
  const Time begin = world.now();
  REQUIRE(world.coordinator().Submit(message).ok());
  CHECK(Wait(world, message.gid).succeeded());
  CHECK((world.now() - begin) == 70s);
}

}  // namespace
}  // namespace troth::testing
