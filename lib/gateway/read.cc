// What only reads.
#include "gateway/gateway_impl.h"
#include "gateway/record_json.h"

namespace troth {

using internal::JsonObject;
using internal::Reply;

Reply Gateway::Impl::Query(const GatewayRequest& request) {
  const auto gid = request.QueryValue("gid");
  if (!gid || gid->empty()) return Reply::Error("no gid specified");
  const Result<TransactionRecord> record = coordinator_.Query(*gid);
  if (!record.ok() && record.status().code() != StatusCode::kNotFound) {
    return Reply::Of(record.status());
  }
  const auto branches = record.ok() ? internal::BranchesJson(*record) : std::vector<std::string>();
  return Reply::Success(
      JsonObject()
          .Raw("branches", internal::JsonList(branches))
          .Raw("transaction", record.ok() ? internal::TransactionJson(*record) : "null")
          .Finish());
}

Reply Gateway::Impl::Version(const GatewayRequest&) {
  return Reply::Success(JsonObject().Text("version", troth::Version()).Finish());
}

Reply Gateway::Impl::Ping(const GatewayRequest&) { return Reply::Success(R"({"msg":"pong"})"); }

}  // namespace troth
