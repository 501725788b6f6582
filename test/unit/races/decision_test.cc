// Who decides: two at once, thousands of times. There is one outcome, one kind of second phase, and
// every reply fits the end.
#include "duel.h"

namespace troth {
namespace {

constexpr int kRounds = 1'000;

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
  MESSAGE(committed << " of " << kRounds << " commits came first");
}

TEST_CASE("race: commit against rollback, from two threads") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  Jitter jitter;
  for (int round = 0; round < kRounds; ++round) {
    Result<Tcc> tcc = Tcc::Begin(coordinator);
    REQUIRE(tcc.ok());
    REQUIRE(tcc->Call(LocalTcc()).ok());
    REQUIRE(tcc->Call(LocalTcc()).ok());
    Status commit, abort;
    duel.Run(
        [&] {
          jitter.Spin(100us);
          commit = tcc->Commit();
        },
        [&] { abort = coordinator.Abort(tcc->gid(), "race"); });
    CHECK(commit.ok() != abort.ok());
    CHECK(commit.code() == (commit.ok() ? StatusCode::kOk : StatusCode::kAborted));
    CHECK(abort.code() == (abort.ok() ? StatusCode::kOk : StatusCode::kFailedPrecondition));
    const Outcome outcome = Ended(coordinator, tcc->gid());
    CHECK(outcome.succeeded() == commit.ok());
    CheckPhaseTwo(outcome, log.Of(tcc->gid()), 2);
  }
}

TEST_CASE("race: abort of a message against its submit") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  Jitter jitter;
  for (int round = 0; round < 2 * kRounds; ++round) {
    const Message message = LocalMessage();
    REQUIRE(coordinator.Prepare(message).ok());
    const bool whole = round % 2 == 0;
    Status submit, abort;
    duel.Run(
        [&] {
          jitter.Spin(100us);
          submit =
              (whole ? coordinator.Submit(message) : coordinator.SubmitPrepared(message)).status();
        },
        [&] { abort = coordinator.Abort(message.gid, "race"); });
    CHECK(submit.ok() != abort.ok());
    CHECK(submit.code() == (submit.ok() ? StatusCode::kOk : StatusCode::kAborted));
    CHECK(abort.code() == (abort.ok() ? StatusCode::kOk : StatusCode::kFailedPrecondition));
    CHECK(Ended(coordinator, message.gid).succeeded() == submit.ok());
    CHECK(log.Of(message.gid).size() == (submit.ok() ? 1u : 0u));
  }
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
    for (int round = 0; round < kRounds / 2; ++round) {
      Message message = LocalMessage();
      message.query_prepared = "local:ask";
      message.timeout_to_fail = 1ms;
      REQUIRE(coordinator.Prepare(message).ok());
      jitter.Spin(2000us);
      const Status submit = coordinator.SubmitPrepared(message).status();
      const Outcome outcome = Ended(coordinator, message.gid);
      CHECK(submit.ok() == outcome.succeeded());
      if (says_yes) CHECK(submit.ok());  // whoever was first
      CHECK(Count(log.Of(message.gid), "/action") == (outcome.succeeded() ? 1u : 0u));
    }
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
  for (int round = 0; round < 2 * kRounds; ++round) {
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
  MESSAGE(cancelled << " of " << 2 * kRounds << " cancels came first");
}

TEST_CASE("race: joining and trying branches against abort") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  Jitter jitter;
  for (int round = 0; round < kRounds; ++round) {
    Result<Tcc> tcc = Tcc::Begin(coordinator, {.concurrent = round % 2 == 0});
    REQUIRE(tcc.ok());
    std::vector<StatusCode> codes;
    duel.Run(
        [&] {
          for (int i = 0; i < 4; ++i) codes.push_back(tcc->Call(LocalTcc()).status().code());
        },
        [&] {
          jitter.Spin(600us);
          CHECK(coordinator.Abort(tcc->gid(), "race").ok());
        });
    const Outcome outcome = Ended(coordinator, tcc->gid());
    CHECK(outcome.status == TransactionStatus::kFailed);
    const Names calls = log.Of(tcc->gid());
    CheckPhaseTwo(outcome, calls, outcome.branches.size() / 2);
    size_t tried = 0;
    for (const StatusCode code : codes) {
      CHECK((code == StatusCode::kOk || code == StatusCode::kAborted));
      tried += code == StatusCode::kOk ? 1 : 0;
    }
    CHECK(Count(calls, "/try") == tried);
    CHECK(outcome.branches.size() / 2 >= tried);  // registered before it was tried
    for (size_t i = 0; i < calls.size(); ++i) {   // no try comes after its cancel
      const size_t op = calls[i].find("/try");
      if (op == std::string::npos) continue;
      const std::string cancel = calls[i].substr(0, op) + "/cancel";
      for (size_t before = 0; before < i; ++before) CHECK(calls[before] != cancel);
    }
  }
}

TEST_CASE("race: two submits of one gid with the same content run once") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  Jitter jitter;
  for (int round = 0; round < 2 * kRounds; ++round) {
    const Saga saga = LocalSaga();
    Message message = LocalMessage();
    const bool is_saga = round % 2 == 0;
    const auto submit = [&] {
      return is_saga ? coordinator.Submit(saga) : coordinator.Submit(message);
    };
    Result<Accepted> here = Status(StatusCode::kUnknown, ""), there = here;
    duel.Run(
        [&] {
          jitter.Spin(50us);
          here = submit();
        },
        [&] { there = submit(); });
    REQUIRE(here.ok());
    REQUIRE(there.ok());
    CHECK(here->repeated != there->repeated);
    const std::string& gid = is_saga ? saga.gid : message.gid;
    CHECK(Ended(coordinator, gid).succeeded());
    CHECK(log.Of(gid) == Names{"01/action"});
  }
}

TEST_CASE("race: two submits of one gid with different content: one is taken") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  Jitter jitter;
  for (int round = 0; round < 2 * kRounds; ++round) {
    const Saga first = LocalSaga("first");
    Saga second = LocalSaga("second");
    second.gid = first.gid;
    Status here, there;
    duel.Run(
        [&] {
          jitter.Spin(50us);
          here = coordinator.Submit(first).status();
        },
        [&] { there = coordinator.Submit(second).status(); });
    CHECK(here.ok() != there.ok());
    CHECK((here.ok() ? there : here).code() == StatusCode::kAlreadyExists);
    CHECK(Ended(coordinator, first.gid).succeeded());
    CHECK(log.Of(first.gid) == Names{here.ok() ? "01/actionfirst" : "01/actionsecond"});
  }
}

TEST_CASE("race: a whole submit against prepare and submit of the same message") {
  CallLog log;
  Coordinator coordinator = Opened(OptionsOf(":memory:", log));
  Duel duel;
  Jitter jitter;
  for (int round = 0; round < kRounds; ++round) {
    const Message message = LocalMessage();
    Status whole, prepare, submit;
    duel.Run(
        [&] {
          jitter.Spin(100us);
          whole = coordinator.Submit(message).status();
        },
        [&] {
          prepare = coordinator.Prepare(message).status();
          submit = coordinator.SubmitPrepared(message).status();
        });
    CHECK(whole.ok());
    CHECK((prepare.ok() || prepare.code() == StatusCode::kFailedPrecondition));
    CHECK(submit.ok());
    CHECK(Ended(coordinator, message.gid).succeeded());
    CHECK(log.Of(message.gid) == Names{"01/action"});
  }
}

}  // namespace
}  // namespace troth
