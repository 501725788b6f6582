// Each check is shown to be able to fail. Here: ends, books, and time.
#include <doctest/doctest.h>

#include "checker_sample.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;
using internal::BranchState;
using internal::Decision;
using internal::GlobalTransaction;
using internal::Started;

TEST_CASE("I5: succeeded without every action") {
  for (Sample sample : {SucceededSaga(), SentMessage()}) {
    CHECK(!sample.Breaks(5));
    sample.Find("02", "action").result = CallResult::kUnknown;
    CHECK(sample.Breaks(5));
  }
  Sample late = SucceededSaga();
  late.Find("02", "action").ended->seq = late.log.end.when.seq;
  CHECK(late.Breaks(5));
}

TEST_CASE("I6: succeeded without every confirm, or with a cancel") {
  Sample sample = ConfirmedTcc();
  sample.Find("01", "confirm").result = CallResult::kLost;
  CHECK(sample.Breaks(6));
  Sample both = ConfirmedTcc();
  both.Call("01", "cancel");
  CHECK(both.Breaks(6));
  Sample skipped = ConfirmedTcc();
  skipped.Find("01", "confirm").result = CallResult::kLost;
  skipped.ChangeRow(skipped.log.stored.back(),
                    [](GlobalTransaction& t) { t.branches[1].state = BranchState::kSkipped; });
  CHECK(!skipped.Breaks(6));
}

TEST_CASE("I7: failed, and something is not undone") {
  SUBCASE("of a saga what may have run") {
    Sample sample = FailedSaga();
    sample.Find("01", "compensate").result = CallResult::kLost;
    CHECK(sample.Breaks(7));
  }
  SUBCASE("of a saga also what was refused, but not what was never sent") {
    Sample sample = FailedSaga();
    sample.log.calls.erase(sample.log.calls.begin() + 2);  // 02/compensate
    CHECK(sample.Breaks(7));
    sample.Find("02", "action").result = CallResult::kNotSent;
    sample.ChangeRows(0, [](GlobalTransaction& t) { t.branches[3].state = BranchState::kWaiting; });
    CHECK(!sample.Breaks(7));
  }
  SUBCASE("of a session what is registered") {
    Sample sample = CancelledTcc();
    sample.Find("01", "cancel").result = CallResult::kLost;
    CHECK(sample.Breaks(7));
  }
  SUBCASE("an undoing from before the decision does not count") {
    Sample sample = FailedSaga();
    sample.Find("01", "compensate").sent.seq = 1;
    CHECK(sample.Breaks(7));
  }
}

TEST_CASE("I13: what was never called is undone") {
  const auto undone = [](bool marked, bool crashed, size_t steps) {
    Sample sample(Mode::kSaga, steps);
    std::vector<std::string> ids;
    for (const WantedStep& step : sample.log.wanted[0].steps) ids.push_back(step.branch_id);
    if (marked) {
      for (const std::string& id : ids) sample.Mark(id);
    }
    sample.Write();
    if (crashed) sample.Open();
    sample.Decide(Decision::kRollback);
    sample.Write();
    for (const std::string& id : ids) sample.Call(id, "compensate");
    return sample.Breaks(13);
  };
  CHECK(undone(false, true, 1));
  CHECK(undone(true, false, 1));
  CHECK(!undone(true, true, 1));
  CHECK(!undone(true, true, 9));
}

TEST_CASE("I13: more than the sixteen that may be marked ahead are undone") {
  for (const size_t steps : {16u, 17u}) {
    internal::Definition definition;
    Sample sample(Mode::kSaga, 1);
    sample.log.wanted[0].steps.clear();
    for (size_t i = 0; i < steps; ++i) {
      internal::Step step;
      step.branch_id = "b" + std::to_string(i);
      step.forward = "http://a/";
      step.rollback = "http://c/";
      definition.steps.push_back(step);
      WantedStep wanted;
      wanted.branch_id = step.branch_id;
      wanted.rollback = step.rollback;
      sample.log.wanted[0].steps.push_back(wanted);
    }
    sample.t = internal::NewTransaction(
        "gid-1", std::make_shared<const internal::Definition>(definition), sample.Now().at);
    for (const auto& step : definition.steps) sample.Mark(step.branch_id);
    sample.Write();
    sample.Open();
    sample.Decide(Decision::kRollback);
    sample.Write();
    for (const auto& step : definition.steps) sample.Call(step.branch_id, "compensate");
    CHECK(sample.Breaks(13) == (steps > 16));
  }
}

