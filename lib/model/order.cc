#include "model/order.h"

#include <utility>
#include <vector>

namespace troth::internal {

std::optional<size_t> StepOnCycle(std::span<const Step> steps) {
  // Depth first, with a stack of our own: a chain may have as many links as there are steps.
  enum class Seen : uint8_t { kNever, kOnPath, kFinished };
  std::vector<Seen> seen(steps.size(), Seen::kNever);
  std::vector<std::pair<size_t, size_t>> path;  // step, how many of its predecessors were visited
  for (size_t root = 0; root < steps.size(); ++root) {
    if (seen[root] != Seen::kNever) continue;
    seen[root] = Seen::kOnPath;
    path.emplace_back(root, 0);
    while (!path.empty()) {
      auto& [step, visited] = path.back();
      if (visited == steps[step].after.size()) {
        seen[step] = Seen::kFinished;
        path.pop_back();
        continue;
      }
      const size_t before = steps[step].after[visited++];
      if (seen[before] == Seen::kOnPath) return before;
      if (seen[before] == Seen::kFinished) continue;
      seen[before] = Seen::kOnPath;
      path.emplace_back(before, 0);
    }
  }
  return std::nullopt;
}

}  // namespace troth::internal
