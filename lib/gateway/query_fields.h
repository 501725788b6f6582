// Reads the values of a request's query by kind. An empty one is as good as none; the first that is
// wrong is kept, as a message that begins with its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "troth/gateway.h"
#include "troth/status.h"
#include "troth/transaction.h"

namespace troth::internal {

class QueryFields {
 public:
  // The request outlives it.
  explicit QueryFields(const GatewayRequest& request) : request_(request) {}

  std::string Text(std::string_view name) const {
    return std::string(request_.QueryValue(name).value_or(""));
  }
  // Not negative.
  std::optional<int64_t> Number(std::string_view name);
  // "true", or "false".
  bool Flag(std::string_view name);
  // From milliseconds since 1970.
  std::optional<Time> TimeOf(std::string_view name);
  std::optional<TransactionStatus> Status(std::string_view name);
  std::optional<Mode> ModeOf(std::string_view name);

  const troth::Status& status() const { return status_; }

 private:
  void Refuse(std::string_view name, std::string_view why);

  const GatewayRequest& request_;
  troth::Status status_;
};

}  // namespace troth::internal
