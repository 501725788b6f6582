#include "model/remote_session.h"

#include <memory>
#include <utility>

#include "api/coordinator_impl.h"
#include "base/text.h"
#include "model/bounds.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

Status Gone() { return {StatusCode::kFailedPrecondition, "the coordinator was moved from"}; }

Status CheckBranchId(std::string_view id) {
  if (id.empty()) return Refused("branch_id", "empty");
  if (id.size() > kGidBytesMax) return Refused("branch_id", "longer than 128 bytes");
  if (HasControlBytes(id)) return Refused("branch_id", "has control characters");
  if (id == "00") return Refused("branch_id", "00 is the check-back's");
  return {};
}

}  // namespace

Result<Accepted> PrepareSession(Coordinator& coordinator, const SessionInput& input) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return Gone();
  return impl->PrepareSession(input);
}

Status RegisterBranch(Coordinator& coordinator, std::string_view gid, const RemoteBranch& branch) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return Gone();
  if (Status id = CheckBranchId(branch.branch_id); !id.ok()) return id;
  const bool xa = branch.mode == Mode::kXa;
  const Headers none;
  const CallOptions unset;
  const Result<Policy> policy = impl->CheckStep(
      {.urls = {{xa ? "url" : "confirm", branch.commit}, {xa ? "url" : "cancel", branch.rollback}},
       .payload = branch.payload,
       .headers = none,
       .options = unset},
      impl->DefaultPolicy());
  if (!policy.ok()) return policy.status();
  Step step{.branch_id = branch.branch_id,
            .forward = {},
            .commit = branch.commit,
            .rollback = branch.rollback,
            .payload = branch.payload,
            .headers = {},
            .after = {}};
  auto document = std::make_shared<const std::string>(EncodeStep(step));
  RegisterRequest request{branch.mode, std::make_shared<const Step>(std::move(step)),
                          std::move(document)};
  return impl->Decide(gid, std::move(request)).status;
}

Result<Accepted> CommitSession(Coordinator& coordinator, std::string_view gid, Mode mode) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return Gone();
  const Answer answer = impl->Decide(gid, CommitRequest{.digest = {}, .mode = mode});
  if (!answer.status.ok()) return answer.status;
  return Accepted{.gid = std::string(gid), .repeated = answer.repeated, .ended = answer.ended};
}

Result<bool> RetryWaiting(Coordinator& coordinator, std::string_view gid, const Act& act) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return Gone();
  const Answer answer = impl->AskAct(gid, act, RetryRequest{act});
  if (!answer.status.ok()) return answer.status;
  return !answer.repeated;
}

}  // namespace troth::internal
