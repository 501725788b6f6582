// Submitting again, waiting, what callbacks are told, and how long a gid is remembered.
#include <algorithm>

#include "scene.h"

namespace troth::testing {
namespace {

StatusCode Again(World& world, const Saga& saga) {
  return world.coordinator().Submit(saga).status().code();
}

TEST_CASE("submit: the same again is OK while submitted or succeeded, and runs nothing twice") {
  World world(Instant());
  world.Branch(Do("a")).Ongoing();
  const Saga saga = Steps({"a", "b"});
  const Result<Accepted> first = world.coordinator().Submit(saga);
  REQUIRE(first.ok());
  CHECK(first->gid == saga.gid);
  CHECK_FALSE(first->repeated);
  const Result<Accepted> running = world.coordinator().Submit(saga);
  REQUIRE(running.ok());
  CHECK(running->repeated);
  CHECK(Wait(world, saga).succeeded());
  const Result<Accepted> ended = world.coordinator().Submit(saga);
  REQUIRE(ended.ok());
  CHECK(ended->repeated);
  world.RunUntilIdle();
  CHECK(Called(world) == Names{"a/do", "a/do", "b/do"});
}

TEST_CASE("submit: the same again is kAborted when rolling back or failed") {
  World world(Instant());
  world.Branch(Do("a")).Fail("no");
  world.Branch(Undo("a")).Answer(500).Times(2);
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(1s);
  REQUIRE(Look(world, saga).status == TransactionStatus::kAborting);
  CHECK(Again(world, saga) == StatusCode::kAborted);
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  CHECK(Again(world, saga) == StatusCode::kAborted);
  world.RunUntilIdle();
  CHECK(world.Branch(Do("a")).calls() == 1);
}

TEST_CASE("submit: another content under the same gid is refused in every status, and harmless") {
  World world(Instant());
  world.Branch(Do("a")).Answer(409).Delay(1s);
  world.Branch(Undo("a")).Answer(500);
  const Saga saga = Steps({"a"});
  std::vector<Saga> others;
  others.push_back(Steps({"b"}));
  others.push_back(saga);
  others.back().steps[0].payload = "{ }";
  others.push_back(saga);
  others.back().steps[0].compensate = "";
  others.push_back(saga);
  others.back().Add({});
  for (Saga& other : others) other.gid = saga.gid;
  const auto all_refused = [&] {
    for (const Saga& other : others) CHECK(Again(world, other) == StatusCode::kAlreadyExists);
  };
  Submit(world, saga);
  all_refused();
  world.Advance(2s);
  REQUIRE(Look(world, saga).status == TransactionStatus::kAborting);
  all_refused();
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  all_refused();
  REQUIRE(world.Reopen().ok());
  all_refused();
  CHECK(Called(world) == Names{"a/do", "a/undo", "a/undo"});
}

TEST_CASE("submit: an order is content; options and headers are not") {
  World world;
  Saga saga = Steps({"a", "b"});
  saga.concurrent = true;
  Submit(world, saga);
  Saga ordered = saga;
  ordered.orders = {{1, {0}}};
  CHECK(Again(world, ordered) == StatusCode::kAlreadyExists);
  Saga sequential = saga;
  sequential.concurrent = false;
  CHECK(Again(world, sequential) == StatusCode::kAlreadyExists);
  Saga other_options = saga;
  other_options.headers = {{"X", "1"}};
  other_options.steps[0].headers = {{"Y", "1"}};
  other_options.options.retry.limit = 7;
  other_options.steps[0].options.request_timeout = 7s;
  other_options.timeout_to_fail = 7s;
  CHECK(Again(world, other_options) == StatusCode::kOk);
}

TEST_CASE("submit: payloads that a JSON reader may take for nothing are one only where they are") {
  World world;
  Saga saga = Steps({"a"});
  saga.steps[0].payload = "{}";
  Submit(world, saga);
  saga.steps[0].payload = "";
  CHECK(Again(world, saga) == StatusCode::kAlreadyExists);  // payload bytes are compared as bytes
}

TEST_CASE("submit: refused, nothing is stored and nothing runs") {
  World world;
  Saga saga = Steps({"a"});
  saga.steps[0].action = "ftp://a/do";
  CHECK(Again(world, saga) == StatusCode::kInvalidArgument);
  CHECK(world.coordinator().Query(saga.gid).status().code() == StatusCode::kNotFound);
  world.RunUntilIdle();
  CHECK(world.calls().empty());
  CHECK(world.coordinator().List()->transactions.empty());
}

TEST_CASE("submit: past limits.live it is refused before anything is written, and later taken") {
  World world({.coordinator = {.limits = {.live = 2}}, .call_time = 1s});
  const Saga a = Steps({"a"});
  const Saga b = Steps({"b"});
  const Saga c = Steps({"c"});
  Submit(world, a);
  Submit(world, b);
  CHECK(Again(world, c) == StatusCode::kResourceExhausted);
  CHECK(world.coordinator().Query(c.gid).status().code() == StatusCode::kNotFound);
  CHECK(Wait(world, a).succeeded());
  world.Advance(0ms);
  CHECK(End(world, c).succeeded());
  CHECK(Wait(world, b).succeeded());
}

TEST_CASE("wait: it is answered for what has ended, is unknown, or does not end in time") {
  World world(Instant());
  const Saga done = Steps({"a"});
  CHECK(End(world, done).succeeded());
  CHECK(world.coordinator().Wait(done.gid, 0ms)->succeeded());
  CHECK(world.coordinator().Wait("nobody", 1s).status().code() == StatusCode::kNotFound);
  world.Branch(Do("b")).Answer(418, "a teapot").Always();
  const Saga never = Steps({"b"});
  Submit(world, never);
  const Time begin = world.now();
  const Status late = world.coordinator().Wait(never.gid, 90s).status();
  CHECK(late.code() == StatusCode::kDeadlineExceeded);
  CHECK((world.now() - begin) == 90s);
  CHECK(late.message().find("submitted") != std::string::npos);
  CHECK(late.message().find("a teapot") != std::string::npos);
  CHECK(world.coordinator().Wait(never.gid, -5s).status().code() == StatusCode::kDeadlineExceeded);
}

TEST_CASE("wait: in each status it says how far the saga is, or how it ended") {
  World world(Instant());
  world.Branch(Do("slow")).Ongoing().Always();
  world.Branch(Do("bad")).Fail("no").Always();
  world.Branch(Undo("bad")).Answer(500).Times(2);
  const auto submit = [&](const std::string& name, std::optional<int32_t> park_after = {}) {
    Saga saga = Steps({name});
    saga.options.retry.park_after = park_after;
    Submit(world, saga);
    return saga;
  };
  const Saga submitted = submit("slow");
  const Saga aborting = submit("bad");
  const Saga parked = submit("bad", 0);
  const Saga done = submit("good");
  const Saga stopped = submit("slow");
  REQUIRE(world.coordinator().Stop(stopped.gid, kAnn).ok());
  world.Advance(1s);
  const auto going_on = [&](const Saga& saga) {
    const Status status = world.coordinator().Wait(saga.gid, 0ms).status();
    CHECK(status.code() == StatusCode::kDeadlineExceeded);
    return status.message();
  };
  CHECK(going_on(submitted).find("submitted") != std::string::npos);
  CHECK(going_on(aborting).find("aborting") != std::string::npos);
  CHECK(going_on(aborting).find("parked") == std::string::npos);
  CHECK(going_on(parked).find("parked") != std::string::npos);
  CHECK(Wait(world, done, 0ms).succeeded());
  CHECK(Wait(world, stopped, 0ms).forced);
  REQUIRE(world.coordinator().RetryNow(parked.gid, kAnn).ok());
  const Outcome failed = Wait(world, parked);
  CHECK(failed.status == TransactionStatus::kFailed);
  CHECK_FALSE(failed.forced);
}

TEST_CASE("wait: it works after a restart, for what ended before and for what goes on") {
  World world(Instant());
  const Saga done = Steps({"a"});
  world.Branch(Do("b")).Answer(500).Times(5);
  world.Branch(Do("f")).Fail("no");
  const Saga failed = Steps({"f"});
  const Saga going = Steps({"b"});
  CHECK(End(world, done).succeeded());
  End(world, failed);
  Submit(world, going);
  world.Advance(15s);
  REQUIRE(world.Reopen().ok());
  const Outcome outcome = Wait(world, done);
  CHECK(outcome.succeeded());
  CHECK(outcome.branches.size() == 2);
  CHECK(Wait(world, failed).reason.text == "no");
  CHECK(Wait(world, going).succeeded());
}

TEST_CASE("wait: it works for what sleeps in the store, and is told when that has ended") {
  World world(Instant());
  world.Branch(Do("a")).Answer(500);
  Saga saga = Steps({"a"});
  saga.options.retry = {.first = 5h, .cap = 5h};
  Submit(world, saga);
  world.Advance(1min);
  REQUIRE(world.coordinator().GetHealth().live == 0);
  CHECK(world.coordinator().Wait(saga.gid, 1h).status().code() == StatusCode::kDeadlineExceeded);
  CHECK(Wait(world, saga).succeeded());
  CHECK(Starts(world.Branch(Do("a"))) == std::vector<int64_t>{0, 5 * 3'600'000});
}

TEST_CASE("wait: Close answers it with kCancelled, and the transaction goes on in the next life") {
  World* the_world = nullptr;
  World world(Instant());
  the_world = &world;
  world.Branch(Do("a")).Ongoing().Times(3);
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  // Inside a fake's handler, which is no function of the coordinator's process, Close is allowed.
  bool closed = false;
  world.Branch(Do("b")).Do([&](const BranchContext&, std::string_view) {
    if (!closed) {
      closed = the_world->coordinator().Close(0ms).code() == StatusCode::kDeadlineExceeded;
    }
    return BranchResult::Success();
  });
  const Saga closer = Steps({"b"});
  Submit(world, closer);
  CHECK(world.coordinator().Wait(saga.gid, 1h).status().code() == StatusCode::kCancelled);
  CHECK(closed);
  REQUIRE(world.Reopen().ok());
  CHECK(Wait(world, saga).succeeded());
  CHECK(Wait(world, closer).succeeded());
}

TEST_CASE("callbacks: on_finished once per transaction, events in order, all with the gid") {
  std::vector<Event> events;
  std::vector<Outcome> finished;
  World world(Instant({.on_finished = [&](const Outcome& o) { finished.push_back(o); },
                       .on_event = [&](const Event& e) { events.push_back(e); }}));
  world.Branch(Do("b")).Fail("no");
  const Saga good = Steps({"a"});
  const Saga bad = Steps({"a", "b"});
  for (const Saga* saga : {&good, &bad}) {
    events.clear();
    Submit(world, *saga);
    Wait(world, *saga);
    world.RunUntilIdle();
    REQUIRE(!events.empty());
    CHECK(events.front().kind == EventKind::kSubmitted);
    CHECK(events.back().kind == EventKind::kEnded);
    for (const Event& event : events) CHECK(event.gid == saga->gid);
    CHECK(std::is_sorted(events.begin(), events.end(),
                         [](const Event& a, const Event& b) { return a.at < b.at; }));
    const auto decided = std::find_if(events.begin(), events.end(),
                                      [](const Event& e) { return e.kind == EventKind::kDecided; });
    CHECK((decided != events.end()) == (saga == &bad));
    if (decided != events.end()) {
      CHECK(decided->status == TransactionStatus::kAborting);
      CHECK(decided->reason.text == "no");
    }
  }
  REQUIRE(finished.size() == 2);
  CHECK(finished[0].gid == good.gid);
  CHECK(finished[0].succeeded());
  CHECK(finished[1].gid == bad.gid);
  CHECK(finished[1].reason.text == "no");
  // Another life tells nothing again.
  REQUIRE(world.Reopen().ok());
  world.RunUntilIdle();
  Wait(world, bad);
  CHECK(finished.size() == 2);
}

TEST_CASE("callbacks: what they throw is dropped, and the log gets a line with gid and branch") {
  std::vector<std::string> lines;
  World world(Instant({.on_finished = [](const Outcome&) { throw 1; },
                       .on_event = [](const Event&) { throw std::string("x"); },
                       .log = [&](LogLevel, std::string_view line) { lines.emplace_back(line); }}));
  world.Branch(Do("a")).Fail("no");
  const Saga saga = Steps({"a"});
  CHECK(End(world, saga).status == TransactionStatus::kFailed);
  world.RunUntilIdle();
  CHECK(std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.find(saga.gid) != std::string::npos && line.find("01/action") != std::string::npos;
  }));
}

