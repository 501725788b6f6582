// Hosts and local functions as the engine sees them (R6, R7, R21, R22).
#include <doctest/doctest.h>

#include "desk.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

Definition At(const std::string& host, size_t steps = 1) {
  Definition saga = SagaOf(steps);
  for (Step& step : saga.steps) {
    step.forward = "http://" + host + "/act";
    step.rollback = "http://" + host + "/back";
  }
  return saga;
}

Definition Local() {
  Definition saga = SagaOf(1);
  saga.steps[0].forward = "local:pay";
  saga.steps[0].rollback = "local:refund";
  return saga;
}

TEST_CASE(
    "what waits for room at its host is planned again when there is: no stale call goes out") {
  EngineOptions options;
  options.limits.calls_per_host = 1;
  Desk desk(options);
  desk.Submit("a", At("bank.example"));
  desk.Submit("b", At("bank.example"));
  desk.Run();
  CHECK(desk.Open() == "a:01/action");
  CHECK(desk.Control(ControlRequest::Kind::kHealth).hosts.at(0).waiting == 1);
  desk.Cancel("b");
  desk.Run();
  desk.End("a:01/action", Success());
  desk.Run();
  // Nothing of b ever ran, so nothing is compensated.
  CHECK(desk.Open() == "");
  CHECK(desk.StatusOf("b") == TransactionStatus::kFailed);
  CHECK(desk.calls.starts["b:01/action"] == 0);
}

TEST_CASE("waiting for room is no attempt, and holds up no other host") {
  EngineOptions options;
  options.limits.calls_per_host = 2;
  Desk desk(options);
  for (int i = 0; i < 5; ++i) desk.Submit("a" + std::to_string(i), At("a.example"));
  desk.Submit("b", At("b.example"));
  desk.Run();
  CHECK(desk.calls.open.size() == 3);
  CHECK(desk.IsOpen("b:01/action"));
  desk.Pass(20_sec);
  for (int i = 0; i < 5; ++i) {
    desk.End("a" + std::to_string(i) + ":01/action", Success());
    desk.Run();
    CHECK(desk.store.Read("a" + std::to_string(i)).branches[1].calls == 1);
  }
}

TEST_CASE("with all slots taken by one busy host, another one's calls get their turn") {
  EngineOptions options;
  options.limits.calls = 2;
  Desk desk(options);
  for (int i = 0; i < 20; ++i) desk.Submit("a" + std::to_string(i), At("a.example"));
  for (int i = 0; i < 3; ++i) desk.Submit("b" + std::to_string(i), At("b.example"));
  for (int i = 0; i < 3; ++i) desk.Submit("c" + std::to_string(i), At("c.example"));
  desk.Run();
  // Each end frees one slot. Three hosts share them: 9 ends are enough for 3 calls of each.
  size_t ends = 0;
  const auto served = [&](char host) {
    size_t count = 0;
    for (int i = 0; i < 3; ++i) count += desk.calls.starts[host + std::to_string(i) + ":01/action"];
    return count;
  };
  while (served('b') + served('c') < 6 && ends < 30) {
    desk.End(desk.Open().substr(0, desk.Open().find(' ')), Success());
    desk.Run();
    ++ends;
  }
  CHECK(served('b') + served('c') == 6);
  CHECK(ends <= 11);
}

TEST_CASE(
    "a host that is down gets one probe at a time; when it is back, those it kept waiting go") {
  Desk desk;
  for (int i = 0; i < 3; ++i) desk.Submit("a" + std::to_string(i), At("a.example"));
  desk.Run();
  for (int i = 0; i < 3; ++i) desk.End("a" + std::to_string(i) + ":01/action", HostDown());
  desk.Run();
  CHECK(desk.observer.Count(EventKind::kHostDown) == 1);
  desk.Submit("new", At("a.example"));
  desk.Run();
  CHECK(desk.Open() == "");
  CHECK(desk.Control(ControlRequest::Kind::kHealth).hosts.at(0).down);
  desk.Pass(500_ms);
  CHECK(desk.Open() == "new:01/action");  // the probe
  desk.Submit("newer", At("a.example"));
  desk.Run();
  CHECK(desk.Open() == "new:01/action");
  desk.End("new:01/action", Success());
  desk.Run();
  CHECK(desk.observer.Count(EventKind::kHostUp) == 1);
  // Those in their own back-off of 10 s because of it are due now.
  CHECK(desk.calls.open.size() == 4);
  CHECK(desk.store.Read("newer").branches[1].calls == 0);
}

