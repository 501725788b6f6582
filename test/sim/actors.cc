#include "actors.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/text.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;
using internal::Concat;

constexpr int kTriesMax = 40;

// Whoever is answered so does not know, or was refused for now.
bool IsIndefinite(const Status& status) {
  switch (status.code()) {
    case StatusCode::kUnavailable:
    case StatusCode::kCancelled:
    case StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

const PlannedCall* Find(const std::vector<PlannedCall>& calls, const Wanted& wanted,
                        const std::string& branch_id) {
  for (const PlannedCall& call : calls) {
    if (wanted.steps[call.step].branch_id == branch_id) return &call;
    if (const PlannedCall* nested = Find(call.nested, wanted, branch_id)) return nested;
  }
  return nullptr;
}

}  // namespace

void Actors::Start() {
  for (const std::string& topic : scenario_.topics) {
    fibers_.Start([this, topic] { (void)client_.Subscribe(topic, SubscriberOf(topic)); });
  }
  if (!scenario_.late_locals.empty()) {
    fibers_.Start([this] {
      client_.Sleep(scenario_.locals_at);
      for (const std::string& name : scenario_.late_locals) (void)client_.RegisterLocal(name);
    });
  }
  for (const Planned& planned : scenario_.transactions) {
    for (uint32_t i = 0; i < planned.clients; ++i) {
      fibers_.Start([this, &planned] {
        client_.Sleep(planned.begins);
        Run(planned);
      });
    }
    // Somebody uses the same gid for something else; somebody comes late with the same.
    const auto submit_at = [&](const std::optional<milliseconds>& at, uint32_t content) {
      if (!at) return;
      fibers_.Start([this, &planned, at, content] {
        client_.Sleep(*at);
        if (planned.mode() == Mode::kSaga) (void)client_.Submit(planned.sagas[content], content);
        if (planned.mode() == Mode::kMessage) {
          (void)client_.Submit(planned.messages[content], content);
        }
        if (planned.mode() == Mode::kWorkflow) workflows_.BeginOnce(planned, content);
      });
    };
    submit_at(planned.conflict, 1);
    submit_at(planned.late, 0);
  }
  if (scenario_.backup) {
    fibers_.Start([this] {
      client_.Sleep(*scenario_.backup);
      (void)client_.Backup(kBackupPath);
    });
  }
  for (const milliseconds at : scenario_.shop.pokes) {
    fibers_.Start([this, at] {
      client_.Sleep(at);
      (void)client_.PokeOutboxes();
    });
  }
  for (const PlannedDeed& deed : scenario_.deeds) {
    fibers_.Start([this, &deed] {
      client_.Sleep(deed.at);
      Do(deed);
    });
  }
}

void Actors::Run(const Planned& planned) {
  if (planned.wanted[0].order != Wanted::Order::kNone) {
    orders_.Run(planned);
  } else {
    RunByMode(planned);
  }
  if (planned.waits) {
    (void)client_.Wait(planned.gid(), milliseconds{dice_.Skewed(0, 600'000)});
  }
}

void Actors::RunByMode(const Planned& planned) {
  switch (planned.mode()) {
    case Mode::kSaga:
      RunSaga(planned);
      break;
    case Mode::kMessage:
      RunMessage(planned);
      break;
    case Mode::kTcc:
      planned.runs_function ? RunFunction<Tcc>(planned, planned.tcc)
                            : RunSession(planned, planned.tcc);
      break;
    case Mode::kWorkflow:
      workflows_.Begin(planned);
      break;
    case Mode::kXa:
      planned.runs_function ? RunFunction<Xa>(planned, planned.xa)
                            : RunSession(planned, planned.xa);
      break;
  }
}

// As an application does: the same again until it is answered (I28).
template <class Ask>
Status Actors::Repeat(const Planned& planned, const Ask& ask) {
  Status status;
  for (int i = 0; i < kTriesMax; ++i) {
    status = ask();
    if (!IsIndefinite(status) || !planned.stubborn) break;
    client_.Sleep(planned.pause + milliseconds{int64_t{1} << std::min(i, 16)});
  }
  return status;
}

void Actors::RunSaga(const Planned& planned) {
  (void)Repeat(planned, [&] { return client_.Submit(planned.sagas[0], 0); });
}

void Actors::RunMessage(const Planned& planned) {
  const Message& message = planned.messages[0];
  if (planned.plan == Plan::kSubmit) {
    (void)Repeat(planned, [&] { return client_.Submit(message, 0); });
    return;
  }
  const Status prepared = Repeat(planned, [&] { return client_.Prepare(message, 0); });
  if (!prepared.ok()) return;
  client_.Sleep(planned.pause);
  if (planned.plan == Plan::kSubmitLate) client_.Sleep(message.timeout_to_fail + 1s);
  if (planned.plan == Plan::kRollback) {
    (void)Repeat(planned, [&] { return client_.Abort(message.gid); });
    return;
  }
  // Its local transaction, in which a check-back that came before has left its mark.
  if (!planned.local_commits || !bank_.Commit(message.gid)) return;
  for (Wanted& wanted : client_.recorder().log().wanted) {
    if (wanted.gid == message.gid) wanted.committed = client_.recorder().Now();
  }
  if (planned.plan == Plan::kLeave) return;
  (void)Repeat(planned, [&] { return client_.SubmitPrepared(message, 0); });
}

template <class Session>
Status Actors::CallAll(const Planned& planned, Session& session, uint32_t life) {
  for (const PlannedCall& call : planned.calls) {
    client_.SleepIn(life, planned.pause);
    if (client_.life() != life || !client_.up()) return {StatusCode::kCancelled, "crashed"};
    const std::string& branch_id = planned.wanted[0].steps[call.step].branch_id;
    Status called;
    if constexpr (std::is_same_v<Session, Tcc>) {
      called = client_.Call(session, call.tcc, branch_id);
    } else {
      called = client_.Call(session, call.xa, branch_id);
    }
    if (!called.ok()) return called;
  }
  return {};
}

// A function of the application's, which the library calls: it may fail, and throw.
template <class Session, class Options>
void Actors::RunFunction(const Planned& planned, const Options& options) {
  client_.AwaitUp();
  const uint32_t life = client_.life();
  (void)client_.Run(options, [&](Session& session) -> Status {
    const Status called = CallAll(planned, session, life);
    if (!called.ok()) return called;
    client_.SleepIn(life, planned.pause);
    if (planned.plan == Plan::kRollback) return {StatusCode::kAborted, "changed its mind"};
    if (planned.plan == Plan::kLeave) throw std::runtime_error("lost its way");
    return {};
  });
}

template <class Options>
void Actors::RunSession(const Planned& planned, const Options& options) {
  client_.AwaitUp();
  const uint32_t life = client_.life();
  auto session = client_.Begin(options);
  if (!session.ok()) return;
  const Status called = CallAll(planned, *session, life);
  client_.Sleep(planned.pause);
  if (client_.life() != life || !client_.up()) return;  // the session died with its process
  if (planned.plan == Plan::kLeave) return client_.Leave(session);
  if (!called.ok() || planned.plan == Plan::kRollback) {
    (void)Repeat(planned, [&] { return client_.Rollback(*session); });
  } else {
    (void)Repeat(planned, [&] { return client_.Commit(*session); });
  }
}

void Actors::Nest(const BranchContext& context, std::function<void(Status)> done) {
  const auto planned =
      std::find_if(scenario_.transactions.begin(), scenario_.transactions.end(),
                   [&](const Planned& transaction) { return transaction.gid() == context.gid; });
  const PlannedCall* const call = Find(planned->calls, planned->wanted[0], context.branch_id);
  fibers_.Start([this, planned = &*planned, call, context, done = std::move(done)] {
    client_.AwaitUp();
    Result<Tcc> session = client_.Join(context);
    Status status = session.status();
    const uint32_t life = client_.life();
    for (size_t i = 0; status.ok() && i < call->nested.size(); ++i) {
      if (client_.life() != life || !client_.up()) {
        status = {StatusCode::kUnavailable, "crashed"};
        break;
      }
      const PlannedCall& nested = call->nested[i];
      status = client_.Call(*session, nested.tcc, planned->wanted[0].steps[nested.step].branch_id);
    }
    done(status);
  });
}

void Actors::Do(const PlannedDeed& deed) {
  const std::string& gid = scenario_.transactions[deed.transaction].gid();
  switch (deed.deed) {
    case Deed::kKnock:
    case Deed::kTakeOver:
      if (!calm_ && client_.up()) knock_(deed);
      break;
    case Deed::kCancel:
      (void)client_.Cancel(gid);
      break;
    case Deed::kRetry:
      (void)client_.Retry(gid);
      break;
    case Deed::kEdit:
    case Deed::kSkip:
      ActOnBranch(deed, gid);
      break;
    case Deed::kStop:
      (void)client_.Stop(gid, deed.leave_in_doubt);
      break;
    case Deed::kAbort:
      (void)client_.Abort(gid);
      break;
    case Deed::kQuery:
      (void)client_.Query(gid);
      break;
    case Deed::kList:
      (void)client_.List();
      break;
    case Deed::kWait:
      (void)client_.Wait(gid, deed.lasts);
      break;
    case Deed::kHealth:
      (void)client_.GetHealth();
      break;
    case Deed::kSubscribe:
      (void)client_.Subscribe(deed.topic, deed.url);
      break;
    case Deed::kUnsubscribe:
      (void)client_.Unsubscribe(deed.topic, SubscriberOf(deed.topic));
      break;
    case Deed::kDeleteTopic:
      (void)client_.DeleteTopic(deed.topic);
      break;
    case Deed::kPause: {
      if (calm_ || !client_.Pause().ok()) break;
      const size_t fault = client_.recorder().Begin(Fault::Kind::kPaused, {});
      client_.Sleep(deed.lasts);
      (void)client_.Resume();
      client_.recorder().Until(fault);
      break;
    }
  }
}

// One of the branches that it has by now. An edited URL leads to the same account by another way.
void Actors::ActOnBranch(const PlannedDeed& deed, const std::string& gid) {
  const Result<TransactionRecord> record = client_.Query(gid);
  if (!record.ok() || record->branches.empty()) return;
  const BranchRecord& branch = record->branches[deed.branch % record->branches.size()];
  const BranchKey key{branch.branch_id, branch.op};
  if (deed.deed == Deed::kSkip) {
    (void)client_.Skip(gid, key);
    return;
  }
  BranchEdit edit;
  const bool workflow = scenario_.transactions[deed.transaction].mode() == Mode::kWorkflow;
  const bool ask = branch.op == "msg";
  if (workflow && dice_.Chance(60)) {
    edit.url = Concat("http://bank-", dice_.Between(0, scenario_.hosts - 1), kCallBackPath);
  } else if (workflow || ask || branch.url.empty() || dice_.Chance(40)) {
    edit.payload = Concat("edited ", dice_.Between(1, 99));
  } else {
    BranchUrl url = ParseBranchUrl(branch.url);
    url.host = static_cast<int>(dice_.Between(0, scenario_.hosts - 1));
    edit.url = ToString(url);
  }
  if (dice_.Chance(20)) edit.headers = Headers{{"X-Edited", "yes"}};
  (void)client_.Edit(gid, key, edit);
}

bool Actors::SeeToParked(const std::vector<TransactionSummary>& all) {
  bool any = false;
  for (const TransactionSummary& one : all) {
    if (one.finished) continue;
    any = true;
    if (one.parked != ReasonCode::kNone) (void)client_.Retry(one.gid);
  }
  return any;
}

}  // namespace troth::sim
