// Crashes after the n-th effect, for n = 1, 2, 3, … until a run gets through; commits that fail and
// commits whose outcome can't be told, at every place.
#include "crash_run.h"

namespace troth::testing {
namespace {

const BranchKey kUndoB{"02", "compensate"};

void Nothing(World&, Bank&) {}
void LastFailsWithLostReplies(World& world, Bank&) {
  world.Branch(Do("a")).RunButLoseReply();
  world.Branch(Do("b")).RunButLoseReply();
  world.Branch(Do("c")).Do(Bank::Refuse("no"));
  world.Branch(Undo("b")).RunButLoseReply();
}
// The third step never comes to a result.
void Stalls(World& world, Bank&) { world.Branch(Do("c")).Ongoing().Always(); }
// The second compensation never does.
void RollbackStalls(World& world, Bank&) {
  world.Branch(Do("c")).Do(Bank::Refuse("no"));
  world.Branch(Undo("b")).Answer(500).Always();
}

Saga Quick(Saga saga) {
  saga.options.retry = {.first = 1s, .cap = 4s};
  return saga;
}

std::vector<Scenario> Scenarios() {
  const Saga three = Quick(Steps({"a", "b", "c"}));
  Saga diamond = Quick(Steps({"a", "b", "c", "d"}));
  diamond.concurrent = true;
  diamond.orders = {{1, {0}}, {2, {0}}, {3, {1, 2}}};
  Saga deadline = three;
  deadline.timeout_to_fail = 2'500ms;
  Saga empty = three;
  empty.Add({.action = "", .compensate = "", .payload = "{}"});

  std::vector<Scenario> all;
  all.push_back({.name = "success", .saga = three, .script = Nothing, .may_succeed = true});
  all.push_back({.name = "success after lost replies",
                 .saga = three,
                 .script =
                     [](World& world, Bank&) {
                       world.Branch(Do("a")).RunButLoseReply().RunButLoseReply();
                       world.Branch(Do("c")).Answer(500).RunButLoseReply().Ongoing();
                     },
                 .may_succeed = true});
  all.push_back({.name = "failure with lost replies",
                 .saga = three,
                 .script = LastFailsWithLostReplies,
                 .may_fail = true});
  all.push_back({.name = "concurrent success",
                 .saga = diamond,
                 .script = [](World& world, Bank&) { world.Branch(Do("b")).Succeed().Delay(30ms); },
                 .may_succeed = true});
  all.push_back({.name = "concurrent failure",
                 .saga = diamond,
                 .script =
                     [](World& world, Bank&) {
                       world.Branch(Do("b")).RunButLoseReply().Delay(20ms);
                       world.Branch(Do("c")).Do(Bank::Refuse("no"));
                     },
                 .may_fail = true});
  all.push_back({.name = "deadline", .saga = deadline, .script = Stalls, .may_fail = true});
  all.push_back({.name = "cancel",
                 .saga = three,
                 .script = Stalls,
                 .act = [](Coordinator& c, const std::string& gid) { return c.Cancel(gid, kAnn); },
                 .act_after = 1'500ms,
                 .act_name = "cancel",
                 .may_fail = true});
  all.push_back({.name = "cancel that races",
                 .saga = three,
                 .script = Nothing,
                 .act = [](Coordinator& c, const std::string& gid) { return c.Cancel(gid, kAnn); },
                 .act_after = 4ms,
                 .act_name = "cancel",
                 .may_succeed = true,
                 .may_fail = true});
  all.push_back({.name = "edit",
                 .saga = three,
                 .script =
                     [](World& world, Bank& bank) {
                       RollbackStalls(world, bank);
                       world.Branch("http://new/undo").Do(bank.Change(Do("b"), 20));
                     },
                 .act =
                     [](Coordinator& c, const std::string& gid) {
                       return c.EditBranch(gid, kUndoB, {.url = "http://new/undo"}, kAnn);
                     },
                 .act_after = 1'500ms,
                 .act_name = "edit 02/compensate",
                 .may_fail = true,
                 .in_doubt = true});
  all.push_back({.name = "skip",
                 .saga = three,
                 .script = RollbackStalls,
                 .act = [](Coordinator& c,
                           const std::string& gid) { return c.SkipBranch(gid, kUndoB, kAnn); },
                 .act_after = 1'500ms,
                 .act_name = "skip 02/compensate",
                 .may_fail = true,
                 .in_doubt = true});
  all.push_back({.name = "stop",
                 .saga = three,
                 .script = Stalls,
                 .act = [](Coordinator& c, const std::string& gid) { return c.Stop(gid, kAnn); },
                 .act_after = 1'500ms,
                 .act_name = "stop",
                 .may_fail = true,
                 .in_doubt = true});
  all.push_back(
      {.name = "with an empty step", .saga = empty, .script = Nothing, .may_succeed = true});
  return all;
}

constexpr size_t kFarEnough = 500;

TEST_CASE("crash: after every effect, the saga ends as it would have, and the sums are right") {
  for (const Scenario& scenario : Scenarios()) {
    CAPTURE(scenario.name);
    size_t n = 1;
    for (bool disturbed = true; disturbed; ++n) {
      CAPTURE(n);
      REQUIRE(n < kFarEnough);
      CrashRun run(scenario, {.crash_after = n});
      run.Run();
      disturbed = run.disturbed();
    }
    CHECK(n > 5);
  }
}

TEST_CASE("crash: and once more a few effects into the next life") {
  for (const Scenario& scenario : Scenarios()) {
    CAPTURE(scenario.name);
    for (size_t k = 1; k <= 6; ++k) {
      CAPTURE(k);
      size_t n = 1;
      for (bool disturbed = true; disturbed; ++n) {
        CAPTURE(n);
        REQUIRE(n < kFarEnough);
        CrashRun run(scenario, {.crash_after = n, .crash_again_after = k});
        run.Run();
        disturbed = run.disturbed();
      }
    }
  }
}

TEST_CASE("crash: a commit that fails, at every place, loses and repeats nothing") {
  for (const Scenario& scenario : Scenarios()) {
    CAPTURE(scenario.name);
    for (size_t n = 1; n <= 25; ++n) {
      CAPTURE(n);
      CrashRun(scenario, {.failing_commit = n}).Run();
    }
  }
}

TEST_CASE("crash: a commit whose outcome can't be told, at every place, both ways") {
  for (const Scenario& scenario : Scenarios()) {
    CAPTURE(scenario.name);
    for (size_t n = 1; n <= 25; ++n) {
      for (const bool committed : {true, false}) {
        CAPTURE(n);
        CAPTURE(committed);
        CrashRun(scenario, {.unknown_commit = n, .committed = committed}).Run();
      }
    }
  }
}

TEST_CASE("crash: with a commit in doubt, at every effect around it") {
  for (const Scenario& scenario : Scenarios()) {
    CAPTURE(scenario.name);
    for (size_t commit = 1; commit <= 6; ++commit) {
      for (const bool committed : {true, false}) {
        size_t n = 1;
        for (bool disturbed = true; disturbed && n < kFarEnough; ++n) {
          CAPTURE(commit);
          CAPTURE(committed);
          CAPTURE(n);
          CrashRun run(scenario,
                       {.crash_after = n, .unknown_commit = commit, .committed = committed});
          run.Run();
          disturbed = run.disturbed();
        }
      }
    }
  }
}

// I2, I8: what a branch sees of the store while it is called.
TEST_CASE("crash: at every call the store already allows it") {
  for (size_t n = 0; n < 60; ++n) {
    CAPTURE(n);
    World world({.coordinator = {}, .commit_time = 2ms});
    Saga saga = Quick(Steps({"a", "b", "c"}));
    const auto look = [&](const BranchContext& context, std::string_view) {
      const auto record = world.coordinator().Query(context.gid);
      if (record.ok() && !world.crashed()) {
        if (context.op == "compensate") {
          CHECK(record->status == TransactionStatus::kAborting);
        } else {
          for (const BranchRecord& branch : record->branches) {
            if (branch.branch_id == context.branch_id && branch.op == context.op) {
              CHECK(branch.may_have_run);
            }
          }
        }
      }
      const bool refuse = context.branch_id == "03" && context.op == "action";
      return refuse ? BranchResult::Failure("no") : BranchResult::Success();
    };
    for (const SagaStep& step : saga.steps) {
      world.Branch(step.action).Do(look);
      world.Branch(step.compensate).Do(look);
    }
    world.CrashAfter(n);
    for (int life = 0; life < 3; ++life) {
      (void)world.coordinator().Submit(saga);
      (void)world.coordinator().Wait(saga.gid, 1h);
      if (!world.crashed()) break;
      REQUIRE(world.Reopen().ok());
    }
    CHECK(Look(world, saga).status == TransactionStatus::kFailed);
  }
}

}  // namespace
}  // namespace troth::testing
