// The store in trouble, and rows that can't be true (R4, R24, R25, R29).
#include <doctest/doctest.h>

#include <algorithm>

#include "desk.h"

namespace troth::internal {
namespace {

TEST_CASE("while the outcome of a commit is unknown nothing of its transactions moves") {
  Definition saga = SagaOf(3);
  saga.timeout_to_fail = 5_sec;
  Desk desk;
  desk.Submit("g", saga);
  desk.Submit("other", SagaOf(3));
  desk.Run();
  desk.End("g:01/action", Success());
  desk.Turn();  // the mark of step 3 is with the store; step 2 is in flight
  desk.DoubtCommit("fsync failed");
  desk.Turn();
  const TicketPtr cancel = desk.Cancel("g");
  const TicketPtr stop = desk.Stop("g");
  const TicketPtr wait = desk.Wait("g");
  desk.End("g:02/action", Success());
  const Effects before = desk.effects;
  desk.now += 10_sec;  // past the deadline
  desk.Turn();
  CHECK(desk.effects == before);
  CHECK(cancel->open());
  CHECK(stop->open());
  CHECK(wait->open());
  CHECK(desk.Control(ControlRequest::Kind::kHealth).store_problem == "fsync failed");
  // What is not of that batch goes on.
  desk.End("other:01/action", Success());
  desk.Turn();
  CHECK(desk.IsOpen("other:02/action"));

  desk.Run();  // the store has found out: it is there
  CHECK(stop->code() == StatusCode::kOk);
  CHECK(desk.Control(ControlRequest::Kind::kHealth).store_problem == "");
  CHECK(desk.observer.Count(EventKind::kStoreTrouble) == 1);
  CHECK(desk.observer.Count(EventKind::kStoreRecovered) == 1);
}

TEST_CASE("a commit of unknown outcome holds up none of the batches behind it but in time") {
  Desk desk;
  desk.Submit("known", SagaOf(3));
  desk.Run();
  const TicketPtr unknown = desk.Submit("unknown");
  desk.Turn();
  const TicketPtr cancel = desk.Cancel("known");
  desk.Turn();
  CHECK(desk.store.commits_pending() == 2);
  desk.DoubtCommit("fsync failed");
  desk.End("known:01/action", Success());
  desk.Turn();
  CHECK(cancel->open());
  CHECK(desk.Control(ControlRequest::Kind::kHealth).store_problem == "fsync failed");
  desk.DoStore();  // it was there
  desk.Turn();
  CHECK(unknown->code() == StatusCode::kOk);
  CHECK(cancel->open());
  desk.Run();
  CHECK(cancel->code() == StatusCode::kOk);
  CHECK(desk.StatusOf("known") == TransactionStatus::kAborting);
}

TEST_CASE("batches that are refused together cost one rest, not one each") {
  Desk desk;
  desk.Submit("a");
  desk.Submit("b");
  desk.Run();
  for (const char* gid : {"a", "b"}) {
    desk.End(std::string(gid) + ":01/action", Failure());
    desk.Turn();
  }
  CHECK(desk.store.commits_pending() == 2);
  for (int i = 0; i < 2; ++i) desk.store.script.push_back(Refuse());
  desk.Run();
  CHECK(desk.engine->NextWake() == desk.now + 100_ms);
  desk.Pass(100_ms);
  CHECK(desk.StatusOf("a") == TransactionStatus::kAborting);
  CHECK(desk.StatusOf("b") == TransactionStatus::kAborting);
}

TEST_CASE("a submit whose outcome is unknown is answered when it is known") {
  Desk kept;
  kept.Run();
  const TicketPtr there = kept.Submit("g");
  kept.Turn();
  kept.DoubtCommit("fsync failed");
  kept.Turn();
  CHECK(there->open());
  kept.Run();
  CHECK(there->code() == StatusCode::kOk);
  CHECK(kept.Open() == "g:01/action");

  Desk desk;
  desk.Run();
  const TicketPtr submit = desk.Submit("g");
  desk.Turn();
  desk.DoubtCommit("fsync failed");
  desk.Turn();
  CHECK(submit->open());
  desk.store.script.push_back(Refuse());
  desk.Run();
  CHECK(submit->code() == StatusCode::kResourceExhausted);
  CHECK(desk.Open() == "");
  CHECK(desk.Control(ControlRequest::Kind::kHealth).live == 0);
}

TEST_CASE("a write that was refused is repeated, and what it allows waits for it") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.End("g:01/action", Failure());
  for (int i = 0; i < 3; ++i) desk.store.script.push_back(Refuse());
  desk.Run();
  CHECK(desk.Open() == "");
  CHECK(desk.StatusOf("g") == TransactionStatus::kSubmitted);
  desk.Pass(2_sec);
  CHECK(desk.StatusOf("g") == TransactionStatus::kAborting);
  CHECK(desk.Open() == "g:01/compensate");
  CHECK(desk.store.Row("g").version == 2);
}

TEST_CASE("an answer waits for the repetition of its write") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  const TicketPtr cancel = desk.Cancel("g");
  desk.store.script.push_back(Refuse());
  desk.Run();
  CHECK(cancel->open());
  desk.Pass(1_sec);
  CHECK(cancel->code() == StatusCode::kOk);
}

