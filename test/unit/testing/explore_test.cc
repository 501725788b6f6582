// Explore() finds the mistakes that handlers and applications make, and nothing where there are
// none.
#include "troth/testing/explore.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>

namespace troth::testing {
namespace {

using namespace std::chrono_literals;

// A service whose handlers are right, or lack one thing.
struct Bank {
  enum class Lacks { kNothing, kDuplicates, kNullCompensation, kHanging };
  explicit Bank(Lacks what) : lacks(what) {}

  Handler Action(int amount) {
    return [this, amount](const BranchContext& context, std::string_view) {
      const std::string key = context.gid + context.branch_id;
      if (undone.contains(key) && lacks != Lacks::kHanging) return BranchResult::Success();
      if (done.insert(key).second || lacks == Lacks::kDuplicates) sum += amount;
      return BranchResult::Success();
    };
  }
  Handler Compensation(int amount) {
    return [this, amount](const BranchContext& context, std::string_view) {
      const std::string key = context.gid + context.branch_id;
      const bool first = undone.insert(key).second;
      if (first && (done.contains(key) || lacks == Lacks::kNullCompensation)) sum -= amount;
      return BranchResult::Success();
    };
  }

  const Lacks lacks;
  int sum = 0;
  std::set<std::string> done;
  std::set<std::string> undone;
};

TEST_CASE("explore: a scenario that does nothing is said to be none") {
  const Exploration found = Explore(3, [](World&) { return Scenario{}; });
  REQUIRE(found.broken);
  CHECK(found.broken->what == "the scenario has no `run`");
}

// Out and in again; now and then the second step refuses, so that the first is undone.
std::function<Scenario(World&)> Transfer(Bank::Lacks lacks) {
  return [lacks](World& world) {
    const auto bank = std::make_shared<Bank>(lacks);
    world.Branch("http://bank/out").Do(bank->Action(-30));
    world.Branch("http://bank/out/undo").Do(bank->Compensation(-30));
    world.Branch("http://bank/in").Do(bank->Action(30));
    world.Branch("http://bank/in/undo").Do(bank->Compensation(30));
    Saga saga;
    saga.gid = "transfer";
    saga.timeout_to_fail = 20s;
    saga.Add({.action = "http://bank/out", .compensate = "http://bank/out/undo"});
    saga.Add({.action = "http://bank/in", .compensate = "http://bank/in/undo"});
    return Scenario{
        .run = [saga](Coordinator& c) { return c.Submit(saga).status(); },
        .check =
            [bank] { return bank->sum == 0 ? "" : "the sum is " + std::to_string(bank->sum); }};
  };
}

TEST_CASE("explore: handlers that are right stand everything") {
  const Exploration found = Explore(2'000, Transfer(Bank::Lacks::kNothing));
  CHECK_MESSAGE(found.ok(), found.ToString());
  CHECK(found.runs == 2'000);
  CHECK(found.crashes > 1'000);
  CHECK(found.faults > 2'000);
}

TEST_CASE("explore: a handler that lacks one protection is found, and its seed repeats the story") {
  for (const auto lacks :
       {Bank::Lacks::kDuplicates, Bank::Lacks::kNullCompensation, Bank::Lacks::kHanging}) {
    CAPTURE(static_cast<int>(lacks));
    const Exploration found = Explore(2'000, Transfer(lacks));
    REQUIRE_FALSE(found.ok());
    CHECK(found.broken->what.starts_with("the sum is "));
    CHECK(found.broken->story.find("transfer 01/action") != std::string::npos);
    const Exploration again = Explore(1, Transfer(lacks), {.first_seed = found.broken->seed});
    REQUIRE_FALSE(again.ok());
    CHECK(again.broken->seed == found.broken->seed);
    CHECK(again.broken->story == found.broken->story);
    CHECK(again.ToString().find("{.first_seed = ") != std::string::npos);
  }
}

TEST_CASE("explore: an application that submits something else after a crash is found") {
  const Exploration found = Explore(500, [](World& world) {
    const auto calls = std::make_shared<std::set<std::string>>();
    world.Branch("http://shop/order").Do([calls](const BranchContext& context, std::string_view) {
      calls->insert(context.gid);
      return BranchResult::Success();
    });
    return Scenario{.run =
                        [](Coordinator& c) {
                          Saga saga;  // with a new gid each time
                          saga.Add({.action = "http://shop/order", .compensate = {}});
                          return c.Submit(saga).status();
                        },
                    .check = [calls] { return calls->size() == 1 ? "" : "ordered twice"; }};
  });
  REQUIRE_FALSE(found.ok());
  CHECK(found.broken->what == "ordered twice");
  CHECK(found.broken->story.find("crashes") != std::string::npos);
}

TEST_CASE("explore: what never ends is told, with what it waits for") {
  const Exploration found = Explore(10, [](World& world) {
    world.Branch("http://a/do").Fail("no").Always();
    world.Branch("http://a/undo").Fail("never").Always();
    Saga saga;
    saga.gid = "stuck";
    saga.options.retry.park_after = 3;
    saga.Add({.action = "http://a/do", .compensate = "http://a/undo"});
    return Scenario{.run = [saga](Coordinator& c) { return c.Submit(saga).status(); },
                    .check = [] { return std::string(); }};
  });
  REQUIRE_FALSE(found.ok());
  CHECK(found.broken->seed == 0);
  CHECK(found.broken->what.starts_with("stuck has not ended: "));
  CHECK(found.broken->what.find("parked") != std::string::npos);
}

TEST_CASE("explore: an error of the application's own breaks the run") {
  const Exploration found = Explore(10, [](World&) {
    return Scenario{.run = [](Coordinator& c) { return c.Submit(Saga{}).status(); }, .check = {}};
  });
  REQUIRE_FALSE(found.ok());
  CHECK(found.broken->what.find("INVALID_ARGUMENT") != std::string::npos);
}

}  // namespace
}  // namespace troth::testing
