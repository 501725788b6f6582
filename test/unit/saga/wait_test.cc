// Run: a submit and the wait for its end in one act.
#include "scene.h"

namespace troth::testing {
namespace {

Result<Outcome> Run(World& world, const Saga& saga, milliseconds timeout = 1min) {
  return world.coordinator().Run(saga, timeout);
}

TEST_CASE("run: it answers with the end, whatever that is") {
  World world(Instant());
  const auto done = Run(world, Steps({"a", "b"}));
  REQUIRE(done.ok());
  CHECK(done->succeeded());
  world.Branch(Do("b")).Fail("no money");
  const auto failed = Run(world, Steps({"a", "b"}));
  REQUIRE(failed.ok());
  CHECK(failed->status == TransactionStatus::kFailed);
  CHECK(failed->reason.text == "no money");
  const auto empty = Run(world, Saga{.steps = {{}, {}}});
  REQUIRE(empty.ok());
  CHECK(empty->succeeded());
}

TEST_CASE("run: what is refused is refused at once, and nothing is stored") {
  World world(Instant({.limits = {.live = 1}}));
  CHECK(Run(world, Saga{}).status().message() == "saga.steps: none");
  world.Branch(Do("slow")).Ongoing().Always();
  const Saga slow = Steps({"slow"});
  Submit(world, slow);
  const Time begin = world.now();
  CHECK(Run(world, Steps({"a"})).status().code() == StatusCode::kResourceExhausted);
  // The gid is another saga's, whose end is not what is waited for.
  Saga other = Steps({"a"});
  other.gid = slow.gid;
  CHECK(Run(world, other).status().code() == StatusCode::kAlreadyExists);
  CHECK(world.now() == begin);
  CHECK(Look(world, slow).status == TransactionStatus::kSubmitted);
}

TEST_CASE("run: a repetition waits for the end of the first, or tells it") {
  World world(Instant());
  world.Branch(Do("a")).Ongoing().Times(2);
  const Saga saga = Steps({"a"});
  Submit(world, saga);
  const auto first = Run(world, saga);
  REQUIRE(first.ok());
  CHECK(first->succeeded());
  CHECK(Run(world, saga)->succeeded());
  CHECK(world.Branch(Do("a")).calls() == 3);
  world.Branch(Do("b")).Fail("no");
  const Saga failing = Steps({"b"});
  CHECK(Run(world, failing).ok());
  CHECK(Run(world, failing).status().code() == StatusCode::kAborted);
}

TEST_CASE("run: past its time the saga goes on, and the answer says how far it is") {
  World world(Instant());
  world.Branch(Do("a")).Ongoing().Always();
  for (const milliseconds timeout : std::vector<milliseconds>{0s, 15s, 1h}) {
    const Saga saga = Steps({"a"});
    const Time begin = world.now();
    const Status late = Run(world, saga, timeout).status();
    CHECK(late.code() == StatusCode::kDeadlineExceeded);
    CHECK(late.message().find("submitted") != std::string::npos);
    CHECK(world.now() - begin == timeout);
    CHECK(Look(world, saga).status == TransactionStatus::kSubmitted);
  }
  CHECK(Run(world, Steps({"a"}), -5s).status().code() == StatusCode::kDeadlineExceeded);
  CHECK(Run(world, Saga{.steps = {{}}}, 0ms)->succeeded());
}

TEST_CASE("run: where the store does not say whether it is accepted, nobody waits for the end") {
  World world({.coordinator = {.patience = 2s}, .commit_time = 5s, .call_time = 0ms});
  const Saga saga = Steps({"a"});
  const Time begin = world.now();
  CHECK(Run(world, saga, 1h).status().code() == StatusCode::kUnavailable);
  CHECK(world.now() - begin == 2s);
  CHECK(Wait(world, saga).succeeded());  // it was
  CHECK(world.Branch(Do("a")).calls() == 1);
}

TEST_CASE("run: a crash, and a coordinator that is closed, end it") {
  World world(Instant());
  world.Branch(Do("a")).Ongoing().Always();
  const Saga saga = Steps({"a"});
  world.CrashAfter(4);
  CHECK(Run(world, saga).status().code() == StatusCode::kCancelled);
  REQUIRE(world.Reopen().ok());
  CHECK(Look(world, saga).status == TransactionStatus::kSubmitted);
  CHECK(world.coordinator().Close().ok());
  CHECK(Run(world, Steps({"a"})).status().code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("run: inside a local function it is refused before anything runs") {
  World* here = nullptr;
  Status inside;
  World world(
      Instant({.local = {{"f", [&](const BranchContext&, std::string_view, std::stop_token) {
                            inside = Run(*here, Steps({"a"})).status();
                            return BranchResult::Success();
                          }}}}));
  here = &world;
  Saga saga;
  saga.Add({.action = "local:f"});
  CHECK(Run(world, saga)->succeeded());
  CHECK(inside.code() == StatusCode::kFailedPrecondition);
  CHECK(world.calls().size() == 1);
}

}  // namespace
}  // namespace troth::testing
