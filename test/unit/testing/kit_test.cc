// The kit itself, as its user sees it: scripts, virtual time, crashes, faults, determinism.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "troth/testing/world.h"

namespace troth::testing {
namespace {

using namespace std::chrono_literals;

Saga OneStep(std::string url = "http://a/do", std::string undo = {}) {
  Saga saga;
  saga.Add({.action = std::move(url), .compensate = std::move(undo), .payload = "{}"});
  return saga;
}
std::vector<std::string> Results(const World& world) {
  std::vector<std::string> results;
  for (const RecordedCall& call : world.calls()) results.push_back(call.result);
  return results;
}
void Run(World& world, const Saga& saga) {
  REQUIRE(world.coordinator().Submit(saga).ok());
  REQUIRE(world.coordinator().Wait(saga.gid, 24h * 30).ok());
}

TEST_CASE("kit: the example in its header holds") {
  troth::testing::World world;
  world.Branch("http://bank-b/TransIn").Fail("account closed");
  troth::Saga saga;
  saga.Add({.action = "http://bank-a/TransOut", .compensate = "http://bank-a/TransOutRevert"});
  saga.Add({.action = "http://bank-b/TransIn", .compensate = "http://bank-b/TransInRevert"});
  CHECK(world.coordinator().Submit(saga).ok());
  CHECK(world.coordinator().Wait(saga.gid, 1min)->status == troth::TransactionStatus::kFailed);
  CHECK(world.Branch("http://bank-a/TransOutRevert").calls() == 1);
}

TEST_CASE("kit: a wall clock that jumps is followed at the next opening, but never back in time") {
  World world;
  const auto offset = [&] { return world.coordinator().GetHealth().clock_offset; };
  CHECK(offset() == 0ms);
  world.MoveWallClock(2h);
  CHECK(offset() == -2h);  // not within a life
  REQUIRE(world.Reopen().ok());
  CHECK(offset() == 0ms);
  Run(world, OneStep());
  world.MoveWallClock(-1h);
  REQUIRE(world.Reopen().ok());
  CHECK(offset() == 1h);  // what is stored is not of a time to come
}

TEST_CASE(
    "kit: a script is followed line by line, each for one call, and past its end all is well") {
  World world;
  FakeBranch branch = world.Branch("http://a/do");
  branch.Answer(500).Ongoing("soon").RunButLoseReply().Refuse().Hang().Answer(404, "gone");
  Run(world, OneStep());
  CHECK(Results(world) == std::vector<std::string>{"unknown", "ongoing", "lost", "not sent", "lost",
                                                   "unknown", "success"});
  CHECK(branch.calls() == 7);
  CHECK(world.Branch("http://a/do").recorded().size() == 7);
}

TEST_CASE("kit: Times and Always stretch the line before, Delay delays it") {
  World world;
  FakeBranch branch = world.Branch("http://a/do");
  branch.Ongoing().Times(3).Delay(100ms).Answer(500).Times(0).Succeed().Delay(200ms);
  Run(world, OneStep());
  REQUIRE(branch.calls() == 4);
  const auto calls = branch.recorded();
  CHECK(calls[1].at - calls[0].at == 10'100ms);
  CHECK(*calls[0].ended - calls[0].at == 100ms);
  CHECK(*calls[3].ended - calls[3].at == 200ms);
  branch.Ongoing().Always().Succeed();  // the line after Always is never reached
  const Saga endless = OneStep();
  REQUIRE(world.coordinator().Submit(endless).ok());
  CHECK(world.coordinator().Wait(endless.gid, 24h).status().code() ==
        StatusCode::kDeadlineExceeded);
}

TEST_CASE(
    "kit: a handler runs for each call that arrives, and answers where the script has no say") {
  World world;
  std::vector<std::string> ran;
  world.Branch("http://a/do")
      .RunButLoseReply()
      .Refuse()
      .Hang()
      .Answer(500)
      .Succeed()
      .Do([&](const BranchContext& context, std::string_view payload) {
        ran.push_back(context.op + ":" + std::string(payload));
        return ran.size() < 3 ? BranchResult::Success() : BranchResult::Failure("no");
      });
  const Saga saga = OneStep();
  Run(world, saga);
  CHECK(ran.size() == 3);  // lost, 500, and the last one; neither refused nor hanging ones ran
  CHECK(world.coordinator().Wait(saga.gid, 0ms)->reason.text == "no");
}

TEST_CASE("kit: a URL that nobody has asked for succeeds, and is recorded") {
  World world;
  Run(world, OneStep("http://nobody/asked?for=it&x=1"));
  REQUIRE(world.calls().size() == 1);
  CHECK(world.calls()[0].url == "http://nobody/asked?for=it&x=1");  // without the protocol's query
  CHECK(world.Branch("http://nobody/asked?for=it&x=1").calls() == 1);
}

TEST_CASE("kit: time is virtual, and moves only while somebody waits") {
  World world;
  const Time begin = world.now();
  world.Branch("http://a/do").Hang().Times(3);
  const Saga saga = OneStep();
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK(world.now() == begin);
  world.Advance(1h);
  CHECK(world.now() == begin + 1h);
  world.Advance(0ms);
  CHECK(world.now() == begin + 1h);
  CHECK(world.coordinator().Wait(saga.gid, 0ms)->succeeded());
  CHECK(world.coordinator().GetHealth().clock_offset == 0ms);
}

TEST_CASE("kit: RunUntilIdle goes on until what is left waits longer than the horizon") {
  World world;
  world.Branch("http://a/do").Answer(500).Times(3);
  Saga saga = OneStep();
  saga.options.retry = {.first = 10min, .factor = 1.0, .cap = 10min};
  REQUIRE(world.coordinator().Submit(saga).ok());
  world.RunUntilIdle(5min);
  CHECK(world.calls().size() == 1);
  world.RunUntilIdle();
  CHECK(world.calls().size() == 4);
  const Time idle = world.now();
  world.RunUntilIdle();
  CHECK(world.now() == idle);
}

TEST_CASE("kit: the same script gives the same calls at the same times") {
  const auto run = [](uint64_t seed) {
    World world({.seed = seed});
    world.Branch("http://a/do").Answer(500).Times(4);
    world.Branch("http://b/do").Hang().Fail("no");
    Saga saga = OneStep("http://a/do", "http://a/undo");
    saga.gid = "same";
    saga.Add({.action = "http://b/do", .compensate = "http://b/undo", .payload = "{}"});
    saga.options.retry.jitter = true;
    world.CrashAfter(7);
    (void)world.coordinator().Submit(saga);
    (void)world.coordinator().Wait(saga.gid, 1h);
    REQUIRE(world.crashed());
    REQUIRE(world.Reopen().ok());
    Run(world, saga);
    std::string log;
    for (const RecordedCall& call : world.calls()) {
      log += std::to_string(call.at.time_since_epoch().count()) + " " + call.url + " " +
             call.result + "\n";
    }
    return log;
  };
  CHECK(run(1) == run(1));
  CHECK(run(2) == run(2));
  CHECK(run(1) != run(2));
}

TEST_CASE("kit: a crash loses what is not durable, and branches that were called go on") {
  World world;
  int ran = 0;
  world.Branch("http://a/do").Succeed().Delay(1s).Do([&](const BranchContext&, std::string_view) {
    ++ran;
    return BranchResult::Success();
  });
  const Saga saga = OneStep();
  REQUIRE(world.coordinator().Submit(saga).ok());
  world.Advance(500ms);
  world.Crash();
  CHECK(world.crashed());
  CHECK(world.coordinator().Submit(saga).status().code() == StatusCode::kFailedPrecondition);
  world.Advance(10s);
  CHECK(ran == 1);
  CHECK(world.calls()[0].result.empty());  // nobody was there to hear the answer
  CHECK_FALSE(world.calls()[0].ended);
  REQUIRE(world.Reopen().ok());
  CHECK_FALSE(world.crashed());
  CHECK(world.coordinator().Wait(saga.gid, 1min)->succeeded());
  CHECK(ran == 2);
}

TEST_CASE("kit: CrashAfter counts commits, calls, answers and what the API answers") {
  World world;
  const Saga saga = OneStep();
  const size_t before = world.effects();
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK(world.effects() == before + 2);  // the commit, and the answer to the submit
  REQUIRE(world.coordinator().Wait(saga.gid, 1min).ok());
  CHECK(world.effects() == before + 2 + 4);  // the call, its answer, the commit, the wait
  const Saga lost = OneStep();
  world.CrashAfter(1);  // durable, and nobody was told
  CHECK(world.coordinator().Submit(lost).status().code() == StatusCode::kCancelled);
  CHECK(world.crashed());
  REQUIRE(world.Reopen().ok());
  CHECK(world.coordinator().Query(lost.gid).ok());
  CHECK(world.coordinator().Submit(lost)->repeated);
  CHECK(world.coordinator().Wait(lost.gid, 1min)->succeeded());
}

TEST_CASE("kit: commits fail when told to, as many as told, after as many as told") {
  World world;
  const Status full{StatusCode::kResourceExhausted, "full"};
  world.FailCommits(2, full, 1);
  const Saga a = OneStep();
  const Saga b = OneStep();
  CHECK(world.coordinator().Submit(a).ok());
  CHECK(world.coordinator().Submit(b).status() == full);
  world.RunUntilIdle();
  CHECK(world.coordinator().Submit(b).ok());
  CHECK(world.coordinator().Wait(a.gid, 1min)->succeeded());
  CHECK(world.coordinator().Wait(b.gid, 1min)->succeeded());
}

TEST_CASE("kit: an unknown commit is settled after a while, as it was said") {
  for (const bool committed : {true, false}) {
    World world;
    world.MakeCommitUnknown(1, committed);
    const Saga saga = OneStep();
    const Time begin = world.now();
    CHECK(world.coordinator().Submit(saga).ok() == committed);
    CHECK(world.now() > begin);
    CHECK(world.coordinator().Query(saga.gid).ok() == committed);
  }
}

TEST_CASE("kit: slow commits and slow calls take their time") {
  World world({.coordinator = {}, .commit_time = 50ms, .call_time = 20ms});
  const Time begin = world.now();
  const Saga saga = OneStep();
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK(world.now() == begin + 50ms);
  REQUIRE(world.coordinator().Wait(saga.gid, 1min).ok());
  CHECK(world.now() == begin + 50ms + 20ms + 50ms);
}

TEST_CASE("kit: Close works in virtual time, and what was cut off is called again") {
  World world;
  world.Branch("http://a/do").Hang();
  const Saga saga = OneStep();
  REQUIRE(world.coordinator().Submit(saga).ok());
  world.Advance(1s);
  const Time begin = world.now();
  CHECK(world.coordinator().Close(500ms).code() == StatusCode::kDeadlineExceeded);
  CHECK(world.now() == begin + 500ms);
  CHECK(world.coordinator().Close().ok());
  CHECK(world.coordinator().Submit(saga).status().code() == StatusCode::kFailedPrecondition);
  REQUIRE(world.Reopen().ok());
  CHECK(world.coordinator().Wait(saga.gid, 1min)->succeeded());
  CHECK(world.Branch("http://a/do").calls() == 2);
}

TEST_CASE("kit: several worlds live side by side, and share nothing") {
  World one;
  World two;
  const Saga saga = OneStep();
  Run(one, saga);
  CHECK(two.coordinator().Query(saga.gid).status().code() == StatusCode::kNotFound);
  CHECK(two.calls().empty());
}

}  // namespace
}  // namespace troth::testing
