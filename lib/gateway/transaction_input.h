// The transaction object of prepare, submit and abort: what an SDK says about a transaction, read
// and made into what the coordinator takes.
//
// Only the form is checked here; what it means, the coordinator checks.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/json.h"
#include "troth/message.h"
#include "troth/saga.h"
#include "troth/status.h"

namespace troth::internal {

struct TransactionInput {
  struct StepInput {
    std::string action;
    std::string compensate;
    std::string payload;
  };

  std::string gid;
  Mode mode = Mode::kSaga;
  std::vector<StepInput> steps;
  std::string query_prepared;
  std::string rollback_reason;
  bool wait_result = false;
  bool concurrent = false;
  std::optional<std::chrono::milliseconds> timeout_to_fail;
  Headers headers;
  CallOptions options;
  // Of custom_data.
  std::map<size_t, std::vector<size_t>> orders;
  std::optional<std::chrono::milliseconds> delay;
  std::string workflow;  // its name
  std::string data;      // what its function is given
  // Of req_extra, with a workflow's submit.
  std::string end_status;
  std::string result;
};

// kInvalidArgument names the field.
Result<TransactionInput> ReadTransaction(const Json& body, const JsonLimits& limits);

Saga ToSaga(TransactionInput&& input);
Message ToMessage(TransactionInput&& input);

}  // namespace troth::internal
