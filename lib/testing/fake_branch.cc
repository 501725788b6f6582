#include "testing/fake_branch.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace troth::testing {
namespace {

constexpr size_t kForEver = std::numeric_limits<size_t>::max();

}  // namespace

ScriptLine FakeBranch::State::TakeLine() {
  if (script.empty()) return {};
  ScriptLine& line = script.front();
  if (line.times == kForEver) return line;
  if (--line.times > 0) return line;
  ScriptLine last = std::move(line);
  script.pop_front();
  return last;
}

BranchResult FakeBranch::State::Run(const BranchContext& context, std::string_view payload) const {
  if (!handler) return BranchResult::Success();
  try {
    return handler(context, payload);
  } catch (const std::exception& error) {
    return BranchResult::Unknown(error.what());
  } catch (...) {
    return BranchResult::Unknown("the handler threw something that is no std::exception");
  }
}

FakeBranch& FakeBranch::Succeed(std::string body) {
  if (body.empty()) {
    state_->script.push_back({});
    return *this;
  }
  return Answer(200, std::move(body));
}
FakeBranch& FakeBranch::Fail(std::string text) { return Answer(409, std::move(text)); }
FakeBranch& FakeBranch::Ongoing(std::string text) { return Answer(425, std::move(text)); }
FakeBranch& FakeBranch::Answer(int http_status, std::string body) {
  state_->script.push_back(
      {.kind = ScriptLine::Kind::kAnswer, .http_status = http_status, .body = std::move(body)});
  return *this;
}
FakeBranch& FakeBranch::RunButLoseReply() {
  state_->script.push_back({.kind = ScriptLine::Kind::kLose});
  return *this;
}
FakeBranch& FakeBranch::Hang() {
  state_->script.push_back({.kind = ScriptLine::Kind::kHang});
  return *this;
}
FakeBranch& FakeBranch::Refuse() {
  state_->script.push_back({.kind = ScriptLine::Kind::kRefuse});
  return *this;
}

FakeBranch& FakeBranch::Delay(std::chrono::milliseconds time) {
  if (state_->script.empty()) Succeed();
  state_->script.back().delay = time;
  state_->script.back().delayed = true;
  return *this;
}
FakeBranch& FakeBranch::Times(size_t count) {
  if (state_->script.empty()) Succeed();
  if (count == 0) {
    state_->script.pop_back();
  } else {
    state_->script.back().times = count;
  }
  return *this;
}
FakeBranch& FakeBranch::Always() { return Times(kForEver); }

FakeBranch& FakeBranch::Do(Handler handler) {
  state_->handler = std::move(handler);
  return *this;
}

size_t FakeBranch::calls() const { return recorded().size(); }

std::vector<RecordedCall> FakeBranch::recorded() const {
  std::vector<RecordedCall> mine;
  for (const RecordedCall& call : state_->universe.calls) {
    if (call.url == state_->url) mine.push_back(call);
  }
  return mine;
}

}  // namespace troth::testing
