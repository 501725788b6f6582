// A unit test as a user writes it: fake branches, virtual time, a saga that rolls back.
#include <troth/coordinator.h>
#include <troth/saga.h>
#include <troth/testing/world.h>

#include <chrono>
#include <cstdio>

int main() {
  troth::testing::World world;
  world.Branch("http://bank-b/TransIn").Fail("account closed");

  troth::Saga saga;
  saga.Add({.action = "http://bank-a/TransOut",
            .compensate = "http://bank-a/TransOutRevert",
            .payload = "{}"});
  saga.Add({.action = "http://bank-b/TransIn",
            .compensate = "http://bank-b/TransInRevert",
            .payload = "{}"});
  if (!world.coordinator().Submit(saga).ok()) return 1;
  const auto outcome = world.coordinator().Wait(saga.gid, std::chrono::minutes(1));
  if (!outcome.ok()) {
    std::fprintf(stderr, "%s\n", outcome.status().ToString().c_str());
    return 1;
  }
  const auto undone = world.Branch("http://bank-a/TransOutRevert").calls();
  std::printf("%s, %zu compensations\n", outcome->reason.ToString().c_str(), undone);
  return !outcome->succeeded() && undone == 1 ? 0 : 1;
}
