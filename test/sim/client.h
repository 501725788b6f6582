// The public API, with each call and its answer written into the log (A). Used from fibers: a call
// that finds the process down waits until it is back, as whoever restarts it does.
#pragma once

#include <functional>
#include <string>

#include "fibers.h"
#include "model/remote_workflow.h"
#include "process.h"
#include "recorder.h"
#include "troth/outbox.h"
#include "troth/tcc.h"
#include "troth/xa.h"

namespace troth::sim {

class Client {
 public:
  Client(Process& process, Fibers& fibers, Recorder& recorder)
      : process_(process), fibers_(fibers), recorder_(recorder) {}

  void Sleep(milliseconds time) { fibers_.Sleep(time); }
  // No longer than the life lasts.
  void SleepIn(uint32_t life, milliseconds time) {
    fibers_.SleepUnless(time, [this, life] { return this->life() != life || !up(); });
  }
  void AwaitUp() {
    fibers_.Await([this] { return process_.up(); });
  }
  bool up() const { return process_.up(); }
  uint32_t life() const { return recorder_.life(); }
  Recorder& recorder() { return recorder_; }

  Status Submit(const Saga& saga, uint32_t content);
  Status Submit(const Message& message, uint32_t content);
  Status Prepare(const Message& message, uint32_t content);
  Status SubmitPrepared(const Message& message, uint32_t content);
  Status Abort(const std::string& gid);

  // In the application's own transaction; COMMIT there answers SQLite's code.
  template <class Transaction>
  Result<OutboxTicket> SubmitInTransaction(const Transaction& transaction, sqlite3* db);
  int CommitLocally(const std::string& gid, sqlite3* db, bool synced);
  Status WaitAdopted(OutboxTicket& ticket, const std::string& gid, milliseconds timeout);
  Status DoAndSubmit(const Message& message, sqlite3* db,
                     const std::function<BranchResult()>& work);
  Status PokeOutboxes();
  Status Backup(const std::string& path);

  // Of a workflow's application.
  Status PrepareWorkflow(const internal::WorkflowInput& input, uint32_t content);
  Status Record(const std::string& gid, const internal::Progress& progress);
  Status Finish(const std::string& gid, const internal::WorkflowEnd& end);

  Status Wait(const std::string& gid, milliseconds timeout);
  Result<TransactionRecord> Query(const std::string& gid);
  std::vector<TransactionSummary> List();
  Health GetHealth();

  // `author` and reason are made up, and differ each time.
  Status Cancel(const std::string& gid);
  Status Retry(const std::string& gid);
  Status Edit(const std::string& gid, const BranchKey& branch, const BranchEdit& edit);
  Status Skip(const std::string& gid, const BranchKey& branch);
  Status Stop(const std::string& gid, bool leave_in_doubt);

  Status Subscribe(const std::string& topic, const std::string& url);
  Status Unsubscribe(const std::string& topic, const std::string& url);
  Status DeleteTopic(const std::string& topic);
  Status Pause();
  Status Resume();
  Status RegisterLocal(const std::string& name);

  // Sessions belong to one life: where it has ended they answer an error.
  Result<Tcc> Begin(const TccOptions& options);
  Result<Xa> Begin(const XaOptions& options);
  Result<Tcc> Join(const BranchContext& context);
  Status Call(Tcc& tcc, const TccBranch& branch, const std::string& branch_id);
  Status Call(Xa& xa, const XaBranch& branch, const std::string& branch_id);
  // RunTcc, RunXa.
  Status Run(const TccOptions& options, const std::function<Status(Tcc&)>& function);
  Status Run(const XaOptions& options, const std::function<Status(Xa&)>& function);
  template <class Session>
  Status Commit(Session& session);
  template <class Session>
  Status Rollback(Session& session);
  // The session ends undecided.
  template <class Session>
  void Leave(Result<Session>& session);

 private:
  ApiCall& At(size_t call) { return recorder_.log().api[call]; }
  size_t Begin(Ask what, const std::string& gid);
  Status Finish(size_t call, Status status);
  Act NewAct(size_t call);
  template <class Ask_>
  Status Accept(Ask what, const std::string& gid, uint32_t content, const Ask_& ask);
  template <class Session, class Branch>
  Status CallBranch(Session& session, const Branch& branch, const std::string& branch_id);

  Process& process_;
  Fibers& fibers_;
  Recorder& recorder_;
};

}  // namespace troth::sim
