// What Tcc and Xa have in common: a prepared transaction that the application puts together.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/coordinator_impl.h"
#include "model/input.h"

namespace troth::internal {

// Its name is public, for Tcc and Xa to point to; it is not exported.
class __attribute__((visibility("hidden"))) Session {
 public:
  // Of who began it.
  Session(std::weak_ptr<Coordinator::Impl> coordinator, Mode mode, std::string gid, Policy policy)
      : coordinator_(std::move(coordinator)),
        mode_(mode),
        gid_(std::move(gid)),
        policy_(policy),
        owner_(true) {}
  // Of a branch that joined.
  Session(std::weak_ptr<Coordinator::Impl> coordinator, Mode mode, std::string gid, Policy policy,
          std::string parent)
      : coordinator_(std::move(coordinator)),
        mode_(mode),
        gid_(std::move(gid)),
        policy_(policy),
        parent_(std::move(parent)) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  static Result<std::unique_ptr<Session>> Begin(const std::shared_ptr<Coordinator::Impl>& impl,
                                                const SessionInput& input);

  // A branch joins the transaction of its context.
  static Result<std::unique_ptr<Session>> Join(const std::shared_ptr<Coordinator::Impl>& impl,
                                               Mode mode, const BranchContext& context);
  // What a moved-from session answers.
  static Status Gone() { return {StatusCode::kFailedPrecondition, "the session was moved from"}; }

  const std::string& gid() const { return gid_; }

  // `step` has its URLs, payload and headers; it gets the next branch id here.
  Result<std::string> Call(const SessionStepInput& input, Step step, std::string op,
                           std::string url);
  Status Commit();
  Status Rollback(std::string_view why);

  // Runs `function`, and decides by what it returns.
  Result<Accepted> Run(const std::function<Status()>& function);

 private:
  Result<std::shared_ptr<Coordinator::Impl>> Lock() const;

  const std::weak_ptr<Coordinator::Impl> coordinator_;
  const Mode mode_;
  const std::string gid_;
  const Policy policy_;       // of a branch that says nothing itself
  const std::string parent_;  // its branch id, in front of those it registers
  const bool owner_ = false;
  bool decided_ = false;
  bool refused_ = false;  // a call of this session has not succeeded
  uint32_t calls_ = 0;
};

}  // namespace troth::internal
