#include "gateway/record_json.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/text.h"
#include "model/json.h"

namespace troth::internal {
namespace {

using std::chrono::milliseconds;

// RFC 3339, in UTC.
std::string TimeText(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<milliseconds> clock(time - day);
  char text[64];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

JsonObject& AddTimes(JsonObject& out, const TransactionSummary& summary) {
  // The protocol's number of a row; here a gid is all that names a transaction.
  return out.Number("id", 0)
      .Text("create_time", TimeText(summary.created))
      .Text("update_time", TimeText(summary.updated));
}

// A list does not say which protocol a transaction has.
JsonObject& AddSummary(JsonObject& out, const TransactionSummary& summary,
                       std::string_view protocol = {}) {
  AddTimes(out, summary)
      .Text("gid", summary.gid)
      .Text("trans_type", ModeName(summary.mode))
      .Text("status", StatusName(summary.status))
      .TextIfAny("protocol", protocol);
  if (summary.finished) {
    const bool succeeded = summary.status == TransactionStatus::kSucceed;
    out.Text(succeeded ? "finish_time" : "rollback_time", TimeText(*summary.finished));
  }
  if (summary.due) out.Text("next_cron_time", TimeText(*summary.due));
  return out;
}

int64_t WholeSeconds(milliseconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

// What was asked for, or stands in its place, as dtm's options: a JSON text inside a string.
std::string OptionsText(const TransactionRecord& record) {
  JsonObject out;
  if (record.deadline && *record.deadline > record.created)
    out.Number("timeout_to_fail", WholeSeconds(*record.deadline - record.created));
  const CallOptions& options = record.options;
  if (options.request_timeout)
    out.Number("request_timeout", WholeSeconds(*options.request_timeout));
  if (options.retry.first) out.Number("retry_interval", WholeSeconds(*options.retry.first));
  const int32_t limit = options.retry.limit.value_or(kNoLimit);
  if (limit != kNoLimit) out.Number("retry_limit", limit);
  if (!record.headers.empty()) {
    JsonObject headers;
    for (const Header& header : record.headers) headers.Text(header.name, header.value);
    out.Raw("branch_headers", headers.Finish());
  }
  return out.Bool("concurrent", record.concurrent).Finish();
}

const BranchRecord* Find(const TransactionRecord& record, std::string_view id,
                         std::string_view op) {
  const auto found =
      std::find_if(record.branches.begin(), record.branches.end(),
                   [&](const BranchRecord& each) { return each.branch_id == id && each.op == op; });
  return found == record.branches.end() ? nullptr : &*found;
}

// The protocol knows no skipped branch; who waits for its end sees that there is nothing to wait
// for.
std::string_view WireStatusName(BranchStatus status) {
  return BranchStatusName(status == BranchStatus::kSkipped ? BranchStatus::kSucceed : status);
}

}  // namespace

std::string RollbackReason(const TransactionRecord& record) {
  const Reason& reason = record.reason;
  switch (reason.code) {
    case ReasonCode::kNone:
      return {};
    case ReasonCode::kTimeout:
    case ReasonCode::kRolledBack:
      return reason.text;
    case ReasonCode::kActionFailed: {
      const BranchRecord* branch = Find(record, reason.branch_id, reason.op);
      return Concat("url:", branch != nullptr ? branch->url : "", " return failed: ", reason.text,
                    reason.text.ends_with(" FAILURE") ? "" : " FAILURE");
    }
    case ReasonCode::kRetriesExhausted:
      return Concat("RetryCount is greater than RetryLimit, RetryLimit: ",
                    record.options.retry.limit.value_or(kNoLimit));
    default:
      return reason.ToString();
  }
}

std::string TransactionJson(const TransactionRecord& record) {
  JsonObject out;
  AddSummary(out, record, record.options.json_rpc.value_or(false) ? "json-rpc" : "http")
      .TextIfAny("query_prepared", record.query_prepared)
      .TextIfAny("rollback_reason", RollbackReason(record))
      .TextIfAny("result", Base64(record.result))
      .Text("options", OptionsText(record))
      .Bool("concurrent", record.concurrent);
  return out.Finish();
}

std::string SummaryJson(const TransactionSummary& summary) {
  JsonObject out;
  return AddSummary(out, summary).Finish();
}

std::vector<std::string> BranchesJson(const TransactionRecord& record) {
  std::vector<std::string> out;
  for (const BranchRecord& branch : record.branches) {
    if (branch.branch_id == "00") continue;  // the check-back, which the protocol has no row for
    JsonObject row;
    AddTimes(row, record)
        .Text("gid", record.gid)
        .TextIfAny("url", branch.url)
        .TextIfAny("bin_data", Base64(branch.payload))
        .Text("branch_id", branch.branch_id)
        .Text("op", branch.op)
        .Text("status", WireStatusName(branch.status));
    out.push_back(row.Finish());
  }
  return out;
}

}  // namespace troth::internal
