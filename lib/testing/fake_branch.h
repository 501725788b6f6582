// The script of a fake branch.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <limits>
#include <string>

#include "testing/universe.h"
#include "troth/testing/world.h"

namespace troth::testing {

struct ScriptLine {
  enum class Kind { kHandler, kAnswer, kLose, kHang, kRefuse };
  Kind kind = Kind::kHandler;
  int http_status = 200;
  std::string body;
  std::chrono::milliseconds delay{0};
  bool delayed = false;
  size_t times = 1;
};

struct FakeBranch::State {
  State(std::string branch_url, Universe& world) : url(std::move(branch_url)), universe(world) {}
  std::string url;
  Universe& universe;
  std::deque<ScriptLine> script;
  Handler handler;

  // The line for the call that arrives now.
  ScriptLine TakeLine();
  // What the branch does, exceptions turned into unknown.
  BranchResult Run(const BranchContext& context, std::string_view payload) const;
};

}  // namespace troth::testing
