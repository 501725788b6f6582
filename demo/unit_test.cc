// The README's unit test: a function that runs a saga, against fake banks in virtual time.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <troth/testing/world.h>

using namespace std::chrono_literals;

// What is tested, as it runs in production.
troth::Result<troth::Outcome> Transfer(troth::Coordinator& coordinator, std::string amount) {
  troth::Saga saga;
  saga.Add({.action = "http://bank-a/TransOut",
            .compensate = "http://bank-a/TransOutRevert",
            .payload = amount});
  saga.Add({.action = "http://bank-b/TransIn",
            .compensate = "http://bank-b/TransInRevert",
            .payload = amount});
  const auto accepted = coordinator.Submit(saga);
  if (!accepted.ok()) return accepted.status();
  return coordinator.Wait(saga.gid, 24h);
}

TEST_CASE("a deposit that is refused after an outage gives the money back") {
  troth::testing::World world;  // virtual time, no network: this takes milliseconds
  world.Branch("http://bank-b/TransIn").Hang().Times(3).Fail("account closed");

  const auto outcome = Transfer(world.coordinator(), "30");

  REQUIRE(outcome.ok());
  CHECK(outcome->status == troth::TransactionStatus::kFailed);
  CHECK(outcome->reason.text == "account closed");
  CHECK(world.Branch("http://bank-b/TransIn").calls() == 4);
  CHECK(world.Branch("http://bank-a/TransOutRevert").calls() == 1);
}

TEST_CASE("wherever the application is killed, both banks take part or none does") {
  for (size_t effects = 1; effects <= 20; ++effects) {
    CAPTURE(effects);
    troth::testing::World world;
    world.CrashAfter(effects);
    (void)Transfer(world.coordinator(), "30");
    REQUIRE(world.Reopen().ok());
    world.RunUntilIdle();
    CHECK((world.Branch("http://bank-a/TransOut").calls() > 0) ==
          (world.Branch("http://bank-b/TransIn").calls() > 0));
  }
}
