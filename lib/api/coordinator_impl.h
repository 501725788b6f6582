// What a Coordinator handle shares with its threads.
#pragma once

#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "driver/driver.h"
#include "model/input.h"
#include "model/remote_session.h"
#include "model/store.h"
#include "model/transport.h"
#include "outbox/host.h"
#include "outbox/outboxes.h"
#include "outbox/runner.h"
#include "troth/coordinator.h"

namespace troth {

namespace internal {

// The parts that a coordinator runs on. The driver uses the store and the transport until it has
// ended.
struct Backends {
  std::shared_ptr<Store> store;          // open
  std::shared_ptr<Transport> transport;  // none: read-only
  std::function<Status(LocalBranch)> register_local;
  std::unique_ptr<Driver> driver;  // none: read-only
  // Makes the driver go: called when everything that it may call is registered. None: it goes.
  std::function<void()> start;
  std::unique_ptr<outbox::Runner> outbox_runner;  // used where the options name outboxes
};

// The library's own way into a Coordinator.
struct Access {
  static const std::shared_ptr<Coordinator::Impl>& Impl(const Coordinator& coordinator) {
    return coordinator.impl_;
  }
  static Coordinator Make(std::shared_ptr<Coordinator::Impl> impl) {
    return Coordinator(std::move(impl));
  }
};

// Puts a coordinator together; the seam for the test kit. `options` have passed CheckOptions. Its
// errors are those of opening the outboxes.
TROTH_EXPORT Result<Coordinator> MakeCoordinator(CoordinatorOptions options, Backends backends);
// kInvalidArgument names the field.
TROTH_EXPORT Status CheckOptions(const CoordinatorOptions& options);
// Local names that begin so are the library's.
inline constexpr std::string_view kReservedNames = "troth.";

}  // namespace internal

namespace internal {

// Everything that can be made of a new transaction is made here, on the caller's thread.
SubmitRequest SubmitRequestOf(GlobalTransaction&& t, SubmitRequest submit = {});
Result<Accepted> AcceptedOf(const std::string& gid, const Answer& answer);

}  // namespace internal

// Its enclosing class is exported; this is not.
class __attribute__((visibility("hidden"))) Coordinator::Impl : public internal::outbox::Host {
 public:
  Impl(CoordinatorOptions options, internal::Backends backends)
      : options_(std::move(options)), backends_(std::move(backends)), process_(getpid()) {}
  ~Impl() override { Abandon(); }

  Status Close(std::chrono::milliseconds grace);
  void Abandon();
  bool ForkedChild() const { return getpid() != process_; }

  Result<Accepted> Submit(const Saga& saga);
  Result<Accepted> Submit(const Message& message, bool prepare);
  Result<internal::SubmitRequest> New(const Saga& saga);
  Result<internal::SubmitRequest> New(const Message& message, bool prepare);
  Result<Accepted> SubmitPrepared(const Message& message);

  // wait.cc. Decides, or submits, and waits for the end: the caller sleeps once.
  Result<Outcome> Wait(std::string_view gid, std::chrono::milliseconds timeout);
  internal::Followed Follow(const std::string& gid, Result<internal::SubmitRequest>&& request,
                            std::chrono::milliseconds timeout);
  internal::Followed Follow(const std::string& gid, internal::Request::Body body,
                            std::chrono::milliseconds timeout);

  // For sessions.
  Result<internal::Policy> Begin(const internal::SessionInput& input);
  Result<Accepted> PrepareSession(const internal::SessionInput& input);
  Result<Accepted> PrepareWorkflow(const internal::WorkflowInput& input);
  const Limits& limits() const { return options_.limits; }
  internal::Policy DefaultPolicy() const { return internal::PolicyOf(options_.defaults); }
  Result<internal::Policy> CheckStep(const internal::SessionStepInput& step,
                                     const internal::Policy& transaction) const;
  internal::Answer Decide(std::string_view gid, internal::Request::Body body);
  // `begun`: the branch is registered, and the call was due.
  internal::Answer JoinAndCall(std::string_view gid, internal::SessionCallRequest call,
                               bool& begun);
  void Post(std::string_view gid, internal::Request::Body body);

  Status Act(std::string_view gid, const troth::Act& act, internal::Request::Body body);
  internal::Answer AskAct(std::string_view gid, const troth::Act& act,
                          internal::Request::Body body);
  Status Edit(std::string_view gid, const BranchKey& branch, const BranchEdit& edit,
              const troth::Act& act);
  Status Control(internal::ControlRequest::Kind kind, std::string name = {},
                 Health* health = nullptr);
  Status RegisterLocal(LocalBranch branch);

  // For outboxes (outbox.cc). Adopts what they hold before it returns.
  void StartOutboxes(std::shared_ptr<internal::outbox::Outboxes> outboxes);
  const std::shared_ptr<internal::outbox::Outboxes>& outboxes() const { return outboxes_; }
  Result<internal::outbox::Submission> Check(const Saga& saga) const override;
  Result<internal::outbox::Submission> Check(const Message& message) const override;
  Result<bool> Holds(std::string_view gid) const override;
  std::vector<Status> Accept(std::vector<internal::outbox::Submission>&& submissions) override;
  bool HasClock() const { return backends_.driver != nullptr; }  // else it is read-only
  Time Now() const override { return backends_.driver->Now(); }
  std::shared_ptr<internal::outbox::Gate> NewGate() const override;
  void OnRefused(const std::string& gid, std::string_view path, std::string_view why) override;

  Result<TransactionRecord> Query(std::string_view gid) const;
  Result<ListPage> List(const ListFilter& filter, size_t limit, std::string_view position) const;
  Status Backup(const std::string& path) const;
  Statistics GetStatistics();

  Status ChangeTopic(internal::TopicChange change);
  Result<Topic> GetTopic(std::string_view name) const;
  Result<std::vector<Topic>> ListTopics() const;
  // What a message is stored as: its topics replaced by their subscribers of now (R9).
  Result<std::shared_ptr<const internal::Definition>> Expand(
      const std::shared_ptr<const internal::Definition>& definition) const;
  Health GetHealth();

 private:
  Status Usable() const;  // for reading
  // The store is not closed while somebody has one.
  using Reading = std::shared_lock<std::shared_mutex>;
  Result<Reading> Read() const;
  Status Writable() const;  // for everything else
  internal::Answer Ask(std::string gid, internal::Request::Body body,
                       std::chrono::milliseconds patience);
  std::shared_ptr<internal::PendingCall> StartAsking(std::string gid, internal::Request::Body body);
  internal::Answer FinishAsking(internal::PendingCall& call, std::chrono::milliseconds patience);
  internal::Answer AskToPrepare(const std::string& gid,
                                const std::shared_ptr<const internal::Definition>& definition);
  struct Waiting;
  Waiting StartWaiting(std::string_view gid);
  Result<Outcome> FinishWaiting(std::string_view gid, const Waiting& waiting, bool ended);
  void Forget(std::string_view gid, const Waiting& waiting);
  Result<Outcome> OutcomeUntilNow(std::string_view gid) const;
  Result<Outcome> StoredOutcome(std::string_view gid) const;

  const CoordinatorOptions options_;
  internal::Backends backends_;
  const pid_t process_;
  std::atomic<bool> closed_{false};
  std::mutex closing_;
  std::atomic<uint64_t> next_ticket_{1};
  std::shared_ptr<internal::outbox::Outboxes> outboxes_;  // none: it has none
  mutable std::shared_mutex reading_;  // shared: the store is read; exclusive: it is closed
};

}  // namespace troth
