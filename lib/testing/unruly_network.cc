#include "testing/unruly_network.h"

#include <cstdio>
#include <utility>

#include "base/text.h"
#include "model/url.h"
#include "testing/fake_branch.h"

namespace troth::testing {

using internal::Call;
using internal::Concat;
using std::chrono::milliseconds;

namespace {

constexpr size_t kStoryBytesMax = 64u << 10;

std::string Name(const Call& call) {
  return Concat(call.context.gid, " ", call.context.branch_id, "/", call.context.op);
}

std::string_view VerdictName(BranchResult::Verdict verdict) {
  switch (verdict) {
    case BranchResult::Verdict::kSuccess:
      return "success";
    case BranchResult::Verdict::kFailure:
      return "failure";
    case BranchResult::Verdict::kOngoing:
      return "ongoing";
    case BranchResult::Verdict::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace

UnrulyNetwork::UnrulyNetwork(Universe& universe, SeededRandom& random)
    : universe_(universe), random_(random), begin_(universe.now()) {
  universe_.outside = this;
}

void UnrulyNetwork::Note(std::string_view what) {
  if (story_.size() > kStoryBytesMax) return;
  char time[32];
  const long long passed = (universe_.now() - begin_).count();
  std::snprintf(time, sizeof time, "%6lld.%03lld s  ", passed / 1'000, passed % 1'000);
  story_ += Concat(time, what, "\n");
}

bool UnrulyNetwork::Takes(std::string_view url) const {
  return !internal::IsLocalUrl(url) || universe_.branches.contains(url);
}

Fate UnrulyNetwork::Send(size_t index, const Call& call) {
  std::string what = "is sent";
  const Fate fate = unruly_ ? Draw(call, what) : Fate{};
  if (what != "is sent") ++faults_;
  Note(Concat(Name(call), " to ", universe_.calls[index].url, " ", what));
  return fate;
}

// About half of the calls meet nothing.
Fate UnrulyNetwork::Draw(const Call& call, std::string& what) {
  Fate fate;
  const bool local = internal::IsLocalUrl(call.url);
  const auto late = [&] { return call.timeout + milliseconds(random_.Between(1, 60'000)); };
  switch (random_.Between(0, 11)) {
    case 0:
      if (local) break;
      fate.refused = true;
      what = "is refused: nothing runs";
      break;
    case 1:
      if (local) break;
      fate.arrives = false;
      what = "vanishes: nothing runs";
      break;
    case 2:
      if (local) break;
      fate.reply_lost = true;
      what = "will run, and its answer be lost";
      break;
    case 3:
      if (local) break;
      fate.there = late();
      what = "will arrive after its time-out";
      break;
    case 4:
      if (local) break;
      fate.again.push_back(milliseconds(random_.Between(0, 60'000)));
      what = "will arrive twice";
      break;
    case 5:
      fate.there = milliseconds(random_.Between(1, 2'000));
      what = "is slow";
      break;
    default:
      break;
  }
  return fate;
}

void UnrulyNetwork::Arrive(size_t index, const Call& call, bool again,
                           std::function<void(OutsideAnswer)> done) {
  const auto found = universe_.branches.find(universe_.calls[index].url);
  if (found == universe_.branches.end()) return done({});
  const std::shared_ptr<FakeBranch::State> branch = found->second;
  const ScriptLine line = again ? ScriptLine{} : branch->TakeLine();
  if (line.kind == ScriptLine::Kind::kHang || line.kind == ScriptLine::Kind::kRefuse) return;
  const BranchResult result = branch->Run(call.context, call.payload);
  const std::string text = result.text().empty() ? "" : Concat(": ", result.text());
  Note(Concat("  ", Name(call), " runs", again ? " once more" : "", ", ",
              VerdictName(result.verdict()), text));
  if (line.kind == ScriptLine::Kind::kLose) return;
  OutsideAnswer answer{.result = result, .http = {}};
  if (line.kind == ScriptLine::Kind::kAnswer) answer.http = HttpAnswer{line.http_status, line.body};
  done(std::move(answer));
}

void UnrulyNetwork::End(size_t index, const internal::CallEnded&) {
  const RecordedCall& call = universe_.calls[index];
  Note(Concat("  ", call.context.gid, " ", call.context.branch_id, "/", call.context.op,
              " has ended for the coordinator: ", call.result));
}

}  // namespace troth::testing
