#include "client.h"

#include <sqlite3.h>

#include <utility>

#include "base/text.h"
#include "model/remote_session.h"

namespace troth::sim {

using internal::Concat;

size_t Client::Begin(Ask what, const std::string& gid) {
  AwaitUp();
  Log& log = recorder_.log();
  const size_t call = log.api.size();
  log.api.push_back({});
  log.api[call].began = recorder_.Now();
  log.api[call].what = what;
  log.api[call].gid = gid;
  return call;
}

// A process that has crashed was told nothing.
Status Client::Finish(size_t call, Status status) {
  ApiCall& record = At(call);
  record.status = status;
  if (!process_.crashed()) record.answered = recorder_.Now();
  return status;
}

Act Client::NewAct(size_t call) {
  ApiCall& record = At(call);
  record.author = Concat("ann-", call);
  record.reason = Concat("because of ", call);
  return {record.author, record.reason};
}

template <class Ask_>
Status Client::Accept(Ask what, const std::string& gid, uint32_t content, const Ask_& ask) {
  const size_t call = Begin(what, gid);
  At(call).content = content;
  const Result<Accepted> accepted = ask(process_.coordinator());
  if (accepted.ok()) At(call).repeated = accepted->repeated;
  return Finish(call, accepted.status());
}

Status Client::Submit(const Saga& saga, uint32_t content) {
  return Accept(Ask::kSubmit, saga.gid, content,
                [&](Coordinator& coordinator) { return coordinator.Submit(saga); });
}
Status Client::Submit(const Message& message, uint32_t content) {
  return Accept(Ask::kSubmit, message.gid, content,
                [&](Coordinator& coordinator) { return coordinator.Submit(message); });
}
Status Client::Prepare(const Message& message, uint32_t content) {
  return Accept(Ask::kPrepare, message.gid, content,
                [&](Coordinator& coordinator) { return coordinator.Prepare(message); });
}
Status Client::SubmitPrepared(const Message& message, uint32_t content) {
  return Accept(Ask::kSubmitPrepared, message.gid, content,
                [&](Coordinator& coordinator) { return coordinator.SubmitPrepared(message); });
}

Status Client::Abort(const std::string& gid) {
  const size_t call = Begin(Ask::kAbort, gid);
  At(call).reason = Concat("aborted by call ", call);
  return Finish(call, process_.coordinator().Abort(gid, At(call).reason));
}

template <class Transaction>
Result<OutboxTicket> Client::SubmitInTransaction(const Transaction& transaction, sqlite3* db) {
  const size_t call = Begin(Ask::kSubmitInTransaction, transaction.gid);
  Result<OutboxTicket> ticket = troth::SubmitInTransaction(process_.coordinator(), db, transaction);
  (void)Finish(call, ticket.status());
  return ticket;
}

int Client::CommitLocally(const std::string& gid, sqlite3* db, bool synced) {
  const size_t call = Begin(Ask::kCommitLocally, gid);
  At(call).synced = synced;
  const int code = sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
  (void)Finish(
      call, code == SQLITE_OK ? Status() : Status(StatusCode::kUnavailable, sqlite3_errstr(code)));
  return code;
}

Status Client::WaitAdopted(OutboxTicket& ticket, const std::string& gid, milliseconds timeout) {
  const size_t call = Begin(Ask::kAdopted, gid);
  At(call).timeout = timeout;
  return Finish(call, ticket.WaitAdopted(timeout).status());
}

Status Client::DoAndSubmit(const Message& message, sqlite3* db,
                           const std::function<BranchResult()>& work) {
  const size_t call = Begin(Ask::kDoAndSubmit, message.gid);
  return Finish(call, troth::DoAndSubmit(process_.coordinator(), message, db, work).status());
}

Status Client::PokeOutboxes() {
  const size_t call = Begin(Ask::kPokeOutboxes, {});
  return Finish(call, troth::PokeOutboxes(process_.coordinator()));
}

Status Client::Backup(const std::string& path) {
  const size_t call = Begin(Ask::kBackup, {});
  return Finish(call, process_.coordinator().Backup(path));
}

Status Client::PrepareWorkflow(const internal::WorkflowInput& input, uint32_t content) {
  return Accept(Ask::kPrepareWorkflow, input.gid, content, [&](Coordinator& coordinator) {
    return internal::PrepareWorkflow(coordinator, input);
  });
}
Status Client::Record(const std::string& gid, const internal::Progress& progress) {
  const size_t call = Begin(Ask::kRecord, gid);
  At(call).branch_id = progress.branch_id;
  At(call).op = progress.op;
  At(call).failed = progress.failed;
  At(call).data = progress.data;
  return Finish(
      call, internal::RecordProgress(process_.coordinator(), gid, internal::Progress(progress)));
}
Status Client::Finish(const std::string& gid, const internal::WorkflowEnd& end) {
  const size_t call = Begin(Ask::kFinish, gid);
  At(call).failed = !end.succeeded;
  At(call).reason = end.reason;
  At(call).data = end.result;
  const Result<Accepted> ended =
      internal::FinishWorkflow(process_.coordinator(), gid, internal::WorkflowEnd(end));
  if (ended.ok()) At(call).repeated = ended->repeated;
  return Finish(call, ended.status());
}

Status Client::Wait(const std::string& gid, milliseconds timeout) {
  const size_t call = Begin(Ask::kWait, gid);
  At(call).timeout = timeout;
  const Result<Outcome> outcome = process_.coordinator().Wait(gid, timeout);
  if (outcome.ok()) At(call).outcome = std::make_shared<const Outcome>(*outcome);
  return Finish(call, outcome.status());
}

Result<TransactionRecord> Client::Query(const std::string& gid) {
  const size_t call = Begin(Ask::kQuery, gid);
  Result<TransactionRecord> record = process_.coordinator().Query(gid);
  if (record.ok()) At(call).record = std::make_shared<const TransactionRecord>(*record);
  (void)Finish(call, record.status());
  return record;
}

std::vector<TransactionSummary> Client::List() {
  const size_t call = Begin(Ask::kList, {});
  std::vector<TransactionSummary> all;
  std::string position;
  Status status;
  do {
    Result<ListPage> page = process_.coordinator().List({}, 3, position);
    status = page.status();
    if (!status.ok()) break;
    for (TransactionSummary& one : page->transactions) all.push_back(std::move(one));
    position = page->next_position;
  } while (!position.empty());
  At(call).listed = all;
  (void)Finish(call, status);
  return all;
}

Health Client::GetHealth() {
  const size_t call = Begin(Ask::kHealth, {});
  Health health = process_.coordinator().GetHealth();
  At(call).health = health;
  (void)Finish(call, {});
  return health;
}

Status Client::Cancel(const std::string& gid) {
  const size_t call = Begin(Ask::kCancel, gid);
  const Act act = NewAct(call);
  return Finish(call, process_.coordinator().Cancel(gid, act));
}
Status Client::Retry(const std::string& gid) {
  const size_t call = Begin(Ask::kRetry, gid);
  const Act act = NewAct(call);
  const Result<bool> retried = internal::RetryWaiting(process_.coordinator(), gid, act);
  At(call).repeated = retried.ok() && !*retried;
  return Finish(call, retried.status());
}
Status Client::Edit(const std::string& gid, const BranchKey& branch, const BranchEdit& edit) {
  const size_t call = Begin(Ask::kEdit, gid);
  const Act act = NewAct(call);
  At(call).branch_id = branch.branch_id;
  At(call).op = branch.op;
  At(call).edit = edit;
  return Finish(call, process_.coordinator().EditBranch(gid, branch, edit, act));
}
Status Client::Skip(const std::string& gid, const BranchKey& branch) {
  const size_t call = Begin(Ask::kSkip, gid);
  const Act act = NewAct(call);
  At(call).branch_id = branch.branch_id;
  At(call).op = branch.op;
  return Finish(call, process_.coordinator().SkipBranch(gid, branch, act));
}
Status Client::Stop(const std::string& gid, bool leave_in_doubt) {
  const size_t call = Begin(Ask::kStop, gid);
  const Act act = NewAct(call);
  At(call).leave_in_doubt = leave_in_doubt;
  return Finish(call, process_.coordinator().Stop(gid, act, leave_in_doubt));
}

Status Client::Subscribe(const std::string& topic, const std::string& url) {
  const size_t call = Begin(Ask::kSubscribe, {});
  At(call).name = topic;
  At(call).url = url;
  return Finish(call, process_.coordinator().Subscribe(topic, url));
}
Status Client::Unsubscribe(const std::string& topic, const std::string& url) {
  const size_t call = Begin(Ask::kUnsubscribe, {});
  At(call).name = topic;
  At(call).url = url;
  return Finish(call, process_.coordinator().Unsubscribe(topic, url));
}
Status Client::DeleteTopic(const std::string& topic) {
  const size_t call = Begin(Ask::kDeleteTopic, {});
  At(call).name = topic;
  return Finish(call, process_.coordinator().DeleteTopic(topic));
}

Status Client::Pause() {
  const size_t call = Begin(Ask::kPause, {});
  return Finish(call, process_.coordinator().Pause());
}
Status Client::Resume() {
  const size_t call = Begin(Ask::kResume, {});
  return Finish(call, process_.coordinator().Resume());
}
Status Client::RegisterLocal(const std::string& name) {
  const size_t call = Begin(Ask::kRegisterLocal, {});
  At(call).name = name;
  return Finish(call, process_.coordinator().RegisterLocal(LocalFunctionNamed(name)));
}

Result<Tcc> Client::Begin(const TccOptions& options) {
  const size_t call = Begin(Ask::kBegin, options.gid);
  Result<Tcc> session = Tcc::Begin(process_.coordinator(), options);
  (void)Finish(call, session.status());
  return session;
}
Result<Xa> Client::Begin(const XaOptions& options) {
  const size_t call = Begin(Ask::kBegin, options.gid);
  Result<Xa> session = Xa::Begin(process_.coordinator(), options);
  (void)Finish(call, session.status());
  return session;
}
Result<Tcc> Client::Join(const BranchContext& context) {
  const size_t call = Begin(Ask::kJoin, context.gid);
  At(call).branch_id = context.branch_id;
  Result<Tcc> session = Tcc::Join(process_.coordinator(), context);
  (void)Finish(call, session.status());
  return session;
}

Status Client::Run(const TccOptions& options, const std::function<Status(Tcc&)>& function) {
  const size_t call = Begin(Ask::kRun, options.gid);
  return Finish(call, RunTcc(process_.coordinator(), options, function).status());
}
Status Client::Run(const XaOptions& options, const std::function<Status(Xa&)>& function) {
  const size_t call = Begin(Ask::kRun, options.gid);
  return Finish(call, RunXa(process_.coordinator(), options, function).status());
}

template <class Session, class Branch>
Status Client::CallBranch(Session& session, const Branch& branch, const std::string& branch_id) {
  const size_t call = Begin(Ask::kCall, session.gid());
  At(call).branch_id = branch_id;
  const Result<std::string> body = session.Call(branch);
  if (body.ok()) At(call).body = *body;
  return Finish(call, body.status());
}
Status Client::Call(Tcc& tcc, const TccBranch& branch, const std::string& branch_id) {
  return CallBranch(tcc, branch, branch_id);
}
Status Client::Call(Xa& xa, const XaBranch& branch, const std::string& branch_id) {
  return CallBranch(xa, branch, branch_id);
}

template <class Session>
Status Client::Commit(Session& session) {
  const size_t call = Begin(Ask::kCommit, session.gid());
  return Finish(call, session.Commit());
}
template <class Session>
Status Client::Rollback(Session& session) {
  const size_t call = Begin(Ask::kRollback, session.gid());
  At(call).reason = Concat("rolled back by call ", call);
  return Finish(call, session.Rollback(At(call).reason));
}
template <class Session>
void Client::Leave(Result<Session>& session) {
  const size_t call = Begin(Ask::kLeave, session->gid());
  session = Status(StatusCode::kCancelled, "left");
  (void)Finish(call, {});
}

template Result<OutboxTicket> Client::SubmitInTransaction(const Saga&, sqlite3*);
template Result<OutboxTicket> Client::SubmitInTransaction(const Message&, sqlite3*);
template Status Client::Commit(Tcc&);
template Status Client::Commit(Xa&);
template Status Client::Rollback(Tcc&);
template Status Client::Rollback(Xa&);
template void Client::Leave(Result<Tcc>&);
template void Client::Leave(Result<Xa>&);

}  // namespace troth::sim