TEST_CASE("a call of which nothing was sent is no attempt, and is not repeated without a pause") {
  Desk desk;
  desk.Submit("g", At("a.example"));
  desk.Run();
  desk.End("g:01/action", NotSent());
  desk.Run();
  CHECK(desk.Open() == "");
  desk.Pass(10_sec);
  CHECK(desk.Open() == "g:01/action");
  desk.End("g:01/action", Success());
  desk.Run();
  CHECK(desk.store.Read("g").branches[1].calls == 1);
  CHECK(desk.store.Read("g").branches[1].unknowns == 0);
}

TEST_CASE("a local function that is not registered is not called, and its registration wakes it") {
  Desk desk;
  desk.calls.not_callable.insert("local:pay");
  desk.Submit("g", Local());
  desk.Run();
  CHECK(desk.Open() == "");
  CHECK(desk.store.Row("g").parked == ReasonCode::kNotCallable);
  desk.Pass(std::chrono::hours(1));
  CHECK(desk.Open() == "");
  desk.calls.not_callable.clear();
  desk.Control(ControlRequest::Kind::kRegistered);
  desk.Run();
  CHECK(desk.Open() == "g:01/action");
  desk.End("g:01/action", Success());
  desk.Run();
  CHECK(desk.store.Read("g").branches[1].calls == 1);
  CHECK(desk.store.Row("g").parked == ReasonCode::kNone);
}

TEST_CASE("a local function past its time-out is asked to stop, then its transaction is parked") {
  Desk desk;
  desk.Submit("g", Local());
  desk.Run();
  desk.Pass(2'999_ms);
  CHECK(desk.calls.cancelled.empty());
  desk.Pass(1_ms);
  CHECK(desk.calls.cancelled == std::vector<std::string>{"g:01/action"});
  CHECK(desk.observer.Count(EventKind::kLocalSlow) == 1);
  desk.Pass(3_sec);
  CHECK(desk.store.Row("g").parked == ReasonCode::kParkedNotReturning);
  desk.Pass(std::chrono::hours(1));
  CHECK(desk.calls.starts["g:01/action"] == 1);  // never two at once
  CHECK(desk.calls.cancelled.size() == 1);
  desk.End("g:01/action", Success());
  desk.Run();
  CHECK(desk.StatusOf("g") == TransactionStatus::kSucceed);
}

TEST_CASE("while paused nothing is called, and all goes on after it") {
  Desk desk;
  desk.Submit("a");
  desk.Run();
  desk.Control(ControlRequest::Kind::kPause);
  const TicketPtr submit = desk.Submit("b");
  desk.End("a:01/action", Success());
  desk.Run();
  desk.Pass(10_sec);
  CHECK(submit->code() == StatusCode::kOk);
  CHECK(desk.Open() == "");
  CHECK(desk.Control(ControlRequest::Kind::kHealth).paused);
  desk.Control(ControlRequest::Kind::kResume);
  desk.Run();
  CHECK(desk.calls.open.size() == 2);
}

TEST_CASE("a call keeps the payload of a registered step, also when its transaction is gone") {
  Desk desk;
  Step step{.branch_id = "01",
            .forward = "http://bank.example/try",
            .commit = "http://bank.example/confirm",
            .rollback = "http://bank.example/cancel",
            .payload = std::string(50'000, 'x'),
            .headers = {},
            .after = {},
            .own = {}};
  desk.Prepare("g");
  desk.Run();
  auto document = std::make_shared<const std::string>(EncodeStep(step));
  auto shared = std::make_shared<const Step>(std::move(step));
  const std::string payload = shared->payload;
  desk.Ask("g", RegisterRequest{.step = std::move(shared), .document = std::move(document)});
  desk.Run();
  desk.Ask("g", CommitRequest{.digest = "", .start = {}});
  desk.Run();
  REQUIRE(desk.Open() == "g:01/confirm");
  desk.events.clear();
  desk.engine.reset();
  CHECK(desk.calls.open.front().payload == payload);  // else a sanitizer tells
}

TEST_CASE("that a call can't be made stays said while paused, and after a close") {
  Desk desk;
  desk.calls.not_callable.insert("http://bank.example/1");
  desk.Submit("g");
  desk.Run();
  REQUIRE(desk.store.Row("g").parked == ReasonCode::kNotCallable);
  desk.Control(ControlRequest::Kind::kPause);
  const TicketPtr retry = desk.Retry("g");
  desk.Run();
  CHECK(retry->code() == StatusCode::kOk);
  CHECK(desk.store.Row("g").parked == ReasonCode::kNotCallable);
  desk.Control(ControlRequest::Kind::kClose);
  desk.Run();
  CHECK(desk.engine->Quiet());
  CHECK(desk.store.Row("g").parked == ReasonCode::kNotCallable);
  CHECK(desk.store.Read("g").branches[1].started == Started::kNo);
}

}  // namespace
}  // namespace troth::internal
