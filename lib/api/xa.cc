#include "troth/xa.h"

#include <utility>

#include "api/session.h"

namespace troth {

using internal::Session;
using internal::Step;

Xa::Xa(std::unique_ptr<Session> session) : session_(std::move(session)) {}
Xa::Xa(Xa&&) noexcept = default;
Xa& Xa::operator=(Xa&&) noexcept = default;
Xa::~Xa() = default;

Result<Xa> Xa::Begin(Coordinator& coordinator, const XaOptions& options) {
  auto session = Session::Begin(internal::Access::Impl(coordinator),
                                {.mode = Mode::kXa,
                                 .gid = options.gid,
                                 .timeout_to_fail = options.timeout_to_fail,
                                 .concurrent = true,
                                 .headers = options.headers,
                                 .options = options.options});
  if (!session.ok()) return session.status();
  return Xa(*std::move(session));
}

const std::string& Xa::gid() const {
  static const std::string& none = *new std::string;  // never destroyed
  return session_ != nullptr ? session_->gid() : none;
}

Result<std::string> Xa::Call(const XaBranch& branch) {
  if (session_ == nullptr) return Session::Gone();
  if (branch.url.empty()) {
    return Status(StatusCode::kInvalidArgument, "branch.url: empty");
  }
  Step step{.branch_id = {},
            .forward = {},
            .commit = branch.url,
            .rollback = branch.url,
            .payload = {},
            .headers = branch.headers,
            .after = {}};
  return session_->Call({.urls = {{"url", branch.url}},
                         .payload = branch.payload,
                         .headers = branch.headers,
                         .options = branch.options},
                        std::move(step), "action", branch.url);
}

Status Xa::Commit() { return session_ != nullptr ? session_->Commit() : Session::Gone(); }
Status Xa::Rollback(std::string_view why) {
  return session_ != nullptr ? session_->Rollback(why) : Session::Gone();
}

Result<Accepted> RunXa(Coordinator& coordinator, const XaOptions& options,
                       const std::function<Status(Xa&)>& function) {
  Result<Xa> xa = Xa::Begin(coordinator, options);
  if (!xa.ok()) return xa.status();
  return xa->session_->Run([&] { return function(*xa); });
}

}  // namespace troth
