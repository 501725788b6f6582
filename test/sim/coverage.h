// Which transitions of the plan tables some seed has taken.
//
// A transition is read off two images of one transaction that follow each other in the store: its
// status, the reason of its decision, why it is parked, and what became of each operation. The list
// of all of them is written down by mode in coverage.cc; what no seed of a large run takes is
// printed at its end: the simulator does not test it.
//
// What a workflow has chosen changes no status before its end: its choices, and what its
// application records, are transitions of their own.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "log.h"

namespace troth::sim {

class Coverage {
 public:
  // To be made before the processes that add to it: they share it.
  Coverage();
  ~Coverage();
  Coverage(const Coverage&) = delete;
  Coverage& operator=(const Coverage&) = delete;

  void Add(const Log& log);

  size_t all() const { return names_.size(); }
  // Those that nobody has taken, by name.
  std::vector<std::string> Missing() const;

 private:
  void Take(const std::string& name);
  void AddWorkflowStep(const internal::GlobalTransaction* before,
                       const internal::GlobalTransaction& after);
  void AddStep(const internal::GlobalTransaction* before,
               const internal::TransactionRow* row_before, const Stored& after);

  std::vector<std::string> names_;
  std::map<std::string, size_t> index_;
  std::atomic<bool>* taken_ = nullptr;
};

}  // namespace troth::sim
