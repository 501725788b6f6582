// What a person does. Each act has an author, and is kept in the transaction's history.
#include <array>

#include "base/text.h"
#include "gateway/fields.h"
#include "gateway/gateway_impl.h"
#include "gateway/query_fields.h"

namespace troth {

using internal::Concat;
using internal::Fields;
using internal::GatewayReply;
using internal::Json;
using internal::JsonObject;
using internal::NoSuchGid;
using internal::QueryFields;

namespace {

troth::Act By(std::string_view author, std::string_view reason) {
  return {.author = std::string(author), .reason = std::string(reason)};
}

}  // namespace

GatewayReply Gateway::Impl::ForceStop(const Json& body, std::string_view author) {
  Fields in(body);
  const std::string gid = in.Gid();
  const std::string why = in.Text("rollback_reason");
  if (!in.status().ok()) return GatewayReply::Of(in.status());
  // The protocol has no word for what is left in doubt; who asks for a stop accepts it.
  const Status stopped =
      coordinator_.Stop(gid, By(author, why.empty() ? "force stop by HTTP" : why),
                        /*leave_in_doubt=*/true);
  if (stopped.ok()) return GatewayReply::Success();
  if (!IsForbiddenByState(stopped)) return NoSuchGid(stopped, gid);
  const Result<TransactionRecord> record = coordinator_.Query(gid);
  if (!record.ok()) return GatewayReply::Of(record.status());
  return GatewayReply::Failure(Concat("global transaction force stop error. status: ",
                                      StatusName(record->status), ". error: FAILURE"));
}

GatewayReply Gateway::Impl::ResetNextCronTime(const Json& body, std::string_view author) {
  Fields in(body);
  const std::string gid = in.Gid();
  if (!in.status().ok()) return GatewayReply::Of(in.status());
  const Status retried = coordinator_.RetryNow(gid, By(author, "reset by HTTP"));
  if (retried.ok()) return GatewayReply::Success();
  const Result<TransactionRecord> record = coordinator_.Query(gid);
  if (record.ok() && record->finished)
    return GatewayReply::Success();  // there is nothing to make due
  return NoSuchGid(retried, gid);
}

GatewayReply Gateway::Impl::ResetCronTime(const GatewayRequest& request, std::string_view author) {
  constexpr int64_t kLongWait = 105;  // seconds: three times what a transaction may be undecided
  constexpr int64_t kLimit = 100;
  constexpr size_t kPage = 1000;
  QueryFields in(request);
  const std::chrono::seconds wait(in.Number("timeout").value_or(kLongWait));
  const auto limit = static_cast<size_t>(in.Number("limit").value_or(kLimit));
  if (!in.status().ok()) return GatewayReply::Of(in.status());
  if (wait > std::chrono::hours(24 * 3650))
    return GatewayReply::BadRequest("timeout: more than ten years");
  const Time late = coordinator_.Now() + wait;
  size_t count = 0;
  bool remaining = false;
  for (const TransactionStatus status :
       {TransactionStatus::kPrepared, TransactionStatus::kSubmitted,
        TransactionStatus::kAborting}) {
    std::string position;
    do {
      const Result<ListPage> page = coordinator_.List({.status = status}, kPage, position);
      if (!page.ok()) return GatewayReply::Of(page.status());
      for (const TransactionSummary& each : page->transactions) {
        if (!each.due || *each.due <= late) continue;
        remaining = count == limit;
        if (remaining) break;
        // What a delay or a time-out puts off is not to be hurried: it does not count.
        const auto retried =
            internal::RetryWaiting(coordinator_, each.gid, By(author, "reset by HTTP"));
        if (retried.ok() && *retried) ++count;
      }
      position = page->next_position;
    } while (!position.empty() && !remaining);
    if (remaining) break;
  }
  return GatewayReply::Success(JsonObject()
                                   .Bool("has_remaining", remaining)
                                   .Number("succeed_count", static_cast<int64_t>(count))
                                   .Finish());
}

}  // namespace troth
