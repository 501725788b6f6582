#include "model/order.h"

#include <doctest/doctest.h>

namespace troth::internal {
namespace {

std::optional<size_t> CycleOf(const std::vector<std::vector<uint16_t>>& after) {
  std::vector<Step> steps(after.size());
  for (size_t i = 0; i < after.size(); ++i) steps[i].after = after[i];
  return StepOnCycle(steps);
}

TEST_CASE("order: what can be followed has no cycle") {
  CHECK_FALSE(CycleOf({}));
  CHECK_FALSE(CycleOf({{}, {0}, {0, 1}, {2, 2}}));
  CHECK_FALSE(CycleOf({{1, 2}, {3}, {3}, {}}));  // a diamond, backwards
}

TEST_CASE("order: a step on the cycle is named, not one that leads to it") {
  CHECK(CycleOf({{0}}) == 0);
  const auto two = CycleOf({{1}, {2}, {3}, {2}, {}});
  REQUIRE(two);
  CHECK((*two == 2 || *two == 3));
}

TEST_CASE("order: a chain as long as there can be steps is walked") {
  std::vector<std::vector<uint16_t>> chain(kStepsMax);
  for (size_t i = 0; i + 1 < chain.size(); ++i) chain[i] = {static_cast<uint16_t>(i + 1)};
  CHECK_FALSE(CycleOf(chain));
  chain.back() = {0};
  CHECK(CycleOf(chain));
}

}  // namespace
}  // namespace troth::internal
