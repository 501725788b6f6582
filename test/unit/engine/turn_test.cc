// One turn of the engine: what is written, sent and answered, and in which order (R1, R3, R14).
#include <doctest/doctest.h>

#include <algorithm>

#include "desk.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

TEST_CASE("a submit is answered and its first action called once it is durable, not before") {
  Desk desk;
  const TicketPtr submit = desk.Submit("g");
  desk.Turn();
  CHECK(desk.effects == Effects{"commit g"});
  CHECK(submit->open());
  desk.Run();
  CHECK(desk.effects == Effects{"commit g", "durable g", "answer g", "call g:01/action"});
  CHECK(submit->code() == StatusCode::kOk);
  CHECK_FALSE(submit->answer.repeated);
  CHECK(desk.store.Read("g").branches[1].started == Started::kYes);
}

TEST_CASE("a check-back waits until its message is durable, however late that is") {
  Desk desk;
  Definition message = SagaOf(1);
  message.mode = Mode::kMessage;
  message.steps[0].rollback.clear();
  message.query_prepared = "http://bank.example/ask";
  message.timeout_to_fail = 1_sec;
  auto t = std::make_unique<GlobalTransaction>(
      NewTransaction("g", std::make_shared<const Definition>(message), desk.now));
  t->phase = Phase::kPrepared;
  t->outcome = Decision::kUndecided;
  desk.Ask("g", SubmitRequest{
                    .transaction = std::move(t),
                    .document = std::make_shared<const std::string>(EncodeDefinition(message))});
  desk.Turn();
  desk.now += 2_sec;  // the store takes its time
  desk.Turn();
  CHECK(desk.Open() == "");
  desk.Run();
  CHECK(desk.Open() == "g:00/msg");
}

TEST_CASE("a saga of two steps costs two writes") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.End("g:01/action", Success());
  desk.Run();
  CHECK(desk.Open() == "g:02/action");  // sent at once: its mark is durable since the submit
  CHECK(desk.store.writes["g"] == 1);
  desk.End("g:02/action", Success());
  desk.Run();
  CHECK(desk.store.writes["g"] == 2);
  CHECK(desk.StatusOf("g") == TransactionStatus::kSucceed);
  CHECK(desk.observer.outcomes.size() == 1);
  CHECK(desk.Control(ControlRequest::Kind::kHealth).live == 0);
}

TEST_CASE("a saga of three steps marks the third while the second is in flight") {
  Desk desk;
  desk.Submit("g", SagaOf(3));
  desk.Run();
  desk.End("g:01/action", Success());
  desk.Turn();
  CHECK(desk.Open() == "g:02/action");
  desk.Run();
  CHECK(desk.store.writes["g"] == 2);
  CHECK(desk.store.Read("g").branches[5].started == Started::kYes);
  CHECK(desk.store.Read("g").branches[1].state == BranchState::kDone);  // went along
}

TEST_CASE("progress is written one second after the result when a call stays in flight") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.End("g:01/action", Success());
  desk.Pass(999_ms);
  CHECK(desk.store.writes["g"] == 1);
  desk.Pass(1_ms);
  CHECK(desk.store.writes["g"] == 2);
  CHECK(desk.store.Read("g").branches[1].state == BranchState::kDone);
  desk.Pass(10_sec);
  CHECK(desk.store.writes["g"] == 2);
}

TEST_CASE("progress is written at once when nothing is in flight") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.End("g:01/action", Unknown());
  desk.Run();
  CHECK(desk.store.writes["g"] == 2);
  const GlobalTransaction t = desk.store.Read("g");
  CHECK(t.branches[1].unknowns == 1);
  CHECK(desk.store.Row("g").due == t.branches[1].next);
}

TEST_CASE("results come before requests and timers of the same turn") {
  Definition saga = SagaOf(1);
  saga.timeout_to_fail = 30_sec;
  for (const bool late : {false, true}) {
    Desk desk;
    desk.Submit("g", saga);
    desk.Run();
    desk.now = kStart + (late ? 31_sec : 1_sec);
    const TicketPtr cancel = late ? nullptr : desk.Cancel("g");
    desk.End("g:01/action", Success());
    desk.Run();
    CHECK(desk.StatusOf("g") == TransactionStatus::kSucceed);
    if (cancel)
      CHECK_MESSAGE(cancel->code() == StatusCode::kFailedPrecondition, "it came too late");
  }
}

