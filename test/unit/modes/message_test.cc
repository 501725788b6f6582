// Two-phase messages from the outside: prepare, submit, abort, the check-back, and actions that are
// delivered whatever it takes.
#include "scene.h"

namespace troth::testing {
namespace {

using enum TransactionStatus;

void Prepare(World& world, const Message& message) {
  const Result<Accepted> prepared = world.coordinator().Prepare(message);
  REQUIRE_MESSAGE(prepared.ok(), prepared.status().ToString());
}
StatusCode CodeOf(const Result<Accepted>& accepted) { return accepted.status().code(); }

TEST_CASE("message: submitted at once, its actions run in order") {
  World world(Instant());
  Message message = News({"a", "b"});
  message.query_prepared = {};
  const Result<Accepted> accepted = world.coordinator().Submit(message);
  REQUIRE(accepted.ok());
  CHECK(accepted->gid == message.gid);
  CHECK_FALSE(accepted->repeated);
  CHECK(StatusOf(world, message.gid) == kSubmitted);
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(Called(world) == Names{"a/do 01/action", "b/do 02/action"});
  CHECK(Branches(world, message.gid) == Names{"01/action=succeed", "02/action=succeed"});
  for (const RecordedCall& call : world.calls()) CHECK(call.context.trans_type == "msg");
}

TEST_CASE("message: prepared, nothing runs until it is submitted") {
  World world(Instant());
  const Message message = News({"a", "b"});
  Prepare(world, message);
  CHECK(StatusOf(world, message.gid) == kPrepared);
  world.Advance(30s);
  CHECK(world.calls().empty());
  const Result<Accepted> accepted = world.coordinator().SubmitPrepared(message);
  REQUIRE(accepted.ok());
  CHECK_FALSE(accepted->repeated);
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(Called(world) == Names{"a/do 01/action", "b/do 02/action"});
}

TEST_CASE("message: an abort ends a prepared one, and nothing is called") {
  World world(Instant());
  const Message message = News({"a"});
  Prepare(world, message);
  REQUIRE(world.coordinator().Abort(message.gid, "no stock").ok());
  const Outcome outcome = Wait(world, message.gid);
  CHECK(outcome.status == kFailed);
  CHECK(outcome.reason.code == ReasonCode::kRolledBack);
  CHECK(outcome.reason.text == "no stock");
  CHECK(world.coordinator().Abort(message.gid, "again").ok());
  CHECK(Look(world, message.gid).reason.text == "no stock");
  world.Advance(24h);
  CHECK(world.calls().empty());
  CHECK(Branches(world, message.gid) == Names{"01/action=prepared"});
}

TEST_CASE("message: what a repetition is answered in each status") {
  World world(Instant());
  world.Branch(Url("a", "do")).Answer(500);
  const Message message = News({"a"});
  Message other = message;
  other.steps[0].payload = "another";
  auto& coordinator = world.coordinator();
  CHECK(CodeOf(coordinator.SubmitPrepared(message)) == StatusCode::kNotFound);
  CHECK(coordinator.Abort(message.gid, "no").code() == StatusCode::kNotFound);

  Prepare(world, message);  // prepared
  const Result<Accepted> again = coordinator.Prepare(message);
  REQUIRE(again.ok());
  CHECK(again->repeated);
  CHECK(CodeOf(coordinator.Prepare(other)) == StatusCode::kAlreadyExists);
  CHECK(CodeOf(coordinator.Submit(other)) == StatusCode::kAlreadyExists);
  CHECK(CodeOf(coordinator.SubmitPrepared(other)) == StatusCode::kAlreadyExists);
  CHECK(StatusOf(world, message.gid) == kPrepared);

  REQUIRE(coordinator.SubmitPrepared(message).ok());
  for (const TransactionStatus status : {kSubmitted, kSucceed}) {
    if (status == kSucceed) Wait(world, message.gid);
    CHECK(StatusOf(world, message.gid) == status);
    for (const bool whole : {false, true}) {
      const auto repeated =
          whole ? coordinator.Submit(message) : coordinator.SubmitPrepared(message);
      REQUIRE(repeated.ok());
      CHECK(repeated->repeated);
    }
    CHECK(CodeOf(coordinator.Prepare(message)) == StatusCode::kFailedPrecondition);
    CHECK(coordinator.Abort(message.gid, "no").code() == StatusCode::kFailedPrecondition);
    CHECK(CodeOf(coordinator.Prepare(other)) == StatusCode::kAlreadyExists);
    CHECK(CodeOf(coordinator.Submit(other)) == StatusCode::kAlreadyExists);
    CHECK(CodeOf(coordinator.SubmitPrepared(other)) == StatusCode::kAlreadyExists);
  }
  CHECK(world.Branch(Url("a", "do")).calls() == 2);  // nothing ran twice

  Message bad = News({"b"});
  Prepare(world, bad);
  REQUIRE(coordinator.Abort(bad.gid, "no").ok());  // failed
  CHECK(CodeOf(coordinator.Prepare(bad)) == StatusCode::kFailedPrecondition);
  CHECK(CodeOf(coordinator.Submit(bad)) == StatusCode::kAborted);
  CHECK(CodeOf(coordinator.SubmitPrepared(bad)) == StatusCode::kAborted);
  bad.steps[0].payload = "another";
  CHECK(CodeOf(coordinator.SubmitPrepared(bad)) == StatusCode::kAlreadyExists);
  CHECK(CodeOf(coordinator.Submit(bad)) == StatusCode::kAlreadyExists);
}

TEST_CASE("message: a whole submit of what is prepared decides it") {
  World world(Instant());
  const Message message = News({"a"});
  Prepare(world, message);
  REQUIRE(world.coordinator().Submit(message).ok());
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(world.Branch(kAsk).calls() == 0);
  const Message stored = News({"b"});
  Prepare(world, stored);
  REQUIRE(world.Reopen().ok());  // as well when it is but a row
  REQUIRE(world.coordinator().Submit(stored).ok());
  CHECK(Wait(world, stored.gid).succeeded());
  CHECK(world.Branch(Url("b", "do")).calls() == 1);
}

TEST_CASE("message: a gid of another mode is another content") {
  World world(Instant());
  Tcc tcc = BeginTcc(world);
  Message message = News({"a"});
  message.gid = tcc.gid();
  CHECK(CodeOf(world.coordinator().Prepare(message)) == StatusCode::kAlreadyExists);
  CHECK(CodeOf(world.coordinator().Submit(message)) == StatusCode::kAlreadyExists);
  CHECK(CodeOf(world.coordinator().SubmitPrepared(message)) == StatusCode::kAlreadyExists);
  CHECK(StatusOf(world, tcc.gid()) == kPrepared);
}

TEST_CASE("message: wrong input is named, and nothing is stored") {
  World world(Instant());
  const auto message = [&](const std::function<void(Message&)>& spoil) {
    Message wrong = News({"a"});
    spoil(wrong);
    const auto prepared = world.coordinator().Prepare(wrong);
    CHECK(prepared.status().code() == StatusCode::kInvalidArgument);
    CHECK(world.coordinator().Query(wrong.gid).status().code() == StatusCode::kNotFound);
    return prepared.status().message();
  };
  CHECK(message([](Message& m) { m.query_prepared = {}; }).starts_with("message.query_prepared"));
  CHECK(message([](Message& m) { m.query_prepared = "x"; }).starts_with("message.query_prepared"));
  CHECK(message([](Message& m) { m.steps.clear(); }).starts_with("message.steps"));
  CHECK(message([](Message& m) {
          m.steps[0].action = "ftp://x";
        }).starts_with("message.steps[0].action"));
  CHECK(message([](Message& m) { m.delay = -1ms; }).starts_with("message.delay"));
  CHECK(message([](Message& m) {
          m.delay = 1s;
          m.start = Time{1h};
        }).starts_with("message.start"));
  CHECK(message([](Message& m) { m.timeout_to_fail = -1s; }).starts_with("message.timeout"));
}

TEST_CASE("message: undecided for 35 s the check-back is asked, not a millisecond before") {
  World world(Instant());
  const Message message = News({"a", "b"});
  Prepare(world, message);
  world.Advance(34'999ms);
  CHECK(world.calls().empty());
  world.Advance(1ms);
  CHECK(Wait(world, message.gid).succeeded());  // it said yes
  CHECK(Called(world) == Names{"ask/back 00/msg", "a/do 01/action", "b/do 02/action"});
  CHECK(world.calls()[0].method == "GET");
  CHECK(world.calls()[0].payload.empty());
}

TEST_CASE("message: an action that is ongoing after the check-back's yes is asked again") {
  World world(Instant());
  world.Branch(Url("a", "do")).Ongoing();
  const Message message = News({"a"});
  Prepare(world, message);
  world.Advance(35s);
  CHECK(StatusOf(world, message.gid) == kSubmitted);
  CHECK(Called(world) == Names{"ask/back 00/msg", "a/do 01/action"});
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(CalledFrom(world, 2) == Names{"a/do 01/action"});
}

TEST_CASE("message: a time-out of its own") {
  World world(Instant());
  Message message = News({"a"});
  message.timeout_to_fail = 120s;
  Prepare(world, message);
  world.Advance(119s);
  CHECK(world.calls().empty());
  world.Advance(1s);
  CHECK(world.Branch(kAsk).calls() == 1);
}

TEST_CASE("message: failure of the check-back fails it, and nothing else is called") {
  World world(Instant());
  world.Branch(kAsk).Fail("rolled back");
  const Message message = News({"a", "b"});
  Prepare(world, message);
  const Outcome outcome = Wait(world, message.gid);
  CHECK(outcome.status == kFailed);
  CHECK(outcome.reason.branch_id == "00");
  CHECK(outcome.reason.op == "msg");
  CHECK(outcome.reason.http_status == 409);
  CHECK(outcome.reason.text.find("rolled back") != std::string::npos);
  CHECK(Called(world) == Names{"ask/back 00/msg"});
  CHECK(Branches(world, message.gid) ==
        Names{"01/action=prepared", "02/action=prepared", "00/msg=failed"});
}

TEST_CASE("message: ongoing asks again at the fixed interval, unknown backs off") {
  World world(Instant());
  world.Branch(kAsk).Ongoing().Times(2).Answer(500).Times(3);
  Message message = News({"a"});
  message.options.retry.first = 10s;
  Prepare(world, message);
  CHECK(Wait(world, message.gid).succeeded());
  std::vector<int64_t> gaps;
  const auto asked = world.Branch(kAsk).recorded();
  for (size_t i = 1; i < asked.size(); ++i) {
    gaps.push_back((asked[i].at - asked[i - 1].at) / 1s);
  }
  CHECK(gaps == std::vector<int64_t>{10, 10, 10, 20, 40});
}

TEST_CASE("message: used-up retries of the check-back park it, and fail nothing") {
  World world(Instant());
  world.Branch(kAsk).Answer(500).Times(3);
  Message message = News({"a"});
  message.options.retry.park_after = 2;
  message.options.retry.limit = 1;  // is for operations that decide by it
  Prepare(world, message);
  world.RunUntilIdle();
  const TransactionRecord parked = Look(world, message.gid);
  CHECK(parked.status == kPrepared);
  CHECK(parked.parked == ReasonCode::kParkedRetries);
  CHECK(world.Branch(kAsk).calls() == 3);
  REQUIRE(world.coordinator().RetryNow(message.gid, kAnn).ok());
  CHECK(Wait(world, message.gid).succeeded());
}

TEST_CASE("message: submit and abort still decide a parked one") {
  World world(Instant());
  world.Branch(kAsk).Answer(500).Always();
  Message message = News({"a"});
  message.options.retry.park_after = 0;
  Message other = message;
  other.gid = NewGid();
  Prepare(world, message);
  Prepare(world, other);
  world.RunUntilIdle();
  REQUIRE(Look(world, other.gid).parked == ReasonCode::kParkedRetries);
  CHECK(world.coordinator().SubmitPrepared(message).ok());
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(world.coordinator().Abort(other.gid, "no").ok());
  CHECK(Wait(world, other.gid).status == kFailed);
}

TEST_CASE("message: a check-back's late no does not undo a submit, its late yes no abort") {
  std::vector<std::string> contradictions;
  World world(Instant({.on_event = [&](const Event& event) {
    if (event.kind == EventKind::kContradiction) contradictions.push_back(event.text);
  }}));
  const auto in_history = [&](const Message& message) {
    const auto history = Look(world, message.gid).history;
    return history.size() == 1 && history[0].what == "late result of 00/msg";
  };
  world.Branch(kAsk).Fail("no").Delay(1s).Succeed().Delay(1s).Succeed().Delay(1s);
  const Message submitted = News({"a"});
  Prepare(world, submitted);
  world.Advance(35'500ms);
  REQUIRE(world.Branch(kAsk).calls() == 1);
  REQUIRE(world.coordinator().SubmitPrepared(submitted).ok());
  CHECK(Wait(world, submitted.gid).succeeded());
  world.Advance(5s);
  CHECK(StatusOf(world, submitted.gid) == kSucceed);
  CHECK(contradictions == Names{"the check-back says failure, after the end, which was: succeed"});
  CHECK(in_history(submitted));

  const Message aborted = News({"b"});
  Prepare(world, aborted);
  world.Advance(35'500ms);
  REQUIRE(world.Branch(kAsk).calls() == 2);
  REQUIRE(world.coordinator().Abort(aborted.gid, "no").ok());
  world.Advance(5s);
  CHECK(StatusOf(world, aborted.gid) == kFailed);
  CHECK(world.Branch(Url("b", "do")).calls() == 0);
  REQUIRE(contradictions.size() == 2);
  CHECK(contradictions[1] == "the check-back says success, after the end, which was: failed");
  CHECK(in_history(aborted));

  // What it says in time, or in agreement, is no news.
  const Message agreed = News({"c"});
  Prepare(world, agreed);
  world.Advance(35'500ms);
  REQUIRE(world.Branch(kAsk).calls() == 3);
  REQUIRE(world.coordinator().SubmitPrepared(agreed).ok());
  CHECK(Wait(world, agreed.gid).succeeded());
  world.Advance(5s);
  CHECK(contradictions.size() == 2);
}

TEST_CASE("message: a check-back that is late while the actions still run changes nothing either") {
  std::vector<std::string> contradictions;
  World world(Instant({.on_event = [&](const Event& event) {
    if (event.kind == EventKind::kContradiction) contradictions.push_back(event.text);
  }}));
  world.Branch(kAsk).Fail("no").Delay(1s);
  world.Branch(Url("a", "do")).Answer(500).Times(2);
  const Message message = News({"a"});
  Prepare(world, message);
  world.Advance(35'500ms);
  REQUIRE(world.coordinator().SubmitPrepared(message).ok());
  world.Advance(1s);
  CHECK(contradictions ==
        Names{"the check-back says failure, after the decision, which was: submitted"});
  CHECK(Branches(world, message.gid) == Names{"01/action=prepared", "00/msg=prepared"});
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(contradictions.size() == 1);
}

TEST_CASE("message: a local check-back") {
  World world(Instant({.local = {{"committed", [](const BranchContext& context,
                                                  std::string_view payload, std::stop_token) {
                                    CHECK(context.branch_id == "00");
                                    CHECK(context.op == "msg");
                                    CHECK(payload.empty());
                                    return BranchResult::Failure("no row");
                                  }}}}));
  Message message = News({"a"});
  message.query_prepared = "local:committed";
  Prepare(world, message);
  CHECK(Wait(world, message.gid).reason.text.find("no row") != std::string::npos);
}

TEST_CASE("message: cancel of a prepared one asks the check-back at once") {
  for (const bool committed : {true, false}) {
    CAPTURE(committed);
    World world(Instant());
    if (!committed) world.Branch(kAsk).Fail("no row");
    const Message message = News({"a"});
    Prepare(world, message);
    world.Advance(5s);
    const Time begin = world.now();
    REQUIRE(world.coordinator().Cancel(message.gid, kAnn).ok());
    const Outcome outcome = Wait(world, message.gid);
    CHECK(world.now() == begin);
    CHECK(world.Branch(kAsk).calls() == 1);
    CHECK(outcome.succeeded() == committed);  // the application may have committed: it is asked
    CHECK(world.Branch(Url("a", "do")).calls() == (committed ? 1 : 0));
    CHECK(Look(world, message.gid).history.at(0).what == "cancel");
  }
}

TEST_CASE(
    "message: cancel asks at once also while the check-back waits for a retry, or is parked") {
  for (const bool parked : {true, false}) {
    CAPTURE(parked);
    World world(Instant());
    world.Branch(kAsk).Answer(500).Fail("no row");
    Message message = News({"a"});
    if (parked) message.options.retry.park_after = 0;
    Prepare(world, message);
    world.Advance(36s);
    REQUIRE(world.Branch(kAsk).calls() == 1);
    const Time begin = world.now();
    REQUIRE(world.coordinator().Cancel(message.gid, kAnn).ok());
    CHECK(Wait(world, message.gid).status == kFailed);
    CHECK(world.now() == begin);
  }
}

TEST_CASE("message: after a cancel the application's own word still counts") {
  World world(Instant());
  world.Branch(kAsk).Ongoing().Always();
  const Message message = News({"a"});
  const Message other = News({"b"});
  Prepare(world, message);
  Prepare(world, other);
  REQUIRE(world.coordinator().Cancel(message.gid, kAnn).ok());
  REQUIRE(world.coordinator().Cancel(other.gid, kAnn).ok());
  world.Advance(1s);
  CHECK(world.coordinator().SubmitPrepared(message).ok());
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(world.coordinator().Abort(other.gid, "no").ok());
  CHECK(Wait(world, other.gid).status == kFailed);
}

TEST_CASE("message: a submitted one can't be cancelled, nor can an ended one") {
  World world(Instant());
  world.Branch(Url("a", "do")).Answer(500);
  const Message message = News({"a"});
  REQUIRE(world.coordinator().Submit(message).ok());
  world.Advance(1s);
  CHECK(world.coordinator().Cancel(message.gid, kAnn).code() == StatusCode::kFailedPrecondition);
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(world.coordinator().Cancel(message.gid, kAnn).code() == StatusCode::kFailedPrecondition);
  CHECK(Look(world, message.gid).history.empty());
}

TEST_CASE("message: failure from an action is retried, and never rolls back") {
  World world(Instant());
  world.Branch(Url("a", "do")).Fail("no").Times(4);
  Message message = News({"a", "b"});
  message.options.retry.limit = 1;
  message.options.retry.give_up_after = 1s;
  REQUIRE(world.coordinator().Submit(message).ok());
  world.Advance(1s);
  const auto failure = Look(world, message.gid).branches.at(0).first_failure;
  REQUIRE(failure);
  CHECK(failure->code == ReasonCode::kFailureNotAllowed);
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(world.Branch(Url("a", "do")).calls() == 5);
  CHECK(world.Branch(Url("b", "do")).calls() == 1);
}

TEST_CASE("message: past park_after an action is parked with its reason, and a retry delivers it") {
  World world(Instant());
  world.Branch(Url("a", "do")).Fail("mailbox full").Times(3);
  Message message = News({"a", "b"});
  message.options.retry.park_after = 2;
  REQUIRE(world.coordinator().Submit(message).ok());
  world.RunUntilIdle();
  const TransactionRecord record = Look(world, message.gid);
  CHECK(record.status == kSubmitted);
  CHECK(record.parked == ReasonCode::kParkedRetries);
  CHECK(record.branches.at(0).newest_failures.back().text.find("mailbox full") !=
        std::string::npos);
  CHECK(world.Branch(Url("b", "do")).calls() == 0);
  REQUIRE(world.coordinator().RetryNow(message.gid, kAnn).ok());
  CHECK(Wait(world, message.gid).succeeded());
}

TEST_CASE("message: concurrent actions all start at once, and none holds another") {
  World world(Instant());
  world.Branch(Url("a", "do")).Ongoing();
  Message message = News({"a", "b", "c"});
  message.concurrent = true;
  REQUIRE(world.coordinator().Submit(message).ok());
  world.Advance(1s);
  CHECK(world.calls().size() == 3);
  CHECK(Branches(world, message.gid) ==
        Names{"01/action=prepared", "02/action=succeed", "03/action=succeed"});
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(world.calls().size() == 4);
}

TEST_CASE("message: empty actions are done without a call") {
  World world(Instant());
  Message message = News({"a"});
  message.Add({});
  message.Add({.action = Url("c", "do")});
  REQUIRE(world.coordinator().Submit(message).ok());
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(Called(world) == Names{"a/do 01/action", "c/do 03/action"});
}

TEST_CASE("message: headers of the message and of the step come with the actions") {
  World world(Instant());
  Message message = News({"a"});
  message.headers = {{"X-Shop", "1"}, {"X-Both", "shop"}};
  message.steps[0].headers = {{"x-both", "step"}};
  Prepare(world, message);
  Wait(world, message.gid);
  CHECK(world.calls().at(0).context.headers == Headers{{"X-Shop", "1"}, {"X-Both", "shop"}});
  CHECK(world.calls().at(1).context.headers == Headers{{"X-Shop", "1"}, {"x-both", "step"}});
}

}  // namespace
}  // namespace troth::testing
