// What only reads.
#include <algorithm>

#include "gateway/gateway_impl.h"
#include "gateway/query_fields.h"
#include "gateway/record_json.h"

namespace troth {

using internal::GatewayReply;
using internal::JsonObject;
using internal::QueryFields;

namespace {

constexpr int64_t kPage = 100;
constexpr int64_t kPageMax = 1000;  // List's

}  // namespace

GatewayReply Gateway::Impl::Query(const GatewayRequest& request) {
  const auto gid = request.QueryValue("gid");
  if (!gid || gid->empty()) return GatewayReply::Error("no gid specified");
  const Result<TransactionRecord> record = coordinator_.Query(*gid);
  if (!record.ok() && record.status().code() != StatusCode::kNotFound) {
    return GatewayReply::Of(record.status());
  }
  const auto branches = record.ok() ? internal::BranchesJson(*record) : std::vector<std::string>();
  return GatewayReply::Success(
      JsonObject()
          .Raw("branches", internal::JsonList(branches))
          .Raw("transaction", record.ok() ? internal::TransactionJson(*record) : "null")
          .Finish());
}

GatewayReply Gateway::Impl::All(const GatewayRequest& request) {
  if (const auto gid = request.QueryValue("gid"); gid && !gid->empty()) return AllOfGid(*gid);
  QueryFields in(request);
  ListFilter filter;
  filter.status = in.Status("status");
  filter.mode = in.ModeOf("transType");
  filter.created_from = in.TimeOf("createTimeStart");
  filter.created_to = in.TimeOf("createTimeEnd");
  if (filter.created_to) *filter.created_to += std::chrono::milliseconds(1);  // inclusive there
  filter.parked = in.Flag("parked");    // ours: what waits for a person
  filter.unended = in.Flag("unended");  // ours: what is under way
  const int64_t limit = std::clamp<int64_t>(in.Number("limit").value_or(kPage), 1, kPageMax);
  if (!in.status().ok()) return GatewayReply::Of(in.status());
  const Result<ListPage> page =
      coordinator_.List(filter, static_cast<size_t>(limit), in.Text("position"));
  if (!page.ok()) return GatewayReply::Of(page.status());
  std::vector<std::string> transactions;
  for (const TransactionSummary& each : page->transactions) {
    transactions.push_back(internal::SummaryJson(each));
  }
  return GatewayReply::Success(JsonObject()
                                   .Text("next_position", page->next_position)
                                   .Raw("transactions", internal::JsonList(transactions))
                                   .Finish());
}

GatewayReply Gateway::Impl::AllOfGid(std::string_view gid) {
  const Result<TransactionRecord> record = coordinator_.Query(gid);
  if (!record.ok() && record.status().code() != StatusCode::kNotFound) {
    return GatewayReply::Of(record.status());
  }
  return GatewayReply::Success(
      JsonObject()
          .Text("next_position", "")
          .Raw("transactions",
               record.ok() ? internal::JsonList({internal::TransactionJson(*record)}) : "null")
          .Finish());
}

GatewayAnswer Gateway::Impl::Metrics() const {
  return {.status = 200,
          .body = internal::MetricsText(coordinator_.GetStatistics(), coordinator_.GetHealth(),
                                        answers_),
          .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

GatewayReply Gateway::Impl::Version(const GatewayRequest&) {
  return GatewayReply::Success(JsonObject().Text("version", troth::Version()).Finish());
}

GatewayReply Gateway::Impl::Ping(const GatewayRequest&) {
  return GatewayReply::Success(R"({"msg":"pong"})");
}

}  // namespace troth
