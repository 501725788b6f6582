#include "crash_run.h"

#include <algorithm>

#include "status_edges.h"

namespace troth::testing {

void ServeAll(World& world, Bank& bank, const Saga& saga) {
  int64_t amount = 10;
  for (const SagaStep& step : saga.steps) {
    const Handler handler = bank.Change(step.action, amount);
    world.Branch(step.action).Do(handler);
    world.Branch(step.compensate).Do(handler);
    amount += 10;
  }
}

CrashRun::CrashRun(const Scenario& scenario, const Faults& faults)
    : scenario_(scenario), faults_(faults), world_({.coordinator = {}, .commit_time = 2ms}) {
  ServeAll(world_, bank_, scenario.saga);
  scenario.script(world_, bank_);
  world_.CrashAfter(faults.crash_after);
  if (faults.unknown_commit > 0) world_.MakeCommitUnknown(faults.unknown_commit, faults.committed);
  if (faults.failing_commit > 0) {
    world_.FailCommits(1, {StatusCode::kResourceExhausted, "the disk is full"},
                       faults.failing_commit - 1);
  }
}

void CrashRun::Run() {
  Submit();
  if (scenario_.act) {
    const Time when = world_.now() + scenario_.act_after;
    while (world_.now() < when) {
      world_.Advance(when - world_.now());
      CrashedAndReopened();
    }
    Act();
  }
  const Outcome outcome = Wait();
  // Once more from the store: the end is as durable as it was told.
  Reopen();
  const Outcome again = Wait();
  CHECK(again.status == outcome.status);
  CHECK(again.forced == outcome.forced);
  CHECK(again.skipped == outcome.skipped);
  CHECK((outcome.succeeded() ? scenario_.may_succeed : scenario_.may_fail));
  CheckCalls(outcome);
  CheckOrder();
  if (!scenario_.in_doubt) CheckBalances(outcome);
  if (!outcome.succeeded()) CHECK(outcome.reason.code != ReasonCode::kNone);
}

// As an application does: the same submit again until it is answered (I1, I28).
void CrashRun::Submit() {
  while (!acknowledged_) {
    const Result<Accepted> accepted = world_.coordinator().Submit(scenario_.saga);
    const StatusCode code = accepted.status().code();
    acknowledged_ = code == StatusCode::kOk || code == StatusCode::kAborted;
    if (!acknowledged_) {
      CHECK((code == StatusCode::kCancelled || code == StatusCode::kResourceExhausted));
    }
    CrashedAndReopened();
  }
}

void CrashRun::Act() {
  while (!act_acknowledged_) {
    const Status status = scenario_.act(world_.coordinator(), scenario_.saga.gid);
    act_acknowledged_ = status.ok();
    CrashedAndReopened();
    if (status.code() == StatusCode::kFailedPrecondition) {
      // Whoever decided first has won, and an act before may have been carried out unanswered; or
      // the crash has put off what is to be acted upon.
      if (Settled()) break;
      world_.Advance(1s);
      CrashedAndReopened();
    } else if (!status.ok()) {
      CHECK(status.code() == StatusCode::kCancelled);
    }
  }
}

bool CrashRun::Settled() {
  const TransactionRecord record = Look(world_, scenario_.saga);
  return record.finished ||
         std::any_of(record.history.begin(), record.history.end(),
                     [&](const auto& one) { return one.what == scenario_.act_name; });
}

Outcome CrashRun::Wait() {
  for (;;) {
    Result<Outcome> outcome = world_.coordinator().Wait(scenario_.saga.gid, 24h);
    if (!CrashedAndReopened() && outcome.ok()) {
      LookAtStore();
      return *std::move(outcome);
    }
    if (!outcome.ok()) {
      REQUIRE_MESSAGE(outcome.status().code() == StatusCode::kCancelled, outcome.status());
    }
  }
}

bool CrashRun::CrashedAndReopened() {
  if (!world_.crashed()) return false;
  disturbed_ = true;
  ++crashes_;
  LookAtStore();
  Reopen();
  if (crashes_ == 1) world_.CrashAfter(faults_.crash_again_after);
  return true;
}

void CrashRun::Reopen() {
  REQUIRE(world_.Reopen().ok());
  LookAtStore();
}

// What is durable now may follow what was seen before (I1, I3, I4).
void CrashRun::LookAtStore() {
  const auto record = world_.coordinator().Query(scenario_.saga.gid);
  if (acknowledged_) REQUIRE(record.ok());
  if (!record.ok()) return;
  if (seen_) CHECK(MayFollow(*seen_, record->status));
  seen_ = record->status;
  if (forced_seen_) CHECK(record->forced);
  forced_seen_ = record->forced;
  if (act_acknowledged_ && !scenario_.act_name.empty()) {
    CHECK(std::any_of(record->history.begin(), record->history.end(), [&](const auto& one) {
      return one.what == scenario_.act_name && one.author == kAnn.author;
    }));
  }
}

std::vector<size_t> CrashRun::CallsOf(const std::string& url) const {
  std::vector<size_t> indexes;
  for (size_t i = 0; i < world_.calls().size(); ++i) {
    if (world_.calls()[i].url == url) indexes.push_back(i);
  }
  return indexes;
}

// I5 and I7: every action answered, or every one that was called compensated.
void CrashRun::CheckCalls(const Outcome& outcome) const {
  const auto answered = [&](const std::string& url) {
    const auto calls = CallsOf(url);
    return std::any_of(calls.begin(), calls.end(),
                       [&](size_t i) { return world_.calls()[i].result == "success"; });
  };
  for (size_t i = 0; i < scenario_.saga.steps.size(); ++i) {
    const SagaStep& step = scenario_.saga.steps[i];
    CAPTURE(step.action);
    const std::string compensation = outcome.branches[2 * i].branch_id + "/compensate";
    const bool skipped = std::count(outcome.skipped.begin(), outcome.skipped.end(), compensation);
    if (outcome.succeeded()) {
      CHECK((answered(step.action) || step.action.empty()));
      CHECK(CallsOf(step.compensate).empty());
    } else if (!outcome.forced && !skipped) {
      // Edited, it was answered elsewhere.
      const std::string& url = outcome.branches[2 * i].url;
      if (!CallsOf(step.action).empty()) CHECK((answered(step.compensate) || answered(url)));
    }
  }
}

// I8, I9: no action after the first compensation. I10, I11: never two calls of one step at once.
// I12: in order, and back in reverse.
void CrashRun::CheckOrder() const {
  const auto& calls = world_.calls();
  const auto first_compensation = std::find_if(
      calls.begin(), calls.end(), [](const auto& call) { return call.context.op == "compensate"; });
  for (auto call = first_compensation; call != calls.end(); ++call) {
    CHECK(call->context.op == "compensate");
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    for (size_t j = i + 1; j < calls.size(); ++j) {
      const bool same_step = calls[i].context.branch_id == calls[j].context.branch_id;
      if (same_step && calls[i].ended) CHECK((*calls[i].ended <= calls[j].at));
    }
  }
  if (scenario_.saga.concurrent && scenario_.saga.orders.empty()) return;
  const auto follows = [&](const std::string& later, const std::string& earlier) {
    const auto of_later = CallsOf(later);
    if (of_later.empty()) return;
    const auto of_earlier = CallsOf(earlier);
    CAPTURE(later);
    CHECK(std::any_of(of_earlier.begin(), of_earlier.end(), [&](size_t i) {
      return i < of_later.front() && calls[i].result == "success";
    }));
  };
  const auto& steps = scenario_.saga.steps;
  for (size_t i = 0; i < steps.size(); ++i) {
    std::vector<size_t> before;
    if (!scenario_.saga.concurrent && i > 0) before = {i - 1};
    if (const auto it = scenario_.saga.orders.find(i); it != scenario_.saga.orders.end()) {
      before = it->second;
    }
    for (const size_t other : before) {
      follows(steps[i].action, steps[other].action);
      // Skipped, or edited to be called elsewhere, it is not waited for here.
      const bool undone = !CallsOf(steps[i].action).empty() && !scenario_.in_doubt;
      if (undone) follows(steps[other].compensate, steps[i].compensate);
    }
  }
}

// I32: each effect once, or none at all.
void CrashRun::CheckBalances(const Outcome& outcome) const {
  int64_t amount = 10;
  for (const SagaStep& step : scenario_.saga.steps) {
    CAPTURE(step.action);
    if (step.action.empty()) continue;
    CHECK(bank_.balance(step.action) == (outcome.succeeded() ? amount : 0));
    amount += 10;
  }
}

}  // namespace troth::testing
