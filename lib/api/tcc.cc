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
  auto session = Session::Begin(internal::Access::Impl(coordinator),
                                {.mode = Mode::kTcc,
                                 .gid = options.gid,
                                 .timeout_to_fail = options.timeout_to_fail,
                                 .concurrent = options.concurrent,
                                 .headers = options.headers,
                                 .options = options.options});
  if (!session.ok()) return session.status();
  return Tcc(*std::move(session));
}

Result<Tcc> Tcc::Join(Coordinator& coordinator, const BranchContext& context) {
  auto session = Session::Join(internal::Access::Impl(coordinator), Mode::kTcc, context);
  if (!session.ok()) return session.status();
  return Tcc(*std::move(session));
}

const std::string& Tcc::gid() const {
  static const std::string& none = *new std::string;  // never destroyed
  return session_ != nullptr ? session_->gid() : none;
}

Result<std::string> Tcc::Call(const TccBranch& branch) {
  if (session_ == nullptr) return Session::Gone();
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
                         .headers = branch.headers,
                         .options = branch.options},
                        std::move(step), "try", branch.try_url);
}

Status Tcc::Commit() { return session_ != nullptr ? session_->Commit() : Session::Gone(); }
Status Tcc::Rollback(std::string_view why) {
  return session_ != nullptr ? session_->Rollback(why) : Session::Gone();
}

Result<Accepted> RunTcc(Coordinator& coordinator, const TccOptions& options,
                        const std::function<Status(Tcc&)>& function) {
  Result<Tcc> tcc = Tcc::Begin(coordinator, options);
  if (!tcc.ok()) return tcc.status();
  return tcc->session_->Run([&] { return function(*tcc); });
}

}  // namespace troth
