// Who decides: two at once, thousands of times. There is one outcome, one kind of second phase, and
// every reply fits the end.
#include <algorithm>
#include <string_view>

#include "duel.h"
#include "troth/xa.h"

namespace troth {
namespace {

const int kRounds = Rounds(3'000);

// Of a TCC whose `registered` branches are all known.
void CheckPhaseTwo(const Outcome& outcome, const Names& calls, size_t registered) {
  const size_t confirms = Count(calls, "/confirm");
  const size_t cancels = Count(calls, "/cancel");
  CHECK(confirms == (outcome.succeeded() ? registered : 0));
  CHECK(cancels == (outcome.succeeded() ? 0 : registered));
}

TEST_CASE("race: commit against the time-out") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Jitter jitter;
  int committed = 0;
  for (int round = 0; round < kRounds; ++round) {
    Result<Tcc> tcc = Tcc::Begin(coordinator, {.timeout_to_fail = 2ms});
    REQUIRE(tcc.ok());
    const std::string gid = tcc->gid();
    const auto called = tcc->Call(LocalTcc());
    jitter.Spin(2500us);
    const Status commit = tcc->Commit();
    const Outcome outcome = Ended(coordinator, gid);
    CHECK((commit.ok() || commit.code() == StatusCode::kAborted));
    CHECK(commit.ok() == outcome.succeeded());
    if (!commit.ok()) CHECK(outcome.reason.code == ReasonCode::kTimeout);
    CheckPhaseTwo(outcome, log.Of(gid), outcome.branches.size() / 2);
    if (called.ok()) CHECK(outcome.branches.size() == 2);
    committed += commit.ok() ? 1 : 0;
  }
  CheckBothWin(committed, kRounds);
}

TEST_CASE("race: commit against rollback, from two threads") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  int committed = 0;
  for (int round = 0; round < kRounds; ++round) {
    Result<Tcc> tcc = Tcc::Begin(coordinator);
    REQUIRE(tcc.ok());
    REQUIRE(tcc->Call(LocalTcc()).ok());
    REQUIRE(tcc->Call(LocalTcc()).ok());
    Status commit, abort;
    duel.Run([&] { commit = tcc->Commit(); },
             [&] { abort = coordinator.Abort(tcc->gid(), "race"); });
    CHECK(commit.ok() != abort.ok());
    CHECK(commit.code() == (commit.ok() ? StatusCode::kOk : StatusCode::kAborted));
    CHECK(abort.code() == (abort.ok() ? StatusCode::kOk : StatusCode::kFailedPrecondition));
    const Outcome outcome = Ended(coordinator, tcc->gid());
    CHECK(outcome.succeeded() == commit.ok());
    CheckPhaseTwo(outcome, log.Of(tcc->gid()), 2);
    committed += commit.ok() ? 1 : 0;
  }
  CheckBothWin(committed, kRounds);
}

TEST_CASE("race: abort of a message against its submit") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  int submitted = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Message message = LocalMessage();
    REQUIRE(coordinator.Prepare(message).ok());
    const bool whole = round % 2 == 0;
    Status submit, abort;
    duel.Run(
        [&] {
          submit =
              (whole ? coordinator.Submit(message) : coordinator.SubmitPrepared(message)).status();
        },
        [&] { abort = coordinator.Abort(message.gid, "race"); });
    CHECK(submit.ok() != abort.ok());
    CHECK(submit.code() == (submit.ok() ? StatusCode::kOk : StatusCode::kAborted));
    CHECK(abort.code() == (abort.ok() ? StatusCode::kOk : StatusCode::kFailedPrecondition));
    CHECK(Ended(coordinator, message.gid).succeeded() == submit.ok());
    CHECK(log.Of(message.gid).size() == (submit.ok() ? 1u : 0u));
    submitted += submit.ok() ? 1 : 0;
  }
  CheckBothWin(submitted, kRounds);
}

