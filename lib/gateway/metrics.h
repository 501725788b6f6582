// What a coordinator counts, as Prometheus reads it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "troth/coordinator.h"

namespace troth::internal {

// Answers of the gateway by their HTTP status. Thread-safe.
class AnswerCounter {
 public:
  static constexpr std::array<int, 9> kStatuses = {200, 400, 403, 404, 405, 409, 413, 425, 500};

  void Count(int status);
  uint64_t Of(size_t index) const { return counts_[index].load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<uint64_t>, kStatuses.size()> counts_{};
};

// The text format. How many series there are depends on this code alone: no label is a gid, a URL
// or anything else that comes from outside.
std::string MetricsText(const Statistics& statistics, const Health& health,
                        const AnswerCounter& answers);

}  // namespace troth::internal
