// Alerts: a branch that does not get through is told of, to a function and to a URL.
//
// Nothing waits for an alert, and nothing depends on what becomes of it: its calls have a bound of
// their own, count against no host, and their results are only reported.
#include <utility>

#include "base/text.h"
#include "engine/engine.h"
#include "engine/results.h"

namespace troth::internal {
namespace {

constexpr size_t kAlertsInFlightMax = 16;

std::string BodyOf(const Alert& alert) {
  return Concat("{\"gid\":\"", JsonEscaped(alert.gid), "\",\"status\":\"", StatusName(alert.status),
                "\",\"branch\":\"", JsonEscaped(alert.url), "\",\"error\":\"",
                JsonEscaped(alert.error), "\",\"retry_count\":", alert.retry_count, "}");
}

}  // namespace

void Engine::RaiseAlert(const GlobalTransaction& t, uint16_t branch, Time now) {
  if (closing_ || lost_owner_) return;
  const Branch& b = t.branches[branch];
  const Reason& failure = b.failures.back();
  Alert alert{.gid = t.gid,
              .status = WireStatus(t),
              .branch_id = failure.branch_id,
              .op = failure.op,
              .url = t.UrlOf(branch),
              .error = failure.ToString(),
              .retry_count = b.unknowns};
  ++statistics_.alerts;
  Tell(EventKind::kAlert, now, &t, failure,
       Concat(t.BranchName(branch), " has had ", b.unknowns, " results that say nothing"));
  if (!options_.alert_url.empty()) PostAlert(alert, now);
  observer_.OnAlert(std::move(alert));
}

void Engine::PostAlert(const Alert& alert, Time now) {
  if (alerts_.size() >= kAlertsInFlightMax) {
    LoseAlert(alert.gid, "too many are in flight", now);
    return;
  }
  const auto body = std::make_shared<const std::string>(BodyOf(alert));
  Call call;
  call.id = next_id_++;
  call.url = options_.alert_url;
  call.context = BranchContext{.gid = alert.gid,
                               .trans_type = {},
                               .branch_id = alert.branch_id,
                               .op = "alert",
                               .coordinator = {},
                               .phase2_url = {},
                               .headers = {}};
  call.payload = *body;
  call.payload_owner = body;
  call.timeout = options_.alert_timeout;
  call.body_verdicts = false;
  alerts_.emplace(call.id, alert.gid);
  transport_.Start(std::move(call), sink_);
}

// Whether the call that has ended was an alert's.
bool Engine::EndAlert(const CallEnded& ended, Time now) {
  const auto it = alerts_.find(ended.id);
  if (it == alerts_.end()) return false;
  const std::string gid = std::move(it->second);
  alerts_.erase(it);
  const bool arrived =
      ended.kind == CallEnded::Kind::kAnswered && ended.verdict == BranchResult::Verdict::kSuccess;
  if (arrived) return true;
  const std::string status = ended.http_status != 0 ? Concat(" ", ended.http_status) : "";
  LoseAlert(gid, Concat(ReasonText(ended.code), status), now);
  return true;
}

void Engine::LoseAlert(const std::string& gid, std::string_view why, Time now) {
  ++statistics_.alerts_lost;
  Tell(EventKind::kAlertLost, now, nullptr, {}, Concat("of ", gid, ": ", why));
}

}  // namespace troth::internal
