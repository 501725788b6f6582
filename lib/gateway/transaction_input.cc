#include "gateway/transaction_input.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "gateway/fields.h"
#include "gateway/names.h"

namespace troth::internal {
namespace {

using std::chrono::milliseconds;

// dtm has no cap, the coordinator's is 10 minutes: who asks for longer waits gets them.
constexpr milliseconds kUsualCap = std::chrono::minutes(10);

void ReadMode(Fields& in, Mode& mode) {
  const std::string name = in.Text("trans_type");
  const std::optional<Mode> found = ModeOf(name);
  if (found) {
    mode = *found;
  } else {
    in.Refuse("trans_type", name.empty() ? "empty" : "not saga, tcc, xa, msg or workflow");
  }
}

// A gRPC URL can't be called, and is refused as the URL that it is; others are called by HTTP, or
// by JSON-RPC where that is said.
void ReadProtocol(Fields& in, TransactionInput& out) {
  constexpr std::array<std::string_view, 4> kKnown = {"", "http", "grpc", "json-rpc"};
  const std::string protocol = in.Text("protocol");
  if (std::find(kKnown.begin(), kKnown.end(), protocol) == kKnown.end()) {
    in.Refuse("protocol", "not http, grpc or json-rpc");
  }
  out.options.json_rpc = protocol == "json-rpc";
}

// Each step's payload is in the list, or, as older SDKs have it, with the step.
void ReadSteps(Fields& in, TransactionInput& out) {
  std::vector<std::string> payloads = in.Texts("payloads");
  const std::vector<const Json*> steps = in.Objects("steps");
  for (size_t i = 0; i < steps.size(); ++i) {
    Fields step(*steps[i], Concat("steps[", i, "]."));
    TransactionInput::StepInput& read = out.steps.emplace_back();
    read.action = step.Text("action");
    read.compensate = step.Text("compensate");
    const bool own = i >= payloads.size();
    read.payload = own ? step.Text("data") : std::move(payloads[i]);
    if (own && step.Any("data") == nullptr) {
      in.Refuse("payloads", Concat(payloads.size(), " for ", steps.size(), " steps"));
    }
    in.Keep(step.status());
  }
}

std::optional<size_t> IndexOf(const Json& value) {
  const bool whole = value.kind == Json::Kind::kNumber && value.number >= 0 && value.number < 1e6 &&
                     value.number == std::floor(value.number);
  return whole ? std::optional(static_cast<size_t>(value.number)) : std::nullopt;
}

void ReadOrder(Fields& in, size_t step, const Json& before, TransactionInput& out) {
  if (before.kind == Json::Kind::kNull) return;
  const auto refuse = [&] {
    in.Refuse(Concat("orders[", step, "]"), "not a list of step numbers, which count from 0");
  };
  if (before.kind != Json::Kind::kList) return refuse();
  for (const Json& each : before.list) {
    const std::optional<size_t> index = IndexOf(each);
    if (!index) return refuse();
    out.orders[step].push_back(*index);
  }
}

// {"2":[0,1]}; from PHP, where the keys happen to be 0, 1, …, a list.
void ReadOrders(Fields& in, TransactionInput& out) {
  const Json* orders = in.Any("orders");
  if (orders == nullptr) return;
  if (orders->kind == Json::Kind::kList) {
    for (size_t i = 0; i < orders->list.size(); ++i) ReadOrder(in, i, orders->list[i], out);
  } else if (orders->kind == Json::Kind::kObject) {
    for (const auto& [key, before] : orders->object) {
      const std::optional<int64_t> step = ParseInt(key);
      if (!step || *step < 0) return in.Refuse("orders", Concat("\"", key, "\" is no step number"));
      ReadOrder(in, static_cast<size_t>(*step), before, out);
    }
  } else {
    in.Refuse("orders", "not an object");
  }
}

// A JSON text inside a string. TCC and XA have nothing of it to say.
void ReadCustomData(Fields& in, const JsonLimits& limits, TransactionInput& out) {
  const std::string text = in.Text("custom_data");
  if (text.empty() || out.mode == Mode::kTcc || out.mode == Mode::kXa) return;
  const Result<Json> custom = ParseJson(text, limits);
  if (!custom.ok()) return in.Refuse("custom_data", custom.status().message());
  if (custom->kind == Json::Kind::kNull) return;
  if (custom->kind == Json::Kind::kList && custom->list.empty()) return;
  Fields data(*custom, "custom_data.");
  if (out.mode == Mode::kSaga) {
    out.concurrent = data.Bool("concurrent") || out.concurrent;
    ReadOrders(data, out);
    if (!out.concurrent) out.orders.clear();  // in sequence they say nothing
  } else if (out.mode == Mode::kMessage) {
    out.delay = data.Seconds("delay");
  } else {
    out.workflow = data.Text("name");
    out.data = data.Bytes("data");
  }
  in.Keep(data.status());
}

// How a workflow ended.
void ReadEnd(Fields& in, TransactionInput& out) {
  const Json* extra = in.Any("req_extra");
  if (extra == nullptr || out.mode != Mode::kWorkflow) return;
  Fields end(*extra, "req_extra.");
  out.end_status = end.Text("status");
  out.rollback_reason = end.Text("rollback_reason");
  out.result = end.Bytes("result");
  in.Keep(end.status());
}

void ReadOptions(Fields& in, TransactionInput& out) {
  out.wait_result = in.Bool("wait_result");
  out.concurrent = in.Bool("concurrent");
  out.timeout_to_fail = in.Seconds("timeout_to_fail");
  out.headers = in.Pairs("branch_headers");
  out.options.request_timeout = in.Seconds("request_timeout");
  RetryPolicy& retry = out.options.retry;
  retry.first = in.Seconds("retry_interval");
  if (retry.first && *retry.first > kUsualCap) retry.cap = retry.first;
  retry.limit = in.Count("retry_limit");
}

}  // namespace

Result<TransactionInput> ReadTransaction(const Json& body, const JsonLimits& limits) {
  Fields in(body);
  TransactionInput out;
  out.gid = in.Gid();
  ReadMode(in, out.mode);
  ReadOptions(in, out);
  if (out.mode == Mode::kSaga || out.mode == Mode::kMessage) ReadSteps(in, out);
  ReadProtocol(in, out);
  out.query_prepared = in.Text("query_prepared");
  out.rollback_reason = in.Text("rollback_reason");
  ReadCustomData(in, limits, out);
  ReadEnd(in, out);
  if (!in.status().ok()) return in.status();
  return out;
}

Saga ToSaga(TransactionInput&& input) {
  Saga saga{.gid = std::move(input.gid),
            .steps = {},
            .concurrent = input.concurrent,
            .orders = std::move(input.orders),
            .timeout_to_fail = input.timeout_to_fail,
            .headers = std::move(input.headers),
            .options = input.options};
  for (auto& step : input.steps) {
    saga.Add({.action = std::move(step.action),
              .compensate = std::move(step.compensate),
              .payload = std::move(step.payload)});
  }
  return saga;
}

Message ToMessage(TransactionInput&& input) {
  Message message{.gid = std::move(input.gid),
                  .steps = {},
                  .concurrent = input.concurrent,
                  .delay = input.delay,
                  .start = {},
                  .query_prepared = std::move(input.query_prepared),
                  .headers = std::move(input.headers),
                  .options = input.options};
  if (input.timeout_to_fail) message.timeout_to_fail = *input.timeout_to_fail;
  for (auto& step : input.steps) {
    message.Add({.action = std::move(step.action), .payload = std::move(step.payload)});
  }
  return message;
}

}  // namespace troth::internal
