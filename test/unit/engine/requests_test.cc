// What is asked of the engine while a transaction is under way (R2, R5, R15–R19).
#include <doctest/doctest.h>

#include "desk.h"

namespace troth::internal {
namespace {

// A transaction with its first call in flight.
void Begin(Desk& desk, const Definition& saga = SagaOf(2)) {
  desk.Submit("g", saga);
  desk.Run();
}

// …that rolls back, with the compensation of step 1 in flight.
void BeginRollback(Desk& desk) {
  Begin(desk);
  desk.End("g:01/action", Failure());
  desk.Run();
}

TEST_CASE("a submit that is repeated in the same turn is answered when the first is durable") {
  Desk desk;
  desk.Run();
  const TicketPtr first = desk.Submit("g");
  const TicketPtr second = desk.Submit("g");
  const TicketPtr other = desk.Submit("g", SagaOf(3));
  desk.Turn();
  CHECK(first->open());
  CHECK(second->open());
  CHECK(other->open());
  desk.Run();
  CHECK(first->code() == StatusCode::kOk);
  CHECK(second->code() == StatusCode::kOk);
  CHECK(second->answer.repeated);
  CHECK(other->code() == StatusCode::kAlreadyExists);
  CHECK(desk.calls.starts["g:01/action"] == 1);
}

TEST_CASE("a submit that is repeated while it is under way is not told of an end") {
  Desk desk;
  desk.Run();
  const TicketPtr first = desk.Submit("g", SagaOf(1));
  desk.Run();
  desk.End("g:01/action", Success());
  const TicketPtr during = desk.Submit("g", SagaOf(1));  // in the turn that ends it
  desk.Run();
  CHECK(desk.store.Row("g").status == TransactionStatus::kSucceed);
  const TicketPtr after = desk.Submit("g", SagaOf(1));
  desk.Run();
  CHECK_FALSE(first->answer.repeated);
  CHECK(during->answer.repeated);
  CHECK_FALSE(during->answer.ended);
  CHECK(after->answer.repeated);
  CHECK(after->answer.ended);
}

TEST_CASE("a submit that is repeated while the first is refused takes its place") {
  Desk desk;
  desk.Run();
  const TicketPtr first = desk.Submit("g");
  const TicketPtr second = desk.Submit("g");
  const TicketPtr wait = desk.Wait("g");
  desk.store.script.push_back([](const Batch&) {
    return BatchResult{.kind = BatchResult::Kind::kNotWritten,
                       .status = {StatusCode::kResourceExhausted, "disk full"}};
  });
  desk.Run();
  CHECK(first->code() == StatusCode::kResourceExhausted);
  desk.Pass(1_sec);
  CHECK(second->code() == StatusCode::kOk);
  CHECK_FALSE(second->answer.repeated);
  CHECK(wait->open());
}

TEST_CASE(
    "a wait beside a submit that ends with its insert is told of the transaction that has the "
    "gid") {
  Desk desk;
  Begin(desk, SagaOf(1));
  desk.End("g:01/action", Success());
  desk.Run();
  const TicketPtr other = desk.Submit("g", SagaOf(0));
  const TicketPtr wait = desk.Wait("g");
  desk.Run();
  CHECK(other->code() == StatusCode::kAlreadyExists);
  REQUIRE(wait->code() == StatusCode::kOk);
  REQUIRE(wait->answer.outcome != nullptr);
  CHECK(wait->answer.outcome->succeeded());
  CHECK(wait->answer.outcome->gid == "g");
}

TEST_CASE("a repeated submit is answered by status and content") {
  Desk desk;
  const auto again = [&](const Definition& saga = SagaOf(2)) {
    const TicketPtr ticket = desk.Submit("g", saga);
    desk.Run();
    return ticket->code();
  };
  Begin(desk);
  CHECK(again() == StatusCode::kOk);
  CHECK(again(SagaOf(1)) == StatusCode::kAlreadyExists);
  desk.End("g:01/action", Failure());
  desk.Run();
  CHECK(again() == StatusCode::kAborted);
  CHECK(again(SagaOf(1)) == StatusCode::kAlreadyExists);
  desk.End("g:01/compensate", Success());
  desk.Run();
  CHECK(again() == StatusCode::kAborted);  // out of memory by now
  CHECK(again(SagaOf(1)) == StatusCode::kAlreadyExists);

  Desk succeeded;
  succeeded.Submit("g", SagaOf(1));
  succeeded.Run();
  succeeded.End("g:01/action", Success());
  succeeded.Run();
  const TicketPtr ticket = succeeded.Submit("g", SagaOf(1));
  succeeded.Run();
  CHECK(ticket->code() == StatusCode::kOk);
  CHECK(ticket->answer.repeated);
  CHECK(succeeded.calls.starts["g:01/action"] == 1);
}

TEST_CASE("what is asked while a write is pending waits for it") {
  Desk desk;
  Begin(desk);
  const TicketPtr cancel = desk.Cancel("g");
  desk.Turn();  // the rollback is with the store
  const TicketPtr submit = desk.Submit("g");
  const TicketPtr stop = desk.Stop("g");
  const TicketPtr second = desk.Cancel("g");
  desk.Turn();
  CHECK(cancel->open());
  CHECK(submit->open());
  CHECK(stop->open());
  CHECK(second->open());
  desk.Run();
  CHECK(cancel->code() == StatusCode::kOk);
  CHECK(submit->code() == StatusCode::kAborted);
  CHECK(stop->code() == StatusCode::kOk);
  CHECK(second->code() == StatusCode::kFailedPrecondition);
  CHECK(desk.store.Read("g").forced);
}

TEST_CASE("a cancel that is repeated in the same turn is answered when the first is durable") {
  Desk desk;
  Begin(desk);
  const TicketPtr first = desk.Cancel("g");
  const TicketPtr second = desk.Cancel("g");
  desk.Turn();
  CHECK(first->open());
  CHECK(second->open());
  desk.Run();
  CHECK(first->code() == StatusCode::kOk);
  CHECK(second->code() == StatusCode::kOk);
  CHECK(desk.store.Read("g").history.size() == 1);
}

TEST_CASE("two decisions are impossible: what comes while one is being written changes nothing") {
  Definition saga = SagaOf(1);
  saga.timeout_to_fail = 5_sec;
  Desk desk;
  Begin(desk, saga);
  desk.Cancel("g");
  desk.Turn();
  // Success, and the deadline: both after the cancel, whose write is with the store.
  desk.End("g:01/action", Success());
  desk.now += 10_sec;
  desk.Turn();
  desk.Run();
  CHECK(desk.StatusOf("g") == TransactionStatus::kAborting);
  CHECK(desk.store.Read("g").reason.code == ReasonCode::kCancelled);
  CHECK(desk.Open() == "g:01/compensate");
}

TEST_CASE("a result that comes while a write is pending counts at once") {
  Desk desk;
  Begin(desk, SagaOf(3));
  desk.End("g:01/action", Success());
  desk.Turn();  // the mark of step 3 is with the store
  REQUIRE(desk.store.commits_pending() == 1);
  desk.End("g:02/action", Failure());
  desk.Turn();
  CHECK(desk.Open() == "");
  desk.Run();
  CHECK(desk.StatusOf("g") == TransactionStatus::kAborting);
  CHECK(desk.Open() == "g:02/compensate");
}

TEST_CASE("a call that the durable state allows goes on while a write is pending") {
  Desk desk;
  Begin(desk, SagaOf(3));
  desk.End("g:01/action", Success());
  desk.Turn();
  REQUIRE(desk.store.commits_pending() == 1);
  CHECK(desk.Open() == "g:02/action");
}

TEST_CASE("cancel: a submitted saga aborts, an aborting one is told so, an ended one refuses") {
  Desk desk;
  Begin(desk);
  const TicketPtr first = desk.Cancel("g");
  desk.Run();
  CHECK(first->code() == StatusCode::kOk);
  CHECK(desk.StatusOf("g") == TransactionStatus::kAborting);
  const TicketPtr second = desk.Cancel("g");
  desk.Run();
  CHECK(second->code() == StatusCode::kOk);
  desk.End("g:01/action", Success());
  desk.Run();
  desk.End("g:01/compensate", Success());
  desk.Run();
  const TicketPtr third = desk.Cancel("g");
  desk.Run();
  CHECK(third->code() == StatusCode::kFailedPrecondition);
  const GlobalTransaction t = desk.store.Read("g");
  REQUIRE(t.history.size() == 1);
  CHECK(t.history[0].author == "ann");
  CHECK(t.history[0].reason == "why");
}

TEST_CASE("stop: failed and forced, with what is in doubt, and nothing is called any more") {
  Desk desk;
  Begin(desk);
  desk.End("g:01/action", Success());
  desk.Run();
  REQUIRE(desk.Open() == "g:02/action");
  const TicketPtr stop = desk.Stop("g");
  const TicketPtr wait = desk.Wait("g");
  desk.Run();
  CHECK(stop->code() == StatusCode::kOk);
  CHECK(desk.StatusOf("g") == TransactionStatus::kFailed);
  REQUIRE(wait->answer.outcome);
  CHECK(wait->answer.outcome->forced);
  CHECK(wait->answer.outcome->in_doubt ==
        std::vector<std::string>{"01/compensate", "02/compensate", "02/action"});

  // What comes later is history alone.
  desk.End("g:02/action", Success());
  desk.Run();
  CHECK(desk.Open() == "");
  const GlobalTransaction t = desk.store.Read("g");
  CHECK(t.branches[3].state == BranchState::kWaiting);
  REQUIRE(t.history.size() == 2);
  CHECK(t.history[1].what == "late result of 02/action");
  CHECK(desk.Control(ControlRequest::Kind::kHealth).live == 0);
}

TEST_CASE("a result that comes when the end has been purged is dropped, and nothing is set aside") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.Stop("g");
  desk.Run();
  StoredTransaction& row = desk.store.rows.at("g");
  row.state.clear();  // a tombstone
  row.parts.clear();
  desk.End("g:01/action", Success());
  desk.Run();
  CHECK(row.state.empty());
  CHECK(desk.observer.Count(EventKind::kUnreadable) == 0);
  CHECK(desk.Control(ControlRequest::Kind::kHealth).live == 0);
}

TEST_CASE(
    "a purge comes again after a minute, or after a hundred times what its look at the rows "
    "takes") {
  for (const auto& [rows, pause] :
       {std::pair(size_t{100}, 60'000_ms), {10'000'000, 1'000'000_ms}}) {
    Desk desk;
    desk.store.purge_next = desk.now - std::chrono::hours(24);  // more is old enough already
    desk.store.purge_examined = rows;
    desk.Run();
    CHECK(desk.store.purges == 1);
    desk.Pass(pause - 1_ms);
    CHECK(desk.store.purges == 1);
    desk.Pass(1_ms);
    CHECK(desk.store.purges == 2);
  }
}

TEST_CASE("an edit waits for the call in flight, and applies before the next one") {
  Desk desk;
  BeginRollback(desk);
  const BranchKey key{"01", "compensate"};
  const TicketPtr edit = desk.Edit("g", key, {.url = "http://other.example/", .payload = "new"});
  desk.Pass(4'999_ms);
  CHECK(edit->open());
  desk.End("g:01/compensate", Unknown());
  desk.Run();
  CHECK(edit->code() == StatusCode::kOk);
  REQUIRE(desk.Open() == "g:01/compensate");  // at once: the edit has reset its back-off
  CHECK(desk.calls.open[0].url.starts_with("http://other.example/"));
  CHECK(desk.calls.open[0].payload == "new");
  CHECK(desk.store.Read("g").PayloadOf(0) == "new");
}

TEST_CASE("an edit that waits too long for a call in flight has changed nothing") {
  for (const bool skip : {false, true}) {
    Desk desk;
    BeginRollback(desk);
    const BranchKey key{"01", "compensate"};
    const size_t writes = desk.store.writes["g"];
    const TicketPtr act = skip ? desk.Skip("g", key) : desk.Edit("g", key, {.payload = "new"});
    desk.Pass(5_sec);
    CHECK(act->code() == StatusCode::kDeadlineExceeded);
    CHECK(desk.store.writes["g"] == writes);
    CHECK(desk.store.Read("g").history.empty());
    desk.End("g:01/compensate", Success());
    desk.Run();
    CHECK(desk.store.Read("g").PayloadOf(0) == "{}");
    CHECK(desk.StatusOf("g") == TransactionStatus::kFailed);
  }
}

TEST_CASE("skip: only what may not fail, and the outcome lists it") {
  Desk desk;
  BeginRollback(desk);
  desk.End("g:01/compensate", Unknown());
  desk.Run();
  const TicketPtr action = desk.Skip("g", {"02", "action"});
  const TicketPtr nobody = desk.Skip("g", {"03", "compensate"});
  const TicketPtr wait = desk.Wait("g");
  desk.Run();
  CHECK(action->code() == StatusCode::kFailedPrecondition);
  CHECK(nobody->code() == StatusCode::kNotFound);
  const TicketPtr skip = desk.Skip("g", {"01", "compensate"});
  desk.Run();
  CHECK(skip->code() == StatusCode::kOk);
  REQUIRE(wait->answer.outcome);
  CHECK(wait->answer.outcome->skipped == std::vector<std::string>{"01/compensate"});
}

// Found by the simulator (seeds 526, 720, 5104): after a crash without the act the old call would
// be made, or the skipped one after what comes behind it.
TEST_CASE("no call rests on an act that is not durable yet") {
  const BranchKey second{"02", "compensate"};
  for (const std::string act : {"edit", "retry now", "skip"}) {
    Desk desk;
    Begin(desk);
    desk.End("g:01/action", Success());
    desk.Run();
    desk.End("g:02/action", Failure());
    desk.Run();
    desk.End("g:02/compensate", Unknown());
    desk.Run();
    TicketPtr ticket;
    if (act == "edit") ticket = desk.Edit("g", second, {.payload = "new"});
    if (act == "skip") ticket = desk.Skip("g", second);
    if (act == "retry now") ticket = desk.Retry("g");
    desk.Turn();
    CHECK(desk.Open() == "");
    desk.Run();
    CHECK(ticket->code() == StatusCode::kOk);
    CHECK(desk.Open() == (act == "skip" ? "g:01/compensate" : "g:02/compensate"));
  }
}

TEST_CASE("retry now makes what waits due, and forgets what it had waited for") {
  Desk desk;
  Begin(desk);
  for (int i = 0; i < 3; ++i) {
    desk.End("g:01/action", Unknown());
    desk.Run();
    const TicketPtr retry = desk.Retry("g");
    desk.Run();
    CHECK(retry->code() == StatusCode::kOk);
    CHECK(desk.Open() == "g:01/action");
  }
  CHECK(desk.store.Read("g").branches[1].unknowns == 0);
  CHECK(desk.store.Read("g").history.size() == 3);
  CHECK(desk.observer.Count(EventKind::kWoken) == 3);
}

TEST_CASE("retry now is no act where nothing waits: nothing is written, nothing kept") {
  Desk desk;
  Begin(desk);
  for (int i = 0; i < 3; ++i) {
    const size_t writes = desk.store.writes["g"];
    const TicketPtr retry = desk.Retry("g");  // with its first call in flight
    desk.Run();
    CHECK(retry->code() == StatusCode::kOk);
    CHECK(retry->answer.repeated);
    CHECK(desk.store.writes["g"] == writes);
  }
  CHECK(desk.store.Read("g").history.empty());
  CHECK(desk.observer.Count(EventKind::kWoken) == 0);
  desk.End("g:01/action", Unknown());
  desk.Run();
  const TicketPtr retry = desk.Retry("g");
  desk.Run();
  CHECK_FALSE(retry->answer.repeated);
  CHECK(desk.store.Read("g").history.size() == 1);
}

TEST_CASE("acts on what is not there, or has ended, say so") {
  Desk desk;
  const TicketPtr none = desk.Cancel("none");
  desk.Run();
  CHECK(none->code() == StatusCode::kNotFound);
  desk.Submit("g", SagaOf(1));
  desk.Run();
  desk.End("g:01/action", Success());
  desk.Run();
  for (const TicketPtr& act :
       {desk.Cancel("g"), desk.Stop("g"), desk.Retry("g"), desk.Skip("g", {"01", "compensate"})}) {
    desk.Run();
    CHECK(act->code() == StatusCode::kFailedPrecondition);
  }
  const TicketPtr wait = desk.Wait("g");
  desk.Run();
  REQUIRE(wait->answer.outcome);
  CHECK(wait->answer.outcome->succeeded());
  CHECK(wait->answer.outcome->branches.size() == 2);
}

TEST_CASE("a wait is answered when the end is durable, and not after it was forgotten") {
  Desk desk;
  Begin(desk, SagaOf(1));
  const TicketPtr kept = desk.Wait("g", 1);
  const TicketPtr forgotten = desk.Wait("g", 2);
  desk.Run();
  desk.Ask("g", ForgetWaitRequest{2});
  desk.Run();
  CHECK(forgotten->drops == 1);
  desk.End("g:01/action", Success());
  desk.Turn();
  CHECK(kept->open());
  desk.Run();
  CHECK(kept->answers == 1);
  CHECK(forgotten->answers == 0);
}

}  // namespace
}  // namespace troth::internal
