// Functions of this process as branches, in the same transaction as remote ones.
#include <algorithm>
#include <stdexcept>

#include "scene.h"

namespace troth::testing {
namespace {

LocalBranch Counting(std::string name, int& calls) {
  return {std::move(name), [&calls](const BranchContext&, std::string_view, std::stop_token) {
            ++calls;
            return BranchResult::Success();
          }};
}

Saga Local(std::string action, std::string compensate = {}) {
  Saga saga;
  saga.Add({.action = std::move(action), .compensate = std::move(compensate), .payload = "p"});
  return saga;
}

TEST_CASE("local: functions and remote branches take part in one saga") {
  int reserved = 0;
  int released = 0;
  World world(
      {.coordinator = {.local = {Counting("reserve", reserved), Counting("release", released)}}});
  world.Branch(Do("bank")).Fail("no");
  Saga saga = Local("local:reserve", "local:release");
  saga.Add(Step("bank"));
  CHECK(End(world, saga).status == TransactionStatus::kFailed);
  CHECK(reserved == 1);
  CHECK(released == 1);
  CHECK(Called(world) == Names{"local:reserve", "bank/do", "bank/undo", "local:release"});
}

TEST_CASE("local: a function gets context, payload and the query of its URL") {
  BranchContext seen;
  std::string payload;
  World world({.coordinator = {.local = {{"f", [&](const BranchContext& context,
                                                   std::string_view bytes, std::stop_token) {
                                            seen = context;
                                            payload = bytes;
                                            return BranchResult::Success();
                                          }}}}});
  const Saga saga = Local("local:f");
  CHECK(End(world, saga).succeeded());
  CHECK(seen.gid == saga.gid);
  CHECK(seen.trans_type == "saga");
  CHECK(seen.branch_id == "01");
  CHECK(seen.op == "action");
  CHECK(payload == "p");
}

TEST_CASE("local: an unregistered function waits without an attempt, and registering wakes it") {
  World world(Instant());
  const Saga saga = Local("local:later");
  Submit(world, saga);
  world.Advance(24h);
  CHECK(world.calls().empty());
  TransactionRecord record = Look(world, saga);
  CHECK(record.status == TransactionStatus::kSubmitted);
  CHECK(record.parked == ReasonCode::kNotCallable);
  CHECK(Look(world, saga, "01", "action").attempts == 0);
  int calls = 0;
  const Time begin = world.now();
  REQUIRE(world.coordinator().RegisterLocal(Counting("other", calls)).ok());
  world.Advance(1s);
  CHECK(calls == 0);
  REQUIRE(world.coordinator().RegisterLocal(Counting("later", calls)).ok());
  CHECK(Wait(world, saga).succeeded());
  CHECK(calls == 1);
  CHECK((world.now() - begin) == 1s);
  CHECK(Look(world, saga, "01", "action").attempts == 1);
}

TEST_CASE("local: a function that a new life has not registered yet holds up only its own sagas") {
  World world(Instant());
  int calls = 0;
  REQUIRE(world.coordinator().RegisterLocal(Counting("f", calls)).ok());
  world.Branch(Do("a")).Ongoing();
  Saga saga = Steps({"a"});
  saga.Add({.action = "local:f", .compensate = {}, .payload = "p"});
  Submit(world, saga);
  world.Advance(1s);
  REQUIRE(world.Reopen().ok());  // registered at run time, so not registered in the new life
  world.Advance(1min);
  CHECK(calls == 0);
  CHECK(Look(world, saga).parked == ReasonCode::kNotCallable);
  CHECK(End(world, Steps({"b"})).succeeded());
  REQUIRE(world.coordinator().RegisterLocal(Counting("f", calls)).ok());
  CHECK(Wait(world, saga).succeeded());
  CHECK(calls == 1);
}

TEST_CASE("local: what waits for a function can be cancelled") {
  World world(Instant());
  const Saga saga = Local("local:never", "local:never-undo");
  Submit(world, saga);
  world.Advance(1s);
  REQUIRE(world.coordinator().Cancel(saga.gid, kAnn).ok());
  CHECK(Wait(world, saga).status == TransactionStatus::kFailed);
  CHECK(world.calls().empty());
}

TEST_CASE("local: an exception is unknown, whatever is thrown") {
  World world(Instant());
  int calls = 0;
  REQUIRE(world.coordinator()
              .RegisterLocal(
                  {"f",
                   [&](const BranchContext&, std::string_view, std::stop_token) -> BranchResult {
                     if (++calls == 1) throw std::runtime_error("out of luck");
                     if (calls == 2) throw 42;
                     return BranchResult::Success();
                   }})
              .ok());
  const Saga saga = Local("local:f");
  CHECK(End(world, saga).succeeded());
  CHECK(calls == 3);
  const BranchRecord branch = Look(world, saga, "01", "action");
  CHECK(branch.first_failure->code == ReasonCode::kBranchUnknown);
  CHECK(branch.first_failure->text == "out of luck");
}

TEST_CASE("local: each verdict of a function means what it says") {
  World world(Instant());
  std::vector<BranchResult> results{BranchResult::Ongoing("wait"), BranchResult::Unknown("?"),
                                    BranchResult::Failure("no")};
  size_t next = 0;
  REQUIRE(world.coordinator()
              .RegisterLocal({"f", [&](const BranchContext&, std::string_view,
                                       std::stop_token) { return results.at(next++); }})
              .ok());
  const Outcome outcome = End(world, Local("local:f"));
  CHECK(outcome.reason.code == ReasonCode::kActionFailed);
  CHECK(outcome.reason.text == "no");
  CHECK(outcome.reason.attempt == 3);
  CHECK(outcome.reason.http_status == 0);
  const auto& calls = world.calls();
  CHECK((calls[1].at - calls[0].at) == 10s);
  CHECK((calls[2].at - calls[1].at) == 10s);
}

TEST_CASE("local: waiting and closing inside a function or a callback is refused, submitting not") {
  Status waited;
  Status closed;
  Status submitted;
  World* the_world = nullptr;
  const Saga inner = Steps({"inner"});
  const auto misbehave = [&] {
    waited = the_world->coordinator().Wait(inner.gid, 1s).status();
    closed = the_world->coordinator().Close();
    submitted = the_world->coordinator().Submit(inner).status();
  };
  CoordinatorOptions options;
  SUBCASE("a local function") {
    options.local = {{"f", [&](const BranchContext&, std::string_view, std::stop_token) {
                        misbehave();
                        return BranchResult::Success();
                      }}};
  }
  SUBCASE("on_finished") {
    options.on_finished = [&](const Outcome& outcome) {
      if (outcome.gid != inner.gid) misbehave();
    };
  }
  SUBCASE("on_event") {
    options.on_event = [&](const Event& event) {
      if (event.kind == EventKind::kEnded && event.gid != inner.gid) misbehave();
    };
  }
  if (!options.local.empty() || options.on_finished || options.on_event) {
    World world(Instant(options));
    the_world = &world;
    Saga saga = Steps({"a"});
    if (!options.local.empty()) saga = Local("local:f");
    CHECK(End(world, saga).succeeded());
    world.RunUntilIdle();
    CHECK(waited.code() == StatusCode::kFailedPrecondition);
    CHECK(closed.code() == StatusCode::kFailedPrecondition);
    CHECK(submitted.ok());
    CHECK(Wait(world, inner).succeeded());
  }
}

TEST_CASE("local: a fake behind a local URL has a script too, and dies with its process") {
  World world(Instant());
  int ran = 0;
  world.Branch("local:f").Succeed().Delay(500ms).Do([&](const BranchContext&, std::string_view) {
    ++ran;
    return BranchResult::Success();
  });
  const Saga saga = Local("local:f");
  Submit(world, saga);
  world.Advance(100ms);
  world.Crash();
  world.Advance(10s);
  CHECK(ran == 0);
  REQUIRE(world.Reopen().ok());
  CHECK(Wait(world, saga).succeeded());
  CHECK(ran == 1);
}

TEST_CASE("local: after an unclean stop recovered calls wait a second; after a clean one not") {
  World world(Instant());
  const Saga saga = Local("local:f");
  world.Branch("local:f").Succeed().Delay(500ms);
  Submit(world, saga);
  world.Advance(100ms);
  const Time begin = world.now();
  SUBCASE("unclean") {
    REQUIRE(world.Reopen().ok());
    CHECK(Wait(world, saga).succeeded());
    CHECK((world.calls()[1].at - begin) == 1s);
  }
  SUBCASE("clean") {
    CHECK(world.coordinator().Close(0ms).code() == StatusCode::kDeadlineExceeded);
    REQUIRE(world.Reopen().ok());
    CHECK(Wait(world, saga).succeeded());
  }
}

TEST_CASE("local: a slow function is told of, then listed as not returning, never called twice") {
  std::vector<Event> events;
  World world(Instant({.on_event = [&](const Event& event) { events.push_back(event); }}));
  world.Branch("local:f").Succeed().Delay(10s);
  const Saga saga = Local("local:f");
  Submit(world, saga);
  world.Advance(2'999ms);
  CHECK(std::none_of(events.begin(), events.end(),
                     [](const Event& e) { return e.kind == EventKind::kLocalSlow; }));
  world.Advance(1ms);
  CHECK(std::count_if(events.begin(), events.end(),
                      [](const Event& e) { return e.kind == EventKind::kLocalSlow; }) == 1);
  CHECK(Look(world, saga).parked == ReasonCode::kNone);
  world.Advance(3s);
  CHECK(Look(world, saga).parked == ReasonCode::kParkedNotReturning);
  CHECK(world.coordinator().List({.parked = true})->transactions.size() == 1);
  CHECK(Wait(world, saga).succeeded());  // it came back after all
  CHECK(world.calls().size() == 1);
  CHECK((world.now() - world.calls()[0].at) == 10s);
  CHECK(world.coordinator().List({.parked = true})->transactions.empty());
}

TEST_CASE("local: a rollback waits for a function that has not returned") {
  World world(Instant());
  world.Branch("local:f").Succeed().Delay(20s);
  Saga saga = Local("local:f", "local:undo");
  world.Branch("local:undo");
  saga.timeout_to_fail = 1s;
  CHECK(End(world, saga).reason.code == ReasonCode::kTimeout);
  REQUIRE(world.calls().size() == 2);
  CHECK((world.calls()[1].at - world.calls()[0].at) == 20s);
}

}  // namespace
}  // namespace troth::testing
