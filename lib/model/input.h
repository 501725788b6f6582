// From what a caller gives to what is stored: checks everything, completes what is unset.
//
// After it nothing is checked again: what it lets through can be stored, planned and called.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/field_checks.h"
#include "model/transaction.h"
#include "troth/coordinator.h"
#include "troth/message.h"
#include "troth/saga.h"
#include "troth/status.h"

namespace troth::internal {

// The definition of a saga, with its effective policies: the step's over the transaction's over
// `defaults` over the built-in ones. kInvalidArgument names the field, as in
// "saga.steps[3].action: …".
Result<std::shared_ptr<const Definition>> DefinitionOf(
    const Saga& saga, const CallOptions& defaults, const Limits& limits, const UrlCheck& check_url,
    std::chrono::milliseconds barrier_retention = std::chrono::hours(24 * 90));

// Of a message; `prepare`: it needs a check-back, and has a time-out. The field is "message.…".
Result<std::shared_ptr<const Definition>> DefinitionOf(const Message& message, bool prepare,
                                                       const CallOptions& defaults,
                                                       const Limits& limits,
                                                       const UrlCheck& check_url,
                                                       Milliseconds barrier_retention);

// What TccOptions and XaOptions say. The field is "options.…".
struct SessionInput {
  Mode mode;
  const std::string& gid;
  Milliseconds timeout_to_fail;
  bool concurrent;
  const Headers& headers;
  const CallOptions& options;
};
Result<std::shared_ptr<const Definition>> DefinitionOf(const SessionInput& session,
                                                       const CallOptions& defaults,
                                                       const Limits& limits,
                                                       Milliseconds barrier_retention);

// What a caller says that runs a workflow.
struct WorkflowInput {
  const std::string& gid;
  const std::string& name;
  const std::string& data;
  const std::string& query_prepared;  // where it is called back
  const Headers& headers;
  const CallOptions& options;
};
// The field has the wire's name: "query_prepared: …".
Result<std::shared_ptr<const Definition>> DefinitionOf(const WorkflowInput& workflow,
                                                       const CallOptions& defaults,
                                                       const Limits& limits,
                                                       const UrlCheck& check_url,
                                                       Milliseconds barrier_retention);

// kInvalidArgument names the field; whether there is room is the engine's to say.
Status CheckProgress(const Progress& progress, const Limits& limits);
Status CheckResult(std::string_view result, const Limits& limits);

// What TccBranch and XaBranch say, each URL with its field's name. The field is "branch.…".
struct SessionStepInput {
  std::vector<std::pair<std::string_view, std::string_view>> urls;
  const std::string& payload;
  const Headers& headers;
  const CallOptions& options;
};
// Its effective policy, over the transaction's.
Result<Policy> CheckSessionStep(const SessionStepInput& step, const Policy& transaction,
                                const Limits& limits, const UrlCheck& check_url);
// What a transaction has that says nothing itself.
Policy PolicyOf(const CallOptions& defaults);

// CoordinatorOptions::defaults: what DefinitionOf relies on. The field is "defaults.…".
Status CheckDefaults(const CallOptions& defaults);

// kInvalidArgument names the field: "edit.url: …", "act.author: …".
Status CheckEdit(const BranchEdit& edit, const Limits& limits, const UrlCheck& check_url);
Status CheckAct(const Act& act);

}  // namespace troth::internal
