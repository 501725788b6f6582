// What an application asks for: a saga or a message, with gid, URLs, headers and options.
//
// Property: it is refused with kInvalidArgument, naming the field; or "what it lets through can be
// stored, planned and called" (lib/model/input.h): its stored form gives an equal definition, a
// transaction of it can be loaded, every URL can be called and every header sent.
#include "input.h"

#include <array>
#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "model/input.h"
#include "model/stored.h"
#include "model/topic.h"
#include "model/url.h"
#include "plan/plan.h"
#include "transport/http/request_headers.h"

namespace troth::internal {
namespace {

using fuzz::Input;
using std::chrono::milliseconds;

// Small bounds, so that small inputs pass them.
constexpr Limits kLimits{
    .steps = 4, .payload_bytes = 32, .transaction_bytes = 256, .header_bytes = 48, .url_bytes = 64};
constexpr Time kNow{milliseconds(1'700'000'000'000)};

template <class T>
std::optional<T> Maybe(Input& in, T value) {
  return in.Bool() ? std::optional<T>(value) : std::nullopt;
}

Headers TakeHeaders(Input& in) {
  Headers headers;
  for (size_t left = in.Byte() % 4; left > 0; --left) {
    std::string name = in.Piece();
    headers.push_back({std::move(name), in.Piece()});
  }
  return headers;
}

std::optional<milliseconds> TakeDuration(Input& in) { return Maybe(in, milliseconds(in.Signed())); }

CallOptions TakeOptions(Input& in) {
  CallOptions options;
  if (!in.Bool()) return options;
  options.retry.first = TakeDuration(in);
  // Quarters from 0 to 127, and what no quarter is.
  const uint8_t quarters = in.Byte();
  if (quarters != 0) options.retry.factor = quarters == 1 ? std::nan("") : quarters / 2.0;
  options.retry.cap = TakeDuration(in);
  options.retry.jitter = Maybe(in, in.Bool());
  options.retry.limit = Maybe(in, static_cast<int32_t>(in.Number()));
  options.retry.give_up_after = TakeDuration(in);
  options.retry.park_after = Maybe(in, static_cast<int32_t>(in.Number()));
  options.request_timeout = TakeDuration(in);
  options.body_verdicts = Maybe(in, in.Bool());
  return options;
}

Saga TakeSaga(Input& in) {
  Saga saga{.gid = in.Piece()};
  for (size_t left = in.Byte() % 6; left > 0; --left) {
    SagaStep& step = saga.steps.emplace_back();
    step.action = in.Piece();
    step.compensate = in.Piece();
    step.payload = in.Piece();
    step.headers = TakeHeaders(in);
    step.options = TakeOptions(in);
  }
  saga.concurrent = in.Bool();
  for (size_t left = in.Byte() % 6; left > 0; --left) {
    const size_t step = in.Byte();
    saga.orders[step].push_back(in.Byte());
  }
  saga.timeout_to_fail = TakeDuration(in);
  saga.headers = TakeHeaders(in);
  saga.options = TakeOptions(in);
  return saga;
}

Message TakeMessage(Input& in) {
  Message message{.gid = in.Piece()};
  for (size_t left = in.Byte() % 6; left > 0; --left) {
    MessageStep& step = message.steps.emplace_back();
    step.action = in.Piece();
    step.payload = in.Piece();
    step.headers = TakeHeaders(in);
    step.options = TakeOptions(in);
  }
  message.concurrent = in.Bool();
  message.delay = TakeDuration(in);
  message.start = Maybe(in, Time(milliseconds(in.Signed())));
  message.query_prepared = in.Piece();
  message.timeout_to_fail = milliseconds(in.Signed());
  message.headers = TakeHeaders(in);
  message.options = TakeOptions(in);
  return message;
}

// As the coordinator's transports say it.
Status CheckCallable(std::string_view url) {
  return IsLocalUrl(url) ? ParseLocalUrl(url).status() : ParseHttpUrl(url).status();
}

void CheckCalls(const GlobalTransaction& t) {
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    const Branch& branch = t.branches[i];
    const std::string& url = t.UrlOf(i);
    const bool topic = TopicOf(url).has_value();
    if (!url.empty() && !topic) {
      BranchContext context;
      context.gid = t.gid;
      context.branch_id = t.BranchIdOf(branch);
      context.op = t.OpNameOf(branch);
      TROTH_CHECK(CheckCallable(WithCallQuery(url, context)).ok());
    }
    TROTH_CHECK(BuildRequestHeaders(t.HeadersOf(i), t.definition->headers, "host", true).ok());
    TROTH_CHECK(t.PolicyOf(branch).first <= t.PolicyOf(branch).cap);
  }
}

void CheckAccepted(const std::string& gid, const std::shared_ptr<const Definition>& definition) {
  const std::string document = EncodeDefinition(*definition);
  const auto read = DecodeDefinition(document);
  TROTH_CHECK(read.ok() && *read == *definition);
  TROTH_CHECK(DigestOf(*read) == DigestOf(*definition));

  GlobalTransaction fresh = NewTransaction(gid, definition, kNow);
  fresh.id = 1;
  fresh.version = 1;
  const auto part = std::make_shared<const std::string>(document);
  const auto t =
      FromStored({.row = RowOf(fresh), .state = EncodeState(fresh), .parts = {{0, part}}});
  TROTH_CHECK(t.ok());
  CheckCalls(**t);
  const Plan plan = PlanNext(**t, kNow);
  TROTH_CHECK(plan.decision || !plan.done.empty() || !plan.marks.empty() || !plan.calls.empty() ||
              plan.wake);
}

void Check(Input in) {
  const uint8_t kind = in.Byte();
  const CallOptions defaults = TakeOptions(in);
  if (const Status status = CheckDefaults(defaults); !status.ok()) {
    TROTH_CHECK(status.message().starts_with("defaults."));
    return;
  }
  const bool is_saga = kind % 2 == 0;
  const bool is_workflow = kind % 8 == 7;
  std::string gid;
  const auto definition = [&] {
    if (is_workflow) {
      const std::string name = in.Piece();
      const std::string data = in.Piece();
      const std::string query_prepared = in.Piece();
      const Headers headers = TakeHeaders(in);
      const CallOptions options = TakeOptions(in);
      gid = in.Piece();
      return DefinitionOf({.gid = gid,
                           .name = name,
                           .data = data,
                           .query_prepared = query_prepared,
                           .headers = headers,
                           .options = options},
                          defaults, kLimits, CheckCallable, milliseconds(1));
    }
    if (is_saga) {
      const Saga saga = TakeSaga(in);
      gid = saga.gid;
      return DefinitionOf(saga, defaults, kLimits, CheckCallable);
    }
    const Message message = TakeMessage(in);
    gid = message.gid;
    return DefinitionOf(message, kind % 4 == 1, defaults, kLimits, CheckCallable, milliseconds(1));
  }();
  if (definition.ok()) return CheckAccepted(gid, *definition);
  TROTH_CHECK(definition.status().code() == StatusCode::kInvalidArgument);
  const std::string_view field = is_workflow ? "" : is_saga ? "saga." : "message.";
  TROTH_CHECK(definition.status().message().starts_with(field));
}

}  // namespace
}  // namespace troth::internal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::internal::Check(troth::fuzz::Input(data, size));
  return 0;
}
