// From what a caller gives to what is stored: checks everything, completes what is unset.
//
// After it nothing is checked again: what it lets through can be stored, planned and called.
#pragma once

#include <chrono>
#include <memory>

#include "model/field_checks.h"
#include "model/transaction.h"
#include "troth/coordinator.h"
#include "troth/saga.h"
#include "troth/status.h"

namespace troth::internal {

// The definition of a saga, with its effective policies: the step's over the transaction's over
// `defaults` over the built-in ones. kInvalidArgument names the field, as in
// "saga.steps[3].action: …".
Result<std::shared_ptr<const Definition>> DefinitionOf(
    const Saga& saga, const CallOptions& defaults, const Limits& limits, const UrlCheck& check_url,
    std::chrono::milliseconds barrier_retention = std::chrono::hours(24 * 90));

// CoordinatorOptions::defaults: what DefinitionOf relies on. The field is "defaults.…".
Status CheckDefaults(const CallOptions& defaults);

// kInvalidArgument names the field: "edit.url: …", "act.author: …".
Status CheckEdit(const BranchEdit& edit, const Limits& limits, const UrlCheck& check_url);
Status CheckAct(const Act& act);

}  // namespace troth::internal
