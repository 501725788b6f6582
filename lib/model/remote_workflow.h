// A workflow as another process runs it: each of its reports by itself, named by its gid. The
// gateway's seam to the coordinator; implemented in api/, and no part of the public face.
#pragma once

#include <string>
#include <string_view>

#include "model/input.h"
#include "troth/coordinator.h"
#include "troth/export.h"
#include "troth/status.h"

namespace troth::internal {

// OK: it is durable, and is called back until it has ended. The same again is OK with `repeated`,
// whatever has become of it: what is recorded, Query tells. kAlreadyExists: other content.
TROTH_EXPORT Result<Accepted> PrepareWorkflow(Coordinator& coordinator, const WorkflowInput& input);

// OK: durable; the same again is OK until the workflow has ended, but for `business`, the work of a
// local XA transaction, which one run alone may do. The first commit or rollback that is recorded
// fixes its outcome. kAlreadyExists: that operation has another result, or is another run's.
// kFailedPrecondition: the outcome is the other one, or is fixed and this is another step.
// kFailedPrecondition, kAborted: it has ended. kNotFound.
TROTH_EXPORT Status RecordProgress(Coordinator& coordinator, std::string_view gid,
                                   Progress&& progress);

struct WorkflowEnd {
  bool succeeded = true;
  std::string reason = {};  // why it failed; at most 1 kB is kept
  std::string result = {};
};
// OK: it has ended, durably; the same again is OK with `repeated`. kFailedPrecondition: it has
// ended otherwise, or its outcome is the other one. kNotFound.
TROTH_EXPORT Result<Accepted> FinishWorkflow(Coordinator& coordinator, std::string_view gid,
                                             WorkflowEnd&& end);

}  // namespace troth::internal
