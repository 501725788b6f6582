// What an application does with its transactions: the coordinator decides, this finds dtm's words.
#include "base/text.h"
#include "gateway/fields.h"
#include "gateway/gateway_impl.h"
#include "gateway/record_json.h"
#include "model/remote_session.h"

namespace troth {

using internal::Concat;
using internal::Fields;
using internal::GatewayReply;
using internal::Json;
using internal::JsonObject;
using internal::NoSuchGid;
using internal::TransactionInput;

namespace {

constexpr std::string_view kTopicScheme = "topic://";
constexpr std::string_view kSubmit = "sumbmit";  // spelt as dtm does

GatewayReply Refused(TransactionStatus status, std::string_view what) {
  return GatewayReply::Failure(
      Concat("current status '", StatusName(status), "', cannot ", what, ". FAILURE"));
}

}  // namespace

GatewayReply Gateway::Impl::NewGid(const GatewayRequest&) {
  return GatewayReply::Success(
      JsonObject().Text("dtm_result", "SUCCESS").Text("gid", troth::NewGid()).Finish());
}

// Who has subscribed may have done so before the list was this one, or in C++. What is stored has
// its subscribers, and is asked for none: a repetition of it is answered as ever.
Status Gateway::Impl::CheckSubscribers(std::string_view field, std::string_view action,
                                       const std::string& gid) const {
  const std::string_view name = action.substr(kTopicScheme.size());
  const Result<Topic> topic = coordinator_.GetTopic(name);
  if (!topic.ok()) return {};  // which the coordinator says better
  for (const Subscriber& subscriber : topic->subscribers) {
    const std::string at = Concat(field, ": topic ", name, ": subscriber ", subscriber.url);
    const Status allowed = branch_urls_.Check(at, subscriber.url);
    if (!allowed.ok() && !coordinator_.Query(gid).ok()) return allowed;
  }
  return {};
}

// Which of the URLs is not allowed.
Status Gateway::Impl::CheckUrls(const TransactionInput& input) const {
  for (size_t i = 0; i < input.steps.size(); ++i) {
    const std::string at = Concat("steps[", i, "].");
    const TransactionInput::StepInput& step = input.steps[i];
    const bool topic = input.mode == Mode::kMessage && step.action.starts_with(kTopicScheme);
    if (Status s = topic ? CheckSubscribers(at + "action", step.action, input.gid)
                         : branch_urls_.Check(at + "action", step.action);
        !s.ok()) {
      return s;
    }
    if (Status s = branch_urls_.Check(at + "compensate", step.compensate); !s.ok()) return s;
  }
  return branch_urls_.Check("query_prepared", input.query_prepared);
}

Result<Accepted> Gateway::Impl::PrepareSession(const TransactionInput& input) {
  constexpr std::chrono::milliseconds kUndecided = std::chrono::seconds(35);
  return internal::PrepareSession(coordinator_,
                                  {.mode = input.mode,
                                   .gid = input.gid,
                                   .timeout_to_fail = input.timeout_to_fail.value_or(kUndecided),
                                   .concurrent = input.mode == Mode::kXa,
                                   .headers = input.headers,
                                   .options = input.options});
}

GatewayReply Gateway::Impl::Prepare(const Json& body) {
  auto input = internal::ReadTransaction(body, json_limits());
  if (!input.ok()) return GatewayReply::Of(input.status());
  if (Status urls = CheckUrls(*input); !urls.ok()) return GatewayReply::Of(urls);
  const std::string gid = input->gid;
  switch (input->mode) {
    case Mode::kMessage:
      return AnswerPrepare(coordinator_.Prepare(internal::ToMessage(*std::move(input))), gid);
    case Mode::kTcc:
    case Mode::kXa:
      return AnswerPrepare(PrepareSession(*input), gid);
    case Mode::kWorkflow:
      return GatewayReply::BadRequest("trans_type: a workflow is prepared by prepareWorkflow");
    case Mode::kSaga:
      break;
  }
  return GatewayReply::BadRequest("trans_type: a saga is not prepared");
}

GatewayReply Gateway::Impl::AnswerPrepare(const Result<Accepted>& accepted,
                                          const std::string& gid) {
  if (accepted.ok()) return GatewayReply::Success();
  const bool told_by_status = accepted.status().code() == StatusCode::kAlreadyExists ||
                              IsForbiddenByState(accepted.status());
  if (!told_by_status) return GatewayReply::Of(accepted.status());
  const Result<TransactionRecord> record = coordinator_.Query(gid);
  const bool decided = record.ok() && record->status != TransactionStatus::kPrepared;
  return decided ? Refused(record->status, "prepare") : GatewayReply::Of(accepted.status());
}

GatewayReply Gateway::Impl::Submit(const Json& body) {
  auto input = internal::ReadTransaction(body, json_limits());
  if (!input.ok()) return GatewayReply::Of(input.status());
  if (Status urls = CheckUrls(*input); !urls.ok()) return GatewayReply::Of(urls);
  return input->wait_result ? AcceptAndWait(*std::move(input)) : Accept(*std::move(input));
}

GatewayReply Gateway::Impl::Accept(TransactionInput&& input) {
  const std::string gid = input.gid;
  switch (input.mode) {
    case Mode::kSaga:
      return AnswerSubmit(coordinator_.Submit(internal::ToSaga(std::move(input))), gid);
    case Mode::kMessage:
      return AnswerSubmit(coordinator_.Submit(internal::ToMessage(std::move(input))), gid);
    case Mode::kTcc:
    case Mode::kXa:
      return AnswerSubmit(internal::CommitSession(coordinator_, gid, input.mode), gid);
    case Mode::kWorkflow:
      break;
  }
  return EndWorkflow(std::move(input));
}

GatewayReply Gateway::Impl::AcceptAndWait(TransactionInput&& input) {
  const std::string gid = input.gid;
  // Who waits asks for the end, also by a repetition of what has ended: its first answer was lost.
  const auto answer = [&](const internal::Followed& followed) {
    return followed.accepted.ok() ? AnswerEnd(followed.outcome, gid)
                                  : RefuseSubmit(followed.accepted.status(), gid);
  };
  switch (input.mode) {
    case Mode::kSaga:
      return answer(
          internal::SubmitAndWait(coordinator_, internal::ToSaga(std::move(input)), options_.wait));
    case Mode::kMessage:
      return answer(internal::SubmitAndWait(coordinator_, internal::ToMessage(std::move(input)),
                                            options_.wait));
    case Mode::kTcc:
    case Mode::kXa:
      return answer(internal::CommitAndWait(coordinator_, gid, input.mode, options_.wait));
    case Mode::kWorkflow:
      break;
  }
  return EndWorkflow(std::move(input));  // its submit is its end
}

// A repetition that comes while it is under way is a success, whatever has become of it since; what
// had ended is not submitted again.
GatewayReply Gateway::Impl::AnswerSubmit(const Result<Accepted>& accepted, const std::string& gid) {
  if (!accepted.ok()) return RefuseSubmit(accepted.status(), gid);
  return accepted->ended ? Refused(TransactionStatus::kSucceed, kSubmit) : GatewayReply::Success();
}

GatewayReply Gateway::Impl::RefuseSubmit(const Status& refused, const std::string& gid) {
  const StatusCode code = refused.code();
  if (code == StatusCode::kNotFound) {
    return GatewayReply::Failure(
        Concat("no trans with gid: ", gid, " found: it was never prepared"));
  }
  const bool told_by_status = code == StatusCode::kAborted || code == StatusCode::kAlreadyExists ||
                              IsForbiddenByState(refused);
  if (!told_by_status) return GatewayReply::Of(refused);
  const Result<TransactionRecord> record = coordinator_.Query(gid);
  if (!record.ok()) return GatewayReply::Of(refused);
  const bool decided = record->status != TransactionStatus::kSubmitted &&
                       record->status != TransactionStatus::kPrepared;
  return decided ? Refused(record->status, kSubmit) : GatewayReply::Failure(refused.message());
}

GatewayReply Gateway::Impl::Abort(const Json& body) {
  Fields in(body);
  const std::string gid = in.Gid();
  const std::string why = in.Text("rollback_reason");
  if (!in.status().ok()) return GatewayReply::Of(in.status());
  Result<TransactionRecord> record = coordinator_.Query(gid);
  if (!record.ok()) return NoSuchGid(record.status(), gid);
  const auto refused = [&] {
    return GatewayReply::Failure(Concat("trans type: '", ModeName(record->mode),
                                        "' current status '", StatusName(record->status),
                                        "', cannot abort. FAILURE"));
  };
  const bool decides_itself = record->mode == Mode::kSaga || record->mode == Mode::kWorkflow;
  if (record->finished || decides_itself) return refused();
  const Status aborted = coordinator_.Abort(gid, why);
  if (aborted.ok()) return GatewayReply::Success();
  if (!IsForbiddenByState(aborted)) return GatewayReply::Of(aborted);
  record = coordinator_.Query(gid);
  return record.ok() ? refused() : GatewayReply::Of(record.status());
}

GatewayReply Gateway::Impl::RegisterBranch(const Json& body) {
  Fields in(body);
  const std::string gid = in.Gid();
  const std::string mode = in.Text("trans_type");
  internal::RemoteBranch branch{.branch_id = in.Text("branch_id"), .payload = in.Text("data")};
  if (mode == ModeName(Mode::kTcc)) {
    branch.commit = in.Text("confirm");
    branch.rollback = in.Text("cancel");
    in.Keep(branch_urls_.Check("confirm", branch.commit));
    in.Keep(branch_urls_.Check("cancel", branch.rollback));
  } else if (mode == ModeName(Mode::kXa)) {
    branch.mode = Mode::kXa;
    branch.commit = branch.rollback = in.Text("url");
    if (branch.commit.empty()) in.Refuse("url", "empty");
    in.Keep(branch_urls_.Check("url", branch.commit));
  } else if (mode == ModeName(Mode::kWorkflow)) {
    return RecordProgress(gid, in, std::move(branch));
  } else {
    in.Refuse("trans_type", Concat("unknow trans type: ", mode));  // spelt as dtm does
  }
  if (!in.status().ok()) return GatewayReply::Of(in.status());
  const Status registered = internal::RegisterBranch(coordinator_, gid, branch);
  if (registered.ok()) return GatewayReply::Success();
  const bool not_prepared = registered.code() == StatusCode::kNotFound ||
                            registered.code() == StatusCode::kAborted ||
                            IsForbiddenByState(registered);
  if (!not_prepared) return GatewayReply::Of(registered);
  return GatewayReply::Failure(
      Concat("no trans with gid: ", gid, " status: prepared found FAILURE"));
}

GatewayReply Gateway::Impl::AnswerEnd(const Result<Outcome>& outcome, const std::string& gid) {
  if (!outcome.ok()) {
    const StatusCode code = outcome.status().code();
    const bool goes_on = code == StatusCode::kDeadlineExceeded || code == StatusCode::kCancelled;
    return goes_on ? GatewayReply::Ongoing(outcome.status().message())
                   : GatewayReply::Of(outcome.status());
  }
  if (outcome->succeeded()) return GatewayReply::Success();
  const Result<TransactionRecord> record = coordinator_.Query(gid);
  return GatewayReply::Failure(record.ok() ? internal::RollbackReason(*record)
                                           : outcome->reason.ToString());
}

}  // namespace troth