TEST_CASE("calls that the durable state allows go on while the store can't commit") {
  Desk desk;
  desk.Submit("g", SagaOf(3));
  desk.Run();
  for (int i = 0; i < 1000; ++i) desk.store.script.push_back(Refuse());
  desk.End("g:01/action", Success());
  desk.Pass(2_sec);
  CHECK(desk.Open() == "g:02/action");  // marked since the submit
  desk.End("g:02/action", Success());
  desk.Pass(2_sec);
  CHECK(desk.Open() == "");  // the mark of step 3 is not durable
  desk.store.script.clear();
  desk.Pass(6_sec);
  CHECK(desk.Open() == "g:03/action");
}

TEST_CASE("no deadline decides while the store can't commit") {
  Definition saga = SagaOf(1);
  saga.timeout_to_fail = 5_sec;
  Desk desk;
  desk.Submit("g", saga);
  desk.Run();
  for (int i = 0; i < 1000; ++i) desk.store.script.push_back(Refuse());
  desk.Submit("other");
  desk.Submit("g2", saga);
  // Something to write, again and again.
  const TicketPtr edit = desk.Edit("g", {"01", "compensate"}, {.payload = "new"});
  desk.Pass(1_sec);
  desk.Pass(6_sec);
  desk.End("g:01/action", Success());
  desk.Pass(1_sec);
  desk.store.script.clear();
  desk.Pass(6_sec);
  CHECK(edit->code() == StatusCode::kOk);
  CHECK(desk.StatusOf("g") == TransactionStatus::kSucceed);
}

TEST_CASE("no deadline decides because of somebody else's refused writes") {
  Definition saga = SagaOf(1);
  saga.timeout_to_fail = 5_sec;
  Desk desk;
  desk.Submit("g", saga);
  desk.Submit("other");
  desk.Run();
  for (int i = 0; i < 1000; ++i) desk.store.script.push_back(Refuse());
  desk.End("other:01/action", Unknown());  // progress to write
  desk.Pass(7_sec);
  desk.End("g:01/action", Success());
  desk.Pass(1_sec);
  desk.store.script.clear();
  desk.Pass(6_sec);
  CHECK(desk.StatusOf("g") == TransactionStatus::kSucceed);

  // Nor is it forgotten.
  Desk late;
  late.Submit("g", saga);
  late.Submit("other");
  late.Run();
  for (int i = 0; i < 1000; ++i) late.store.script.push_back(Refuse());
  late.End("other:01/action", Unknown());
  late.Pass(7_sec);
  late.store.script.clear();
  late.Pass(6_sec);
  CHECK(late.StatusOf("g") == TransactionStatus::kAborting);
}

TEST_CASE(
    "what a deadline can't decide yet stays due, so that a crash does not leave it for ever") {
  Definition saga = SagaOf(1);
  saga.timeout_to_fail = 5_sec;
  saga.policies[0].first = 20_sec;
  for (int steps = 0; steps < 6; ++steps) {
    CAPTURE(steps);
    Desk desk;
    desk.Submit("g", saga);
    desk.Submit("other");
    desk.Run();
    desk.End("g:01/action", Unknown());
    desk.Run();
    for (int i = 0; i < 1000; ++i) desk.store.script.push_back(Refuse());
    desk.End("other:01/action", Unknown());
    desk.Pass(3_sec);  // the other's progress is refused
    desk.store.script.clear();
    desk.now += 5_sec;  // and is taken just after the deadline of the one
    for (int i = 0; i < steps; ++i) {
      desk.Turn();
      if (!desk.store.pending.empty()) desk.DoStore();
    }
    desk.Crash();
    desk.Run();
    CHECK(desk.StatusOf("g") == TransactionStatus::kAborting);
  }
}

