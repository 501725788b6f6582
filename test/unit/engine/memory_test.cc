// What is in memory and what is a row, and what a fresh life makes of the rows (R1, R22, R23).
#include <doctest/doctest.h>

#include <algorithm>

#include "desk.h"

namespace troth::internal {
namespace {

size_t LiveIn(Desk& desk) { return desk.Control(ControlRequest::Kind::kHealth).live; }

// A saga whose first action is retried after two minutes.
Definition Slow(size_t steps = 2) {
  Definition saga = SagaOf(steps);
  saga.policies[0].first = 120_sec;
  return saga;
}

void Rest(Desk& desk, const std::string& gid) {
  desk.Submit(gid, Slow());
  desk.Run();
  desk.End(gid + ":01/action", Unknown());
  desk.Run();
}

TEST_CASE("what is due later than a minute leaves memory, without its unused marks") {
  Desk desk;
  Rest(desk, "g");
  CHECK(LiveIn(desk) == 0);
  const GlobalTransaction t = desk.store.Read("g");
  CHECK(t.branches[1].started == Started::kYes);
  CHECK(t.branches[3].started == Started::kNo);
  CHECK(desk.store.Row("g").due == kStart + 120_sec);
  // It costs nothing while it rests, and is called in time.
  const size_t loads = desk.store.loads;
  desk.Pass(119'999_ms);
  CHECK(desk.Open() == "");
  CHECK(desk.store.loads <= loads + 2);
  desk.Pass(1_ms);
  CHECK(desk.Open() == "g:01/action");
  desk.End("g:01/action", Success());
  desk.Run();
  CHECK(desk.Open() == "g:02/action");
}

TEST_CASE("a saga whose host refuses every connection rests between its tries") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  for (int i = 0; i < 8; ++i) {  // 10 s, 20 s, 40 s, and from then on longer than a minute
    desk.End("g:01/action", HostDown());
    desk.Run();
    CHECK(LiveIn(desk) == (i < 3 ? 1 : 0));
    CHECK(desk.store.Row("g").due.has_value());
    desk.Pass(std::min<Milliseconds>(600_sec, 10_sec * (1 << i)));
    CHECK(desk.Open() == "g:01/action");
  }
  // The failure, the withdrawn mark, and the mark of the next try.
  CHECK(desk.store.writes["g"] <= 1 + 3 * 8);
}

TEST_CASE("what is due within a minute stays in memory") {
  Desk desk;
  Definition saga = Slow();
  saga.policies[0].first = 60_sec;
  desk.Submit("g", saga);
  desk.Run();
  desk.End("g:01/action", Unknown());
  desk.Run();
  CHECK(LiveIn(desk) == 1);
  const size_t loads = desk.store.loads;
  desk.Pass(60_sec);
  CHECK(desk.Open() == "g:01/action");
  CHECK(desk.store.loads == loads);
}

TEST_CASE("many that rest come back in their turn, each once") {
  Desk desk;
  for (int i = 0; i < 1'000; ++i) {
    Definition saga = SagaOf(1);
    saga.policies[0].first = 120_sec + Milliseconds{i * 700};
    saga.policies[0].cap = saga.policies[0].first;
    desk.Submit("g" + std::to_string(i), saga);
  }
  desk.Run();
  while (!desk.calls.open.empty()) {
    desk.End(desk.Open().substr(0, desk.Open().find(' ')), Unknown());
    desk.Run();
  }
  CHECK(LiveIn(desk) == 0);
  for (int i = 0; i < 1'000; ++i) {
    desk.Pass(kStart + 120_sec + Milliseconds{i * 700} - desk.now);
    CHECK(desk.Open() == "g" + std::to_string(i) + ":01/action");
    CHECK(LiveIn(desk) < 200);
    desk.End("g" + std::to_string(i) + ":01/action", Success());
    desk.Run();
  }
}

TEST_CASE("a wait holds for what rests, and is forgotten when nobody listens") {
  Desk desk;
  const TicketPtr early = [&] {
    desk.Submit("g", Slow(1));
    desk.Run();
    const TicketPtr ticket = desk.Wait("g", 1);
    desk.Run();
    desk.End("g:01/action", Unknown());
    desk.Run();
    return ticket;
  }();
  const TicketPtr late = desk.Wait("g", 2);
  const TicketPtr forgotten = desk.Wait("g", 3);
  desk.Run();
  CHECK(LiveIn(desk) == 0);
  desk.Ask("g", ForgetWaitRequest{3});
  desk.Run();
  CHECK(forgotten->drops == 1);
  desk.Pass(120_sec);
  desk.End("g:01/action", Success());
  desk.Run();
  REQUIRE(early->answer.outcome);
  REQUIRE(late->answer.outcome);
  CHECK(early->answer.outcome->succeeded());
}

TEST_CASE("an act on what rests is carried out, and it rests again") {
  Desk desk;
  Rest(desk, "g");
  const TicketPtr edit = desk.Edit("g", {"02", "action"}, {.payload = "new"});
  desk.Run();
  CHECK(edit->code() == StatusCode::kOk);
  CHECK(LiveIn(desk) == 0);
  CHECK(desk.store.Read("g").PayloadOf(3) == "new");
  const TicketPtr cancel = desk.Cancel("g");
  desk.Run();
  CHECK(cancel->code() == StatusCode::kOk);
  CHECK(desk.Open() == "g:01/compensate");
}

TEST_CASE("a submit that is repeated while the stored one is being read loses nothing") {
  // The usual start after a crash: what was under way is read, and the application repeats itself.
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.Crash();  // the due rows have been asked for, and are not read yet
  const TicketPtr again = desk.Submit("g");
  desk.Turn();
  desk.Run();
  CHECK(again->code() == StatusCode::kOk);
  CHECK(again->answer.repeated);
  CHECK(LiveIn(desk) == 1);
  CHECK(desk.Open() == "g:01/action");
}

// Crashes, and has the due rows read while a repeated submit, which can't be written, stands in the
// place of the stored "g".
void HideStored(Desk& desk) {
  desk.Submit("g");
  desk.Run();
  desk.Crash();
  desk.Submit("g");
  desk.Turn();
  desk.DoStore();  // the due rows
  desk.Turn();
  desk.store.script.push_back([](const Batch&) {
    return BatchResult{.kind = BatchResult::Kind::kNotWritten,
                       .status = {StatusCode::kResourceExhausted, "disk full"}};
  });
}

TEST_CASE("a repeated submit that can't be written hides no stored transaction either") {
  Desk desk;
  HideStored(desk);
  desk.Run();
  CHECK(desk.Open() == "g:01/action");
}

TEST_CASE("what a repeated submit hid is read again until the store can read it") {
  Desk desk;
  HideStored(desk);
  desk.store.load_status = Status(StatusCode::kUnavailable, "input/output error");
  desk.Run();
  CHECK(desk.Open() == "");
  SUBCASE("in the end it can") {}
  SUBCASE("and what is due can't be read for a while either") {
    desk.store.load_due_status = Status(StatusCode::kUnavailable, "input/output error");
    desk.Pass(10_sec);
    CHECK(desk.Open() == "");
    desk.store.load_due_status = {};
  }
  SUBCASE("and another submit stands there then") {
    const TicketPtr again = desk.Submit("g");
    desk.Pass(900_ms);
    CHECK(again->answer.repeated);
  }
  desk.store.load_status = {};
  desk.Pass(1_sec);
  CHECK(desk.Open() == "g:01/action");
  CHECK(LiveIn(desk) == 1);
  // From then on it is left alone.
  const size_t loads = desk.store.loads;
  desk.Pass(30_sec);
  CHECK(desk.store.loads == loads);
}

TEST_CASE("what a repeated submit hid is read again though somebody else has asked for it") {
  Desk desk;
  HideStored(desk);
  const TicketPtr wait = desk.Wait("g");
  desk.store.load_status = Status(StatusCode::kUnavailable, "input/output error");
  desk.Run();
  CHECK(wait->code() == StatusCode::kUnavailable);
  desk.store.load_status = {};
  desk.Pass(1_sec);
  CHECK(desk.Open() == "g:01/action");
}

TEST_CASE("two repeated submits, one after the other, hide no stored transaction") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.Crash();
  desk.Submit("g");
  const TicketPtr second = desk.Submit("g");  // waits for the first, and then takes its place
  desk.Turn();
  desk.Run();
  CHECK(second->answer.repeated);
  CHECK(LiveIn(desk) == 1);
  CHECK(desk.Open() == "g:01/action");
}

TEST_CASE("a fresh life goes on with what is stored, at once") {
  Desk desk;
  desk.Submit("g", SagaOf(3));
  desk.Run();
  desk.End("g:01/action", Success());
  desk.Run();
  desk.Crash();
  desk.Run();
  CHECK(desk.Open() == "g:02/action");
  CHECK(desk.calls.starts["g:02/action"] == 2);
}

TEST_CASE("after an unclean stop local functions wait a second, others do not") {
  for (const bool unclean : {true, false}) {
    Desk desk;
    Definition local = SagaOf(1);
    local.steps[0].forward = "local:pay";
    desk.Submit("local", local);
    desk.Submit("remote", SagaOf(1));
    desk.Run();
    desk.now += 1_ms;
    desk.Crash(unclean);
    desk.Pass(999_ms);
    CHECK(desk.IsOpen("remote:01/action"));
    CHECK(desk.IsOpen("local:01/action") == !unclean);
    desk.Pass(1_ms);
    CHECK(desk.IsOpen("local:01/action"));
  }
}

TEST_CASE("after the clock went back by years a retry comes after its interval") {
  Desk desk;
  for (int i = 0; i < 200; ++i) Rest(desk, "g" + std::to_string(i));  // more than a page
  desk.now = kStart - std::chrono::hours(24 * 700);
  desk.Crash(/*unclean=*/true, /*store_was_ahead=*/true);
  desk.Run();
  CHECK(LiveIn(desk) == 0);  // they rest, as they did
  CHECK(desk.store.Row("g0").due == desk.now + 120_sec);
  desk.Pass(119'999_ms);
  CHECK(desk.Open() == "");
  desk.Pass(1_ms);
  CHECK(desk.calls.open.size() == 200);
}

TEST_CASE(
    "after the clock went back by years a time-out comes after its length, and a date stays") {
  Desk desk;
  Definition timed = Slow();
  timed.timeout_to_fail = 300_sec;
  timed.policies[0].first = timed.policies[0].cap = 1'000_sec;
  desk.Submit("timed", timed);
  Definition message = SagaOf(1);
  message.mode = Mode::kMessage;
  message.steps[0].rollback.clear();
  desk.Submit("dated", message, kStart + 500_sec);
  desk.Run();
  desk.End("timed:01/action", Unknown());
  desk.Run();
  CHECK(LiveIn(desk) == 0);

  desk.now = kStart - std::chrono::hours(24 * 700);
  desk.Crash(/*unclean=*/true, /*store_was_ahead=*/true);
  desk.Run();
  desk.Crash();  // the next life finds it cut, and goes on with the same time-out
  desk.Pass(299'999_ms);
  CHECK(desk.StatusOf("timed") == TransactionStatus::kSubmitted);
  desk.Pass(1_ms);
  CHECK(desk.StatusOf("timed") == TransactionStatus::kAborting);
  CHECK(desk.store.Read("timed").reason.text == "Timeout after 300 seconds");
  CHECK(desk.store.Row("dated").due == kStart + 500_sec);
}

TEST_CASE("after the clock went back by years local functions wait a second too") {
  Desk desk;
  Definition local = SagaOf(1);
  local.steps[0].forward = "local:pay";
  desk.Submit("local", local);
  desk.Run();
  desk.now = kStart - std::chrono::hours(24 * 700);
  desk.Crash(/*unclean=*/true, /*store_was_ahead=*/true);
  desk.Pass(999_ms);
  CHECK(desk.Open() == "");
  desk.Pass(1_ms);
  CHECK(desk.Open() == "local:01/action");
}

TEST_CASE("what is parked leaves memory, is due never, and wakes up for a person") {
  Desk desk;
  Definition saga = SagaOf(1);
  saga.policies[0].park_after = 0;
  desk.Submit("g", saga);
  desk.Run();
  desk.End("g:01/action", Failure());
  desk.Run();
  desk.End("g:01/compensate", Unknown());
  desk.Run();
  CHECK(LiveIn(desk) == 0);
  CHECK(desk.store.Row("g").parked == ReasonCode::kParkedRetries);
  CHECK_FALSE(desk.store.Row("g").due);
  CHECK(desk.observer.Count(EventKind::kParked) == 1);
  desk.Pass(std::chrono::hours(24));
  CHECK(desk.Open() == "");
  const TicketPtr retry = desk.Retry("g");
  desk.Run();
  CHECK(retry->code() == StatusCode::kOk);
  CHECK(desk.Open() == "g:01/compensate");
  CHECK(desk.store.Row("g").parked == ReasonCode::kNone);
}

TEST_CASE("with more due than there is room for, all get their turn") {
  Desk desk;
  for (int i = 0; i < 50; ++i) desk.Submit("g" + std::to_string(i), SagaOf(1));
  desk.Run();
  EngineOptions options;
  options.limits.live = 7;
  Desk small(options);
  small.store.rows = desk.store.rows;
  small.Crash();
  size_t ended = 0;
  while (ended < 50) {
    small.Run();
    CHECK(LiveIn(small) <= 7);
    REQUIRE_FALSE(small.calls.open.empty());
    small.End(small.Open().substr(0, small.Open().find(' ')), Success());
    ++ended;
  }
  small.Run();
  for (const auto& [gid, row] : small.store.rows) {
    CHECK(row.row.status == TransactionStatus::kSucceed);
    CHECK(small.calls.starts[gid + ":01/action"] == 1);
  }
}

}  // namespace
}  // namespace troth::internal
