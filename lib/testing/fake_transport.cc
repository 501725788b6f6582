#include "testing/fake_transport.h"

#include <exception>
#include <utility>

#include "base/thread_mark.h"
#include "model/json_rpc.h"
#include "model/url.h"
#include "model/verdict.h"
#include "testing/fake_branch.h"

namespace troth::testing {

using internal::Call;
using internal::CallEnded;
using std::chrono::milliseconds;

struct FakeTransport::InFlight {
  std::shared_ptr<Life> life;
  size_t recorded = 0;  // index into the universe's calls
  Call call;
  bool delivered = false;
};

namespace {

std::string ResultName(const CallEnded& ended) {
  if (ended.kind == CallEnded::Kind::kNotSent) return "not sent";
  if (ended.kind == CallEnded::Kind::kLost) return "lost";
  switch (ended.verdict) {
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

ReasonCode CodeOf(BranchResult::Verdict verdict, ReasonCode unknown) {
  switch (verdict) {
    case BranchResult::Verdict::kSuccess:
      return ReasonCode::kNone;
    case BranchResult::Verdict::kFailure:
      return ReasonCode::kActionFailed;
    case BranchResult::Verdict::kOngoing:
      return ReasonCode::kOngoing;
    case BranchResult::Verdict::kUnknown:
      break;
  }
  return unknown;
}

void SetText(const Call& call, CallEnded& ended, std::string text) {
  if (ended.code != ReasonCode::kNone) {
    ended.text = std::move(text);
  } else if (call.keep_body) {
    ended.body = std::move(text);
  }
}

CallEnded FromHttp(const Call& call, int status, std::string body) {
  CallEnded ended{.id = call.id};
  ended.verdict = call.json_rpc ? internal::ReadJsonRpcVerdict(status, body, call.body_verdicts)
                                : internal::ReadVerdict(status, body, call.body_verdicts);
  ended.http_status = status;
  const bool answered = status >= 200 && status < 300;
  ended.code =
      CodeOf(ended.verdict, answered ? ReasonCode::kBranchUnknown : ReasonCode::kHttpStatus);
  ended.host_down = status == 502 || status == 503 || status == 504;
  SetText(call, ended, std::move(body));
  return ended;
}

CallEnded FromResult(const Call& call, const BranchResult& result) {
  CallEnded ended{.id = call.id};
  ended.verdict = result.verdict();
  ended.code = CodeOf(ended.verdict, ReasonCode::kBranchUnknown);
  SetText(call, ended, result.text());
  return ended;
}

// This life's own doing: it says nothing about the host.
CallEnded CutOff(const Call& call, CallEnded::Kind kind, ReasonCode code, std::string text) {
  return CallEnded{.id = call.id, .kind = kind, .code = code, .text = std::move(text)};
}

CallEnded Without(const Call& call, CallEnded::Kind kind, ReasonCode code, std::string text) {
  CallEnded ended = CutOff(call, kind, code, std::move(text));
  ended.host_down = !internal::IsLocalUrl(call.url);  // this process is up
  return ended;
}

std::string WithoutCallQuery(const std::string& url) {
  const size_t at = url.find("gid=");
  return at == std::string::npos || at == 0 ? url : url.substr(0, at - 1);
}

BranchResult RunLocal(const LocalFunction& function, const Call& call, std::stop_token stop) {
  const internal::LocalFunctionScope mark;
  try {
    return function(call.context, call.payload, std::move(stop));
  } catch (const std::exception& error) {
    return BranchResult::Unknown(error.what());
  } catch (...) {
    return BranchResult::Unknown("the function threw something that is no std::exception");
  }
}

}  // namespace

// A crash ends no call for anybody.
FakeTransport::~FakeTransport() {
  if (!universe_.crashed()) Close(milliseconds{0});
  life_->over = true;
  life_->waiting.clear();
}

Status FakeTransport::CheckUrl(std::string_view url) const {
  if (internal::IsLocalUrl(url)) return internal::ParseLocalUrl(url).status();
  return internal::ParseHttpUrl(url).status();
}

bool FakeTransport::CanCall(std::string_view url) const {
  if (!internal::IsLocalUrl(url)) return internal::ParseHttpUrl(url).ok();
  const auto local = internal::ParseLocalUrl(url);
  if (!local.ok()) return false;
  return local_.contains(local->name) || universe_.branches.contains(url);
}

void FakeTransport::Start(Call call, internal::CallSink& sink) {
  if (universe_.crashed()) return;  // the rest of a turn that came too far
  if (life_->closed) {
    return sink.OnCallEnded(
        CutOff(call, CallEnded::Kind::kNotSent, ReasonCode::kNotSent, "the transport is closed"));
  }
  if (!CanCall(call.url)) {
    return sink.OnCallEnded(CutOff(call, CallEnded::Kind::kNotSent, ReasonCode::kNotCallable,
                                   call.url + " can't be called"));
  }
  const auto in_flight = std::make_shared<InFlight>();
  in_flight->life = life_;
  in_flight->recorded = universe_.calls.size();
  in_flight->call = std::move(call);
  const Call& c = in_flight->call;
  const bool local = internal::IsLocalUrl(c.url);
  const std::string url = local ? c.url : WithoutCallQuery(c.url);
  universe_.calls.push_back({.at = universe_.now(),
                             .method = local    ? ""
                                       : c.post ? "POST"
                                                : "GET",
                             .url = url,
                             .context = c.context,
                             .payload = std::string(c.payload),
                             .result = {}});
  life_->waiting[c.id] = {.sink = &sink, .call = in_flight, .stop = {}, .when_stopped = {}};
  universe_.CountEffect();
  const auto branch = universe_.branches.find(url);
  if (universe_.outside != nullptr && universe_.outside->Takes(url)) {
    StartOutside(in_flight);
  } else if (branch != universe_.branches.end()) {
    StartFake(in_flight, *branch->second);
  } else if (internal::IsLocalUrl(url)) {
    StartLocal(in_flight);
  } else {
    EndAt(universe_.now() + call_time_, in_flight,
          FromHttp(c, 200, c.json_rpc ? R"({"jsonrpc":"2.0","result":null})" : ""));
  }
}

void FakeTransport::StartLocal(const std::shared_ptr<InFlight>& call) {
  const auto name = internal::ParseLocalUrl(call->call.url)->name;
  const LocalFunction function = local_.at(name);
  const std::stop_token token = life_->waiting.at(call->call.id).stop.get_token();
  universe_.At(universe_.now() + call_time_, [this_universe = &universe_, call, function, token] {
    // A local function dies with its process.
    if (call->life->over || this_universe->crashed()) return;
    End(*this_universe, *call, FromResult(call->call, RunLocal(function, call->call, token)));
  });
}

void FakeTransport::StartFake(const std::shared_ptr<InFlight>& call, FakeBranch::State& branch) {
  const ScriptLine line = branch.TakeLine();
  const Time arrives = universe_.now() + (line.delayed ? line.delay : call_time_);
  const Time late = universe_.now() + call->call.timeout;
  const auto timed_out = [&] {
    EndAt(late, call,
          Without(call->call, CallEnded::Kind::kLost, ReasonCode::kCallTimeout,
                  "no answer within " + std::to_string(call->call.timeout.count()) + " ms"));
  };
  // A function of this process ends when it returns, and with its process (R7).
  const bool local = internal::IsLocalUrl(call->call.url);
  if (line.kind == ScriptLine::Kind::kHang) return local ? void() : timed_out();
  if (line.kind == ScriptLine::Kind::kRefuse) {
    return EndAt(arrives, call,
                 Without(call->call, CallEnded::Kind::kNotSent, ReasonCode::kNoAnswer,
                         "connection refused"));
  }
  if (arrives > late && !local) timed_out();
  universe_.At(arrives, [this_universe = &universe_, call, line, local, state = &branch] {
    if (local && (call->life->over || this_universe->crashed())) return;
    const BranchResult result = state->Run(call->call.context, call->call.payload);
    CallEnded ended = FromResult(call->call, result);
    if (line.kind == ScriptLine::Kind::kAnswer) {
      ended = FromHttp(call->call, line.http_status, line.body);
    } else if (line.kind == ScriptLine::Kind::kLose) {
      ended = Without(call->call, CallEnded::Kind::kLost, ReasonCode::kNoAnswer,
                      "the connection was cut after the request");
    }
    End(*this_universe, *call, std::move(ended));
  });
}

void FakeTransport::StartOutside(const std::shared_ptr<InFlight>& call) {
  const Fate fate = universe_.outside->Send(call->recorded, call->call);
  const Time sent = universe_.now();
  const bool local = internal::IsLocalUrl(call->call.url);
  if (fate.refused) {
    return EndAt(sent + fate.there, call,
                 Without(call->call, CallEnded::Kind::kNotSent, ReasonCode::kNoAnswer,
                         "connection refused"));
  }
  if (!local) {
    EndAt(sent + call->call.timeout, call,
          Without(call->call, CallEnded::Kind::kLost, ReasonCode::kCallTimeout,
                  "no answer within " + std::to_string(call->call.timeout.count()) + " ms"));
  }
  if (!fate.arrives) return;
  const auto deliver = [this_universe = &universe_, call, fate, local](bool again) {
    // A local function dies with its process.
    if (local && (call->life->over || this_universe->crashed())) return;
    if (!again && std::exchange(call->delivered, true)) return;
    this_universe->outside->Arrive(
        call->recorded, call->call, again,
        [this_universe, call, fate, again](OutsideAnswer answer) {
          if (again) return;  // nobody listens to the answer of a copy
          CallEnded ended = answer.http
                                ? FromHttp(call->call, answer.http->status, answer.http->body)
                                : FromResult(call->call, answer.result);
          if (fate.reply_lost) {
            ended = Without(call->call, CallEnded::Kind::kLost, ReasonCode::kNoAnswer,
                            "the connection was cut after the request");
          }
          this_universe->At(this_universe->now() + fate.back,
                            [this_universe, call, ended = std::move(ended)]() mutable {
                              End(*this_universe, *call, std::move(ended));
                            });
        });
  };
  if (local && fate.heeds_stop) {
    life_->waiting.at(call->call.id).when_stopped = [deliver] { deliver(false); };
  }
  universe_.At(sent + fate.there, [deliver] { deliver(false); });
  for (const milliseconds later : fate.again) {
    universe_.At(sent + later, [deliver] { deliver(true); });
  }
}

void FakeTransport::EndAt(Time when, const std::shared_ptr<InFlight>& call, CallEnded ended) {
  universe_.At(when, [this_universe = &universe_, call, ended]() mutable {
    End(*this_universe, *call, std::move(ended));
  });
}

// The first end of a call counts, and only in the life that made it.
void FakeTransport::End(Universe& universe, const InFlight& call, CallEnded&& ended) {
  if (call.life->over || universe.crashed()) return;
  const auto waiting = call.life->waiting.find(call.call.id);
  if (waiting == call.life->waiting.end()) return;
  internal::CallSink* sink = waiting->second.sink;
  call.life->waiting.erase(waiting);
  universe.calls[call.recorded].result = ResultName(ended);
  universe.calls[call.recorded].ended = universe.now();
  if (universe.outside != nullptr) universe.outside->End(call.recorded, ended);
  sink->OnCallEnded(std::move(ended));
  universe.CountEffect();
}

void FakeTransport::Cancel(uint64_t id) {
  const auto waiting = life_->waiting.find(id);
  if (waiting == life_->waiting.end()) return;
  const std::shared_ptr<InFlight> call = waiting->second.call;
  if (internal::IsLocalUrl(call->call.url)) {
    waiting->second.stop.request_stop();
    if (auto heed = std::exchange(waiting->second.when_stopped, {})) {
      universe_.At(universe_.now(), std::move(heed));
    }
  } else {
    EndAt(universe_.now(), call,
          CutOff(call->call, CallEnded::Kind::kLost, ReasonCode::kNoAnswer, "cancelled"));
  }
}

bool FakeTransport::Close(milliseconds grace) {
  const Time limit = universe_.now() + grace;
  while (!life_->waiting.empty()) {
    if (universe_.DoNext()) continue;
    const auto next = universe_.NextTime();
    if (!next || *next > limit) break;
    universe_.JumpTo(*next);
  }
  life_->closed = true;
  const bool all = life_->waiting.empty();
  for (const auto& [id, waiting] : std::exchange(life_->waiting, {})) {
    CallEnded ended = CutOff(waiting.call->call, CallEnded::Kind::kLost, ReasonCode::kNoAnswer,
                             "cut off by Close()");
    if (universe_.outside != nullptr) universe_.outside->End(waiting.call->recorded, ended);
    waiting.sink->OnCallEnded(std::move(ended));
  }
  return all;
}

}  // namespace troth::testing