TEST_CASE("I14: the reason of a rollback is not what happened") {
  const auto wrong = [](const std::function<void(Reason&)>& change) {
    Sample sample = FailedSaga();
    sample.ChangeRows(sample.log.stored[1].when.seq,
                      [&](GlobalTransaction& t) { change(t.reason); });
    return sample.Breaks(14);
  };
  CHECK(!wrong([](Reason&) {}));
  CHECK(wrong([](Reason& reason) { reason = {}; }));
  CHECK(wrong([](Reason& reason) { reason.branch_id = "01"; }));
  CHECK(wrong([](Reason& reason) { reason.text = "no time"; }));
  CHECK(wrong([](Reason& reason) { reason.http_status = 200; }));
  CHECK(wrong([](Reason& reason) { reason.attempt = 2; }));
  CHECK(wrong([](Reason& reason) { reason.at = Time{}; }));
  for (const ReasonCode code :
       {ReasonCode::kRetriesExhausted, ReasonCode::kGaveUp, ReasonCode::kTimeout,
        ReasonCode::kCancelled, ReasonCode::kStopped, ReasonCode::kRolledBack}) {
    CHECK(wrong([code](Reason& reason) { reason.code = code; }));
  }
}

TEST_CASE("I14: who asked for a rollback is named") {
  Sample sample = CancelledTcc();
  CHECK(!sample.Breaks(14));
  sample.ChangeRows(0, [](GlobalTransaction& t) { t.reason.text = "somebody else's"; });
  CHECK(sample.Breaks(14));
  Sample cancelled = CancelledTcc();
  cancelled.ChangeRows(0, [](GlobalTransaction& t) {
    t.reason.code = ReasonCode::kCancelled;
    t.reason.author = "ann";
    t.reason.text = "too dear";
  });
  CHECK(cancelled.Breaks(14));
  ApiCall& cancel = cancelled.log.api[1];
  cancel.what = Ask::kCancel;
  cancel.author = "ann";
  cancel.reason = "too dear";
  CHECK(!cancelled.Breaks(14));
}

TEST_CASE("I15: a message that nobody submitted, or that failed by itself") {
  SUBCASE("sent") {
    Sample sample = SentMessage();
    CHECK(!sample.Breaks(15));
    sample.log.api.erase(sample.log.api.begin() + 1);
    CHECK(sample.Breaks(15));
  }
  SUBCASE("failed") {
    Sample sample(Mode::kMessage, 1);
    sample.Write();
    sample.t.outcome = Decision::kRollback;
    sample.EndAll();
    sample.Write();
    CHECK(sample.Breaks(15));
    sample.Ask(Ask::kAbort).began.seq = 1;
    CHECK(!sample.Breaks(15));
  }
  SUBCASE("failed after an action") {
    Sample sample = SentMessage();
    sample.ChangeRow(sample.log.stored.back(),
                     [](GlobalTransaction& t) { t.outcome = Decision::kRollback; });
    CHECK(sample.Breaks(15));
  }
}

TEST_CASE("I15: a message that is stored with a topic") {
  Sample sample = SentMessage();
  sample.ChangeRows(0, [](GlobalTransaction& t) {
    auto definition = std::make_shared<internal::Definition>(*t.definition);
    definition->steps[0].forward = "topic://news";
    t.definition = std::move(definition);
  });
  CHECK(sample.Breaks(15));
}

