#include "api/session.h"

#include <exception>

#include "base/text.h"
#include "model/gid.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

// Branch ids have two digits a level (protocol.md §1).
constexpr uint32_t kCallsMax = 99;
constexpr size_t kBranchIdMax = 20;

std::string TwoDigits(uint32_t number) { return Concat(number < 10 ? "0" : "", number); }

}  // namespace

Session::~Session() {
  if (!owner_ || decided_) return;
  if (const auto impl = coordinator_.lock()) {
    impl->Post(gid_, AbortRequest{"the session ended undecided"});
  }
}

Result<std::shared_ptr<Coordinator::Impl>> Session::Lock() const {
  auto impl = coordinator_.lock();
  if (impl == nullptr) {
    return Status(StatusCode::kFailedPrecondition, "the coordinator of this session is gone");
  }
  return impl;
}

Result<std::unique_ptr<Session>> Session::Begin(const std::shared_ptr<Coordinator::Impl>& impl,
                                                const SessionInput& input) {
  if (impl == nullptr) {
    return Status(StatusCode::kFailedPrecondition, "the coordinator was moved from");
  }
  const Result<Policy> begun = impl->Begin(input);
  if (!begun.ok()) return begun.status();
  return std::make_unique<Session>(impl, input.mode, input.gid, *begun);
}

Result<std::unique_ptr<Session>> Session::Join(const std::shared_ptr<Coordinator::Impl>& impl,
                                               Mode mode, const BranchContext& context) {
  const auto refuse = [](std::string_view why) {
    return Status(StatusCode::kInvalidArgument, Concat("context: ", why));
  };
  if (impl == nullptr) {
    return Status(StatusCode::kFailedPrecondition, "the coordinator was moved from");
  }
  if (context.trans_type != ModeName(mode) || context.op != "try") {
    return refuse("only the try of a tcc can join its transaction");
  }
  if (Status gid = CheckGid(context.gid); !gid.ok()) return Under("context.", gid);
  if (context.branch_id.empty() || context.branch_id.size() > kBranchIdMax ||
      HasControlBytes(context.branch_id)) {
    return refuse("branch_id is empty, longer than 20 bytes, or has control characters");
  }
  return std::make_unique<Session>(impl, mode, context.gid, impl->DefaultPolicy(),
                                   context.branch_id);
}

Result<std::string> Session::Call(const SessionStepInput& input, Step step, std::string op,
                                  std::string url) {
  const auto impl = Lock();
  if (!impl.ok()) return impl.status();
  if (calls_ == kCallsMax) {
    return Status(StatusCode::kResourceExhausted,
                  Concat(gid_, ": a session has at most ", kCallsMax, " branches"));
  }
  const Result<Policy> policy = (*impl)->CheckStep(input, policy_);
  if (!policy.ok()) return policy.status();
  if (*policy != policy_) step.own = *policy;
  step.branch_id = parent_ + TwoDigits(++calls_);
  const auto document = std::make_shared<const std::string>(EncodeStep(step));
  const auto joining = std::make_shared<const Step>(std::move(step));
  const RegisterRequest joins{mode_, joining, document};
  bool begun = false;
  Answer answer;
  if (url.empty()) {
    answer = (*impl)->Decide(gid_, joins);
  } else {
    answer = (*impl)->JoinAndCall(
        gid_,
        SessionCallRequest{.joins = joins,
                           .op = std::move(op),
                           .url = url,
                           .phase2_url = mode_ == Mode::kXa ? url : std::string(),
                           .payload = std::make_shared<const std::string>(input.payload)},
        begun);
  }
  if (answer.status.ok()) return std::move(answer.body);
  // It may be registered all the same; who commits would confirm what was never tried.
  refused_ = refused_ || begun || answer.status.code() == StatusCode::kUnavailable;
  return std::move(answer.status);
}

Status Session::Commit() {
  const auto impl = Lock();
  if (!impl.ok()) return impl.status();
  if (!owner_) {
    return {StatusCode::kFailedPrecondition,
            "a branch that joined does not decide; who began does"};
  }
  if (refused_) {
    return {StatusCode::kAborted,
            Concat(gid_, ": a branch has not said yes; only a rollback is left")};
  }
  Status status = (*impl)->Decide(gid_, CommitRequest{}).status;
  // Otherwise nobody knows, and the time-out or the caller decides.
  decided_ = decided_ || status.ok() || status.code() == StatusCode::kAborted;
  return status;
}

Status Session::Rollback(std::string_view why) {
  const auto impl = Lock();
  if (!impl.ok()) return impl.status();
  if (!owner_) {
    return {StatusCode::kFailedPrecondition,
            "a branch that joined does not decide; who began does"};
  }
  Status status = (*impl)->Decide(gid_, AbortRequest{std::string(why)}).status;
  decided_ = decided_ || status.ok() || status.code() == StatusCode::kFailedPrecondition;
  return status;
}

Result<Accepted> Session::Run(const std::function<Status()>& function) {
  Status status;
  try {
    status = function();
  } catch (const std::exception& error) {
    status = Status(StatusCode::kUnknown, Concat("the function threw: ", error.what()));
  } catch (...) {
    status = Status(StatusCode::kUnknown, "the function threw something that is no std::exception");
  }
  if (status.ok()) {
    if (Status committed = Commit(); !committed.ok()) return committed;
    return Accepted{.gid = gid_};
  }
  if (Status rolled_back = Rollback(status.message()); !rolled_back.ok()) return rolled_back;
  return Status(StatusCode::kAborted, Concat(gid_, " was rolled back: ", status.message()));
}

}  // namespace troth::internal