TEST_CASE("race: submit of a message against its check-back") {
  for (const bool says_yes : {true, false}) {
    CallLog log;
    CoordinatorOptions options = OptionsOf(":memory:", log);
    options.local.push_back(
        {"ask", [says_yes](const BranchContext&, std::string_view, std::stop_token) {
           return says_yes ? BranchResult::Success() : BranchResult::Failure("no row");
         }});
    Coordinator coordinator = Opened(std::move(options));
    Jitter jitter;
    int submitted = 0;
    for (int round = 0; round < kRounds / 2; ++round) {
      Message message = LocalMessage();
      message.query_prepared = "local:ask";
      message.timeout_to_fail = 1ms;
      REQUIRE(coordinator.Prepare(message).ok());
      jitter.Spin(2000us);
      const Result<Accepted> accepted = coordinator.SubmitPrepared(message);
      const Status& submit = accepted.status();
      const Outcome outcome = Ended(coordinator, message.gid);
      CHECK(submit.ok() == outcome.succeeded());
      // Where the check-back has said yes first, the submit finds it submitted.
      submitted += submit.ok() && !(says_yes && accepted->repeated) ? 1 : 0;
      if (says_yes) CHECK(submit.ok());
      CHECK(Count(log.Of(message.gid), "/action") == (outcome.succeeded() ? 1u : 0u));
    }
    CheckBothWin(submitted, kRounds / 2);
  }
}

TEST_CASE("race: cancel of a saga against its last result") {
  CallLog log;
  CoordinatorOptions options = OptionsOf(":memory:", log);
  Jitter work;  // for one transaction at a time
  options.local.push_back(
      {"work", [&](const BranchContext& context, std::string_view payload, std::stop_token) {
         work.Spin(300us);
         log.Add(context, payload);
         return BranchResult::Success();
       }});
  Coordinator coordinator = Opened(std::move(options));
  Jitter jitter;
  int cancelled = 0;
  for (int round = 0; round < kRounds; ++round) {
    Saga saga = LocalSaga();
    saga.steps[0].action = "local:work";
    REQUIRE(coordinator.Submit(saga).ok());
    jitter.Spin(400us);
    const Status cancel = coordinator.Cancel(saga.gid, kAnn);
    CHECK((cancel.ok() || cancel.code() == StatusCode::kFailedPrecondition));
    const Outcome outcome = Ended(coordinator, saga.gid);
    CHECK(outcome.succeeded() != cancel.ok());
    const Names calls = log.Of(saga.gid);
    const size_t actions = Count(calls, "/action");
    CHECK(actions <= 1);
    if (outcome.succeeded()) CHECK(calls == Names{"01/action"});
    if (!outcome.succeeded()) CHECK(Count(calls, "/compensate") >= actions);
    cancelled += cancel.ok() ? 1 : 0;
  }
  CheckBothWin(cancelled, kRounds);
}

// Four branches are registered and called while somebody else rolls back. `first` is the branch's
// own operation, `undo` its second phase.
template <class Session, class Branch>
void RaceJoins(const std::function<Result<Session>(Coordinator&, int round)>& begin,
               const Branch& branch, const std::string& first, const std::string& undo) {
  constexpr int kBranches = 4;
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  Jitter jitter;
  // The abort comes within twice the time that all joins take here when nobody disturbs them.
  std::chrono::microseconds window{};
  for (int i = 0; i < 10; ++i) {
    Result<Session> session = begin(coordinator, i);
    REQUIRE(session.ok());
    const auto before = std::chrono::steady_clock::now();
    for (int j = 0; j < kBranches; ++j) REQUIRE(session->Call(branch).ok());
    const auto took = std::chrono::steady_clock::now() - before;
    window = std::max(window, std::chrono::duration_cast<std::chrono::microseconds>(2 * took));
  }
  int all_joined = 0;
  for (int round = 0; round < kRounds; ++round) {
    Result<Session> session = begin(coordinator, round);
    REQUIRE(session.ok());
    std::vector<StatusCode> codes;
    duel.Run(
        [&] {
          for (int i = 0; i < kBranches; ++i) {
            codes.push_back(session->Call(branch).status().code());
          }
        },
        [&] {
          jitter.Spin(window);
          CHECK(coordinator.Abort(session->gid(), "race").ok());
        },
        0us);
    const Outcome outcome = Ended(coordinator, session->gid());
    CHECK(outcome.status == TransactionStatus::kFailed);
    const Names calls = log.Of(session->gid());
    const size_t registered = outcome.branches.size() / 2;
    size_t joined = 0;
    for (const StatusCode code : codes) {
      CHECK((code == StatusCode::kOk || code == StatusCode::kAborted));
      joined += code == StatusCode::kOk ? 1 : 0;
    }
    CHECK(Count(calls, undo) == registered);  // once each
    CHECK(Count(calls, first) == joined);
    CHECK(calls.size() == registered + joined);  // and nothing else, no confirm and no commit
    CHECK(registered >= joined);                 // registered before it was called
    for (size_t i = 0; i < calls.size(); ++i) {  // no call comes after what undoes it
      const size_t op = calls[i].find(first);
      if (op == std::string::npos) continue;
      const std::string undone = calls[i].substr(0, op) + undo;
      for (size_t before = 0; before < i; ++before) CHECK(calls[before] != undone);
    }
    all_joined += joined == kBranches ? 1 : 0;
  }
  CheckBothWin(all_joined, kRounds);
}

