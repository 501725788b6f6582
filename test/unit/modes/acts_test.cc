// What a person may do to a TCC, an XA transaction and a message, and how each of them is seen.
#include <algorithm>

#include "scene.h"

namespace troth::testing {
namespace {

using enum TransactionStatus;

// A TCC whose second phase is stuck at its only branch.
Tcc Stuck(World& world, bool commits) {
  world.Branch(Url("a", "confirm")).Answer(500).Always();
  world.Branch(Url("a", "cancel")).Answer(500).Always();
  TccOptions options;
  options.options.retry.park_after = 0;
  Tcc tcc = BeginTcc(world, options);
  REQUIRE(tcc.Call(Trip("a")).ok());
  REQUIRE((commits ? tcc.Commit() : tcc.Rollback("no")).ok());
  world.RunUntilIdle();
  REQUIRE(Look(world, tcc.gid()).parked == ReasonCode::kParkedRetries);
  return tcc;
}

TEST_CASE("mode acts: cancel rolls a prepared TCC and XA back, and the reason says who") {
  World world(Instant());
  Tcc tcc = BeginTcc(world);
  Xa xa = BeginXa(world);
  REQUIRE(tcc.Call(Trip("a")).ok());
  REQUIRE(xa.Call(Bank("b")).ok());
  for (const std::string& gid : {tcc.gid(), xa.gid()}) {
    REQUIRE(world.coordinator().Cancel(gid, kAnn).ok());
    const Outcome outcome = Wait(world, gid);
    CHECK(outcome.status == kFailed);
    CHECK(outcome.reason.code == ReasonCode::kCancelled);
    CHECK(outcome.reason.author == "ann");
    CHECK(Look(world, gid).history.at(0).what == "cancel");
  }
  CHECK(CalledFrom(world, 2) == Names{"a/cancel 01/cancel", "b/xa 01/rollback"});
  CHECK(tcc.Commit().code() == StatusCode::kAborted);
  CHECK(xa.Commit().code() == StatusCode::kAborted);
}

TEST_CASE("mode acts: cancel is OK while rolling back, and refused once committed or ended") {
  World world(Instant());
  Tcc good = Stuck(world, true);
  Tcc bad = Stuck(world, false);
  CHECK(world.coordinator().Cancel(good.gid(), kAnn).code() == StatusCode::kFailedPrecondition);
  CHECK(world.coordinator().Cancel(bad.gid(), kAnn).ok());
  CHECK(Look(world, bad.gid()).reason.text == "no");
  Tcc ended = BeginTcc(world);
  REQUIRE(ended.Commit().ok());
  CHECK(world.coordinator().Cancel(ended.gid(), kAnn).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("mode acts: a try in flight when a person cancels holds its cancel only") {
  World world(Instant());
  world.Branch(Url("a", "try")).Do([&](const BranchContext& context, std::string_view) {
    CHECK(world.coordinator().Cancel(context.gid, kAnn).ok());
    world.Advance(1s);
    CHECK(world.Branch(Url("a", "cancel")).calls() == 0);
    return BranchResult::Success();
  });
  Tcc tcc = BeginTcc(world);
  CHECK(tcc.Call(Trip("a")).ok());
  CHECK(tcc.Call(Trip("b")).status().code() == StatusCode::kAborted);
  Wait(world, tcc.gid());
  CHECK(Called(world) == Names{"a/try 01/try", "a/cancel 01/cancel"});
}

TEST_CASE("mode acts: retry, edit and skip get a parked second phase to its end") {
  for (const bool commits : {true, false}) {
    CAPTURE(commits);
    const std::string op = commits ? "confirm" : "cancel";
    World world(Instant());
    Tcc retried = Stuck(world, commits);
    REQUIRE(world.coordinator().RetryNow(retried.gid(), kAnn).ok());
    world.Advance(0ms);
    CHECK(world.Branch(Url("a", op)).calls() == 2);

    Tcc edited = Stuck(world, commits);
    const BranchEdit edit{.url = Url("new", op), .payload = "new"};
    REQUIRE(world.coordinator().EditBranch(edited.gid(), {"01", op}, edit, kAnn).ok());
    CHECK(Wait(world, edited.gid()).succeeded() == commits);
    CHECK(world.Branch(Url("new", op)).recorded().at(0).payload == "new");

    Tcc skipped = Stuck(world, commits);
    REQUIRE(world.coordinator().SkipBranch(skipped.gid(), {"01", op}, kAnn).ok());
    const Outcome outcome = Wait(world, skipped.gid());
    CHECK(outcome.succeeded() == commits);
    CHECK(outcome.skipped == Names{"01/" + op});
    const std::string other = commits ? "cancel" : "confirm";
    CHECK(world.Branch(Url("a", other)).calls() == 0);
  }
}

TEST_CASE("mode acts: what the outcome does not owe can't be skipped, and a try is no operation") {
  World world(Instant());
  Tcc open = BeginTcc(world);
  REQUIRE(open.Call(Trip("b")).ok());
  Tcc good = Stuck(world, true);
  const auto skip = [&](const Tcc& tcc, const BranchKey& key) {
    return world.coordinator().SkipBranch(tcc.gid(), key, kAnn).code();
  };
  CHECK(skip(open, {"01", "confirm"}) == StatusCode::kFailedPrecondition);
  CHECK(skip(open, {"01", "cancel"}) == StatusCode::kFailedPrecondition);
  CHECK(skip(good, {"01", "cancel"}) == StatusCode::kFailedPrecondition);
  CHECK(skip(good, {"01", "try"}) == StatusCode::kNotFound);
  CHECK(skip(good, {"02", "confirm"}) == StatusCode::kNotFound);
}

TEST_CASE("mode acts: a confirm can be edited while it is prepared, before it is ever called") {
  World world(Instant());
  Tcc tcc = BeginTcc(world);
  REQUIRE(tcc.Call(Trip("a")).ok());
  REQUIRE(world.coordinator()
              .EditBranch(tcc.gid(), {"01", "confirm"}, {.url = Url("right", "confirm")}, kAnn)
              .ok());
  REQUIRE(world.Reopen().ok());
  REQUIRE(world.coordinator().Abort("nobody", "no").code() == StatusCode::kNotFound);
  CHECK(Look(world, tcc.gid()).branches.at(1).url == Url("right", "confirm"));
}

TEST_CASE("mode acts: a session without a branch has none to edit or skip") {
  World world(Instant());
  const Tcc tcc = BeginTcc(world);
  const Xa xa = BeginXa(world);
  for (const std::string& gid : {tcc.gid(), xa.gid()}) {
    const BranchKey key{"01", "cancel"};
    CHECK(world.coordinator().SkipBranch(gid, key, kAnn).code() == StatusCode::kNotFound);
    CHECK(world.coordinator().EditBranch(gid, key, {.url = Url("b", "x")}, kAnn).code() ==
          StatusCode::kNotFound);
  }
}

TEST_CASE("mode acts: stop of a TCC or XA wants to be told that it leaves them in doubt") {
  World world(Instant());
  Tcc tcc = Stuck(world, false);
  Xa xa = BeginXa(world);
  REQUIRE(xa.Call(Bank("b")).ok());
  for (const std::string& gid : {tcc.gid(), xa.gid()}) {
    const TransactionStatus before = StatusOf(world, gid);
    CHECK(world.coordinator().Stop(gid, kAnn).code() == StatusCode::kFailedPrecondition);
    CHECK(StatusOf(world, gid) == before);
    REQUIRE(world.coordinator().Stop(gid, kAnn, /*leave_in_doubt=*/true).ok());
    const Outcome outcome = Wait(world, gid);
    CHECK(outcome.status == kFailed);
    CHECK(outcome.forced);
    CHECK(outcome.reason.code == ReasonCode::kStopped);
  }
  CHECK(Wait(world, tcc.gid()).in_doubt == Names{"01/cancel"});
  CHECK(Wait(world, xa.gid()).in_doubt == Names{"01/rollback"});
  const size_t calls = world.calls().size();
  world.Advance(24h);
  CHECK(world.calls().size() == calls);
}

TEST_CASE("mode acts: a committed TCC that is stopped is failed, and names the confirms in doubt") {
  World world(Instant());
  Tcc tcc = Stuck(world, true);
  REQUIRE(world.coordinator().Stop(tcc.gid(), kAnn, true).ok());
  CHECK(Wait(world, tcc.gid()).in_doubt == Names{"01/confirm"});
  CHECK(StatusOf(world, tcc.gid()) == kFailed);
  CHECK(tcc.Commit().code() == StatusCode::kAborted);
}

TEST_CASE("mode acts: a message's action can be edited and skipped, and the message stopped") {
  World world(Instant());
  world.Branch(Url("a", "do")).Answer(404).Always();
  const auto stuck = [&] {
    const Message message = News({"a", "b"});
    REQUIRE(world.coordinator().Submit(message).ok());
    world.Advance(1s);
    return message.gid;
  };
  const BranchKey first{"01", "action"};
  const std::string edited = stuck();
  REQUIRE(world.coordinator().EditBranch(edited, first, {.url = Url("right", "do")}, kAnn).ok());
  CHECK(Wait(world, edited).succeeded());
  const std::string skipped = stuck();
  REQUIRE(world.coordinator().SkipBranch(skipped, first, kAnn).ok());
  CHECK(Wait(world, skipped).succeeded());
  CHECK(Wait(world, skipped).skipped == Names{"01/action"});
  CHECK(world.Branch(Url("b", "do")).calls() == 2);
  const std::string stopped = stuck();
  REQUIRE(world.coordinator().Stop(stopped, kAnn).ok());
  CHECK(Wait(world, stopped).in_doubt == Names{"01/action"});
}

TEST_CASE("mode acts: the check-back can be edited, but not skipped") {
  World world(Instant());
  world.Branch(kAsk).Answer(404).Always();
  const Message message = News({"a"});
  REQUIRE(world.coordinator().Prepare(message).ok());
  world.Advance(36s);
  const BranchKey check_back{"00", "msg"};
  CHECK(world.coordinator().SkipBranch(message.gid, check_back, kAnn).code() ==
        StatusCode::kFailedPrecondition);
  REQUIRE(world.coordinator()
              .EditBranch(message.gid, check_back, {.url = Url("right", "back")}, kAnn)
              .ok());
  CHECK(Wait(world, message.gid).succeeded());
  CHECK(world.Branch(Url("right", "back")).calls() == 1);
}

TEST_CASE("mode acts: Wait tells an ongoing second phase from a failed transaction") {
  for (const bool commits : {true, false}) {
    CAPTURE(commits);
    World world(Instant());
    Tcc tcc = BeginTcc(world);
    Xa xa = BeginXa(world);
    REQUIRE(tcc.Call(Trip("a")).ok());
    REQUIRE(xa.Call(Bank("b")).ok());
    world.Branch(Url("a", commits ? "confirm" : "cancel")).Ongoing().Ongoing();
    world.Branch(Url("b", "xa")).Ongoing().Answer(500);
    REQUIRE((commits ? tcc.Commit() : tcc.Rollback("no")).ok());
    REQUIRE((commits ? xa.Commit() : xa.Rollback("no")).ok());
    for (const std::string& gid : {tcc.gid(), xa.gid()}) {
      const Status late = world.coordinator().Wait(gid, 1s).status();
      CHECK(late.code() == StatusCode::kDeadlineExceeded);
      CHECK(late.message().find(commits ? "submitted" : "aborting") != std::string::npos);
      CHECK_FALSE(Look(world, gid).finished);
    }
    for (const std::string& gid : {tcc.gid(), xa.gid()}) {
      CHECK(Wait(world, gid).succeeded() == commits);
    }
  }
}

TEST_CASE("mode acts: the time of the end is there once it has come, whatever the end") {
  World world(Instant());
  const auto check = [&](const std::string& gid) {
    CHECK_FALSE(Look(world, gid).finished);
    world.Advance(20s);
    Wait(world, gid);
    const std::optional<Time> finished = Look(world, gid).finished;
    REQUIRE(finished);
    world.Advance(1h);
    CHECK(Look(world, gid).finished == finished);
    return *finished;
  };
  for (const bool commits : {true, false}) {
    Tcc tcc = BeginTcc(world);
    REQUIRE(tcc.Call(Trip("a")).ok());
    world.Branch(Url("a", commits ? "confirm" : "cancel")).Ongoing();
    const Time begin = world.now();
    REQUIRE((commits ? tcc.Commit() : tcc.Rollback("no")).ok());
    world.Advance(1s);
    CHECK((check(tcc.gid()) - begin) == 10s);
  }
  Message stopped = News({"b"});
  REQUIRE(world.coordinator().Prepare(stopped).ok());
  REQUIRE(world.coordinator().Stop(stopped.gid, kAnn).ok());
  CHECK(Look(world, stopped.gid).finished == world.now());
}

TEST_CASE("mode acts: lists tell modes and statuses apart, and find what is parked") {
  World world(Instant());
  Tcc parked = Stuck(world, true);
  Tcc open = BeginTcc(world);
  Xa xa = BeginXa(world);
  const Message message = News({"a"});
  REQUIRE(world.coordinator().Submit(message).ok());
  Wait(world, message.gid);
  const auto gids = [&](const ListFilter& filter) {
    const auto page = world.coordinator().List(filter);
    REQUIRE(page.ok());
    Names found;
    for (const TransactionSummary& one : page->transactions) found.push_back(one.gid);
    std::sort(found.begin(), found.end());
    return found;
  };
  const auto sorted = [](Names names) {
    std::sort(names.begin(), names.end());
    return names;
  };
  CHECK(gids({.mode = Mode::kTcc}) == sorted({parked.gid(), open.gid()}));
  CHECK(gids({.mode = Mode::kXa}) == Names{xa.gid()});
  CHECK(gids({.mode = Mode::kMessage}) == Names{message.gid});
  CHECK(gids({.status = kPrepared}) == sorted({open.gid(), xa.gid()}));
  CHECK(gids({.status = kSucceed}) == Names{message.gid});
  CHECK(gids({.parked = true}) == Names{parked.gid()});
  CHECK(world.coordinator().Wait(open.gid(), 1s).status().code() == StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace troth::testing