TEST_CASE("a store that can't be read can be written all the same") {
  Desk desk;
  desk.store.load_due_status = Status(StatusCode::kDataLoss, "a damaged page");
  desk.Pass(30_sec);
  const TicketPtr submit = desk.Submit("g");
  desk.Run();
  CHECK(submit->code() == StatusCode::kOk);
  CHECK(desk.Open() == "g:01/action");
  CHECK(desk.Control(ControlRequest::Kind::kHealth).store_problem == "a damaged page");
  CHECK(desk.observer.Count(EventKind::kStoreTrouble) == 1);
  desk.store.load_due_status = Status();
  desk.Pass(2_sec);
  CHECK(desk.Control(ControlRequest::Kind::kHealth).store_problem == "");
}

TEST_CASE("a row that somebody else has changed sets its transaction aside, and no other") {
  Desk desk;
  desk.Submit("g");
  desk.Submit("other");
  desk.Run();
  desk.store.rows.at("g").row.version += 5;
  const TicketPtr wait = desk.Wait("g");
  desk.Run();
  const TicketPtr cancel = desk.Cancel("g");
  desk.Run();
  CHECK(cancel->code() == StatusCode::kDataLoss);
  CHECK(wait->code() == StatusCode::kDataLoss);
  const TicketPtr later = desk.Wait("g");
  desk.End("g:01/action", Success());
  desk.Run();
  CHECK(later->code() == StatusCode::kDataLoss);
  CHECK(desk.calls.starts["g:02/action"] == 0);
  CHECK(desk.observer.Count(EventKind::kUnreadable) == 1);
  desk.End("other:01/action", Success());
  desk.Run();
  desk.End("other:02/action", Success());
  desk.Run();
  CHECK(desk.StatusOf("other") == TransactionStatus::kSucceed);
}

TEST_CASE("one write of a batch that can't be stored harms no other") {
  Desk desk;
  desk.Run();
  const TicketPtr bad = desk.Submit("bad");
  const TicketPtr good = desk.Submit("good");
  desk.store.script.push_back([&](const Batch& batch) {
    BatchResult result = desk.store.Apply(batch);
    desk.store.rows.erase("bad");
    for (size_t i = 0; i < batch.writes.size(); ++i) {
      if (batch.writes[i].row.gid != "bad") continue;
      result.writes[i] = {.kind = WriteResult::Kind::kNotWritten,
                          .existing = {},
                          .status = {StatusCode::kDataLoss, "damaged page"}};
    }
    return result;
  });
  desk.Run();
  CHECK(bad->code() == StatusCode::kDataLoss);
  CHECK(good->code() == StatusCode::kOk);
  CHECK(desk.Open() == "good:01/action");
}

TEST_CASE("an unreadable row is told of, and the rest goes on") {
  Desk first;
  first.Submit("bad");
  first.Submit("good");
  first.Run();
  first.store.unreadable.insert("bad");
  first.Crash();
  first.Run();
  CHECK(first.observer.Count(EventKind::kUnreadable) == 1);
  CHECK(first.Open() == "good:01/action");
  const TicketPtr wait = first.Wait("bad");
  const TicketPtr submit = first.Submit("bad");
  first.Run();
  CHECK(wait->code() == StatusCode::kDataLoss);
  CHECK(submit->code() == StatusCode::kOk);  // it is in the store
}

TEST_CASE("who waits for a transaction that can't be read any more is told so") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.Pass(3_sec);
  desk.End("g:01/action", Unknown());
  desk.Run();
  for (int i = 0; i < 4; ++i) {  // 20 s, 40 s, 80 s: out of memory
    if (desk.Open().empty()) desk.Pass(80_sec);
    if (!desk.Open().empty()) desk.End("g:01/action", Unknown());
    desk.Run();
  }
  const TicketPtr wait = desk.Wait("g");
  desk.Run();
  REQUIRE(desk.Control(ControlRequest::Kind::kHealth).live == 0);
  REQUIRE(wait->open());
  desk.store.unreadable.insert("g");
  desk.Pass(200_sec);
  CHECK(wait->code() == StatusCode::kDataLoss);
}

