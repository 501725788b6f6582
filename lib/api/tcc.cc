#include "troth/tcc.h"

#include <utility>

#include "api/session.h"

namespace troth {

using internal::Session;
using internal::Step;

Tcc::Tcc(std::unique_ptr<Session> session) : session_(std::move(session)) {}
Tcc::Tcc(Tcc&&) noexcept = default;
Tcc& Tcc::operator=(Tcc&&) noexcept = default;
Tcc::~Tcc() = default;

Result<Tcc> Tcc::Begin(Coordinator& coordinator, const TccOptions& options) {
  auto session = Session::Begin(coordinator.impl(), {.mode = Mode::kTcc,
                                                     .gid = options.gid,
                                                     .timeout_to_fail = options.timeout_to_fail,
                                                     .concurrent = options.concurrent,
                                                     .headers = options.headers,
                                                     .options = options.options});
  if (!session.ok()) return session.status();
  return Tcc(*std::move(session));
}

Result<Tcc> Tcc::Join(Coordinator& coordinator, const BranchContext& context) {
  if (context.trans_type != ModeName(Mode::kTcc) || context.op != "try") {
    return Status(StatusCode::kInvalidArgument,
                  "context: only the try of a tcc can join its transaction");
  }
  return Tcc(
      std::make_unique<Session>(coordinator.impl(), Mode::kTcc, context.gid, context.branch_id));
}

const std::string& Tcc::gid() const { return session_->gid(); }

Result<std::string> Tcc::Call(const TccBranch& branch) {
  Step step{.branch_id = {},
            .forward = {},
            .commit = branch.confirm_url,
            .rollback = branch.cancel_url,
            .payload = branch.payload,
            .headers = branch.headers,
            .after = {}};
  return session_->Call({.urls = {{"try_url", branch.try_url},
                                  {"confirm_url", branch.confirm_url},
                                  {"cancel_url", branch.cancel_url}},
                         .payload = branch.payload,
                         .headers = branch.headers},
                        std::move(step), "try", branch.try_url);
}

Status Tcc::Commit() { return session_->Commit(); }
Status Tcc::Rollback(std::string_view why) { return session_->Rollback(why); }

Result<Accepted> RunTcc(Coordinator& coordinator, const TccOptions& options,
                        const std::function<Status(Tcc&)>& function) {
  Result<Tcc> tcc = Tcc::Begin(coordinator, options);
  if (!tcc.ok()) return tcc.status();
  return tcc->session_->Run([&] { return function(*tcc); });
}

}  // namespace troth
