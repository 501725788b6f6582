#include "model/input.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "model/bounds.h"
#include "model/gid.h"
#include "model/json_rpc.h"
#include "model/order.h"
#include "model/topic.h"

namespace troth::internal {
namespace {

template <class To, class From>
void Take(To& to, const std::optional<From>& from) {
  if (from) to = *from;
}

// `over` wins wherever it says something.
Policy Over(Policy policy, const CallOptions& over) {
  Take(policy.first, over.retry.first);
  Take(policy.factor, over.retry.factor);
  Take(policy.cap, over.retry.cap);
  Take(policy.jitter, over.retry.jitter);
  Take(policy.limit, over.retry.limit);
  Take(policy.give_up_after, over.retry.give_up_after);
  Take(policy.park_after, over.retry.park_after);
  Take(policy.request_timeout, over.request_timeout);
  Take(policy.body_verdicts, over.body_verdicts);
  Take(policy.json_rpc, over.json_rpc);
  return policy;
}

// The cap in force may come from another level than the first wait: the one that was set here is
// named.
Status CheckCap(const Policy& policy, const CallOptions& here) {
  if (policy.cap >= policy.first) return Status();
  if (here.retry.cap) {
    return Refused("retry.cap", Concat("below the first wait of ", policy.first.count(), " ms"));
  }
  return Refused("retry.first",
                 Concat("above the cap of ", policy.cap.count(), " ms; set retry.cap too"));
}

// The policy of a level below `above`.
Status ReadOptions(const CallOptions& options, const Policy& above, Policy& out) {
  if (Status s = CheckCallOptions(options); !s.ok()) return Under("options.", s);
  out = Over(above, options);
  if (Status s = CheckCap(out, options); !s.ok()) return Under("options.", s);
  return Status();
}

size_t BytesOf(const Headers& headers) {
  size_t bytes = 0;
  for (const Header& header : headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

// What a message and a session have in common with a saga.
Status ReadCommon(const std::string& gid, const Headers& headers, const CallOptions& options,
                  const CallOptions& defaults, const Limits& limits, Definition& out) {
  if (Status s = CheckGid(gid); !s.ok()) return s;
  if (Status s = CheckHeaders(headers, limits); !s.ok()) return s;
  out.headers = headers;
  return ReadOptions(options, Over(Policy{}, defaults), out.policies[0]);
}

class SagaReader {
 public:
  SagaReader(const Saga& saga, const Limits& limits, const UrlCheck& check_url)
      : saga_(saga), limits_(limits), check_url_(check_url) {}

  // The message begins after "saga.".
  Status Read(const CallOptions& defaults, Definition& out);

 private:
  Status ReadTransaction(const CallOptions& defaults, Definition& out);
  Status CheckStep(const SagaStep& step);
  Status ReadStep(size_t index, Definition& out);
  Status ReadOrders(Definition& out);
  Status CheckOrder(size_t step, const std::vector<size_t>& before);
  Status CheckSize();

  const Saga& saga_;
  const Limits& limits_;
  const UrlCheck& check_url_;
};

Status SagaReader::ReadTransaction(const CallOptions& defaults, Definition& out) {
  if (Status s = CheckGid(saga_.gid); !s.ok()) return s;
  if (saga_.steps.empty()) return Refused("steps", "none");
  if (const size_t max = std::min(limits_.steps, kStepsMax); saga_.steps.size() > max) {
    return Refused("steps", Concat(saga_.steps.size(), ", more than the ", max, " allowed"));
  }
  if (Status s = CheckHeaders(saga_.headers, limits_); !s.ok()) return s;
  if (saga_.timeout_to_fail) {
    if (Status s = CheckDuration("timeout_to_fail", *saga_.timeout_to_fail); !s.ok()) return s;
  }
  out.mode = Mode::kSaga;
  out.concurrent = saga_.concurrent;
  out.headers = saga_.headers;
  out.timeout_to_fail = saga_.timeout_to_fail;
  return ReadOptions(saga_.options, Over(Policy{}, defaults), out.policies[0]);
}

// Of a step's URLs, one that is called by JSON-RPC wants parameters; `topic` may become one.
Status CheckParameters(const Policy& policy, std::initializer_list<std::string_view> urls,
                       std::string_view payload, bool topic = false) {
  if (!policy.json_rpc) return {};
  const bool any = std::any_of(urls.begin(), urls.end(),
                               [](std::string_view url) { return !JsonRpcMethod(url).empty(); });
  return any || topic ? CheckJsonRpcPayload(payload) : Status();
}

Status SagaReader::CheckStep(const SagaStep& step) {
  if (Status s = CheckUrl("action", step.action, limits_, check_url_); !s.ok()) return s;
  if (Status s = CheckUrl("compensate", step.compensate, limits_, check_url_); !s.ok()) return s;
  if (Status s = CheckPayload(step.payload, limits_); !s.ok()) return s;
  return CheckHeaders(step.headers, limits_);
}

// The place of `policy` in `policies`, which gets it if it has no equal yet.
uint16_t PlaceOf(const Policy& policy, std::vector<Policy>& policies) {
  const auto found = std::find(policies.begin(), policies.end(), policy);
  const auto place = static_cast<uint16_t>(found - policies.begin());
  if (found == policies.end()) policies.push_back(policy);
  return place;
}

Status SagaReader::ReadStep(size_t index, Definition& out) {
  const SagaStep& from = saga_.steps[index];
  if (Status s = CheckStep(from); !s.ok()) return s;
  Policy policy;
  if (Status s = ReadOptions(from.options, out.policies[0], policy); !s.ok()) return s;
  if (Status s = CheckParameters(policy, {from.action, from.compensate}, from.payload); !s.ok()) {
    return s;
  }
  Step& step = out.steps.emplace_back();
  step.branch_id = BranchNumber(index);
  step.forward = from.action;
  step.rollback = from.compensate;
  step.payload = from.payload;
  step.headers = from.headers;
  step.policy = PlaceOf(policy, out.policies);
  return Status();
}

Status SagaReader::CheckOrder(size_t step, const std::vector<size_t>& before) {
  const size_t steps = saga_.steps.size();
  const auto refuse = [step](std::string_view why) {
    return Refused(Concat("orders[", step, "]"), why);
  };
  if (step >= steps) return refuse(Concat("there is no step ", step));
  for (const size_t other : before) {
    if (other >= steps) return refuse(Concat("there is no step ", other));
    if (other == step) return refuse("the step waits for itself");
  }
  return Status();
}

Status SagaReader::ReadOrders(Definition& out) {
  if (saga_.orders.empty()) return Status();
  if (!saga_.concurrent) return Refused("orders", "only a concurrent saga has them");
  for (const auto& [step, before] : saga_.orders) {
    if (Status s = CheckOrder(step, before); !s.ok()) return s;
    std::vector<uint16_t>& after = out.steps[step].after;
    after.assign(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    after.erase(std::unique(after.begin(), after.end()), after.end());
  }
  if (const std::optional<size_t> step = StepOnCycle(out.steps)) {
    return Refused(Concat("orders[", *step, "]"), "the step waits for itself, through others");
  }
  return Status();
}

Status SagaReader::CheckSize() {
  size_t bytes = BytesOf(saga_.headers);
  for (const SagaStep& step : saga_.steps) {
    bytes +=
        step.action.size() + step.compensate.size() + step.payload.size() + BytesOf(step.headers);
  }
  if (bytes <= limits_.transaction_bytes) return Status();
  return Refused("steps", Concat(bytes, " bytes in all, more than the ", limits_.transaction_bytes,
                                 " of limits.transaction_bytes"));
}

Status SagaReader::Read(const CallOptions& defaults, Definition& out) {
  if (Status s = ReadTransaction(defaults, out); !s.ok()) return s;
  if (Status s = CheckSize(); !s.ok()) return s;  // before anything is copied
  out.steps.reserve(saga_.steps.size());
  for (size_t i = 0; i < saga_.steps.size(); ++i) {
    if (Status s = ReadStep(i, out); !s.ok()) return Under(Concat("steps[", i, "]."), s);
  }
  return ReadOrders(out);
}

// The message begins after "message.".
Status ReadMessage(const Message& message, const CallOptions& defaults, const Limits& limits,
                   const UrlCheck& check_url, bool prepare, Definition& out) {
  if (Status s = ReadCommon(message.gid, message.headers, message.options, defaults, limits, out);
      !s.ok()) {
    return s;
  }
  if (message.steps.empty()) return Refused("steps", "none");
  if (const size_t max = std::min(limits.steps, kStepsMax); message.steps.size() > max) {
    return Refused("steps", Concat(message.steps.size(), ", more than the ", max, " allowed"));
  }
  if (message.delay && message.start) return Refused("start", "there is a delay too");
  if (message.delay) {
    if (Status s = CheckDuration("delay", *message.delay); !s.ok()) return s;
  }
  if (message.start && (message.start->time_since_epoch().count() <= 0 ||
                        message.start->time_since_epoch().count() > kTimeMax)) {
    return Refused("start", "must be after 1970, and before the year 37000");
  }
  if (prepare && message.query_prepared.empty()) {
    return Refused("query_prepared", "empty; a prepared message needs somebody to ask");
  }
  if (!message.query_prepared.empty()) {
    if (Status s = CheckUrl("query_prepared", message.query_prepared, limits, check_url); !s.ok()) {
      return s;
    }
  }
  if (Status s = CheckDuration("timeout_to_fail", message.timeout_to_fail); !s.ok()) return s;
  out.mode = Mode::kMessage;
  out.concurrent = message.concurrent;
  out.query_prepared = message.query_prepared;
  if (prepare) out.timeout_to_fail = message.timeout_to_fail;
  return {};
}

// An action is a URL, or a topic that is expanded later.
Status CheckMessageAction(const std::string& action, const Limits& limits,
                          const UrlCheck& check_url) {
  const std::optional<std::string_view> topic = TopicOf(action);
  if (!topic) return CheckUrl("action", action, limits, check_url);
  const Status checked = CheckTopic(*topic);
  return checked.ok() ? checked : Under("action: ", checked);
}

Status ReadMessageStep(const MessageStep& from, size_t index, const Limits& limits,
                       const UrlCheck& check_url, Definition& out) {
  if (Status s = CheckMessageAction(from.action, limits, check_url); !s.ok()) return s;
  if (Status s = CheckPayload(from.payload, limits); !s.ok()) return s;
  if (Status s = CheckHeaders(from.headers, limits); !s.ok()) return s;
  Policy policy;
  if (Status s = ReadOptions(from.options, out.policies[0], policy); !s.ok()) return s;
  const bool topic = TopicOf(from.action).has_value();
  if (Status s = CheckParameters(policy, {from.action}, from.payload, topic); !s.ok()) return s;
  Step& step = out.steps.emplace_back();
  step.branch_id = BranchNumber(index);
  step.forward = from.action;
  step.payload = from.payload;
  step.headers = from.headers;
  step.policy = PlaceOf(policy, out.policies);
  return {};
}

// The branch id of what is asked of the application itself.
constexpr std::string_view kCallBackId = "00";

// A short text that names something in a URL's query.
Status CheckName(std::string_view field, std::string_view name) {
  if (name.empty()) return Refused(field, "empty");
  if (name.size() > kGidBytesMax) return Refused(field, "longer than 128 bytes");
  if (HasControlBytes(name)) return Refused(field, "has control characters");
  return {};
}

Status CheckBytes(std::string_view field, std::string_view bytes, const Limits& limits) {
  if (bytes.size() <= limits.payload_bytes) return {};
  return Refused(field, Concat(bytes.size(), " bytes, more than the ", limits.payload_bytes,
                               " of limits.payload_bytes"));
}

Status CheckActText(std::string_view field, std::string_view text) {
  if (text.empty()) return Refused(field, "empty");
  if (text.size() > kActBytesMax) return Refused(field, "longer than 1 kB");
  if (HasControlBytes(text)) return Refused(field, "has control characters");
  return Status();
}

}  // namespace

Result<std::shared_ptr<const Definition>> DefinitionOf(
    const Saga& saga, const CallOptions& defaults, const Limits& limits, const UrlCheck& check_url,
    std::chrono::milliseconds barrier_retention) {
  auto definition = std::make_shared<Definition>();
  definition->barrier_retention = barrier_retention;
  SagaReader reader(saga, limits, check_url);
  if (Status s = reader.Read(defaults, *definition); !s.ok()) return Under("saga.", s);
  return std::shared_ptr<const Definition>(std::move(definition));
}

Result<std::shared_ptr<const Definition>> DefinitionOf(const Message& message, bool prepare,
                                                       const CallOptions& defaults,
                                                       const Limits& limits,
                                                       const UrlCheck& check_url,
                                                       Milliseconds barrier_retention) {
  auto definition = std::make_shared<Definition>();
  definition->barrier_retention = barrier_retention;
  if (Status s = ReadMessage(message, defaults, limits, check_url, prepare, *definition); !s.ok()) {
    return Under("message.", s);
  }
  size_t bytes = BytesOf(message.headers);
  for (size_t i = 0; i < message.steps.size(); ++i) {
    const MessageStep& step = message.steps[i];
    if (Status s = ReadMessageStep(step, i, limits, check_url, *definition); !s.ok()) {
      return Under(Concat("message.steps[", i, "]."), s);
    }
    bytes += step.action.size() + step.payload.size() + BytesOf(step.headers);
    if (bytes > limits.transaction_bytes) {
      return Refused("message.steps", Concat("more than the ", limits.transaction_bytes,
                                             " bytes of limits.transaction_bytes in all"));
    }
  }
  return std::shared_ptr<const Definition>(std::move(definition));
}

Result<std::shared_ptr<const Definition>> DefinitionOf(const SessionInput& session,
                                                       const CallOptions& defaults,
                                                       const Limits& limits,
                                                       Milliseconds barrier_retention) {
  auto definition = std::make_shared<Definition>();
  definition->mode = session.mode;
  definition->concurrent = session.concurrent;
  definition->timeout_to_fail = session.timeout_to_fail;
  definition->barrier_retention = barrier_retention;
  if (Status s =
          ReadCommon(session.gid, session.headers, session.options, defaults, limits, *definition);
      !s.ok()) {
    return Under("options.", s);
  }
  if (Status s = CheckDuration("timeout_to_fail", session.timeout_to_fail); !s.ok()) {
    return Under("options.", s);
  }
  return std::shared_ptr<const Definition>(std::move(definition));
}

Result<std::shared_ptr<const Definition>> DefinitionOf(const WorkflowInput& workflow,
                                                       const CallOptions& defaults,
                                                       const Limits& limits,
                                                       const UrlCheck& check_url,
                                                       Milliseconds barrier_retention) {
  auto definition = std::make_shared<Definition>();
  definition->mode = Mode::kWorkflow;
  definition->query_prepared = workflow.query_prepared;
  definition->barrier_retention = barrier_retention;
  if (Status s = ReadCommon(workflow.gid, workflow.headers, workflow.options, defaults, limits,
                            *definition);
      !s.ok()) {
    return s;
  }
  if (Status s = CheckName("custom_data.name", workflow.name); !s.ok()) return s;
  if (Status s = CheckBytes("custom_data.data", workflow.data, limits); !s.ok()) return s;
  if (workflow.query_prepared.empty()) {
    return Refused("query_prepared", "empty; a workflow is called back to be resumed");
  }
  if (Status s = CheckUrl("query_prepared", workflow.query_prepared, limits, check_url); !s.ok()) {
    return s;
  }
  if (Status s = CheckParameters(definition->policies[0], {workflow.query_prepared}, workflow.data);
      !s.ok()) {
    return Under("custom_data.", s);
  }
  definition->workflow = workflow.name;
  definition->input = workflow.data;
  return std::shared_ptr<const Definition>(std::move(definition));
}

Status CheckProgress(const Progress& progress, const Limits& limits) {
  if (!progress.branch_id.empty()) {
    if (Status s = CheckName("branch_id", progress.branch_id); !s.ok()) return s;
  }
  if (progress.branch_id == kCallBackId) return Refused("branch_id", "00 is the call-back's");
  if (Status s = CheckName("op", progress.op); !s.ok()) return s;
  if (progress.failed && OwedBy(progress) != Decision::kUndecided) {
    return Refused("status", Concat("a ", progress.op,
                                    " may not fail: it is repeated until it "
                                    "succeeds"));
  }
  return CheckBytes("data", progress.data, limits);
}

Status CheckResult(std::string_view result, const Limits& limits) {
  return CheckBytes("req_extra.result", result, limits);
}

Result<Policy> CheckSessionStep(const SessionStepInput& step, const Policy& transaction,
                                const Limits& limits, const UrlCheck& check_url) {
  for (const auto& [field, url] : step.urls) {
    if (Status s = CheckUrl(field, url, limits, check_url); !s.ok()) return Under("branch.", s);
  }
  if (Status s = CheckPayload(step.payload, limits); !s.ok()) return Under("branch.", s);
  if (Status s = CheckHeaders(step.headers, limits); !s.ok()) return Under("branch.", s);
  Policy policy;
  if (Status s = ReadOptions(step.options, transaction, policy); !s.ok()) {
    return Under("branch.", s);
  }
  return policy;
}

Policy PolicyOf(const CallOptions& defaults) { return Over(Policy{}, defaults); }

Status CheckDefaults(const CallOptions& defaults) {
  if (Status s = CheckCallOptions(defaults); !s.ok()) return Under("defaults.", s);
  if (Status s = CheckCap(Over(Policy{}, defaults), defaults); !s.ok()) {
    return Under("defaults.", s);
  }
  return Status();
}

Status CheckEdit(const BranchEdit& edit, const Limits& limits, const UrlCheck& check_url) {
  if (!edit.url && !edit.payload && !edit.headers) return Refused("edit", "nothing to change");
  if (edit.url) {
    if (edit.url->empty()) return Refused("edit.url", "empty; SkipBranch leaves an operation out");
    if (Status s = CheckUrl("edit.url", *edit.url, limits, check_url); !s.ok()) return s;
  }
  if (edit.payload) {
    if (Status s = CheckPayload(*edit.payload, limits); !s.ok()) return Under("edit.", s);
  }
  if (edit.headers) {
    if (Status s = CheckHeaders(*edit.headers, limits); !s.ok()) return Under("edit.", s);
  }
  return Status();
}

Status CheckAct(const Act& act) {
  if (Status s = CheckActText("act.author", act.author); !s.ok()) return s;
  return CheckActText("act.reason", act.reason);
}

}  // namespace troth::internal
