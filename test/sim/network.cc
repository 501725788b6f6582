#include "network.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "model/url.h"
#include "model/verdict.h"

namespace troth::sim {
namespace {

using testing::Fate;
using testing::OutsideAnswer;
using Verdict = BranchResult::Verdict;

constexpr int kStuckCalls = 4;

std::string NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSuccess:
      return "success";
    case Verdict::kFailure:
      return "failure";
    case Verdict::kOngoing:
      return "ongoing";
    case Verdict::kUnknown:
      break;
  }
  return "unknown";
}

CallResult ResultOf(const internal::CallEnded& ended) {
  if (ended.kind == internal::CallEnded::Kind::kNotSent) return CallResult::kNotSent;
  if (ended.kind == internal::CallEnded::Kind::kLost) return CallResult::kLost;
  switch (ended.verdict) {
    case Verdict::kSuccess:
      return CallResult::kSuccess;
    case Verdict::kFailure:
      return CallResult::kFailure;
    case Verdict::kOngoing:
      return CallResult::kOngoing;
    case Verdict::kUnknown:
      break;
  }
  return CallResult::kUnknown;
}

// The URL as the step has it, and what the engine added to it.
std::pair<std::string, std::string> SplitQuery(const internal::Call& call) {
  if (internal::IsLocalUrl(call.url)) return {call.url, {}};
  const size_t at = call.url.find("gid=");
  if (at == std::string::npos || at == 0) return {call.url, {}};
  return {call.url.substr(0, at - 1), call.url.substr(at)};
}

bool IsSession(const BranchContext& context) {
  return context.op == "try" || (context.trans_type == "xa" && context.op == "action");
}

OutsideAnswer Http(int status, std::string body = {}) {
  return {.http = HttpAnswer{.status = status, .body = std::move(body), .content_type = {}}};
}

}  // namespace

Fate Network::Send(size_t index, const internal::Call& call) {
  auto [url, query] = SplitQuery(call);
  const bool local = internal::IsLocalUrl(call.url);
  Call record;
  record.sent = recorder_.Now();
  record.gid = call.context.gid;
  record.trans_type = call.context.trans_type;
  record.branch_id = call.context.branch_id;
  record.op = call.context.op;
  record.url = std::move(url);
  record.query = std::move(query);
  record.headers = call.context.headers;
  record.payload = std::string(call.payload);
  record.post = call.post;
  record.local = local;
  record.session = IsSession(call.context);
  record.alert = record.url == scenario_.options.alert_url;
  record.timeout = call.timeout;
  recorder_.log().calls.push_back(std::move(record));
  TROTH_CHECK(recorder_.log().calls.size() == index + 1);
  return FateOf(call, local);
}

const HostTrouble* Network::TroubleOf(const internal::Call& call) const {
  for (const HostTrouble& trouble : down_) {
    const std::string host = internal::Concat("http://bank-", trouble.host, "/");
    if (call.url.starts_with(host)) return &trouble;
  }
  return nullptr;
}

Fate Network::FateOf(const internal::Call& call, bool local) {
  const int64_t timeout = std::max<int64_t>(call.timeout.count(), 1);
  Fate fate{.there = std::min(scenario_.facts.call_time, milliseconds{timeout / 2}), .again = {}};
  if (const HostTrouble* trouble = TroubleOf(call); trouble && !trouble->answers_503) {
    fate.arrives = !trouble->vanishes;
    fate.refused = !trouble->vanishes;
    return fate;
  }
  if (Roll(weather_.slow)) fate.there = milliseconds{dice_.Skewed(1, 3 * timeout)};
  if (local) {
    if (Roll(weather_.vanished)) {
      fate.there = milliseconds{timeout + dice_.Skewed(1, 3 * timeout)};
      fate.heeds_stop = dice_.Chance(50);
    }
    return fate;
  }
  fate.refused = Roll(weather_.refused);
  fate.arrives = !Roll(weather_.vanished);
  fate.reply_lost = Roll(weather_.lost);
  if (Roll(weather_.slow)) fate.back = milliseconds{dice_.Skewed(1, 2 * timeout)};
  while (fate.again.size() < 2 && Roll(weather_.doubled)) {
    fate.again.push_back(milliseconds{dice_.Skewed(0, 4 * timeout)});
  }
  return fate;
}

