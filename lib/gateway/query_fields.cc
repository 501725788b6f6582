#include "gateway/query_fields.h"

#include "base/text.h"
#include "gateway/names.h"

namespace troth::internal {
namespace {

constexpr int64_t kNumberMax = int64_t{1} << 50;  // a time far outside any real one

}  // namespace

void QueryFields::Refuse(std::string_view name, std::string_view why) {
  if (status_.ok()) status_ = troth::Status(StatusCode::kInvalidArgument, Concat(name, ": ", why));
}

std::optional<int64_t> QueryFields::Number(std::string_view name) {
  const std::string text = Text(name);
  if (text.empty()) return std::nullopt;
  const std::optional<int64_t> number = ParseInt(text);
  if (number && *number >= 0 && *number <= kNumberMax) return number;
  Refuse(name, "not a number from 0 up");
  return std::nullopt;
}

bool QueryFields::Flag(std::string_view name) {
  const std::string text = Text(name);
  if (!text.empty() && text != "true" && text != "false") Refuse(name, "not true or false");
  return text == "true";
}

std::optional<Time> QueryFields::TimeOf(std::string_view name) {
  const std::optional<int64_t> number = Number(name);
  if (!number) return std::nullopt;
  return Time{std::chrono::milliseconds(*number)};
}

std::optional<TransactionStatus> QueryFields::Status(std::string_view name) {
  const std::string text = Text(name);
  if (text.empty()) return std::nullopt;
  const std::optional<TransactionStatus> status = StatusOf(text);
  if (!status) Refuse(name, "not prepared, submitted, succeed, aborting or failed");
  return status;
}

std::optional<Mode> QueryFields::ModeOf(std::string_view name) {
  const std::string text = Text(name);
  if (text.empty()) return std::nullopt;
  const std::optional<Mode> mode = internal::ModeOf(text);
  if (!mode) Refuse(name, "not saga, tcc, xa, msg or workflow");
  return mode;
}

}  // namespace troth::internal
