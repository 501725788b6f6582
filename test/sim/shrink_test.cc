// What shrinking leaves, where it is known what makes a scenario fail.
#include "shrink.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace troth::sim {
namespace {

Planned TransactionNamed(const std::string& gid) {
  Planned planned;
  planned.wanted.emplace_back().gid = gid;
  return planned;
}

Scenario WithEverything() {
  Scenario scenario;
  for (const char* gid : {"g1", "g2", "g3", "g4"}) {
    scenario.transactions.push_back(TransactionNamed(gid));
  }
  for (size_t i = 0; i < 4; ++i) {
    scenario.deeds.push_back({.deed = Deed::kCancel, .transaction = i});
    scenario.life_ends.push_back({.effects = i + 1});
    scenario.store_faults.push_back({.kind = StoreFault::Kind::kFails, .count = i});
    scenario.shop.faults.push_back({.kind = StoreFault::Kind::kSyncs, .at = i + 1});
  }
  scenario.weather = {.lost = 10, .slow = 20};
  return scenario;
}

TEST_CASE("shrink: what makes it fail is left, and nothing else") {
  const auto fails = [](const Scenario& scenario) {
    const auto crashes = [](const LifeEnd& end) { return end.effects == 3; };
    const auto is_second_sync = [](const StoreFault& fault) { return fault.at == 2; };
    const auto cancels_g3 = [&](const PlannedDeed& deed) {
      return scenario.transactions.at(deed.transaction).gid() == "g3";
    };
    return std::any_of(scenario.life_ends.begin(), scenario.life_ends.end(), crashes) &&
           std::any_of(scenario.deeds.begin(), scenario.deeds.end(), cancels_g3) &&
           std::any_of(scenario.shop.faults.begin(), scenario.shop.faults.end(), is_second_sync) &&
           scenario.weather.slow > 0;
  };
  const Scenario smallest = Shrink(WithEverything(), "g3", fails);
  REQUIRE(smallest.transactions.size() == 1);
  CHECK(smallest.transactions[0].gid() == "g3");
  REQUIRE(smallest.deeds.size() == 1);
  CHECK(smallest.deeds[0].transaction == 0);
  REQUIRE(smallest.life_ends.size() == 1);
  CHECK(smallest.life_ends[0].effects == 3);
  CHECK(smallest.store_faults.empty());
  REQUIRE(smallest.shop.faults.size() == 1);
  CHECK(smallest.shop.faults[0].at == 2);
  CHECK(smallest.weather.lost == 0);
  CHECK(smallest.weather.slow == 20);
  CHECK(SummaryOf(smallest) ==
        "1 transactions, 1 ends of lives, 0 faults of the store, 1 of the application's disk, 0 "
        "hosts down, 1 deeds, a bad network");
}

TEST_CASE("shrink: it comes to an end whatever fails") {
  int runs = 0;
  const Scenario same = Shrink(WithEverything(), "g1", [&](const Scenario&) {
    ++runs;
    return false;
  });
  CHECK(same.transactions.size() == 4);
  CHECK(runs < 300);
}

}  // namespace
}  // namespace troth::sim