TEST_CASE("the deadline decides with a call in flight, and the compensation waits for its end") {
  Definition saga = SagaOf(2);
  saga.timeout_to_fail = 2_sec;
  Desk desk;
  desk.Submit("g", saga);
  desk.Run();
  desk.Pass(2_sec);
  CHECK(desk.StatusOf("g") == TransactionStatus::kAborting);
  CHECK(desk.Open() == "g:01/action");
  desk.End("g:01/action", Unknown());
  desk.Run();
  CHECK(desk.Open() == "g:01/compensate");
  desk.End("g:01/compensate", Success());
  desk.Run();
  CHECK(desk.StatusOf("g") == TransactionStatus::kFailed);
}

TEST_CASE("no compensation is sent before the rollback is durable, and no action after a failure") {
  Desk desk;
  Definition saga = SagaOf(3);
  saga.concurrent = true;
  desk.Submit("g", saga);
  desk.Run();
  desk.End("g:01/action", Failure());
  desk.End("g:02/action", Unknown());
  desk.Turn();
  CHECK(desk.Open() == "g:03/action");
  desk.Run();
  CHECK(desk.StatusOf("g") == TransactionStatus::kAborting);
  CHECK(desk.Open() == "g:03/action g:01/compensate g:02/compensate");
  CHECK(desk.calls.starts["g:02/action"] == 1);
  const auto durable = std::count(desk.effects.begin(), desk.effects.end(), "durable g");
  CHECK(durable == 2);
}

TEST_CASE("marks that no call has used are taken back with the rollback") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.End("g:01/action", Failure());
  desk.Run();
  CHECK(desk.store.Read("g").branches[3].started == Started::kNo);
  CHECK(desk.Open() == "g:01/compensate");
}

TEST_CASE("writes of one turn go in one batch, at most 512 or 4 MB of them") {
  Desk desk;
  desk.Run();
  for (int i = 0; i < 1'200; ++i) desk.Submit("g" + std::to_string(i));
  desk.Run();
  REQUIRE(desk.store.batch_sizes.size() >= 3);
  CHECK(desk.store.batch_sizes[0] == 512);
  CHECK(desk.store.batch_sizes[1] == 512);

  Desk large;
  large.Run();
  Definition saga = SagaOf(1);
  saga.steps[0].payload = std::string(1'500'000, 'x');
  for (int i = 0; i < 10; ++i) large.Submit("g" + std::to_string(i), saga);
  large.Turn();
  CHECK(large.store.batch_sizes == std::vector<size_t>{3, 3, 3, 1});
}

TEST_CASE("a transaction's write does not wait for the batch of others that is with the store") {
  Desk desk;
  desk.Run();
  const TicketPtr first = desk.Submit("a");
  desk.Turn();
  const TicketPtr second = desk.Submit("b");
  desk.Turn();
  CHECK(desk.store.commits_pending() == 2);
  desk.DoStore();
  desk.Turn();
  CHECK(first->code() == StatusCode::kOk);
  CHECK(second->open());
  CHECK(desk.Open() == "a:01/action");
  desk.Run();
  CHECK(second->code() == StatusCode::kOk);
  CHECK(desk.Open() == "a:01/action b:01/action");
}

TEST_CASE("a call carries what the step defines") {
  Definition saga = SagaOf(1);
  saga.headers = {{"A", "1"}, {"B", "1"}};
  saga.steps[0].headers = {{"b", "2"}};
  Desk desk;
  desk.Submit("g", saga);
  desk.Run();
  REQUIRE(desk.calls.open.size() == 1);
  const Call& call = desk.calls.open[0];
  CHECK(call.payload == "{}");
  CHECK(call.post);
  CHECK(call.context.headers == Headers{{"A", "1"}, {"b", "2"}});
  CHECK(call.url.find("gid=g") != std::string::npos);
  CHECK(call.timeout == 3_sec);
}

TEST_CASE("an idle engine asks to be woken for nothing") {
  Desk desk;
  desk.Run();
  CHECK_FALSE(desk.engine->NextWake());
  desk.Submit("g", SagaOf(1));
  desk.Run();
  desk.End("g:01/action", Success());
  desk.Run();
  desk.Pass(std::chrono::hours(24 * 8));
  CHECK_FALSE(desk.engine->NextWake());
}

}  // namespace
}  // namespace troth::internal
