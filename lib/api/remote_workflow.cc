#include "model/remote_workflow.h"

#include <memory>
#include <utility>

#include "api/coordinator_impl.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

Status Gone() { return {StatusCode::kFailedPrecondition, "the coordinator was moved from"}; }

std::shared_ptr<const std::string> Shared(std::string&& bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

}  // namespace

Result<Accepted> PrepareWorkflow(Coordinator& coordinator, const WorkflowInput& input) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return Gone();
  return impl->PrepareWorkflow(input);
}

Status RecordProgress(Coordinator& coordinator, std::string_view gid, Progress&& progress) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return Gone();
  if (Status checked = CheckProgress(progress, impl->limits()); !checked.ok()) return checked;
  auto document = Shared(EncodeProgress(progress));
  RecordRequest request{std::make_shared<const Progress>(std::move(progress)), std::move(document)};
  return impl->Decide(gid, std::move(request)).status;
}

Result<Accepted> FinishWorkflow(Coordinator& coordinator, std::string_view gid, WorkflowEnd&& end) {
  const auto& impl = Access::Impl(coordinator);
  if (impl == nullptr) return Gone();
  if (Status checked = CheckResult(end.result, impl->limits()); !checked.ok()) return checked;
  FinishRequest request{
      .succeeded = end.succeeded, .reason = std::move(end.reason), .result = {}, .document = {}};
  if (!end.result.empty()) {
    request.document = Shared(EncodeResult(end.result));
    request.result = Shared(std::move(end.result));
  }
  const Answer answer = impl->Decide(gid, std::move(request));
  if (!answer.status.ok()) return answer.status;
  return Accepted{.gid = std::string(gid), .repeated = answer.repeated};
}

}  // namespace troth::internal
