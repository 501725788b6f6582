// What a workflow's caller reports: dtm's words for a function that records each of its steps.
#include <utility>

#include "base/text.h"
#include "gateway/fields.h"
#include "gateway/gateway_impl.h"
#include "gateway/record_json.h"
#include "model/remote_workflow.h"

namespace troth {

using internal::Concat;
using internal::Fields;
using internal::GatewayReply;
using internal::Json;
using internal::JsonObject;
using internal::TransactionInput;

namespace {

// "succeed" or "failed": nothing else is an end, of a step or of a workflow. kInvalidArgument.
Result<bool> Succeeded(std::string_view field, std::string_view status) {
  if (status == BranchStatusName(BranchStatus::kSucceed)) return true;
  if (status == BranchStatusName(BranchStatus::kFailed)) return false;
  return Status(StatusCode::kInvalidArgument, Concat(field, ": not succeed or failed"));
}

}  // namespace

// Stores it, or says how far it is: what is recorded is not run again.
GatewayReply Gateway::Impl::PrepareWorkflow(const Json& body) {
  auto input = internal::ReadTransaction(body, json_limits());
  if (!input.ok()) return GatewayReply::Of(input.status());
  if (input->mode != Mode::kWorkflow) return GatewayReply::BadRequest("trans_type: not workflow");
  if (Status urls = CheckUrls(*input); !urls.ok()) return GatewayReply::Of(urls);
  const auto prepared =
      internal::PrepareWorkflow(coordinator_, {.gid = input->gid,
                                               .name = input->workflow,
                                               .data = input->data,
                                               .query_prepared = input->query_prepared,
                                               .headers = input->headers,
                                               .options = input->options});
  if (!prepared.ok()) return GatewayReply::Of(prepared.status());
  const Result<TransactionRecord> record = coordinator_.Query(input->gid);
  if (!record.ok()) return GatewayReply::Of(record.status());
  return GatewayReply::Success(
      JsonObject()
          .Raw("progresses", internal::JsonList(internal::BranchesJson(*record)))
          .Raw("transaction", internal::TransactionJson(*record))
          .Finish());
}

// dtm's Go SDK looks at no status of prepareWorkflow's answer: without a transaction it ends its
// program, and with one that it can read it runs the function, though nothing is stored. A number
// in the place of the text "status" makes it, and the C# SDK, report an error instead.
void Gateway::Impl::AddTransaction(GatewayAnswer& answer) const {
  if (answer.status == 200 || !answer.body.ends_with('}')) return;
  answer.body.pop_back();
  const std::string transaction = JsonObject().Number("status", answer.status).Finish();
  answer.body +=
      Concat(answer.body.ends_with('{') ? "" : ",", "\"transaction\":", transaction, "}");
}

GatewayReply Gateway::Impl::RecordProgress(const std::string& gid, Fields& in,
                                           internal::RemoteBranch&& branch) {
  const Result<bool> succeeded = Succeeded("status", in.Text("status"));
  in.Keep(succeeded.status());
  internal::Progress progress{.branch_id = std::move(branch.branch_id),
                              .op = in.Text("op"),
                              .failed = succeeded.ok() && !*succeeded,
                              .data = std::move(branch.payload)};
  if (!in.status().ok()) return GatewayReply::Of(in.status());
  const Status recorded = internal::RecordProgress(coordinator_, gid, std::move(progress));
  if (recorded.ok()) return GatewayReply::Success();
  if (recorded.code() == StatusCode::kNotFound) {
    return GatewayReply::Failure(
        Concat("no trans with gid: ", gid, " status: prepared found FAILURE"));
  }
  return IsForbiddenByState(recorded) ? GatewayReply::Failure(recorded.message())
                                      : GatewayReply::Of(recorded);
}

GatewayReply Gateway::Impl::EndWorkflow(TransactionInput&& input) {
  const Result<bool> succeeded = Succeeded("req_extra.status", input.end_status);
  if (!succeeded.ok()) return GatewayReply::Of(succeeded.status());
  const Result<Accepted> ended =
      internal::FinishWorkflow(coordinator_, input.gid,
                               {.succeeded = *succeeded,
                                .reason = std::move(input.rollback_reason),
                                .result = std::move(input.result)});
  // The same end again is a success, unlike a submit of what is called from here.
  return ended.ok() ? GatewayReply::Success() : RefuseSubmit(ended.status(), input.gid);
}

}  // namespace troth
