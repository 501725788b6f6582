// What the engine counts: plain numbers, in its turns.
#include "engine/engine.h"

namespace troth::internal {
namespace {

ModeStatistics& OfMode(Statistics& statistics, Mode mode) {
  switch (mode) {
    case Mode::kSaga:
      return statistics.saga;
    case Mode::kTcc:
      return statistics.tcc;
    case Mode::kXa:
      return statistics.xa;
    case Mode::kMessage:
      return statistics.message;
    case Mode::kWorkflow:
      break;
  }
  return statistics.workflow;
}

}  // namespace

void Engine::CountAccepted(const GlobalTransaction& t) { ++OfMode(statistics_, t.mode()).accepted; }

void Engine::CountEnded(const GlobalTransaction& t) {
  ModeStatistics& mode = OfMode(statistics_, t.mode());
  ++(WireStatus(t) == TransactionStatus::kSucceed ? mode.succeeded : mode.failed);
  if (t.forced) ++mode.forced;
}

void Engine::CountCall(const CallEnded& ended) {
  if (ended.kind == CallEnded::Kind::kNotSent) {
    ++statistics_.calls_not_sent;
    return;
  }
  const bool answered = ended.kind == CallEnded::Kind::kAnswered;
  switch (answered ? ended.verdict : BranchResult::Verdict::kUnknown) {
    case BranchResult::Verdict::kSuccess:
      ++statistics_.calls_succeeded;
      break;
    case BranchResult::Verdict::kFailure:
      ++statistics_.calls_failed;
      break;
    case BranchResult::Verdict::kOngoing:
      ++statistics_.calls_ongoing;
      break;
    case BranchResult::Verdict::kUnknown:
      ++statistics_.calls_unknown;
      break;
  }
}

Statistics Engine::GetStatistics() const {
  Statistics now = statistics_;
  now.notices_dropped = observer_.dropped();
  now.live = live_.size();
  now.in_flight = calls_.size();
  return now;
}

}  // namespace troth::internal
