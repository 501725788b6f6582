// What a host is told: alerts about branches that do not get through, events once each, the rule
// that applied, counters.
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "troth/testing/world.h"

namespace troth::testing {
namespace {

using namespace std::chrono_literals;

const char* const kHook = "http://hook/alert";
const char* const kBranch = "http://a/do";

Saga One(const char* action = kBranch) {
  Saga saga;
  saga.Add({.action = action, .compensate = "http://a/undo", .payload = "{}"});
  return saga;
}

CoordinatorOptions Hooked() {
  CoordinatorOptions options;
  options.alert_url = kHook;
  options.defaults.retry = {.first = 1s, .cap = 8s};
  return options;
}

TEST_CASE("alert: posted from the third result that says nothing on, once for each longer wait") {
  std::vector<Alert> alerts;
  CoordinatorOptions options = Hooked();
  options.on_alert = [&](const Alert& alert) { alerts.push_back(alert); };
  World world({.coordinator = options, .call_time = 0ms});
  world.Branch(kBranch).Answer(500, "say \"no\"").Times(9);  // waits 1, 2, 4, 8, 8, 8, … s
  const Saga saga = One();
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK(world.coordinator().Wait(saga.gid, 24h)->succeeded());
  world.RunUntilIdle();
  REQUIRE(alerts.size() == 2);
  CHECK(alerts[0].gid == saga.gid);
  CHECK(alerts[0].status == TransactionStatus::kSubmitted);
  CHECK(alerts[0].branch_id == "01");
  CHECK(alerts[0].op == "action");
  CHECK(alerts[0].url == kBranch);
  CHECK(alerts[0].retry_count == 3);
  CHECK(alerts[1].retry_count == 4);
  const std::vector<RecordedCall> posted = world.Branch(kHook).recorded();
  REQUIRE(posted.size() == 2);
  CHECK(posted[0].payload ==
        "{\"gid\":\"" + saga.gid +
            "\",\"status\":\"submitted\",\"branch\":\"http://a/do\",\"error\":"
            "\"unexpected HTTP status: 01/action answered 500 at attempt 3: say "
            "\\\"no\\\"\",\"retry_count\":3}");
}

TEST_CASE("alert: a wait that never grows is told of once") {
  size_t alerts = 0;
  CoordinatorOptions options;
  options.on_alert = [&](const Alert&) { ++alerts; };
  options.alert_after = 2;
  options.defaults.retry = {.first = 1s, .factor = 1};
  World world({.coordinator = options, .call_time = 0ms});
  world.Branch(kBranch).Answer(500).Times(20);
  const Saga saga = One();
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK(world.coordinator().Wait(saga.gid, 24h)->succeeded());
  world.RunUntilIdle();
  CHECK(alerts == 1);
}

TEST_CASE("alert: a hook that fails, hangs, refuses or throws changes nothing") {
  const auto run = [](CoordinatorOptions options, const std::function<void(FakeBranch)>& hook) {
    std::vector<std::pair<std::string, int64_t>> calls;
    World world({.coordinator = std::move(options), .call_time = 0ms});
    if (hook) hook(world.Branch(kHook));
    world.Branch(kBranch).Answer(500).Times(6);
    const Time begin = world.now();
    const Saga saga = One();
    REQUIRE(world.coordinator().Submit(saga).ok());
    CHECK(world.coordinator().Wait(saga.gid, 24h)->succeeded());
    for (const RecordedCall& call : world.calls()) {
      if (call.url != kHook) calls.emplace_back(call.url, (call.at - begin).count());
    }
    CHECK(world.coordinator().GetHealth().hosts.empty());
    CHECK(world.coordinator().Close().ok());
    return calls;
  };
  CoordinatorOptions without = Hooked();
  without.alert_url.clear();
  const auto expected = run(without, {});
  CoordinatorOptions throwing = Hooked();
  throwing.on_alert = [](const Alert&) { throw std::runtime_error("the hook"); };
  CHECK(run(throwing, {}) == expected);
  CHECK(run(Hooked(), [](FakeBranch hook) { hook.Answer(500).Always(); }) == expected);
  CHECK(run(Hooked(), [](FakeBranch hook) { hook.Fail("no").Always(); }) == expected);
  CHECK(run(Hooked(), [](FakeBranch hook) { hook.Refuse().Always(); }) == expected);
  CHECK(run(Hooked(), [](FakeBranch hook) { hook.Hang().Always(); }) == expected);
}

TEST_CASE("alert: what the URL does not take shows as an event and in the counters") {
  std::map<EventKind, std::vector<std::string>> seen;
  CoordinatorOptions options = Hooked();
  options.on_event = [&](const Event& event) { seen[event.kind].push_back(event.text); };
  World world({.coordinator = options, .call_time = 0ms});
  world.Branch(kHook).Answer(500);
  world.Branch(kBranch).Answer(500).Times(4);
  const Saga saga = One();
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK(world.coordinator().Wait(saga.gid, 24h)->succeeded());
  world.RunUntilIdle();
  CHECK(seen[EventKind::kAlert].size() == 2);
  REQUIRE(seen[EventKind::kAlertLost].size() == 1);
  CHECK(seen[EventKind::kAlertLost][0] == "of " + saga.gid + ": unexpected HTTP status 500");
  CHECK(world.coordinator().GetStatistics().alerts == 2);
  CHECK(world.coordinator().GetStatistics().alerts_lost == 1);
}

TEST_CASE("alert: options that can't be meant are refused") {
  const auto open = [](CoordinatorOptions options) {
    options.store = ":memory:";
    return Coordinator::Open(std::move(options)).status();
  };
  CHECK(open({.alert_after = 0}).message().starts_with("options.alert_after: "));
  CHECK(open({.alert_url = "local:f"}).message() ==
        "options.alert_url: must begin with http:// or https://");
}

TEST_CASE("events: the call's end says which rule applied") {
  std::vector<std::string> texts;
  CoordinatorOptions options;
  options.on_event = [&](const Event& event) {
    if (event.kind == EventKind::kCallEnded) texts.push_back(event.text);
  };
  World world({.coordinator = options, .call_time = 0ms});
  world.Branch(kBranch).Answer(500).Answer(425).Answer(409, "no");
  world.Branch("http://a/undo").Answer(409).Times(2);
  const Saga saga = One();
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK_FALSE(world.coordinator().Wait(saga.gid, 24h)->succeeded());
  world.RunUntilIdle();
  CHECK(texts == std::vector<std::string>{
                     "500 from action: it says nothing; retried in 10000 ms, 1st time",
                     "425 from action: still at work; called again after the base interval",
                     "409 from action: the transaction rolls back",
                     "409 from compensate: a compensation may not fail; retried in 10000 ms, "
                     "1st time",
                     "409 from compensate: a compensation may not fail; retried in 20000 ms, "
                     "2nd time",
                     "success"});
}

TEST_CASE("events: parked and woken by a person are told of once each") {
  std::map<EventKind, int> seen;
  CoordinatorOptions options;
  options.on_event = [&](const Event& event) { ++seen[event.kind]; };
  options.defaults.retry.park_after = 1;
  World world({.coordinator = options, .call_time = 0ms});
  world.Branch(kBranch).Fail("no");
  world.Branch("http://a/undo").Answer(500).Times(2);
  const Saga saga = One();
  REQUIRE(world.coordinator().Submit(saga).ok());
  world.Advance(24h);
  CHECK(seen[EventKind::kParked] == 1);
  CHECK(world.coordinator().GetStatistics().parked == 1);
  CHECK(seen[EventKind::kWoken] == 0);
  REQUIRE(world.coordinator().RetryNow(saga.gid, {.author = "ann", .reason = "repaired"}).ok());
  CHECK_FALSE(world.coordinator().Wait(saga.gid, 24h)->succeeded());
  world.RunUntilIdle();
  CHECK(seen[EventKind::kParked] == 1);
  CHECK(seen[EventKind::kWoken] == 1);
  CHECK(world.coordinator().GetStatistics().parked == 0);
}

TEST_CASE("events: an edit, a host that is back and a registered function wake, once each") {
  std::vector<std::string> woken;
  CoordinatorOptions options;
  options.on_event = [&](const Event& event) {
    if (event.kind == EventKind::kWoken) woken.push_back(event.gid + ": " + event.text);
  };
  World world({.coordinator = options, .call_time = 0ms});
  const Act ann{.author = "ann", .reason = "repaired"};
  const Saga edited = One("http://wrong/do");
  world.Branch("http://wrong/do").Answer(404).Always();
  REQUIRE(world.coordinator().Submit(edited).ok());
  world.Advance(1s);
  REQUIRE(world.coordinator().EditBranch(edited.gid, {"01", "action"}, {.url = kBranch}, ann).ok());
  CHECK(world.coordinator().Wait(edited.gid, 1s)->succeeded());

  const Saga waiting = One("http://flaky/1");
  world.Branch("http://flaky/1").Answer(503);
  REQUIRE(world.coordinator().Submit(waiting).ok());
  world.Advance(2s);
  const Saga other = One("http://flaky/2");
  REQUIRE(world.coordinator().Submit(other).ok());
  CHECK(world.coordinator().Wait(waiting.gid, 1s)->succeeded());

  const Saga local = One("local:late");
  REQUIRE(world.coordinator().Submit(local).ok());
  world.Advance(1s);
  REQUIRE(world.coordinator()
              .RegisterLocal({"late", [](const BranchContext&, std::string_view,
                                         std::stop_token) { return BranchResult::Success(); }})
              .ok());
  CHECK(world.coordinator().Wait(local.gid, 1s)->succeeded());
  world.RunUntilIdle();
  CHECK(woken == std::vector<std::string>{edited.gid + ": 01/action edited by ann",
                                          waiting.gid + ": http://flaky:80 is back",
                                          local.gid + ": local:late was registered"});
}

TEST_CASE("alert: one that is on its way holds up no Close, and makes none late") {
  World world({.coordinator = Hooked()});
  world.Branch(kHook).Hang().Always();
  world.Branch(kBranch).Answer(500).Always();
  const Saga saga = One();
  REQUIRE(world.coordinator().Submit(saga).ok());
  world.Advance(4s);  // past the third result, at 3 s; the alert has as long
  REQUIRE(world.calls().back().url == kHook);
  REQUIRE_FALSE(world.calls().back().ended);
  const Time begin = world.now();
  CHECK(world.coordinator().Close().ok());
  CHECK((world.now() - begin) < 1s);
}

TEST_CASE("alert: in production a callback that hangs delays no transaction") {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::atomic<int> calls = 0;
  CoordinatorOptions options;
  options.store = ":memory:";
  options.alert_after = 1;
  options.alert_url = "http://127.0.0.1:1/nobody";
  options.defaults.retry = {.first = 1ms, .cap = 2ms};
  options.on_alert = [released](const Alert&) { released.wait(); };
  options.local = {{"flaky", [&](const BranchContext&, std::string_view, std::stop_token) {
                      return ++calls % 4 == 0 ? BranchResult::Success()
                                              : BranchResult::Unknown("not yet");
                    }}};
  Result<Coordinator> opened = Coordinator::Open(options);
  REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
  for (int i = 0; i < 3; ++i) {
    const Saga saga = One("local:flaky");
    REQUIRE(opened->Submit(saga).ok());
    const Result<Outcome> outcome = opened->Wait(saga.gid, 30s);
    REQUIRE_MESSAGE(outcome.ok(), outcome.status().ToString());
    CHECK(outcome->succeeded());
  }
  const Statistics statistics = opened->GetStatistics();
  CHECK(statistics.alerts == 6);
  CHECK(statistics.saga.succeeded == 3);
  CHECK(statistics.retries == 9);
  release.set_value();
  CHECK(opened->Close().ok());
}

TEST_CASE("statistics: what has happened is counted, by mode and by verdict") {
  World world({.call_time = 0ms});
  world.Branch(kBranch).Answer(500).Answer(425).Succeed().Fail("no").RunButLoseReply();
  for (int i = 0; i < 2; ++i) {
    const Saga saga = One();
    REQUIRE(world.coordinator().Submit(saga).ok());
    REQUIRE(world.coordinator().Wait(saga.gid, 24h).ok());
  }
  const Saga stopped = One();
  REQUIRE(world.coordinator().Submit(stopped).ok());
  world.Advance(1s);
  REQUIRE(world.coordinator().Stop(stopped.gid, {.author = "ann", .reason = "enough"}).ok());
  Message message;
  message.Add({.action = "http://b/", .payload = "{}"});
  REQUIRE(world.coordinator().Submit(message).ok());
  REQUIRE(world.coordinator().Wait(message.gid, 24h).ok());
  world.FailCommits(1, {StatusCode::kResourceExhausted, "the disk is full"});
  CHECK_FALSE(world.coordinator().Submit(One()).ok());
  const Statistics s = world.coordinator().GetStatistics();
  CHECK(s.saga.accepted == 3);
  CHECK(s.saga.succeeded == 1);
  CHECK(s.saga.failed == 2);
  CHECK(s.saga.forced == 1);
  CHECK(s.message.accepted == 1);
  CHECK(s.message.succeeded == 1);
  CHECK(s.calls_succeeded == 3);  // an action, a compensation, the message's
  CHECK(s.calls_failed == 1);
  CHECK(s.calls_ongoing == 1);
  CHECK(s.calls_unknown == 2);
  CHECK(s.retries == 2);
  CHECK(s.commits_refused == 1);
  CHECK(s.store_troubles == 1);
  CHECK(s.commits <= s.writes);
  CHECK(s.writes >= 8);
  CHECK(s.in_flight == 0);
}

}  // namespace
}  // namespace troth::testing
