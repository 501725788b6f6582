#include "transport/http/http_call.h"

#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/thread_mark.h"
#include "model/json_rpc.h"
#include "model/verdict.h"
#include "transport/http/request_headers.h"
#include "transport/http/sent_bytes.h"

namespace troth::internal {
namespace {

using Clock = HttpCall::Clock;
using Kind = CallEnded::Kind;
using Verdict = BranchResult::Verdict;
using Why = Interrupt::Why;

constexpr size_t kTextBytesMax = 1'024;
constexpr std::string_view kNoDescriptor = "no descriptor is left for the connection";

CallEnded Ended(const HttpCall& call, Kind kind, ReasonCode code, std::string_view text) {
  CallEnded out;
  out.id = call.call.id;
  out.kind = kind;
  out.code = code;
  out.text = Truncated(text, kTextBytesMax);
  return out;
}

std::string TimeoutText(const HttpCall& call) {
  return Concat("timed out after ", call.call.timeout.count(), " ms");
}

// One call; its steps, in the order in which they are taken.
class Maker {
 public:
  Maker(HttpShared& shared, HttpCall& call) : shared_(shared), call_(call) {}

  CallEnded Make(const std::function<bool()>& begin);
  std::optional<Clock::time_point> kept_until() const { return kept_until_; }

 private:
  std::optional<CallEnded> Prepare();
  std::optional<HttpReply> TryKept();
  CallEnded OnFresh();
  HttpReply ExchangeFresh(const std::string& address, std::chrono::milliseconds timeout);
  void Keep(std::unique_ptr<Connection> connection, const HttpReply& reply);

  CallEnded Conclude(HttpReply reply) const;
  CallEnded Answered(HttpReply reply) const;
  CallEnded Unanswered(Kind kind, const HttpReply& reply) const;
  std::chrono::milliseconds Left() const;