TEST_CASE("who has lost the store starts no call, and refuses everything") {
  Desk desk;
  desk.Submit("g");
  desk.Submit("rests");
  desk.Run();
  desk.End("rests:01/action", Unknown());
  desk.Run();
  desk.Pass(10_sec);
  for (int i = 0; i < 4 && desk.IsOpen("rests:01/action"); ++i) {
    desk.End("rests:01/action", Unknown());
    desk.Pass(40_sec);
  }
  const TicketPtr dormant = desk.Wait("rests");
  const TicketPtr wait = desk.Wait("g");
  desk.Run();
  const TicketPtr edit = desk.Edit("g", {"01", "action"}, {.payload = "x"});  // waits for the call
  desk.Run();
  CHECK(dormant->open());
  CHECK(edit->open());
  for (int i = 0; i < 2; ++i) desk.store.script.push_back(LoseOwner());
  const TicketPtr submit = desk.Submit("new");
  desk.Turn();
  const TicketPtr cancel = desk.Cancel("g");
  const TicketPtr behind = desk.Submit("behind");
  desk.Turn();
  desk.Run();
  for (const TicketPtr& ticket : {submit, cancel, wait, edit, behind, dormant}) {
    CHECK(ticket->code() == StatusCode::kFailedPrecondition);
    CHECK(ticket->answers == 1);
  }
  const Health health = desk.Control(ControlRequest::Kind::kHealth);
  CHECK_FALSE(health.owner);
  const Effects before = desk.effects;
  desk.End("g:01/action", Success());
  const TicketPtr later = desk.Submit("later");
  desk.Run();
  desk.Pass(std::chrono::hours(1));
  CHECK(later->code() == StatusCode::kFailedPrecondition);
  CHECK(std::count_if(desk.effects.begin() + static_cast<std::ptrdiff_t>(before.size()),
                      desk.effects.end(),
                      [](const std::string& what) { return !what.starts_with("answer"); }) == 0);
  CHECK(desk.engine->Quiet());
  CHECK_FALSE(desk.engine->NextWake());
}

TEST_CASE("a commit in doubt when another process takes the store over stays in doubt") {
  Desk desk;
  desk.Submit("known", SagaOf(2));
  desk.Run();
  const TicketPtr submit = desk.Submit("new");
  const TicketPtr cancel = desk.Cancel("known");
  desk.Turn();
  desk.DoubtCommit("fsync failed");
  const TicketPtr behind = desk.Submit("behind");
  desk.Turn();
  for (int i = 0; i < 2; ++i) desk.store.script.push_back(LoseOwner());
  desk.Run();
  for (const TicketPtr& ticket : {submit, cancel}) {
    CHECK(ticket->code() == StatusCode::kUnavailable);
    CHECK(ticket->answer.status.message() ==
          "whether it is stored is unknown: somebody else owns it");
  }
  CHECK(behind->code() == StatusCode::kFailedPrecondition);
  CHECK_FALSE(desk.Control(ControlRequest::Kind::kHealth).owner);
}

TEST_CASE("limits: too much under way, or not yet written, is refused before anything is written") {
  EngineOptions options;
  options.limits.live = 2;
  Desk desk(options);
  desk.Run();
  const TicketPtr first = desk.Submit("a");
  const TicketPtr second = desk.Submit("b");
  const TicketPtr third = desk.Submit("c");
  desk.Run();
  CHECK(first->code() == StatusCode::kOk);
  CHECK(second->code() == StatusCode::kOk);
  CHECK(third->code() == StatusCode::kResourceExhausted);
  CHECK_FALSE(desk.store.rows.contains("c"));

  EngineOptions small;
  small.limits.unwritten_bytes = 2'500'000;
  Desk bytes(small);
  bytes.Run();
  Definition saga = SagaOf(1);
  saga.steps[0].payload = std::string(1'000'000, 'x');
  std::vector<TicketPtr> tickets;
  for (int i = 0; i < 5; ++i) tickets.push_back(bytes.Submit("g" + std::to_string(i), saga));
  bytes.Turn();
  for (int i = 5; i < 8; ++i) tickets.push_back(bytes.Submit("g" + std::to_string(i), saga));
  bytes.Turn();  // nothing of it is durable yet
  bytes.Run();
  CHECK(bytes.store.rows.size() == 2);
  const TicketPtr after = bytes.Submit("after", saga);
  bytes.Run();
  CHECK(after->code() == StatusCode::kOk);
  CHECK(std::count_if(tickets.begin(), tickets.end(), [](const TicketPtr& ticket) {
          return ticket->code() == StatusCode::kResourceExhausted;
        }) == 6);
}