TEST_CASE("race: registering and trying the branches of a tcc against abort") {
  RaceJoins<Tcc>([](Coordinator& coordinator,
                    int round) { return Tcc::Begin(coordinator, {.concurrent = round % 2 == 0}); },
                 LocalTcc(), "/try", "/cancel");
}

TEST_CASE("race: registering and calling the branches of an xa transaction against abort") {
  RaceJoins<Xa>([](Coordinator& coordinator, int) { return Xa::Begin(coordinator); },
                XaBranch{.url = "local:branch"}, "/action", "/rollback");
}

TEST_CASE("race: two submits of one gid with the same content run once") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  int first = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Saga saga = LocalSaga();
    Message message = LocalMessage();
    const bool is_saga = round % 2 == 0;
    const auto submit = [&] {
      return is_saga ? coordinator.Submit(saga) : coordinator.Submit(message);
    };
    Result<Accepted> here = Status(StatusCode::kUnknown, ""), there = here;
    duel.Run([&] { here = submit(); }, [&] { there = submit(); });
    REQUIRE(here.ok());
    REQUIRE(there.ok());
    CHECK(here->repeated != there->repeated);
    const std::string& gid = is_saga ? saga.gid : message.gid;
    CHECK(Ended(coordinator, gid).succeeded());
    CHECK(log.Of(gid) == Names{"01/action"});
    first += there->repeated ? 1 : 0;
  }
  CheckBothWin(first, kRounds);
}

TEST_CASE("race: two submits of one gid with different content: one is taken") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  int wins = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Saga first = LocalSaga("first");
    Saga second = LocalSaga("second");
    second.gid = first.gid;
    Status here, there;
    duel.Run([&] { here = coordinator.Submit(first).status(); },
             [&] { there = coordinator.Submit(second).status(); });
    CHECK(here.ok() != there.ok());
    CHECK((here.ok() ? there : here).code() == StatusCode::kAlreadyExists);
    CHECK(Ended(coordinator, first.gid).succeeded());
    CHECK(log.Of(first.gid) == Names{here.ok() ? "01/actionfirst" : "01/actionsecond"});
    wins += here.ok() ? 1 : 0;
  }
  CheckBothWin(wins, kRounds);
}

TEST_CASE("race: a whole submit against prepare and submit of the same message") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  int prepared = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Message message = LocalMessage();
    Status whole, prepare, submit;
    duel.Run([&] { whole = coordinator.Submit(message).status(); },
             [&] {
               prepare = coordinator.Prepare(message).status();
               submit = coordinator.SubmitPrepared(message).status();
             });
    CHECK(whole.ok());
    CHECK((prepare.ok() || prepare.code() == StatusCode::kFailedPrecondition));
    CHECK(submit.ok());
    CHECK(Ended(coordinator, message.gid).succeeded());
    CHECK(log.Of(message.gid) == Names{"01/action"});
    prepared += prepare.ok() ? 1 : 0;
  }
  CheckBothWin(prepared, kRounds);
}

}  // namespace
}  // namespace troth