TEST_CASE("I21: attempts are too close, or too far") {
  const auto gap = [](CallResult result, milliseconds time, bool act) {
    Sample sample(Mode::kSaga, 1);
    sample.Mark("01");
    sample.Write();
    sample.Call("01", "action", result, result == CallResult::kOngoing ? 425 : 500);
    if (act) sample.Ask(Ask::kRetry).author = "ann";
    sample.Pass(time);
    sample.Call("01", "action");
    return sample.Breaks(21);
  };
  CHECK(gap(CallResult::kUnknown, 9'999ms, false));
  CHECK(!gap(CallResult::kUnknown, 10'000ms, false));
  CHECK(!gap(CallResult::kUnknown, 1ms, true));
  CHECK(gap(CallResult::kUnknown, 20'000ms, false));
  CHECK(gap(CallResult::kOngoing, 9'999ms, false));
  CHECK(!gap(CallResult::kOngoing, 10'000ms, false));
  CHECK(gap(CallResult::kOngoing, 20'000ms, false));
}

TEST_CASE("I21: what waits for a person may wait long, until an act on any branch") {
  const auto late = [](ReasonCode parked) {
    Sample sample(Mode::kSaga, 2);
    sample.Mark("01");
    sample.Write();
    sample.Call("01", "action", CallResult::kUnknown, 500);
    sample.Write();
    sample.log.stored.back().row.parked = parked;
    ApiCall& edit = sample.Ask(Ask::kEdit);
    edit.branch_id = "02";
    edit.op = "action";
    sample.Pass(10min);
    sample.Call("01", "action");
    return sample.Breaks(21);
  };
  CHECK(late(ReasonCode::kNone));
  CHECK_FALSE(late(ReasonCode::kParkedBarrierExpired));
}

TEST_CASE("I21: waits grow by their factor, and a host that is back ends them") {
  const auto third = [](milliseconds time, int http_status, bool back) {
    Sample sample(Mode::kSaga, 2);
    sample.Mark("01");
    sample.Mark("02");
    sample.Write();
    sample.Call("01", "action", CallResult::kUnknown, http_status);
    sample.Pass(10'000ms);
    sample.Call("01", "action", CallResult::kUnknown, http_status);
    sample.Pass(time);
    if (back) {
      sample.Call("02", "action");
      sample.Find("02", "action").url = "http://bank-0/other";
    }
    sample.Call("01", "action");
    return sample.Breaks(21);
  };
  CHECK(third(10'000ms, 500, false));
  CHECK(!third(20'000ms, 500, false));
  CHECK(third(5'000ms, 503, false));
  CHECK(!third(5'000ms, 503, true));
}

// A saga whose first action is marked, and may be tried again so often.
Sample LimitedSaga(int32_t limit) {
  Sample sample(Mode::kSaga, 1);
  auto definition = std::make_shared<internal::Definition>(*sample.t.definition);
  definition->policies[0].limit = limit;
  sample.t.definition = definition;
  sample.Mark("01");
  sample.Write();
  return sample;
}

TEST_CASE("I22: an attempt beyond the limit") {
  const auto calls = [](size_t count, bool act, bool crashed) {
    Sample sample = LimitedSaga(1);
    for (size_t i = 0; i < count; ++i) {
      sample.Call("01", "action", CallResult::kUnknown, 500);
      sample.BranchOf("01", "action").unknowns = static_cast<uint32_t>(i + 1);
      sample.Pass(10min);
    }
    if (act) sample.Ask(Ask::kRetry).author = "ann";
    if (crashed) {
      sample.Write();
      sample.Open();
    }
    sample.Call("01", "action");
    return sample.Breaks(22);
  };
  CHECK(!calls(1, false, false));
  CHECK(calls(2, false, false));
  CHECK(!calls(2, true, false));
  CHECK(calls(2, false, true));
}

TEST_CASE("I22: an edit of unknown outcome may be carried out behind an act that began later") {
  const auto breaks = [](StatusCode edited) {
    Sample sample = LimitedSaga(0);
    ApiCall& edit = sample.Ask(Ask::kEdit, edited);
    edit.branch_id = "01";
    edit.op = "action";
    sample.Ask(Ask::kRetry);
    sample.Call("01", "action", CallResult::kUnknown, 500);
    sample.Pass(10min);
    sample.Call("01", "action");
    return sample.Breaks(22);
  };
  CHECK(breaks(StatusCode::kOk));
  CHECK_FALSE(breaks(StatusCode::kUnavailable));
}

TEST_CASE("I22: an edit that waited for a call is newer than what was answered meanwhile") {
  const auto breaks = [](bool waited) {
    Sample sample = LimitedSaga(0);
    ApiCall edit = sample.Ask(Ask::kEdit);
    edit.branch_id = "01";
    edit.op = "action";
    sample.log.api.pop_back();
    ApiCall retry = sample.Ask(Ask::kRetry);
    sample.log.api.pop_back();
    sample.Call("01", "action", CallResult::kUnknown, 500);
    if (waited) edit.answered = sample.Now();
    sample.log.api.push_back(edit);
    sample.log.api.push_back(retry);
    sample.Pass(10min);
    sample.Call("01", "action");
    return sample.Breaks(22);
  };
  CHECK(breaks(false));
  CHECK_FALSE(breaks(true));
}

TEST_CASE("I23: unended, and neither due nor parked") {
  Sample sample(Mode::kSaga, 1);
  sample.Write();
  CHECK(!sample.Breaks(23));
  sample.log.stored[0].row.due.reset();
  CHECK(sample.Breaks(23));
  sample.log.stored[0].row.parked = ReasonCode::kParkedRetries;
  CHECK(!sample.Breaks(23));
  Sample due(Mode::kSaga, 1);
  due.Write();
  due.Finish();
  CHECK(due.Breaks(23));
}

TEST_CASE("I24: not ended, or not in time, though all is calm") {
  Sample sample(Mode::kSaga, 1);
  sample.Write();
  sample.log.facts.calm = sample.Now();
  sample.Finish();
  CHECK(sample.Breaks(24));
  sample.log.end.image.rows[0].row.parked = ReasonCode::kParkedRetries;
  CHECK(!sample.Breaks(24));
  Sample late = SucceededSaga();
  late.log.facts.calm = late.log.stored[0].when;
  late.log.facts.unloaded = true;
  CHECK(!late.Breaks(24));
  late.log.stored.back().when.at += 1h;
  CHECK(late.Breaks(24));
}

TEST_CASE("I24: a call-back that outlasts its time-out makes its host look down for longer") {
  const auto breaks = [](milliseconds late, bool outlasts) {
    Sample sample = SucceededSaga();
    sample.log.facts.calm = sample.log.stored[0].when;
    sample.log.facts.unloaded = true;
    sample.log.stored.back().when.at += late;
    if (outlasts) {
      Call call_back = sample.Find("01", "action");
      call_back.gid = "workflow";
      call_back.trans_type = "workflow";
      call_back.result = CallResult::kLost;
      sample.log.calls.push_back(call_back);
    }
    return sample.Breaks(24);
  };
  milliseconds late{0};
  while (!breaks(late, false)) late += 10s;
  CHECK(!breaks(late, true));
  CHECK(breaks(late + 10min, true));
}

TEST_CASE("I25: a step waits though its own host is well") {
  for (const bool down : {false, true}) {
    Sample sample(Mode::kSaga, 2);
    sample.Mark("01");
    sample.Mark("02");
    sample.Write();
    sample.Call("01", "action");
    sample.Pass(30s);
    sample.Call("02", "action");
    CHECK(sample.Breaks(25));
    if (!down) continue;
    Call other = sample.Find("02", "action");
    other.gid = "gid-2";
    other.result = CallResult::kLost;
    other.sent.seq = 1;
    other.ended->seq = 2;
    sample.log.calls.insert(sample.log.calls.begin(), other);
    CHECK(!sample.Breaks(25));
  }
  // A commit that began while commits were slow may last after that.
  for (const auto& [kind, breaks] :
       {std::pair(Fault::Kind::kCommitFails, true), {Fault::Kind::kCommitSlow, false}}) {
    Sample sample(Mode::kSaga, 2);
    sample.Mark("01");
    sample.Mark("02");
    sample.Write();
    const Stamp begun = sample.Now();
    sample.log.faults.push_back({.kind = kind, .from = begun, .until = begun, .what = {}});
    sample.Pass(15s);
    sample.Call("01", "action");
    sample.Pass(10s);
    sample.Call("02", "action");
    CHECK(sample.Breaks(25) == breaks);
  }
}

TEST_CASE("I31: the clock jumps within a life") {
  Sample sample = SucceededSaga();
  Event event{.kind = EventKind::kHostDown, .at = sample.Now().at, .gid = {}};
  sample.log.told.push_back({.when = sample.Now(), .event = event});
  CHECK(!sample.Breaks(31));
  sample.log.told[0].event.at += 1s;
  CHECK(sample.Breaks(31));
  Sample ahead = SucceededSaga();
  ahead.log.stored[0].row.updated += 1h;
  CHECK(ahead.Breaks(31));
  Sample back(Mode::kSaga, 1);
  back.Write();
  back.Open();
  CHECK(!back.Breaks(31));
  back.log.lives[1].offset = -1h;
  CHECK(back.Breaks(31));
}

TEST_CASE("I32: the books do not say what the end says") {
  const auto booked = [](Sample sample, int64_t balance, int64_t held, uint32_t ran) {
    Effect& effect = sample.Book("01");
    effect.balance = balance;
    effect.held = held;
    effect.ran_forward = ran;
    return sample.Breaks(32);
  };
  CHECK(!booked(SucceededSaga(), 10, 0, 1));
  CHECK(booked(SucceededSaga(), 0, 0, 1));
  CHECK(booked(SucceededSaga(), 20, 0, 2));
  CHECK(booked(SucceededSaga(), 10, 0, 2));
  CHECK(booked(SucceededSaga(), 10, 5, 1));
  CHECK(!booked(FailedSaga(), 0, 0, 1));
  CHECK(booked(FailedSaga(), 10, 0, 1));
  CHECK(booked(FailedSaga(), -10, 0, 0));
  CHECK(booked(CancelledTcc(), 0, 10, 1));
  Sample never = SucceededSaga();
  never.log.end.effects.clear();
  CHECK(never.Breaks(32));
  Sample bare = SucceededSaga();
  bare.log.wanted[0].steps[0].barrier = false;
  CHECK(!booked(bare, 20, 0, 2));
}

TEST_CASE("I34: too much at once, or awake with nothing to do") {
  Sample sample = SucceededSaga();
  CHECK(!sample.Breaks(34));
  sample.log.end.health.live = 1;
  CHECK(sample.Breaks(34));
  Sample awake = SucceededSaga();
  awake.log.end.idle_wakes = 1;
  CHECK(awake.Breaks(34));
  Sample crowded = SucceededSaga();
  crowded.Ask(Ask::kHealth).health = Health{.live = 5};
  crowded.log.facts.limits.live = 4;
  CHECK(crowded.Breaks(34));
  Sample returned = SucceededSaga();
  for (int i = 0; i < 2; ++i) returned.Ask(Ask::kWait);  // brings it back into memory
  returned.Ask(Ask::kHealth).health = Health{.live = 5};
  returned.log.facts.limits.live = 4;
  CHECK(!returned.Breaks(34));
  Sample calls(Mode::kSaga, 2);
  calls.Mark("01");
  calls.Mark("02");
  calls.Write();
  calls.Send("01", "action");
  calls.Send("02", "action");
  CHECK(!calls.Breaks(34));
  calls.log.facts.limits.calls = 1;
  CHECK(calls.Breaks(34));
  calls.log.facts.limits.calls = 2;
  calls.log.facts.limits.calls_per_host = 1;
  CHECK(!calls.Breaks(34));
  calls.Find("02", "action").url = calls.Find("01", "action").url;
  CHECK(calls.Breaks(34));
}

TEST_CASE("I31 and I35: two runs differ") {
  const Sample one = SucceededSaga();
  Sample other = SucceededSaga();
  CHECK(CheckSameRun(one.log, other.log).empty());
  CHECK(CheckSameCalls(one.log, other.log).empty());
  other.log.stored[0].row.version = 7;
  CHECK(CheckSameRun(one.log, other.log).size() == 1);
  CHECK(CheckSameCalls(one.log, other.log).empty());
  other.log.calls.pop_back();
  CHECK(CheckSameRun(one.log, other.log).size() == 2);
  CHECK(CheckSameCalls(one.log, other.log).size() == 1);
}

}  // namespace
}  // namespace troth::sim