TEST_CASE("retention: what ended becomes a tombstone, that guards the gid for its time") {
  size_t unreadable = 0;
  World world(Instant(
      {.retention = 24h, .tombstone_retention = 24h * 10, .on_event = [&](const Event& event) {
         if (event.kind == EventKind::kUnreadable) ++unreadable;
       }}));
  world.Branch(Do("b")).Fail("no");
  const Saga good = Steps({"a"});
  const Saga bad = Steps({"b"});
  End(world, good);
  End(world, bad);
  const Time ended = world.now();
  world.Advance(23h);
  CHECK_FALSE(Look(world, good).purged);
  CHECK(Look(world, good).branches.size() == 2);
  world.Advance(2h);
  const TransactionRecord record = Look(world, good);
  CHECK(record.purged);
  CHECK(record.branches.empty());
  CHECK(record.status == TransactionStatus::kSucceed);
  CHECK(record.finished == ended);
  CHECK(Wait(world, good).succeeded());
  CHECK(Wait(world, bad).status == TransactionStatus::kFailed);
  CHECK(Wait(world, bad).branches.empty());
  CHECK(world.coordinator().Submit(good)->repeated);
  CHECK(Again(world, bad) == StatusCode::kAborted);
  Saga other = Steps({"c"});
  other.gid = good.gid;
  CHECK(Again(world, other) == StatusCode::kAlreadyExists);
  CHECK(world.coordinator().Cancel(good.gid, kAnn).code() == StatusCode::kFailedPrecondition);
  CHECK(world.coordinator().Stop(good.gid, kAnn).code() == StatusCode::kFailedPrecondition);
  world.RunUntilIdle();
  CHECK(unreadable == 0);  // it is as it should be

  REQUIRE(world.Reopen().ok());
  world.Advance(24h * 8);
  CHECK(Look(world, good).purged);
  const Saga newest = Steps({"d"});  // the last row of all is kept as long as it is the last
  End(world, newest);
  world.Advance(24h * 2);
  CHECK(world.coordinator().Query(good.gid).status().code() == StatusCode::kNotFound);
  CHECK(world.coordinator().Query(bad.gid).status().code() == StatusCode::kNotFound);
  CHECK(world.coordinator().Submit(other).ok());
}

TEST_CASE("retention: what has not ended is never purged") {
  World world(Instant({.retention = 1h, .tombstone_retention = 2h}));
  world.Branch(Do("a")).Ongoing().Always();
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  world.Advance(24h * 3);
  CHECK(Look(world, saga).status == TransactionStatus::kSubmitted);
}

}  // namespace
}  // namespace troth::testing
