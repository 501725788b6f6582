// What an application does with its transactions: the coordinator decides, this finds dtm's words.
#include "base/text.h"
#include "gateway/gateway_impl.h"
#include "gateway/record_json.h"

namespace troth {

using internal::Concat;
using internal::Json;
using internal::JsonObject;
using internal::Reply;
using internal::TransactionInput;

namespace {

Reply Refused(TransactionStatus status, std::string_view what) {
  return Reply::Failure(
      Concat("current status '", StatusName(status), "', cannot ", what, ". FAILURE"));
}

}  // namespace

Reply Gateway::Impl::NewGid(const GatewayRequest&) {
  return Reply::Success(
      JsonObject().Text("dtm_result", "SUCCESS").Text("gid", troth::NewGid()).Finish());
}

// Which of the URLs is not allowed.
Status Gateway::Impl::CheckUrls(const TransactionInput& input) const {
  for (size_t i = 0; i < input.steps.size(); ++i) {
    const std::string at = Concat("steps[", i, "].");
    const TransactionInput::StepInput& step = input.steps[i];
    const bool topic = input.mode == Mode::kMessage && step.action.starts_with("topic://");
    if (!topic) {  // its subscribers were checked when they subscribed
      if (Status s = branch_urls_.Check(at + "action", step.action); !s.ok()) return s;
    }
    if (Status s = branch_urls_.Check(at + "compensate", step.compensate); !s.ok()) return s;
  }
  return branch_urls_.Check("query_prepared", input.query_prepared);
}

Reply Gateway::Impl::Submit(const Json& body) {
  auto input = internal::ReadTransaction(body, json_limits());
  if (!input.ok()) return Reply::Of(input.status());
  if (Status urls = CheckUrls(*input); !urls.ok()) return Reply::Of(urls);
  const std::string gid = input->gid;
  const bool wait = input->wait_result;
  Reply accepted = Accept(*std::move(input));
  return wait && accepted.kind == Reply::Kind::kSuccess ? AwaitEnd(gid) : accepted;
}

Reply Gateway::Impl::Accept(TransactionInput&& input) {
  const std::string gid = input.gid;
  switch (input.mode) {
    case Mode::kSaga:
      return AnswerSubmit(coordinator_.Submit(internal::ToSaga(std::move(input))), gid);
    case Mode::kMessage:
      return AnswerSubmit(coordinator_.Submit(internal::ToMessage(std::move(input))), gid);
    default:
      return Reply::BadRequest(
          Concat("trans_type: ", ModeName(input.mode), " is not served by this gateway yet"));
  }
}

// A repetition is a success as long as it is under way; what is decided is not submitted again.
Reply Gateway::Impl::AnswerSubmit(const Result<Accepted>& accepted, const std::string& gid) {
  if (accepted.ok() && !accepted->repeated) return Reply::Success();
  if (!accepted.ok() && accepted.status().code() != StatusCode::kAborted &&
      accepted.status().code() != StatusCode::kAlreadyExists) {
    return Reply::Of(accepted.status());
  }
  const Result<TransactionRecord> record = coordinator_.Query(gid);
  if (!record.ok()) return Reply::Of(record.status());
  const bool decided = record->status != TransactionStatus::kSubmitted &&
                       record->status != TransactionStatus::kPrepared;
  if (decided) return Refused(record->status, "sumbmit");  // spelt as dtm does
  return accepted.ok() ? Reply::Success() : Reply::Of(accepted.status());
}

Reply Gateway::Impl::AwaitEnd(const std::string& gid) {
  const Result<Outcome> outcome = coordinator_.Wait(gid, options_.wait);
  if (!outcome.ok()) {
    const StatusCode code = outcome.status().code();
    const bool goes_on = code == StatusCode::kDeadlineExceeded || code == StatusCode::kCancelled;
    return goes_on ? Reply::Ongoing(outcome.status().message()) : Reply::Of(outcome.status());
  }
  if (outcome->succeeded()) return Reply::Success();
  const Result<TransactionRecord> record = coordinator_.Query(gid);
  return Reply::Failure(record.ok() ? internal::RollbackReason(*record)
                                    : outcome->reason.ToString());
}

}  // namespace troth
