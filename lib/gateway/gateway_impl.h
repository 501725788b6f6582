// The routes, over a coordinator.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "gateway/access.h"
#include "gateway/fields.h"
#include "gateway/metrics.h"
#include "gateway/reply.h"
#include "gateway/transaction_input.h"
#include "model/json.h"
#include "model/remote_session.h"
#include "troth/coordinator.h"
#include "troth/gateway.h"

namespace troth {

// Its enclosing class is exported; this is not.
class __attribute__((visibility("hidden"))) Gateway::Impl {
 public:
  Impl(Coordinator& coordinator, GatewayOptions options, internal::BranchUrls branch_urls)
      : coordinator_(coordinator),
        options_(std::move(options)),
        branch_urls_(std::move(branch_urls)) {}

  GatewayCaller Admit(const GatewayRequest& head);
  GatewayAnswer Handle(const GatewayRequest& request, const GatewayCaller& caller);
  const GatewayOptions& options() const { return options_; }

 private:
  // --- gateway.cc: who is asked ---
  static constexpr std::string_view kTopicRoute = "/topic/";
  struct Route;
  static const Route* FindRoute(std::string_view path);
  void Finish(const GatewayRequest& request, GatewayAnswer& answer);
  GatewayAnswer Serve(const GatewayRequest& request, std::string_view author);
  internal::GatewayReply Answer(const GatewayRequest& request, std::string_view author,
                                const Route& route);
  internal::JsonLimits json_limits() const { return {options_.json_depth, options_.json_values}; }

  // kFailedPrecondition stands for two things: the transaction's state forbids it, or the whole
  // coordinator is closed, read-only or has lost its store. Only the first is a business answer.
  bool IsForbiddenByState(const Status& status) const {
    if (status.code() != StatusCode::kFailedPrecondition) return false;
    const Health health = coordinator_.GetHealth();
    return health.open && health.owner;
  }

  // --- submit.cc: what an application does with its transactions; `body` is the request's ---
  internal::GatewayReply NewGid(const GatewayRequest& request);
  internal::GatewayReply Prepare(const internal::Json& body);
  internal::GatewayReply Submit(const internal::Json& body);
  internal::GatewayReply Abort(const internal::Json& body);
  internal::GatewayReply RegisterBranch(const internal::Json& body);
  internal::GatewayReply Accept(internal::TransactionInput&& input);
  Result<Accepted> PrepareSession(const internal::TransactionInput& input);
  internal::GatewayReply AnswerPrepare(const Result<Accepted>& accepted, const std::string& gid);
  internal::GatewayReply AcceptAndWait(internal::TransactionInput&& input);
  internal::GatewayReply AnswerEnd(const Result<Outcome>& outcome, const std::string& gid);
  internal::GatewayReply AnswerSubmit(const Result<Accepted>& accepted, const std::string& gid);
  internal::GatewayReply RefuseSubmit(const Status& refused, const std::string& gid);
  Status CheckUrls(const internal::TransactionInput& input) const;
  Status CheckSubscribers(std::string_view field, std::string_view action,
                          const std::string& gid) const;

  // --- workflow.cc: what a workflow's caller reports ---
  internal::GatewayReply PrepareWorkflow(const internal::Json& body);
  internal::GatewayReply RecordProgress(const std::string& gid, internal::Fields& in,
                                        internal::RemoteBranch&& branch);
  internal::GatewayReply EndWorkflow(internal::TransactionInput&& input);
  void AddTransaction(GatewayAnswer& answer) const;

  // --- acts.cc: what a person does; `author` is who ---
  internal::GatewayReply ForceStop(const internal::Json& body, std::string_view author);
  internal::GatewayReply ResetNextCronTime(const internal::Json& body, std::string_view author);
  internal::GatewayReply ResetCronTime(const GatewayRequest& request, std::string_view author);

  // --- topics.cc ---
  internal::GatewayReply Subscribe(const GatewayRequest& request);
  internal::GatewayReply Unsubscribe(const GatewayRequest& request);
  internal::GatewayReply DeleteTopic(const GatewayRequest& request);
  internal::GatewayReply ScanKv(const GatewayRequest& request);
  internal::GatewayReply QueryKv(const GatewayRequest& request);

  // --- json_rpc.cc ---
  GatewayAnswer JsonRpc(const GatewayRequest& request);

  // --- read.cc: what only reads ---
  internal::GatewayReply Query(const GatewayRequest& request);
  internal::GatewayReply All(const GatewayRequest& request);
  internal::GatewayReply AllOfGid(std::string_view gid);
  GatewayAnswer Metrics() const;
  internal::GatewayReply Version(const GatewayRequest& request);
  internal::GatewayReply Ping(const GatewayRequest& request);

  Coordinator& coordinator_;
  const GatewayOptions options_;
  const internal::BranchUrls branch_urls_;
  internal::AnswerCounter answers_;
};

}  // namespace troth
