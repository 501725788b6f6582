// TCC from the outside: what is tried, registered, confirmed and cancelled, and what a session is
// told.
#include <stdexcept>

#include "scene.h"

namespace troth::testing {
namespace {

using enum TransactionStatus;

TEST_CASE("tcc: every branch is tried once, then all are confirmed in reverse order") {
  World world(Instant());
  world.Branch(Url("a", "try")).Succeed("seat 7");
  Tcc tcc = BeginTcc(world);
  CHECK(StatusOf(world, tcc.gid()) == kPrepared);
  const Result<std::string> seat = tcc.Call(Trip("a"));
  REQUIRE(seat.ok());
  CHECK(*seat == "seat 7");
  CHECK(tcc.Call(Trip("b")).ok());
  CHECK(Branches(world, tcc.gid()) == Names{"01/cancel=prepared", "01/confirm=prepared",
                                            "02/cancel=prepared", "02/confirm=prepared"});
  REQUIRE(tcc.Commit().ok());
  const Outcome outcome = Wait(world, tcc.gid());
  CHECK(outcome.succeeded());
  CHECK(outcome.reason.code == ReasonCode::kNone);
  CHECK(Called(world) ==
        Names{"a/try 01/try", "b/try 02/try", "b/confirm 02/confirm", "a/confirm 01/confirm"});
  CHECK(Branches(world, tcc.gid()) == Names{"01/cancel=prepared", "01/confirm=succeed",
                                            "02/cancel=prepared", "02/confirm=succeed"});
  for (const RecordedCall& call : world.calls()) {
    CHECK(call.context.gid == tcc.gid());
    CHECK(call.context.trans_type == "tcc");
    CHECK(call.method == "POST");
    CHECK(call.payload == "{}");
  }
}

TEST_CASE("tcc: a refused try rolls all back, the refused branch included") {
  World world(Instant());
  world.Branch(Url("b", "try")).Fail("no seat");
  const TccOptions options;
  const Result<Accepted> done = RunTcc(world.coordinator(), options, [](Tcc& tcc) {
    if (const auto a = tcc.Call(Trip("a")); !a.ok()) return a.status();
    const auto b = tcc.Call(Trip("b"));
    CHECK(b.status().code() == StatusCode::kAborted);
    CHECK(b.status().message().find("no seat") != std::string::npos);
    return b.status();
  });
  CHECK(done.status().code() == StatusCode::kAborted);
  CHECK(done.status().message().find("no seat") != std::string::npos);
  const Outcome outcome = Wait(world, options.gid);
  CHECK(outcome.status == kFailed);
  CHECK(outcome.reason.code == ReasonCode::kRolledBack);
  CHECK(outcome.reason.text.find("no seat") != std::string::npos);
  CHECK(Called(world) ==
        Names{"a/try 01/try", "b/try 02/try", "b/cancel 02/cancel", "a/cancel 01/cancel"});
  CHECK(Branches(world, options.gid) == Names{"01/cancel=succeed", "01/confirm=prepared",
                                              "02/cancel=succeed", "02/confirm=prepared"});
}

TEST_CASE("tcc: a try without a result is made once, and its cancel is called too") {
  World world(Instant());
  world.Branch(Url("a", "try")).RunButLoseReply();
  Tcc tcc = BeginTcc(world);
  const auto a = tcc.Call(Trip("a"));
  CHECK(a.status().code() == StatusCode::kUnavailable);
  CHECK(StatusOf(world, tcc.gid()) == kPrepared);  // what to do about it is for the caller
  REQUIRE(tcc.Rollback("no answer").ok());
  CHECK(Wait(world, tcc.gid()).reason.text == "no answer");
  CHECK(Called(world) == Names{"a/try 01/try", "a/cancel 01/cancel"});
}

TEST_CASE(
    "tcc: ongoing, an error status, a refused connection and a time-out of a try are unknown") {
  World world(Instant());
  world.Branch(Url("a", "try")).Ongoing().Answer(500).Refuse().Hang();
  for (int i = 0; i < 4; ++i) {
    Tcc tcc = BeginTcc(world);
    CHECK(tcc.Call(Trip("a")).status().code() == StatusCode::kUnavailable);
  }
}

TEST_CASE("tcc: what the function throws rolls back, and stays inside the library") {
  World world(Instant());
  const TccOptions options;
  const Result<Accepted> done = RunTcc(world.coordinator(), options, [](Tcc& tcc) -> Status {
    CHECK(tcc.Call(Trip("a")).ok());
    throw std::runtime_error("out of paper");
  });
  CHECK(done.status().code() == StatusCode::kAborted);
  CHECK(done.status().message().find("out of paper") != std::string::npos);
  CHECK(Wait(world, options.gid).reason.text.find("out of paper") != std::string::npos);
  CHECK(Called(world) == Names{"a/try 01/try", "a/cancel 01/cancel"});

  const TccOptions other;
  CHECK(RunTcc(world.coordinator(), other, [](Tcc&) -> Status { throw 7; }).status().code() ==
        StatusCode::kAborted);
  CHECK(Wait(world, other.gid).status == kFailed);
}

TEST_CASE("tcc: RunTcc commits when the function says OK, and says so with the gid") {
  World world(Instant());
  const TccOptions options;
  const Result<Accepted> done =
      RunTcc(world.coordinator(), options, [](Tcc& tcc) { return tcc.Call(Trip("a")).status(); });
  REQUIRE(done.ok());
  CHECK(done->gid == options.gid);
  CHECK(StatusOf(world, options.gid) == kSubmitted);  // durable when it answers
  CHECK(Wait(world, options.gid).succeeded());
}

TEST_CASE("tcc: without any branch it succeeds, or fails, at once") {
  World world(Instant());
  Tcc good = BeginTcc(world);
  REQUIRE(good.Commit().ok());
  CHECK(Wait(world, good.gid()).succeeded());
  Tcc bad = BeginTcc(world);
  REQUIRE(bad.Rollback("changed my mind").ok());
  CHECK(Wait(world, bad.gid()).status == kFailed);
  CHECK(world.calls().empty());
}

TEST_CASE("tcc: a branch that joins has branches of its own, numbered under its own") {
  World world(Instant());
  world.Branch(Url("hotel", "try")).Do([&](const BranchContext& context, std::string_view) {
    CHECK(context.op == "try");
    Result<Tcc> joined = Tcc::Join(world.coordinator(), context);
    REQUIRE(joined.ok());
    CHECK(joined->Call(Trip("room")).ok());
    CHECK(joined->Call(Trip("meal")).ok());
    CHECK(joined->Commit().code() == StatusCode::kFailedPrecondition);
    CHECK(joined->Rollback("").code() == StatusCode::kFailedPrecondition);
    return BranchResult::Success();  // and the end of a joined session decides nothing
  });
  Tcc tcc = BeginTcc(world);
  REQUIRE(tcc.Call(Trip("hotel")).ok());
  CHECK(StatusOf(world, tcc.gid()) == kPrepared);
  REQUIRE(tcc.Commit().ok());
  CHECK(Wait(world, tcc.gid()).succeeded());
  CHECK(Called(world) == Names{"hotel/try 01/try", "room/try 0101/try", "meal/try 0102/try",
                               "meal/confirm 0102/confirm", "room/confirm 0101/confirm",
                               "hotel/confirm 01/confirm"});
}

TEST_CASE("tcc: a rollback cancels the joined branches first, then the one they joined through") {
  World world(Instant());
  world.Branch(Url("hotel", "try")).Do([&](const BranchContext& context, std::string_view) {
    Result<Tcc> joined = Tcc::Join(world.coordinator(), context);
    REQUIRE(joined.ok());
    CHECK(joined->Call(Trip("room")).ok());
    return BranchResult::Failure("no meals");
  });
  Tcc tcc = BeginTcc(world);
  CHECK(tcc.Call(Trip("hotel")).status().code() == StatusCode::kAborted);
  REQUIRE(tcc.Rollback("no meals").ok());
  Wait(world, tcc.gid());
  CHECK(CalledFrom(world, 2) == Names{"room/cancel 0101/cancel", "hotel/cancel 01/cancel"});
}

TEST_CASE("tcc: a handler that runs again and joins again registers nothing twice") {
  World world(Instant());
  Tcc tcc = BeginTcc(world);
  REQUIRE(tcc.Call(Trip("hotel")).ok());
  BranchContext context = world.calls().back().context;
  for (int i = 0; i < 2; ++i) {
    Result<Tcc> joined = Tcc::Join(world.coordinator(), context);
    REQUIRE(joined.ok());
    CHECK(joined->Call(Trip("room")).ok());
  }
  CHECK(Branches(world, tcc.gid()).size() == 4);
  Result<Tcc> other = Tcc::Join(world.coordinator(), context);
  REQUIRE(other.ok());  // another branch in the same place is not the one that is registered
  CHECK(other->Call(Trip("garage")).status().code() == StatusCode::kAlreadyExists);
  CHECK(world.Branch(Url("garage", "try")).calls() == 0);
  REQUIRE(tcc.Commit().ok());
  CHECK(Wait(world, tcc.gid()).succeeded());
  CHECK(world.Branch(Url("room", "confirm")).calls() == 1);
}

TEST_CASE("tcc: only the try of a tcc can join") {
  World world(Instant());
  BranchContext context{.gid = "g", .trans_type = "tcc", .branch_id = "01", .op = "confirm"};
  CHECK(Tcc::Join(world.coordinator(), context).status().code() == StatusCode::kInvalidArgument);
  context.op = "action";
  context.trans_type = "saga";
  CHECK(Tcc::Join(world.coordinator(), context).status().code() == StatusCode::kInvalidArgument);
  context.op = "try";
  context.trans_type = "tcc";
  Result<Tcc> nowhere = Tcc::Join(world.coordinator(), context);
  REQUIRE(nowhere.ok());
  CHECK(nowhere->Call(Trip("a")).status().code() == StatusCode::kNotFound);
  CHECK(world.calls().empty());
}

TEST_CASE("tcc: undecided for 35 s it rolls back, not a millisecond before") {
  World world(Instant());
  Tcc tcc = BeginTcc(world);
  REQUIRE(tcc.Call(Trip("a")).ok());
  world.Advance(34'999ms);
  CHECK(StatusOf(world, tcc.gid()) == kPrepared);
  CHECK(world.calls().size() == 1);
  world.Advance(1ms);
  const TransactionRecord record = Look(world, tcc.gid());
  CHECK(record.status == kFailed);
  CHECK(record.reason.code == ReasonCode::kTimeout);
  CHECK(record.reason.text == "Timeout after 35 seconds");
  CHECK(Called(world) == Names{"a/try 01/try", "a/cancel 01/cancel"});
  CHECK(tcc.Call(Trip("b")).status().code() == StatusCode::kAborted);
  CHECK(tcc.Commit().code() == StatusCode::kAborted);
  CHECK(tcc.Rollback("late").ok());  // it is what has happened
  CHECK(Branches(world, tcc.gid()) == Names{"01/cancel=succeed", "01/confirm=prepared"});
}

TEST_CASE("tcc: a time-out of its own, and one past the horizon") {
  World world(Instant());
  Tcc quick = BeginTcc(world, {.timeout_to_fail = 1500ms});
  Tcc slow = BeginTcc(world, {.timeout_to_fail = 48h});
  REQUIRE(slow.Call(Trip("a")).ok());
  world.Advance(1499ms);
  CHECK(StatusOf(world, quick.gid()) == kPrepared);
  world.Advance(1ms);
  CHECK(Look(world, quick.gid()).reason.text == "Timeout after 1500 milliseconds");
  world.Advance(47h);
  CHECK(StatusOf(world, slow.gid()) == kPrepared);
  world.Advance(1h);
  CHECK(StatusOf(world, slow.gid()) == kFailed);
  CHECK(world.Branch(Url("a", "cancel")).calls() == 1);
}

TEST_CASE("tcc: a commit at the very moment of the time-out comes first") {
  World world(Instant());
  Tcc tcc = BeginTcc(world);
  REQUIRE(tcc.Call(Trip("a")).ok());
  world.Advance(34'999ms);
  CHECK(tcc.Commit().ok());
  CHECK(Wait(world, tcc.gid()).succeeded());
  CHECK(world.Branch(Url("a", "cancel")).calls() == 0);
}

TEST_CASE("tcc: a commit while the time-out is being written is told of the rollback") {
  World world({.commit_time = 10ms, .call_time = 0ms});
  Tcc tcc = BeginTcc(world, {.timeout_to_fail = 1s});
  world.Advance(995ms);                            // its creation was 10 ms ago at Begin's answer
  CHECK(StatusOf(world, tcc.gid()) == kPrepared);  // the write is under way
  CHECK(tcc.Commit().code() == StatusCode::kAborted);
  CHECK(Wait(world, tcc.gid()).reason.code == ReasonCode::kTimeout);
}

TEST_CASE("tcc: a time-out after the commit changes nothing") {
  World world(Instant());
  world.Branch(Url("a", "confirm")).Answer(500).Times(3);
  Tcc tcc = BeginTcc(world, {.timeout_to_fail = 1s});
  REQUIRE(tcc.Call(Trip("a")).ok());
  REQUIRE(tcc.Commit().ok());
  world.Advance(10s);
  CHECK(StatusOf(world, tcc.gid()) == kSubmitted);
  CHECK(Wait(world, tcc.gid()).succeeded());
}

TEST_CASE("tcc: a session that ends undecided rolls back at once") {
  World world(Instant());
  std::string gid;
  {
    Tcc tcc = BeginTcc(world);
    gid = tcc.gid();
    REQUIRE(tcc.Call(Trip("a")).ok());
  }
  world.Advance(0ms);
  CHECK(StatusOf(world, gid) == kFailed);
  CHECK(Look(world, gid).reason.code == ReasonCode::kRolledBack);
  CHECK(world.Branch(Url("a", "cancel")).calls() == 1);
}

TEST_CASE("tcc: a session that is moved stays one, and what it replaces ends") {
  World world(Instant());
  Tcc first = BeginTcc(world);
  const std::string replaced = first.gid();
  first = BeginTcc(world);
  world.Advance(0ms);
  CHECK(StatusOf(world, replaced) == kFailed);
  Tcc moved = std::move(first);
  REQUIRE(moved.Call(Trip("a")).ok());
  REQUIRE(moved.Commit().ok());
  CHECK(Wait(world, moved.gid()).succeeded());
}

TEST_CASE("tcc: a session whose coordinator is closed answers, and does nothing") {
  World world(Instant());
  Tcc tcc = BeginTcc(world);
  REQUIRE(world.coordinator().Close().ok());
  CHECK(tcc.Call(Trip("a")).status().code() == StatusCode::kFailedPrecondition);
  CHECK(tcc.Commit().code() == StatusCode::kFailedPrecondition);
  REQUIRE(world.Reopen().ok());
  CHECK(tcc.Commit().code() == StatusCode::kFailedPrecondition);
  CHECK(Wait(world, tcc.gid()).reason.code == ReasonCode::kTimeout);
  CHECK(Tcc::Begin(world.coordinator()).ok());
}

TEST_CASE("tcc: the cancel of a branch waits for the try in flight, and only that one does") {
  for (const bool concurrent : {false, true}) {
    CAPTURE(concurrent);
    World world(Instant());
    world.Branch(Url("b", "try")).Succeed().Delay(2s);
    Tcc tcc = BeginTcc(world, {.timeout_to_fail = 1s, .concurrent = concurrent});
    REQUIRE(tcc.Call(Trip("a")).ok());
    const Time begin = world.now();
    CHECK(tcc.Call(Trip("b")).ok());  // the time-out comes while the try is under way
    CHECK((world.now() - begin) == 2s);
    Wait(world, tcc.gid());
    const auto cancel_b = world.Branch(Url("b", "cancel")).recorded();
    const auto cancel_a = world.Branch(Url("a", "cancel")).recorded();
    REQUIRE(cancel_a.size() == 1);
    REQUIRE(cancel_b.size() == 1);
    CHECK((cancel_b[0].at - begin) == 2s);
    CHECK((cancel_a[0].at - begin) == (concurrent ? 1s : 2s));  // else it is b's turn first
  }
}

TEST_CASE("tcc: a try that hangs past the time-out holds its cancel until the call has ended") {
  World world(Instant());
  world.Branch(Url("a", "try")).Hang();
  Tcc tcc = BeginTcc(world, {.timeout_to_fail = 1s});
  const Time begin = world.now();
  CHECK(tcc.Call(Trip("a")).status().code() == StatusCode::kUnavailable);
  CHECK((world.now() - begin) == 3s);
  Wait(world, tcc.gid());
  // Then the host, which gave no answer, gets its next call after a pause of its own.
  CHECK((world.Branch(Url("a", "cancel")).recorded().at(0).at - begin) == 3'500ms);
}

TEST_CASE("tcc: phase two is one at a time and in reverse, and a stuck branch holds the rest") {
  World world(Instant());
  world.Branch(Url("c", "confirm")).Answer(500).Times(2);
  Tcc tcc = BeginTcc(world);
  for (const char* name : {"a", "b", "c"}) REQUIRE(tcc.Call(Trip(name)).ok());
  REQUIRE(tcc.Commit().ok());
  world.Advance(1s);
  CHECK(CalledFrom(world, 3) == Names{"c/confirm 03/confirm"});
  CHECK(Wait(world, tcc.gid()).succeeded());
  CHECK(CalledFrom(world, 3) == Names{"c/confirm 03/confirm", "c/confirm 03/confirm",
                                      "c/confirm 03/confirm", "b/confirm 02/confirm",
                                      "a/confirm 01/confirm"});
}

TEST_CASE("tcc: concurrent confirms all at once, and a stuck branch holds nobody") {
  World world(Instant());
  world.Branch(Url("c", "confirm")).Answer(500).Times(2);
  Tcc tcc = BeginTcc(world, {.concurrent = true});
  for (const char* name : {"a", "b", "c"}) REQUIRE(tcc.Call(Trip(name)).ok());
  REQUIRE(tcc.Commit().ok());
  world.Advance(1s);
  CHECK(world.calls().size() == 6);
  CHECK(world.Branch(Url("a", "confirm")).calls() == 1);
  CHECK(world.Branch(Url("b", "confirm")).calls() == 1);
  CHECK(StatusOf(world, tcc.gid()) == kSubmitted);
  CHECK(Wait(world, tcc.gid()).succeeded());
}

TEST_CASE("tcc: failure and ongoing from confirm and cancel are retried until they succeed") {
  World world(Instant());
  world.Branch(Url("a", "confirm")).Fail("no").Ongoing().Fail("no");
  world.Branch(Url("b", "cancel")).Ongoing().Fail("no");
  Tcc good = BeginTcc(world);
  REQUIRE(good.Call(Trip("a")).ok());
  REQUIRE(good.Commit().ok());
  CHECK(Wait(world, good.gid()).succeeded());
  CHECK(world.Branch(Url("a", "confirm")).calls() == 4);
  Tcc bad = BeginTcc(world);
  REQUIRE(bad.Call(Trip("b")).ok());
  REQUIRE(bad.Rollback("no").ok());
  CHECK(Wait(world, bad.gid()).status == kFailed);
  CHECK(world.Branch(Url("b", "cancel")).calls() == 3);
}

TEST_CASE("tcc: headers of the transaction and of the branch come with all three calls") {
  World world(Instant());
  Tcc tcc = BeginTcc(world, {.headers = {{"X-Shop", "1"}, {"X-Both", "shop"}}});
  TccBranch branch = Trip("a");
  branch.headers = {{"x-both", "branch"}};
  REQUIRE(tcc.Call(branch).ok());
  REQUIRE(tcc.Commit().ok());
  Wait(world, tcc.gid());
  Tcc other = BeginTcc(world, {.headers = {{"X-Shop", "1"}, {"X-Both", "shop"}}});
  REQUIRE(other.Call(branch).ok());
  REQUIRE(other.Rollback("no").ok());
  Wait(world, other.gid());
  REQUIRE(world.calls().size() == 4);
  for (const RecordedCall& call : world.calls()) {
    CAPTURE(call.context.op);
    CHECK(call.context.headers == Headers{{"X-Shop", "1"}, {"x-both", "branch"}});
  }
}

TEST_CASE("tcc: commit and rollback repeated are OK, and the other one is refused") {
  World world(Instant());
  Tcc good = BeginTcc(world);
  world.Branch(Url("a", "confirm")).Answer(500);
  REQUIRE(good.Call(Trip("a")).ok());
  CHECK(good.Commit().ok());
  CHECK(good.Commit().ok());
  CHECK(good.Rollback("no").code() == StatusCode::kFailedPrecondition);
  CHECK(Wait(world, good.gid()).succeeded());
  CHECK(good.Commit().ok());
  CHECK(good.Rollback("no").code() == StatusCode::kFailedPrecondition);
  CHECK(world.coordinator().Abort(good.gid(), "no").code() == StatusCode::kFailedPrecondition);
  Tcc bad = BeginTcc(world);
  world.Branch(Url("b", "cancel")).Answer(500);
  REQUIRE(bad.Call(Trip("b")).ok());
  CHECK(bad.Rollback("first").ok());
  CHECK(bad.Rollback("second").ok());
  CHECK(bad.Commit().code() == StatusCode::kAborted);
  CHECK(Wait(world, bad.gid()).reason.text == "first");
  CHECK(bad.Rollback("third").ok());
  CHECK(bad.Commit().code() == StatusCode::kAborted);
}

TEST_CASE("tcc: a branch can join only while prepared: in every other status it is refused") {
  World world(Instant());
  world.Branch(Url("a", "confirm")).Answer(500).Times(2);
  world.Branch(Url("b", "cancel")).Answer(500).Times(2);
  Tcc good = BeginTcc(world);
  Tcc bad = BeginTcc(world);
  REQUIRE(good.Call(Trip("a")).ok());
  REQUIRE(bad.Call(Trip("b")).ok());
  const BranchContext in_good = world.calls()[0].context;
  const BranchContext in_bad = world.calls()[1].context;
  REQUIRE(good.Commit().ok());
  REQUIRE(bad.Rollback("no").ok());
  const auto join = [&](const BranchContext& context, StatusCode code) {
    Result<Tcc> joined = Tcc::Join(world.coordinator(), context);
    REQUIRE(joined.ok());
    CHECK(joined->Call(Trip("late")).status().code() == code);
  };
  join(in_good, StatusCode::kFailedPrecondition);  // submitted
  join(in_bad, StatusCode::kAborted);              // aborting
  CHECK(good.Call(Trip("late")).status().code() == StatusCode::kFailedPrecondition);
  CHECK(bad.Call(Trip("late")).status().code() == StatusCode::kAborted);
  Wait(world, good.gid());
  Wait(world, bad.gid());
  join(in_good, StatusCode::kFailedPrecondition);  // succeed
  join(in_bad, StatusCode::kAborted);              // failed
  CHECK(world.Branch(Url("late", "try")).calls() == 0);
  CHECK(Branches(world, good.gid()).size() == 2);
  CHECK(Branches(world, bad.gid()).size() == 2);
}

TEST_CASE("tcc: an identical registration is refused too once it is decided") {
  World world(Instant());
  world.Branch(Url("a", "confirm")).Answer(500).Times(2);
  world.Branch(Url("hotel", "try")).Do([&](const BranchContext& context, std::string_view) {
    Result<Tcc> joined = Tcc::Join(world.coordinator(), context);
    REQUIRE(joined.ok());
    CHECK(joined->Call(Trip("room")).ok());
    return BranchResult::Success();
  });
  Tcc tcc = BeginTcc(world);
  REQUIRE(tcc.Call(Trip("hotel")).ok());
  const BranchContext context = world.calls()[0].context;
  REQUIRE(tcc.Commit().ok());
  Result<Tcc> again = Tcc::Join(world.coordinator(), context);
  REQUIRE(again.ok());
  CHECK_FALSE(again->Call(Trip("room")).ok());
  CHECK(world.Branch(Url("room", "try")).calls() == 1);
}

TEST_CASE("tcc: empty URLs are done without a call") {
  World world(Instant());
  Tcc good = BeginTcc(world);
  const Result<std::string> tried = good.Call({.confirm_url = Url("a", "confirm")});
  REQUIRE(tried.ok());
  CHECK(tried->empty());
  REQUIRE(good.Call({.try_url = Url("b", "try")}).ok());
  REQUIRE(good.Commit().ok());
  CHECK(Wait(world, good.gid()).succeeded());
  CHECK(Called(world) == Names{"b/try 02/try", "a/confirm 01/confirm"});
  CHECK(Branches(world, good.gid()) == Names{"01/cancel=prepared", "01/confirm=succeed",
                                             "02/cancel=prepared", "02/confirm=succeed"});
  Tcc bad = BeginTcc(world);
  REQUIRE(bad.Call({.try_url = Url("c", "try")}).ok());
  REQUIRE(bad.Rollback("no").ok());
  CHECK(Wait(world, bad.gid()).status == kFailed);
  CHECK(world.calls().back().url == Url("c", "try"));
}

TEST_CASE("tcc: wrong input is named, and nothing is registered") {
  World world(Instant());
  Tcc tcc = BeginTcc(world);
  const auto message = [&](const TccBranch& branch) {
    const auto called = tcc.Call(branch);
    CHECK(called.status().code() == StatusCode::kInvalidArgument);
    return called.status().message();
  };
  CHECK(message({.try_url = "ftp://x/"}).starts_with("branch.try_url"));
  CHECK(message({.confirm_url = "x"}).starts_with("branch.confirm_url"));
  CHECK(message({.cancel_url = "http://"}).starts_with("branch.cancel_url"));
  CHECK(message({.payload = std::string((4u << 20) + 1, 'x')}).starts_with("branch.payload"));
  CHECK(message({.headers = {{"X", "a\nb"}}}).starts_with("branch.headers[0]"));
  CHECK(Branches(world, tcc.gid()).empty());
  REQUIRE(tcc.Call(Trip("a")).ok());
  CHECK(world.calls()[0].context.branch_id == "01");
  CHECK(Tcc::Begin(world.coordinator(), {.gid = " x"}).status().code() ==
        StatusCode::kInvalidArgument);
  CHECK(Tcc::Begin(world.coordinator(), {.timeout_to_fail = -1ms}).status().code() ==
        StatusCode::kInvalidArgument);
}

TEST_CASE("tcc: at most 99 branches a level") {
  World world(Instant());
  Tcc tcc = BeginTcc(world);
  for (int i = 0; i < 99; ++i) REQUIRE(tcc.Call(Trip("a")).ok());
  CHECK(tcc.Call(Trip("a")).status().code() == StatusCode::kResourceExhausted);
  CHECK(world.calls().back().context.branch_id == "99");
  REQUIRE(tcc.Commit().ok());
  CHECK(Wait(world, tcc.gid()).succeeded());
  CHECK(world.Branch(Url("a", "confirm")).calls() == 99);
}

TEST_CASE("tcc: a gid that was used before is refused, whatever has become of it") {
  World world(Instant());
  world.Branch(Url("a", "confirm")).Answer(500);
  world.Branch(Url("b", "cancel")).Answer(500);
  Tcc open = BeginTcc(world);
  Tcc good = BeginTcc(world);
  REQUIRE(good.Call(Trip("a")).ok());
  REQUIRE(good.Commit().ok());
  Tcc bad = BeginTcc(world);
  REQUIRE(bad.Call(Trip("b")).ok());
  REQUIRE(bad.Rollback("no").ok());
  const auto begin = [&](const std::string& gid) {
    const StatusCode code = Tcc::Begin(world.coordinator(), {.gid = gid}).status().code();
    return code == StatusCode::kAlreadyExists || code == StatusCode::kFailedPrecondition;
  };
  for (int ended = 0; ended < 2; ++ended) {
    CHECK(begin(open.gid()));
    CHECK(begin(good.gid()));
    CHECK(begin(bad.gid()));
    Wait(world, good.gid());
    Wait(world, bad.gid());
  }
  CHECK(StatusOf(world, open.gid()) == kPrepared);
}

TEST_CASE("tcc: Begin that the store refuses has run nothing") {
  World world(Instant());
  world.FailCommits(1, {StatusCode::kResourceExhausted, "the disk is full"});
  bool ran = false;
  const auto done = RunTcc(world.coordinator(), {}, [&](Tcc&) {
    ran = true;
    return Status();
  });
  CHECK(done.status().code() == StatusCode::kResourceExhausted);
  CHECK_FALSE(ran);
}

TEST_CASE("tcc: a local branch is tried, confirmed, and can join in its own process") {
  World world(Instant());
  Names ran;
  REQUIRE(world.coordinator()
              .RegisterLocal(
                  {"stock",
                   [&](const BranchContext& context, std::string_view payload, std::stop_token) {
                     ran.push_back(context.branch_id + "/" + context.op + " " +
                                   std::string(payload));
                     if (context.op == "try") {
                       auto joined = Tcc::Join(world.coordinator(), context);
                       REQUIRE(joined.ok());
                       CHECK(joined->Call(Trip("shelf")).ok());
                     }
                     return BranchResult::Success("FAILURE is but a word here");
                   }})
              .ok());
  Tcc tcc = BeginTcc(world);
  const TccBranch stock{.try_url = "local:stock",
                        .confirm_url = "local:stock",
                        .cancel_url = "local:stock",
                        .payload = "7"};
  const auto tried = tcc.Call(stock);
  REQUIRE(tried.ok());
  CHECK(*tried == "FAILURE is but a word here");
  REQUIRE(tcc.Commit().ok());
  CHECK(Wait(world, tcc.gid()).succeeded());
  CHECK(ran == Names{"01/try 7", "01/confirm 7"});
  CHECK(world.Branch(Url("shelf", "confirm")).calls() == 1);
  Tcc other = BeginTcc(world);  // one that is not there is refused, not waited for
  CHECK(other.Call({.try_url = "local:nobody"}).status().code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("tcc: the word FAILURE in a try's body is a verdict, unless the option says no") {
  World world(Instant());
  world.Branch(Url("a", "try")).Answer(200, R"({"dtm_result":"FAILURE"})").Times(2);
  Tcc old = BeginTcc(world);
  CHECK(old.Call(Trip("a")).status().code() == StatusCode::kAborted);
  Tcc young = BeginTcc(world, {.options = {.body_verdicts = false}});
  CHECK(young.Call(Trip("a")).ok());
}

}  // namespace
}  // namespace troth::testing
