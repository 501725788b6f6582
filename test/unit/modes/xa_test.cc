// XA from the outside: branches are known before they are called, and the second phase goes to all
// of them at once.
#include <stdexcept>

#include "scene.h"

namespace troth::testing {
namespace {

using enum TransactionStatus;

TEST_CASE("xa: branches are called in turn, then all commit") {
  World world(Instant());
  world.Branch(Url("a", "xa")).Succeed("41");
  Xa xa = BeginXa(world);
  const auto a = xa.Call(Bank("a"));
  REQUIRE(a.ok());
  CHECK(*a == "41");
  REQUIRE(xa.Call(Bank("b")).ok());
  CHECK(Branches(world, xa.gid()) == Names{"01/rollback=prepared", "01/commit=prepared",
                                           "02/rollback=prepared", "02/commit=prepared"});
  REQUIRE(xa.Commit().ok());
  CHECK(Wait(world, xa.gid()).succeeded());
  CHECK(Branches(world, xa.gid()) == Names{"01/rollback=prepared", "01/commit=succeed",
                                           "02/rollback=prepared", "02/commit=succeed"});
  REQUIRE(world.calls().size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    const RecordedCall& call = world.calls()[i];
    const bool first_phase = i < 2;
    CHECK(call.context.trans_type == "xa");
    CHECK(call.context.op == (first_phase ? "action" : "commit"));
    CHECK(call.payload == (first_phase ? "{}" : ""));  // the second phase has no body
    CHECK(call.method == "POST");                      // and is a POST all the same
    CHECK(call.context.phase2_url == (first_phase ? call.url : ""));
  }
}

TEST_CASE("xa: a branch is registered, durably, before it is called") {
  World world(Instant());
  world.Branch(Url("a", "xa")).Do([&](const BranchContext& context, std::string_view) {
    if (context.op != "action") return BranchResult::Success();
    CHECK(Branches(world, context.gid) == Names{"01/rollback=prepared", "01/commit=prepared"});
    return BranchResult::Success();
  });
  Xa xa = BeginXa(world);
  CHECK(xa.Call(Bank("a")).ok());
  REQUIRE(xa.Commit().ok());
  Wait(world, xa.gid());
}

TEST_CASE("xa: a branch that prepared and lost its answer is rolled back with the others") {
  World world(Instant());
  world.Branch(Url("b", "xa")).RunButLoseReply();
  const XaOptions options;
  const auto done = RunXa(world.coordinator(), options, [](Xa& xa) {
    CHECK(xa.Call(Bank("a")).ok());
    const auto b = xa.Call(Bank("b"));
    CHECK(b.status().code() == StatusCode::kUnavailable);
    return b.status();
  });
  CHECK(done.status().code() == StatusCode::kAborted);
  CHECK(Wait(world, options.gid).status == kFailed);
  CHECK(Branches(world, options.gid) == Names{"01/rollback=succeed", "01/commit=prepared",
                                              "02/rollback=succeed", "02/commit=prepared"});
}

TEST_CASE("xa: a refused branch is rolled back too, for it may have prepared before it said no") {
  World world(Instant());
  world.Branch(Url("b", "xa")).Fail("balance");
  Xa xa = BeginXa(world);
  REQUIRE(xa.Call(Bank("a")).ok());
  CHECK(xa.Call(Bank("b")).status().code() == StatusCode::kAborted);
  REQUIRE(xa.Rollback("balance").ok());
  CHECK(Wait(world, xa.gid()).reason.text == "balance");
  CHECK(CalledFrom(world, 2) == Names{"b/xa 02/rollback", "a/xa 01/rollback"});
}

TEST_CASE("xa: the second phase goes to all at once, and a dead branch holds nobody's locks") {
  for (const bool commits : {true, false}) {
    CAPTURE(commits);
    World world(Instant());
    Xa xa = BeginXa(world);
    for (const char* name : {"a", "b", "c"}) REQUIRE(xa.Call(Bank(name)).ok());
    world.Branch(Url("c", "xa")).Hang().Refuse().Times(2);
    const Time begin = world.now();
    REQUIRE((commits ? xa.Commit() : xa.Rollback("no")).ok());
    world.Advance(0ms);
    CHECK(world.calls().size() == 6);
    for (size_t i = 3; i < 6; ++i) CHECK(world.calls()[i].at == begin);
    world.Advance(2s);
    CHECK(StatusOf(world, xa.gid()) == (commits ? kSubmitted : kAborting));
    CHECK(Wait(world, xa.gid()).succeeded() == commits);
    CHECK(world.Branch(Url("a", "xa")).calls() == 2);
    CHECK(world.Branch(Url("b", "xa")).calls() == 2);
    CHECK(world.Branch(Url("c", "xa")).calls() == 5);
  }
}

TEST_CASE("xa: commit and rollback are repeated until they succeed, failure and ongoing too") {
  for (const bool commits : {true, false}) {
    CAPTURE(commits);
    World world(Instant());
    Xa xa = BeginXa(world);
    REQUIRE(xa.Call(Bank("a")).ok());
    world.Branch(Url("a", "xa")).Ongoing().Fail("no").Answer(500);
    REQUIRE((commits ? xa.Commit() : xa.Rollback("no")).ok());
    CHECK(Wait(world, xa.gid()).succeeded() == commits);
    const std::string op = commits ? "a/xa 01/commit" : "a/xa 01/rollback";
    CHECK(CalledFrom(world, 1) == Names{op, op, op, op});
    CHECK(Branches(world, xa.gid()) == (commits
                                            ? Names{"01/rollback=prepared", "01/commit=succeed"}
                                            : Names{"01/rollback=succeed", "01/commit=prepared"}));
  }
}

TEST_CASE("xa: undecided for 35 s it rolls back, with and without branches") {
  World world(Instant());
  Xa empty = BeginXa(world);
  Xa xa = BeginXa(world);
  REQUIRE(xa.Call(Bank("a")).ok());
  world.Advance(34'999ms);
  CHECK(StatusOf(world, xa.gid()) == kPrepared);
  CHECK(world.calls().size() == 1);
  world.Advance(1ms);
  CHECK(Look(world, empty.gid()).reason.text == "Timeout after 35 seconds");
  CHECK(Branches(world, empty.gid()).empty());
  CHECK(StatusOf(world, empty.gid()) == kFailed);
  CHECK(Called(world) == Names{"a/xa 01/action", "a/xa 01/rollback"});
  CHECK(empty.Commit().code() == StatusCode::kAborted);
  CHECK(xa.Call(Bank("b")).status().code() == StatusCode::kAborted);
}

TEST_CASE("xa: the rollback of a branch waits for its action in flight, the others do not") {
  World world(Instant());
  world.Branch(Url("b", "xa")).Succeed().Delay(2s);
  Xa xa = BeginXa(world, {.timeout_to_fail = 1s});
  REQUIRE(xa.Call(Bank("a")).ok());
  const Time begin = world.now();
  CHECK(xa.Call(Bank("b")).ok());
  Wait(world, xa.gid());
  CHECK((world.Branch(Url("a", "xa")).recorded().at(1).at - begin) == 1s);
  CHECK((world.Branch(Url("b", "xa")).recorded().at(1).at - begin) == 2s);
}

TEST_CASE("xa: RunXa commits on OK, and rolls back on an error, a throw, or a lost session") {
  World world(Instant());
  const XaOptions good, bad;
  CHECK(RunXa(world.coordinator(), good, [](Xa& xa) { return xa.Call(Bank("a")).status(); }).ok());
  CHECK(Wait(world, good.gid).succeeded());
  CHECK(RunXa(world.coordinator(), bad,
              [](Xa& xa) -> Status {
                CHECK(xa.Call(Bank("a")).ok());
                throw std::runtime_error("x");
              })
            .status()
            .code() == StatusCode::kAborted);
  CHECK(Wait(world, bad.gid).status == kFailed);
  std::string lost;
  { lost = BeginXa(world).gid(); }
  CHECK(Wait(world, lost).reason.code == ReasonCode::kRolledBack);
}

TEST_CASE("xa: headers of the transaction and of the branch come with every call") {
  World world(Instant());
  Xa xa = BeginXa(world, {.headers = {{"X-Shop", "1"}}});
  XaBranch branch = Bank("a");
  branch.headers = {{"X-Bank", "2"}};
  REQUIRE(xa.Call(branch).ok());
  REQUIRE(xa.Commit().ok());
  Wait(world, xa.gid());
  for (const RecordedCall& call : world.calls()) {
    CHECK(call.context.headers == Headers{{"X-Shop", "1"}, {"X-Bank", "2"}});
  }
}

TEST_CASE("xa: repeated decisions are OK, the other one is refused, an empty URL is no branch") {
  World world(Instant());
  Xa xa = BeginXa(world);
  CHECK(xa.Call({}).status().code() == StatusCode::kInvalidArgument);
  CHECK(Branches(world, xa.gid()).empty());
  CHECK(xa.Commit().ok());
  CHECK(xa.Commit().ok());
  CHECK(xa.Rollback("no").code() == StatusCode::kFailedPrecondition);
  CHECK(xa.Call(Bank("a")).status().code() == StatusCode::kFailedPrecondition);
  Xa other = BeginXa(world);
  CHECK(other.Rollback("no").ok());
  CHECK(other.Rollback("no").ok());
  CHECK(other.Commit().code() == StatusCode::kAborted);
}

}  // namespace
}  // namespace troth::testing
