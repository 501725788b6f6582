// A TCC or XA as other processes put it together: each act of a session by itself, named by its
// gid; a submit that is waited for at once; and a retry that says what it did. The gateway's seam
// to the coordinator; implemented in api/, and no part of the public face.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "model/input.h"
#include "troth/coordinator.h"
#include "troth/export.h"
#include "troth/status.h"

namespace troth::internal {

// OK: it is durable and undecided. The same again while it is prepared is OK with `repeated`;
// kFailedPrecondition: it was prepared before and is decided. kAlreadyExists: other content.
TROTH_EXPORT Result<Accepted> PrepareSession(Coordinator& coordinator, const SessionInput& input);

struct RemoteBranch {
  Mode mode = Mode::kTcc;
  std::string branch_id = {};  // the caller's: 1 to 128 bytes without control characters; not "00"
  std::string commit = {};     // URL of confirm or commit
  std::string rollback = {};
  std::string payload = {};
};
// OK: durable; it will get exactly one of its two calls. The same again is OK while the transaction
// is prepared. kNotFound, kAborted, kFailedPrecondition: there is no such transaction that could be
// joined. kAlreadyExists: that branch id is another branch's.
TROTH_EXPORT Status RegisterBranch(Coordinator& coordinator, std::string_view gid,
                                   const RemoteBranch& branch);

// OK: decided, durably; answers a repetition as Submit does. kNotFound. kFailedPrecondition: the
// gid is of another mode.
TROTH_EXPORT Result<Accepted> CommitSession(Coordinator& coordinator, std::string_view gid,
                                            Mode mode);

// What became of a submit whose caller waits for the end, asked in one act.
struct Followed {
  Result<Accepted> accepted;
  // The same error where it was not accepted, also when it has been refused as a repetition.
  Result<Outcome> outcome;
};
// As Submit, and CommitSession, and Wait for up to `timeout`.
TROTH_EXPORT Followed SubmitAndWait(Coordinator& coordinator, const Saga& saga,
                                    std::chrono::milliseconds timeout);
TROTH_EXPORT Followed SubmitAndWait(Coordinator& coordinator, const Message& message,
                                    std::chrono::milliseconds timeout);
TROTH_EXPORT Followed CommitAndWait(Coordinator& coordinator, const std::string& gid, Mode mode,
                                    std::chrono::milliseconds timeout);

// As RetryNow; false: nothing waited.
TROTH_EXPORT Result<bool> RetryWaiting(Coordinator& coordinator, std::string_view gid,
                                       const Act& act);

}  // namespace troth::internal