void Network::Arrive(size_t index, const internal::Call& call, bool again,
                     std::function<void(OutsideAnswer)> done) {
  Arrival arrival{.when = recorder_.Now(), .verdict = {}, .body = {}, .duplicate = again};
  const bool local = internal::IsLocalUrl(call.url);
  const HostTrouble* const trouble = TroubleOf(call);
  arrival.through = false;
  if (trouble != nullptr && trouble->answers_503) {
    return Finish(index, call, std::move(arrival), Http(503, "down for a while"), done);
  }
  if (IsStuck(call) || Roll(weather_.failing)) {
    return Finish(index, call, std::move(arrival), Excuse(local, call.context, false), done);
  }
  if (Roll(weather_.ongoing)) {
    return Finish(index, call, std::move(arrival), Excuse(local, call.context, true), done);
  }
  if (recorder_.log().calls[index].alert) {
    return Finish(index, call, std::move(arrival), Http(200), done);
  }
  if (call.context.trans_type == "workflow") {
    return resumed_(call.context, std::string(call.payload),
                    [this, index, call, local, arrival, done](const BranchResult& result) {
                      Finish(index, call, arrival, Answer(local, result), done);
                    });
  }
  const bool joins = call.context.op == "try" && call.url.find("j/try") != std::string::npos;
  if (!joins) {
    OutsideAnswer answer = Business(call, arrival);
    return Finish(index, call, std::move(arrival), std::move(answer), done);
  }
  // Its own branches first; the business of this one when they have agreed.
  nested_(call.context, [this, index, call, local, arrival, done](const Status& agreed) mutable {
    OutsideAnswer answer;
    if (agreed.ok()) {
      answer = Business(call, arrival);
    } else {
      const bool refused = agreed.code() == StatusCode::kAborted;
      answer = Answer(local, refused ? BranchResult::Failure(agreed.message())
                                     : BranchResult::Unknown(agreed.message()));
    }
    Finish(index, call, std::move(arrival), std::move(answer), done);
  });
}

Bank::Ran Network::RunBusiness(const internal::Call& call) {
  if (const auto answer = elsewhere_(call)) return {.result = *answer};
  return call.context.op == "msg" ? bank_.CheckBack(call.context.gid)
                                  : bank_.Run(call.context, ParseBranchUrl(call.url));
}

// Its second phase gets nowhere for a while.
bool Network::IsStuck(const internal::Call& call) {
  const std::string& op = call.context.op;
  const bool second = op == "confirm" || op == "commit" || op == "cancel" || op == "rollback";
  if (!second || calm_) return false;
  if (ParseBranchUrl(call.url).flags.find('s') == std::string::npos) return false;
  return ++in_vain_[call.context.gid + "/" + call.context.branch_id] <= kStuckCalls;
}

OutsideAnswer Network::Business(const internal::Call& call, Arrival& arrival) {
  const bool local = internal::IsLocalUrl(call.url);
  const Bank::Ran ran = RunBusiness(call);
  arrival.through = ran.through;
  arrival.changed = ran.changed;
  const bool succeeded = ran.result.verdict() == Verdict::kSuccess;
  if (succeeded && Roll(weather_.odd)) {
    // It has run, and the answer says nothing, or only as much as success.
    return local ? OutsideAnswer{.result = BranchResult::Unknown("lost its way"), .http = {}}
                 : Http(dice_.Of({500, 404, 302, 504, 200, 200}), "<html>\xff oops");
  }
  return Answer(local, ran.result);
}

// Nothing has run, and it says so in one of many ways.
OutsideAnswer Network::Excuse(bool local, const BranchContext& context, bool ongoing) {
  if (local) {
    return {.result = ongoing ? BranchResult::Ongoing("soon") : BranchResult::Unknown("threw"),
            .http = {}};
  }
  if (ongoing) {
    switch (dice_.Between(0, 2)) {
      case 0:
        return Http(425, "soon");
      case 1:
        return Http(202);
      default:
        return Http(200, "{\"dtm_result\":\"ONGOING\"}");
    }
  }
  const bool may_fail = context.op == "action" ? context.trans_type != "msg"
                                               : context.op == "try" || context.op == "msg";
  if (!may_fail && dice_.Chance(25)) return Http(409, "FAILURE: not now");
  return Http(dice_.Of({500, 500, 502, 503, 404, 301, 429, 100}), "no");
}

OutsideAnswer Network::Answer(bool local, const BranchResult& result) {
  if (local) return {.result = result, .http = {}};
  if (result.verdict() == Verdict::kFailure && dice_.Chance(30)) {
    return Http(200, "{\"dtm_result\":\"FAILURE\"}");  // as older services say it
  }
  if (result.verdict() == Verdict::kSuccess && dice_.Chance(30)) return Http(200);
  HttpAnswer answer = ToHttp(result);
  return {.http = std::move(answer)};
}

void Network::Finish(size_t index, const internal::Call& call, Arrival arrival,
                     OutsideAnswer answer, const std::function<void(OutsideAnswer)>& done) {
  if (answer.http) {
    arrival.http_status = answer.http->status;
    arrival.body = answer.http->body;
    arrival.verdict =
        NameOf(internal::ReadVerdict(answer.http->status, answer.http->body, call.body_verdicts));
  } else {
    arrival.body = answer.result.text();
    arrival.verdict = NameOf(answer.result.verdict());
  }
  recorder_.log().calls[index].arrivals.push_back(std::move(arrival));
  done(std::move(answer));
}

void Network::End(size_t index, const internal::CallEnded& ended) {
  Call& call = recorder_.log().calls[index];
  call.ended = recorder_.Now();
  call.result = ResultOf(ended);
  call.http_status = ended.http_status;
  call.code = ended.code;
  call.text = ended.text;
}

void Network::SetTrouble(const HostTrouble& trouble, bool on) {
  if (on) {
    down_.push_back(trouble);
    return;
  }
  const auto same = std::find_if(down_.begin(), down_.end(), [&](const HostTrouble& other) {
    return other.host == trouble.host && other.from == trouble.from;
  });
  if (same != down_.end()) down_.erase(same);
}

}  // namespace troth::sim
