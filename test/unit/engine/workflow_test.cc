// What a workflow's caller reports, over a store by hand: what is answered when.
#include <doctest/doctest.h>

#include "desk.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

Definition Transfer() {
  Definition definition;
  definition.mode = Mode::kWorkflow;
  definition.query_prepared = "http://shop.example/resume";
  definition.workflow = "transfer";
  definition.input = "30";
  return definition;
}

TicketPtr Prepare(Desk& desk, const Definition& definition = Transfer()) {
  auto t = std::make_unique<GlobalTransaction>(
      NewTransaction("g", std::make_shared<const Definition>(definition), desk.now));
  t->digest = DigestOf(definition);
  return desk.Ask(
      "g",
      SubmitRequest{.transaction = std::move(t),
                    .document = std::make_shared<const std::string>(EncodeDefinition(definition))});
}

TicketPtr Record(Desk& desk, std::string id, std::string op, std::string data = "") {
  const Progress progress{.branch_id = std::move(id), .op = std::move(op), .data = std::move(data)};
  return desk.Ask("g",
                  RecordRequest{std::make_shared<const Progress>(progress),
                                std::make_shared<const std::string>(EncodeProgress(progress))});
}

TicketPtr Finish(Desk& desk, bool succeeded, const std::string& words) {
  FinishRequest finish{.succeeded = succeeded};
  if (succeeded) {
    finish.result = std::make_shared<const std::string>(words);
    finish.document = std::make_shared<const std::string>(EncodeResult(words));
  } else {
    finish.reason = words;
  }
  return desk.Ask("g", std::move(finish));
}

TEST_CASE("workflow: a record, an outcome and an end are durable before they are answered") {
  Desk desk;
  desk.Run();
  const TicketPtr prepared = Prepare(desk);
  desk.Turn();
  CHECK(prepared->open());
  desk.Run();
  CHECK(prepared->code() == StatusCode::kOk);
  CHECK_FALSE(prepared->answer.repeated);

  const TicketPtr step = Record(desk, "01", "action", "out");
  desk.Turn();
  const TicketPtr again = Record(desk, "01", "action", "out");
  desk.Turn();
  CHECK(step->open());
  CHECK(again->open());
  desk.Run();
  CHECK(step->code() == StatusCode::kOk);
  CHECK(again->code() == StatusCode::kOk);
  REQUIRE(desk.store.Read("g").progress.size() == 1);
  CHECK(desk.store.Read("g").progress[0]->data == "out");

  // Two that differ about the outcome, in one turn: the first fixes it, and the second waits to be
  // told so until that is durable.
  const TicketPtr commit = Record(desk, "01", "commit");
  const TicketPtr rollback = Record(desk, "01", "rollback");
  const TicketPtr failed = Finish(desk, false, "no money");
  desk.Turn();
  CHECK(commit->open());
  CHECK(rollback->open());
  CHECK(failed->open());
  desk.Run();
  CHECK(commit->code() == StatusCode::kOk);
  CHECK(rollback->code() == StatusCode::kFailedPrecondition);
  CHECK(failed->code() == StatusCode::kFailedPrecondition);
  CHECK(desk.observer.Count(EventKind::kContradiction) == 2);
  CHECK(desk.observer.Count(EventKind::kDecided) == 1);
  CHECK(desk.store.Read("g").outcome == Decision::kCommit);
  CHECK(desk.StatusOf("g") == TransactionStatus::kPrepared);

  const TicketPtr wait = desk.Wait("g");
  const TicketPtr ended = Finish(desk, true, "done");
  desk.Turn();
  CHECK(ended->open());
  desk.Run();
  CHECK(ended->code() == StatusCode::kOk);
  CHECK(wait->answer.outcome->succeeded());
  CHECK(desk.StatusOf("g") == TransactionStatus::kSucceed);
  CHECK(*desk.store.Read("g").result == "done");
  CHECK(desk.calls.starts.empty());
}

TEST_CASE("workflow: what was reported is answered from the row once it has ended") {
  Desk desk;
  desk.Run();
  Prepare(desk);
  desk.Run();
  Finish(desk, false, "no money");
  desk.Run();
  desk.Crash();
  desk.Run();
  const TicketPtr prepared = Prepare(desk);
  const TicketPtr same = Finish(desk, false, "no money");
  const TicketPtr other = Finish(desk, false, "no time");
  const TicketPtr step = Record(desk, "01", "action");
  Definition another = Transfer();
  another.input = "40";
  const TicketPtr differs = Prepare(desk, another);
  desk.Run();
  CHECK(prepared->answer.repeated);
  CHECK(same->answer.repeated);
  CHECK(other->code() == StatusCode::kFailedPrecondition);
  CHECK(step->code() == StatusCode::kAborted);
  CHECK(differs->code() == StatusCode::kAlreadyExists);
}

TEST_CASE("workflow: a call-back is made after a crash when its time comes, and its end is none") {
  Desk desk;
  desk.Run();
  Prepare(desk);
  desk.Run();
  Record(desk, "01", "rollback");
  desk.Run();
  desk.Crash();
  desk.Run();
  CHECK(desk.Open().empty());
  desk.Pass(10_sec);
  REQUIRE(desk.Open() == "g:00/transfer");
  CHECK(desk.calls.open[0].payload == "30");
  CHECK(desk.calls.open[0].post);
  desk.End("g:00/transfer", Success());
  desk.Run();
  CHECK(desk.StatusOf("g") == TransactionStatus::kPrepared);
  desk.Pass(10_sec);
  REQUIRE(desk.Open() == "g:00/transfer");
  // Its end, while the call-back is on its way: the answer says nothing new, and is not written.
  Finish(desk, false, "no money");
  desk.Run();
  CHECK(desk.StatusOf("g") == TransactionStatus::kFailed);
  const size_t writes = desk.store.writes["g"];
  desk.End("g:00/transfer", Success());
  desk.Run();
  CHECK(desk.store.writes["g"] == writes);
  CHECK(desk.store.Read("g").history.empty());
}

TEST_CASE(
    "workflow: prepared again after a crash, before its row is loaded, its function is alive") {
  Desk desk;
  desk.Run();
  Prepare(desk);
  desk.Run();
  desk.Crash();
  desk.Run();
  desk.Pass(9_sec);
  const TicketPtr again = Prepare(desk);
  desk.Run();
  CHECK(again->code() == StatusCode::kOk);
  CHECK(again->answer.repeated);
  desk.Pass(9_sec);
  CHECK(desk.Open().empty());
  desk.Pass(1_sec);
  CHECK(desk.Open() == "g:00/transfer");
}

}  // namespace
}  // namespace troth::internal