  HttpShared& shared_;
  HttpCall& call_;
  Endpoint endpoint_;
  std::string host_key_;
  HttpRequest request_;
  std::optional<Clock::time_point> kept_until_;
};

CallEnded Maker::Make(const std::function<bool()>& begin) {
  std::optional<CallEnded> refused = Prepare();
  if (refused) return *std::move(refused);
  if (!begin()) return NotBegun(call_, call_.interrupt.why());
  std::optional<HttpReply> reply = TryKept();
  CallEnded out = reply ? Conclude(*std::move(reply)) : OnFresh();
  call_.interrupt.Unwatch();
  return out;
}

std::optional<CallEnded> Maker::Prepare() {
  const Call& call = call_.call;
  endpoint_ = EndpointFor(call_.url, shared_.options);
  host_key_ = HostKey(call.url);
  Headers added;
  if (shared_.options.headers_for) {
    // The user's own function: the one place here where an exception may come from.
    const auto thrown = [this](std::string_view what) {
      return Ended(call_, Kind::kNotSent, ReasonCode::kBranchUnknown,
                   Concat("headers_for threw: ", what));
    };
    const LocalFunctionScope mark;  // a wait for the coordinator would wait for this very call
    try {
      added = shared_.options.headers_for({.url = call.url,
                                           .gid = call.context.gid,
                                           .branch_id = call.context.branch_id,
                                           .op = call.context.op});
    } catch (const std::exception& e) {
      return thrown(e.what());
    } catch (...) {
      return thrown("something that is not a std::exception");
    }
  }
  Result<Headers> headers =
      BuildRequestHeaders(call.context.headers, added, HostHeader(endpoint_), call.post);
  if (!headers.ok()) {
    return Ended(call_, Kind::kNotSent, ReasonCode::kBranchUnknown, headers.status().message());
  }
  request_ = {.post = call.post,
              .target = call_.url.target,
              .headers = std::move(headers).value(),
              .payload = call.payload,
              .answer_bytes_max = shared_.options.answer_bytes};
  return std::nullopt;
}

// Nothing: there is no kept connection, or it died before one byte of the request was sent.
std::optional<HttpReply> Maker::TryKept() {
  std::unique_ptr<Connection> connection = shared_.pool.Take(host_key_);
  if (connection == nullptr || !connection->IsKept()) return std::nullopt;
  if (!call_.interrupt.Watch(connection->socket())) {
    return HttpReply{.kind = HttpReply::Kind::kNotConnected,
                     .ours = true,
                     .problem = std::string(kNoDescriptor)};
  }
  // The library connects anew by itself where it sees that the peer has closed, and newer versions
  // then send the request again; neither is allowed: what happens next is decided here.
  const std::optional<SentBytes> before = ReadSentBytes(call_.interrupt.socket());
  HttpReply reply = connection->Exchange(request_, [](int socket) { shutdown(socket, SHUT_RDWR); });
  const bool failed =
      reply.kind == HttpReply::Kind::kFailed || reply.kind == HttpReply::Kind::kNotConnected;
  if (failed) {
    const std::optional<SentBytes> after = ReadSentBytes(call_.interrupt.socket());
    if (CertainlyNothingSent(before, after) && !call_.interrupt.raised()) return std::nullopt;
    // Whatever the library says of a connection that it was not allowed to make.
    reply.kind = CertainlyNothingSent(before, after) ? HttpReply::Kind::kNotConnected
                                                     : HttpReply::Kind::kFailed;
  }
  Keep(std::move(connection), reply);
  return reply;
}

CallEnded Maker::OnFresh() {
  const std::string& host = endpoint_.ConnectHost();
  const Lookup lookup = shared_.resolver.Resolve(host, call_.interrupt);
  if (call_.interrupt.raised() || lookup.addresses.empty()) {
    const std::string problem = Concat("lookup of the name ", host, " failed: ", lookup.problem);
    return Unanswered(Kind::kNotSent, {.ours = lookup.ours, .problem = problem});
  }
  HttpReply reply;
  for (size_t i = 0; i < lookup.addresses.size(); ++i) {
    // Not all of the time for an address that swallows everything while there are others.
    const bool last = i + 1 == lookup.addresses.size();
    reply = ExchangeFresh(lookup.addresses[i], last ? Left() : Left() / 2);
    if (reply.kind != HttpReply::Kind::kNotConnected || call_.interrupt.raised()) break;
  }
  return Conclude(std::move(reply));
}

HttpReply Maker::ExchangeFresh(const std::string& address, std::chrono::milliseconds timeout) {
  auto connection = std::make_unique<Connection>(endpoint_);
  connection->SetAddress(address, std::max(timeout, std::chrono::milliseconds(1)));
  int sockets = 0;
  bool unwatched = false;
  HttpReply reply = connection->Exchange(request_, [&](int socket) {
    if (++sockets > 1) {
      shutdown(socket, SHUT_RDWR);
    } else {
      unwatched = !call_.interrupt.Watch(socket);
    }
  });
  if (sockets > 1 && reply.kind == HttpReply::Kind::kNotConnected) {
    reply.kind = HttpReply::Kind::kFailed;
  }
  if (unwatched) {
    reply.kind = HttpReply::Kind::kNotConnected;
    reply.ours = true;
    reply.problem = kNoDescriptor;
  }
  Keep(std::move(connection), reply);
  return reply;
}

void Maker::Keep(std::unique_ptr<Connection> connection, const HttpReply& reply) {
  if (!reply.reusable) return;
  call_.interrupt.Unwatch();  // or a late deadline would end the connection's next request
  if (call_.interrupt.raised()) return;
  auto idle = shared_.options.keep_idle;
  if (reply.keep_alive_max.count() > 0) {
    // A second early: a request that crosses with the peer's close is lost.
    idle = std::min(idle, reply.keep_alive_max - std::chrono::milliseconds(1'000));
  }
  if (idle.count() <= 0) return;
  kept_until_ = Clock::now() + idle;
  shared_.pool.Put(host_key_, std::move(connection), *kept_until_);
}

CallEnded Maker::Conclude(HttpReply reply) const {
  switch (reply.kind) {
    case HttpReply::Kind::kComplete:
      // A body that ends with the connection ends with our own shutdown() too.
      if (reply.framed || !call_.interrupt.raised()) return Answered(std::move(reply));
      return Unanswered(Kind::kLost, reply);
    case HttpReply::Kind::kTooLarge: {
      CallEnded out =
          Ended(call_, Kind::kAnswered, ReasonCode::kAnswerTooLarge,
                Concat("the answer is larger than ", request_.answer_bytes_max, " bytes"));
      out.http_status = reply.status;
      return out;
    }
    case HttpReply::Kind::kNotConnected:
      return Unanswered(Kind::kNotSent, reply);
    case HttpReply::Kind::kFailed:
      return Unanswered(Kind::kLost, reply);
  }
  return Unanswered(Kind::kLost, reply);
}

CallEnded Maker::Answered(HttpReply reply) const {
  CallEnded out = Ended(call_, Kind::kAnswered, ReasonCode::kNone, {});
  out.http_status = reply.status;
  const Call& call = call_.call;
  out.verdict = call.json_rpc ? ReadJsonRpcVerdict(reply.status, reply.body, call.body_verdicts)
                              : ReadVerdict(reply.status, reply.body, call.body_verdicts);
  out.host_down = reply.status >= 502 && reply.status <= 504;
  if (out.verdict == Verdict::kSuccess) {
    if (call_.call.keep_body) out.body = std::move(reply.body);
    return out;
  }
  out.text = Truncated(reply.body, kTextBytesMax);
  out.code = out.verdict == Verdict::kFailure   ? ReasonCode::kActionFailed
             : out.verdict == Verdict::kOngoing ? ReasonCode::kOngoing
             : reply.status / 100 == 2          ? ReasonCode::kBranchUnknown
                                                : ReasonCode::kHttpStatus;
  return out;
}

CallEnded Maker::Unanswered(Kind kind, const HttpReply& reply) const {
  const bool timed_out = call_.interrupt.why() == Why::kDeadline;
  if (timed_out || (reply.connect_timed_out && !call_.interrupt.raised())) {
    const std::string how = Concat(
        TimeoutText(call_),
        kind == Kind::kLost ? ", the request may have been sent" : ", before the request was sent",
        reply.problem.empty() ? "" : ": ", reply.problem);
    CallEnded out = Ended(call_, kind, ReasonCode::kCallTimeout, how);
    out.host_down = true;
    return out;
  }
  if (call_.interrupt.raised()) {
    return kind == Kind::kNotSent
               ? NotBegun(call_, call_.interrupt.why())
               : Ended(call_, kind, ReasonCode::kNoAnswer, "cancelled before the answer had come");
  }
  // Where this process lacks something the host is not to blame, and it was no attempt.
  if (kind == Kind::kNotSent && reply.ours) {
    return Ended(call_, kind, ReasonCode::kNotSent, reply.problem);
  }
  CallEnded out = Ended(call_, kind, ReasonCode::kNoAnswer, reply.problem);
  out.host_down = true;
  return out;
}

std::chrono::milliseconds Maker::Left() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(call_.deadline - Clock::now());
}

}  // namespace

CallEnded MakeHttpCall(HttpShared& shared, HttpCall& call, const std::function<bool()>& begin,
                       std::optional<Clock::time_point>* kept_until) {
  Maker maker(shared, call);
  CallEnded out = maker.Make(begin);
  *kept_until = maker.kept_until();
  return out;
}

CallEnded NotBegun(const HttpCall& call, Why why) {
  if (why == Why::kDeadline) {
    return Ended(call, Kind::kNotSent, ReasonCode::kCallTimeout,
                 Concat(TimeoutText(call), ", before the request was sent"));
  }
  return Ended(call, Kind::kNotSent, ReasonCode::kNotSent,
               why == Why::kClosed ? "the coordinator is closed" : "cancelled before it was sent");
}

}  // namespace troth::internal
