// A host that is down gets one probe at a time and holds up nobody else (R21).
#include <algorithm>
#include <map>

#include "scene.h"

namespace troth::testing {
namespace {

std::vector<Saga> Many(int count, const std::string& host) {
  std::vector<Saga> sagas(static_cast<size_t>(count));
  for (size_t i = 0; i < sagas.size(); ++i) {
    sagas[i].Add({.action = "http://" + host + "/do/" + std::to_string(i),
                  .compensate = "http://" + host + "/undo/" + std::to_string(i),
                  .payload = "{}"});
  }
  return sagas;
}

TEST_CASE("host: while it is down it gets one probe at a time, with a back-off of its own") {
  World world(Instant());
  const std::vector<Saga> sagas = Many(50, "dead");
  for (const Saga& saga : sagas) world.Branch(saga.steps[0].action).Refuse().Always();
  Submit(world, sagas[0]);
  world.Advance(10ms);
  REQUIRE(world.calls().size() == 1);
  for (size_t i = 1; i < sagas.size(); ++i) Submit(world, sagas[i]);
  const Time down = world.calls()[0].at;
  world.Advance(8s);
  std::vector<int64_t> probes;
  for (const RecordedCall& call : world.calls()) probes.push_back((call.at - down).count());
  CHECK(probes == std::vector<int64_t>{0, 500, 1'500, 3'500, 7'500});
  const Health health = world.coordinator().GetHealth();
  REQUIRE(health.hosts.size() == 1);
  CHECK(health.hosts[0].down);
  CHECK(health.hosts[0].waiting == 45);
  CHECK(health.hosts[0].problem == "connection refused");
  CHECK(health.hosts[0].host.find("dead") != std::string::npos);
}

TEST_CASE("host: its probes are as far apart as the options say") {
  WorldOptions options = Instant();
  options.coordinator.probe = {.first = 100ms, .cap = 300ms};
  World world(options);
  const std::vector<Saga> sagas = Many(9, "dead");
  for (const Saga& saga : sagas) {
    world.Branch(saga.steps[0].action).Refuse().Always();
    Submit(world, saga);
  }
  world.Advance(1s);
  std::vector<int64_t> probes;
  const Time down = world.calls()[0].at;
  for (const RecordedCall& call : world.calls()) {
    if (call.at > down) probes.push_back((call.at - down).count());
  }
  CHECK(probes == std::vector<int64_t>{100, 300, 600, 900});
}

TEST_CASE("host: its first answer lets all that waited for it go on, inside the cap") {
  World world({.coordinator = {.limits = {.calls_per_host = 10}}, .call_time = 20ms});
  const std::vector<Saga> sagas = Many(40, "dead");
  for (const Saga& saga : sagas) world.Branch(saga.steps[0].action).Refuse();
  for (const Saga& saga : sagas) Submit(world, saga);
  for (const Saga& saga : sagas) CHECK(Wait(world, saga).succeeded());
  std::map<Time, size_t> at;
  for (const RecordedCall& call : world.calls()) ++at[call.at];
  for (const auto& [time, count] : at) CHECK(count <= 10);
}

TEST_CASE("host: those that had failed for it do not wait out their own back-off") {
  World world(Instant());
  const std::vector<Saga> sagas = Many(2, "flaky");
  world.Branch(sagas[0].steps[0].action).Answer(503);
  Submit(world, sagas[0]);
  world.Advance(2s);  // it would wait until 10 s
  Submit(world, sagas[1]);
  CHECK(Wait(world, sagas[1]).succeeded());
  const Time up = world.now();
  CHECK(Wait(world, sagas[0]).succeeded());
  CHECK(world.now() == up);
}

TEST_CASE(
    "host: its return wakes what had failed for it, and nothing that waits for another reason") {
  World world(Instant());
  Saga saga = Many(2, "flaky")[0];
  saga.steps.push_back(Many(2, "flaky")[1].steps[0]);
  saga.concurrent = true;
  world.Branch(saga.steps[0].action).Answer(500);
  world.Branch(saga.steps[1].action).Answer(503);
  Submit(world, saga);
  world.Advance(2s);
  CHECK(End(world, Many(3, "flaky")[2]).succeeded());
  world.Advance(1s);
  CHECK(world.Branch(saga.steps[1].action).calls() == 2);
  CHECK(world.Branch(saga.steps[0].action).calls() == 1);
  CHECK(Wait(world, saga).succeeded());
  CHECK(Starts(world.Branch(saga.steps[0].action)) == std::vector<int64_t>{0, 10'000});
}

TEST_CASE("host: refused, cut, timed out and 502 to 504 mean that it is down; other answers not") {
  const auto is_down = [](const std::function<void(FakeBranch)>& script) {
    World world(Instant());
    script(world.Branch(Do("a")));
    const Saga saga = Steps({"a"});
    Submit(world, saga);
    world.Advance(5s);
    const Health health = world.coordinator().GetHealth();
    return !health.hosts.empty() && health.hosts[0].down;
  };
  CHECK(is_down([](FakeBranch branch) { branch.Refuse(); }));
  CHECK(is_down([](FakeBranch branch) { branch.RunButLoseReply(); }));
  CHECK(is_down([](FakeBranch branch) { branch.Hang(); }));
  for (int status : {502, 503, 504}) {
    CHECK(is_down([&](FakeBranch branch) { branch.Answer(status); }));
  }
  for (int status : {200, 302, 400, 404, 409, 425, 500, 501, 505}) {
    CHECK_FALSE(is_down([&](FakeBranch branch) { branch.Answer(status); }));
  }
}

TEST_CASE("host: one that is down delays no transaction of another") {
  World world(Instant());
  const std::vector<Saga> dead = Many(300, "dead");
  for (const Saga& saga : dead) {
    world.Branch(saga.steps[0].action).Hang().Always();
    Submit(world, saga);
  }
  const Saga saga = Steps({"a", "b", "c"});
  const Time begin = world.now();
  CHECK(End(world, saga).succeeded());
  CHECK(world.now() == begin);
  // Their ports make hosts different, too.
  Saga other_port;
  other_port.Add({.action = "http://dead:8081/do", .compensate = {}, .payload = "{}"});
  CHECK(End(world, other_port).succeeded());
  CHECK(world.now() == begin);
}

TEST_CASE("host: events tell when it went down and when it came back") {
  std::vector<std::pair<EventKind, std::string>> seen;
  World world(Instant({.on_event = [&](const Event& event) {
    if (event.kind == EventKind::kHostDown || event.kind == EventKind::kHostUp) {
      seen.emplace_back(event.kind, event.text);
    }
  }}));
  world.Branch(Do("a")).Refuse().Times(3);
  CHECK(End(world, Steps({"a"})).succeeded());
  world.RunUntilIdle();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].first == EventKind::kHostDown);
  CHECK(seen[1].first == EventKind::kHostUp);
  CHECK(seen[0].second == seen[1].second);
  CHECK(world.coordinator().GetHealth().hosts.empty());
}

TEST_CASE("host: what waits for room or for a host to be back has made no attempt") {
  World world(Instant({.limits = {.calls_per_host = 1}}));
  const std::vector<Saga> sagas = Many(3, "busy");
  world.Branch(sagas[0].steps[0].action).Succeed().Delay(2s);
  for (const Saga& saga : sagas) Submit(world, saga);
  world.Advance(1s);
  CHECK(world.calls().size() == 1);
  CHECK(Look(world, sagas[2], "01", "action").attempts == 0);
  CHECK_FALSE(Look(world, sagas[2], "01", "action").first_call);
  for (const Saga& saga : sagas) CHECK(Wait(world, saga).succeeded());
}

TEST_CASE("host: a queued action does not go out after its transaction has been rolled back") {
  World world(Instant({.limits = {.calls_per_host = 1}}));
  const std::vector<Saga> sagas = Many(2, "busy");
  world.Branch(sagas[0].steps[0].action).Succeed().Delay(2s);
  for (const Saga& saga : sagas) Submit(world, saga);
  world.Advance(1s);
  REQUIRE(world.coordinator().Cancel(sagas[1].gid, kAnn).ok());
  CHECK(Wait(world, sagas[1]).status == TransactionStatus::kFailed);
  CHECK(Wait(world, sagas[0]).succeeded());
  world.Advance(1h);
  CHECK(world.calls().size() == 1);  // neither its action nor a compensation
}

TEST_CASE("host: an action that was refused a connection never ran and is not compensated") {
  World world(Instant());
  world.Branch(Do("b")).Refuse().Always();
  Saga saga = Steps({"a", "b"});
  saga.options.retry.limit = 1;
  const Outcome outcome = End(world, saga);
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(outcome.reason.code == ReasonCode::kRetriesExhausted);
  CHECK(Called(world) == Names{"a/do", "b/do", "b/do", "a/undo"});
}

}  // namespace
}  // namespace troth::testing