TEST_CASE("limits: what is larger than all that may be unwritten is taken alone") {
  EngineOptions small;
  small.limits.unwritten_bytes = 1'000;
  Desk desk(small);
  desk.Run();
  Definition saga = SagaOf(1);
  saga.steps[0].payload = std::string(2'000, 'x');
  const TicketPtr large = desk.Submit("large", saga);
  const TicketPtr too_much = desk.Submit("too much");
  desk.Run();
  CHECK(large->code() == StatusCode::kOk);
  CHECK(too_much->code() == StatusCode::kResourceExhausted);
  CHECK(desk.store.rows.contains("large"));
}

TEST_CASE("a batch that fails as a whole says nothing against any of its transactions") {
  Desk desk;
  desk.Submit("a");
  desk.Submit("b");
  desk.Run();
  desk.store.script.push_back([](const Batch&) {
    return BatchResult{.kind = BatchResult::Kind::kNotWritten,
                       .status = {StatusCode::kDataLoss, "damaged page"}};
  });
  const TicketPtr cancel = desk.Cancel("a");
  desk.End("b:01/action", Failure());
  desk.Pass(1_sec);
  CHECK(cancel->code() == StatusCode::kOk);
  CHECK(desk.observer.Count(EventKind::kUnreadable) == 0);
  CHECK(desk.observer.Count(EventKind::kStoreTrouble) == 1);
  CHECK(desk.StatusOf("a") == TransactionStatus::kAborting);
  CHECK(desk.StatusOf("b") == TransactionStatus::kAborting);
}

TEST_CASE("that the owner is lost may show in a purge, or in a topic while a batch is out") {
  for (const bool topic : {false, true}) {
    CAPTURE(topic);
    Desk desk;
    desk.Run();
    const TicketPtr out = desk.Submit("out");
    desk.Turn();
    const TicketPtr behind = desk.Submit("behind");
    desk.Turn();
    const Status lost(StatusCode::kFailedPrecondition, "somebody else owns it");
    if (topic) {
      desk.Ask("topic", WaitRequest{});
      desk.events.clear();
      desk.events.emplace_back(TopicRequest{.change = {}, .reply = [](Answer&&) {}});
      desk.Turn();
      desk.events.emplace_back(TopicChanged{.status = lost, .reply = [](Answer&&) {}});
    } else {
      desk.events.emplace_back(Purged{.pass = {}, .status = lost});
    }
    desk.Turn();
    CHECK_FALSE(desk.Control(ControlRequest::Kind::kHealth).owner);
    for (int i = 0; i < 2; ++i) desk.store.script.push_back(LoseOwner());
    desk.Run();
    CHECK(out->code() == StatusCode::kFailedPrecondition);
    CHECK(behind->code() == StatusCode::kFailedPrecondition);
    CHECK(desk.observer.Count(EventKind::kStoreTrouble) == 1);
    CHECK(desk.engine->Quiet());
  }
}

TEST_CASE("limits: so many requests of one transaction wait, and no more") {
  Desk desk;
  desk.Run();
  desk.Submit("g");
  desk.Turn();
  desk.DoubtCommit("fsync failed");
  desk.Turn();
  std::vector<TicketPtr> repeated;
  for (int i = 0; i < 1'001; ++i) repeated.push_back(desk.Submit("g"));
  desk.Turn();
  CHECK(repeated[999]->open());
  CHECK(repeated[1'000]->code() == StatusCode::kResourceExhausted);
  CHECK(repeated[1'000]->answer.status.message().find("1000 requests") != std::string::npos);
  desk.Run();
  CHECK(repeated[999]->code() == StatusCode::kOk);
}

}  // namespace
}  // namespace troth::internal
