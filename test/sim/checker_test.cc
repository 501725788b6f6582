// Each check is shown to be able to fail: a run in which all is well is changed in one place.
// Here: what is stored, what is answered, and what is called.
#include <doctest/doctest.h>

#include "checker_sample.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;
using internal::BranchState;
using internal::Decision;
using internal::GlobalTransaction;
using internal::Phase;
using internal::Started;

std::string Told(const Sample& sample) {
  std::string text;
  for (const Violation& v : CheckLog(sample.log)) {
    text +=
        "I" + std::to_string(v.invariant) + " at " + std::to_string(v.seq) + ": " + v.what + "\n";
  }
  return text;
}

TEST_CASE("checker: a run in which all is well breaks nothing") {
  CHECK(Told(SucceededSaga()) == "");
  CHECK(Told(FailedSaga()) == "");
  CHECK(Told(SentMessage()) == "");
  CHECK(Told(ConfirmedTcc()) == "");
  CHECK(Told(CancelledTcc()) == "");
}

TEST_CASE("I1: what was acknowledged is not in the store") {
  SUBCASE("it was never written") {
    Sample sample(Mode::kSaga, 1);
    sample.Ask(Ask::kSubmit);
    CHECK(sample.Breaks(1));
  }
  SUBCASE("it is not in the image of the next life") {
    Sample sample = SucceededSaga();
    sample.log.end.image.rows.clear();
    CHECK(sample.Breaks(1));
  }
  SUBCASE("the image is older") {
    Sample sample = SucceededSaga();
    sample.log.end.image.rows[0].row.version = 1;
    CHECK(sample.Breaks(1));
  }
  SUBCASE("a commit") {
    Sample sample = ConfirmedTcc();
    sample.Ask(Ask::kCommit);
    CHECK(!sample.Breaks(1));
    sample.ChangeRows(0, [](GlobalTransaction& t) { t.outcome = Decision::kUndecided; });
    CHECK(sample.Breaks(1));
  }
  SUBCASE("a registered branch") {
    Sample sample = ConfirmedTcc();
    sample.Ask(Ask::kCall).branch_id = "03";
    CHECK(sample.Breaks(1));
  }
  SUBCASE("an act of a person") {
    for (const Ask what : {Ask::kRetry, Ask::kEdit, Ask::kSkip, Ask::kStop}) {
      Sample sample = SucceededSaga();
      ApiCall& act = sample.Ask(what);
      act.author = "ann";
      act.branch_id = "01";
      act.op = "compensate";
      CHECK(sample.Breaks(1));
    }
  }
  SUBCASE("a tombstone goes before its time") {
    Sample sample = SucceededSaga();
    Stored purged = sample.log.stored.back();
    purged.kind = Stored::Kind::kPurged;
    purged.transaction = nullptr;
    purged.when = sample.Now();
    sample.log.stored.push_back(purged);
    CHECK(sample.Breaks(1));
    sample.log.stored.back().when.at += std::chrono::hours(24 * 8);
    CHECK(!sample.Breaks(1));
  }
  SUBCASE("a tombstone goes, and the life is cut off before it can tell") {
    Sample sample = SucceededSaga();
    const Time late = *sample.log.stored.back().row.finished + std::chrono::hours(24 * 8);
    Stored purged = sample.log.stored.back();
    purged.kind = Stored::Kind::kPurged;
    purged.transaction = nullptr;
    purged.when = sample.Now();
    purged.when.at = late;
    sample.log.stored.push_back(purged);
    sample.Open();
    sample.log.images.back().rows.clear();
    sample.log.end.image = {.when = sample.Now(), .rows = {}, .topics = {}};
    CHECK(sample.Breaks(1));
    sample.log.lives[0].ended->at = late + sample.log.facts.tombstone_retention;
    CHECK(!sample.Breaks(1));
    sample.log.lives[0].end = Life::End::kClosed;
    CHECK(sample.Breaks(1));
  }
  SUBCASE("a topic") {
    Sample sample = SucceededSaga();
    ApiCall& subscribe = sample.Ask(Ask::kSubscribe);
    subscribe.gid = "";
    subscribe.name = "news";
    subscribe.url = "http://bank-1/action";
    sample.log.end.image.when = sample.Now();
    CHECK(sample.Breaks(1));
    sample.log.end.image.topics.push_back({.name = "news", .subscribers = {{subscribe.url}}});
    CHECK(!sample.Breaks(1));
  }
}

TEST_CASE("I2: a call that nothing durable allows") {
  SUBCASE("without a mark") {
    Sample sample = SucceededSaga();
    sample.ChangeRow(sample.log.stored[0], [](GlobalTransaction& t) {
      for (auto& branch : t.branches) branch.started = Started::kNo;
    });
    CHECK(sample.Broken() == std::set{2});
  }
  SUBCASE("before it is stored") {
    Sample sample(Mode::kSaga, 1);
    sample.Call("01", "action");
    CHECK(sample.Breaks(2));
  }
  SUBCASE("a try of what is not registered") {
    Sample sample(Mode::kTcc, 1);
    sample.Write();
    sample.Call("01", "try");
    CHECK(sample.Breaks(2));
  }
  SUBCASE("while a commit's outcome is unknown") {
    Sample sample(Mode::kSaga, 2);
    sample.Mark("01");
    sample.Mark("02");
    sample.Write();
    sample.Write(Stored::Kind::kUnknown);
    sample.Call("01", "action");
    CHECK(sample.Breaks(2));
  }
}

TEST_CASE("I3: a status goes where it may not") {
  SUBCASE("backwards") {
    Sample sample = FailedSaga();
    sample.ChangeRow(sample.log.stored.back(), [](GlobalTransaction& t) {
      t.phase = Phase::kRunning;
      t.outcome = Decision::kUndecided;
      t.finished.reset();
    });
    CHECK(sample.Breaks(3));
  }
  SUBCASE("past aborting") {
    Sample sample = FailedSaga();
    sample.log.stored.erase(sample.log.stored.begin() + 1);
    CHECK(sample.Breaks(3));
  }
  SUBCASE("to an older version") {
    Sample sample = SucceededSaga();
    sample.log.stored.back().row.version = 0;
    CHECK(sample.Breaks(3));
  }
  SUBCASE("to what can't be read") {
    Sample sample = SucceededSaga();
    sample.log.stored.back().unreadable = "garbage";
    CHECK(sample.Breaks(3));
  }
}

TEST_CASE("I4: an outcome changes") {
  SUBCASE("in the store") {
    Sample sample = FailedSaga();
    sample.ChangeRow(sample.log.stored.back(),
                     [](GlobalTransaction& t) { t.outcome = Decision::kCommit; });
    CHECK(sample.Breaks(4));
  }
  SUBCASE("in what is told") {
    Sample sample = SucceededSaga();
    const auto tell = [&](TransactionStatus status) {
      sample.Ask(Ask::kWait).outcome =
          std::make_shared<const Outcome>(Outcome{.gid = "gid-1", .status = status});
    };
    tell(TransactionStatus::kSucceed);
    CHECK(!sample.Breaks(4));
    tell(TransactionStatus::kFailed);
    CHECK(sample.Breaks(4));
  }
  SUBCASE("at its end") {
    Sample sample = SucceededSaga();
    sample.ChangeRow(sample.log.end.image.rows[0],
                     [](GlobalTransaction& t) { *t.finished += 1ms; });
    CHECK(sample.Breaks(4));
  }
  SUBCASE("a delayed message may be cancelled, one that has begun may not") {
    for (const bool begun : {false, true}) {
      Sample sample(Mode::kMessage, 1);
      sample.Decide(Decision::kCommit);
      if (begun) sample.Mark("01");
      sample.Write();
      sample.Decide(Decision::kRollback);
      sample.Write();
      CHECK(sample.Breaks(4) == begun);
    }
  }
}

TEST_CASE("I8: a second phase before its decision, or both of them") {
  SUBCASE("before") {
    Sample sample = FailedSaga();
    sample.log.stored[1].when.seq = sample.Find("02", "compensate").ended->seq;
    CHECK(sample.Breaks(8));
  }
  SUBCASE("both") {
    Sample sample = ConfirmedTcc();
    sample.Call("01", "cancel");
    CHECK(sample.Breaks(8));
  }
  SUBCASE("a message's action before its submit") {
    Sample sample(Mode::kMessage, 1);
    sample.Mark("01");
    sample.Write();
    sample.Call("01", "action");
    CHECK(sample.Breaks(8));
  }
}

TEST_CASE("I9: an action after the rollback, anything after a stop") {
  SUBCASE("an action") {
    Sample sample = FailedSaga();
    sample.Call("01", "action");
    CHECK(sample.Breaks(9));
  }
  SUBCASE("a try") {
    Sample sample = CancelledTcc();
    sample.Call("01", "try");
    CHECK(sample.Breaks(9));
  }
  SUBCASE("after a stop") {
    Sample sample = ConfirmedTcc();
    CHECK(!sample.Breaks(9));
    const uint64_t confirming = sample.Find("02", "confirm").sent.seq;
    sample.ChangeRows(confirming - 3, [](GlobalTransaction& t) { t.forced = true; });
    CHECK(sample.Breaks(9));
  }
}

TEST_CASE("I9: an action though another one is known to have failed") {
  for (const bool crashed : {false, true}) {
    Sample sample(Mode::kSaga, 2);
    sample.Mark("01");
    sample.Mark("02");
    sample.Write();
    sample.Call("01", "action", CallResult::kFailure, 409);
    CHECK(!sample.Breaks(9));
    if (crashed) sample.Open();
    sample.Call("02", "action");
    CHECK(sample.Breaks(9) == !crashed);
  }
}

TEST_CASE("I10: two calls of one operation at once") {
  for (const bool crashed : {false, true}) {
    Sample sample(Mode::kSaga, 1);
    sample.Mark("01");
    sample.Write();
    sample.Send("01", "action");
    if (crashed) sample.Open();
    sample.Send("01", "action");
    CHECK(sample.Breaks(10) == !crashed);
  }
}

TEST_CASE("I11: a compensation while its action is in flight") {
  Sample sample = FailedSaga();
  CHECK(!sample.Breaks(11));
  sample.Find("02", "action").ended.reset();
  sample.Find("02", "action").result = CallResult::kNone;
  CHECK(sample.Breaks(11));
  sample.Find("02", "action").sent.life = 0;  // a life before can't be waited for
  CHECK(!sample.Breaks(11));
}

TEST_CASE("I12: out of order") {
  SUBCASE("an action before the one that it waits for") {
    Sample sample = SucceededSaga();
    sample.Find("01", "action").result = CallResult::kUnknown;
    CHECK(sample.Breaks(12));
  }
  SUBCASE("a compensation before those of later steps") {
    Sample sample = FailedSaga();
    sample.Find("02", "compensate").result = CallResult::kUnknown;
    CHECK(sample.Breaks(12));
  }
  SUBCASE("a confirm before those that were registered later") {
    Sample sample = ConfirmedTcc();
    sample.Find("02", "confirm").result = CallResult::kUnknown;
    CHECK(sample.Breaks(12));
  }
  SUBCASE("what was skipped, or has nothing to call, is not waited for") {
    Sample sample = FailedSaga();
    sample.Find("02", "compensate").result = CallResult::kUnknown;
    sample.ChangeRow(sample.log.stored[1],
                     [](GlobalTransaction& t) { t.branches[2].state = BranchState::kSkipped; });
    CHECK(!sample.Breaks(12));
  }
}

TEST_CASE("I16: a check-back that nobody needs") {
  const auto asked_after = [](milliseconds time, bool cancelled) {
    Sample sample(Mode::kMessage, 1);
    sample.Write();
    if (cancelled) sample.Ask(Ask::kCancel).author = "ann";
    sample.Pass(time);
    sample.Call("00", "msg");
    return sample.Breaks(16);
  };
  CHECK(asked_after(34'999ms, false));
  CHECK(!asked_after(35'000ms, false));
  CHECK(!asked_after(1ms, true));
  Sample decided = SentMessage();
  decided.Pass(1min);
  decided.Call("00", "msg");
  CHECK(decided.Breaks(16));
}

TEST_CASE("I17: an action before its time") {
  for (const bool early : {false, true}) {
    Sample sample = SentMessage();
    sample.log.wanted[0].delay = early ? 5'000ms : 0ms;
    CHECK(sample.Breaks(17) == early);
  }
}

TEST_CASE("I18: a repetition does more than nothing") {
  SUBCASE("another row") {
    Sample sample = SucceededSaga();
    sample.log.stored.back().row.id = 2;
    CHECK(sample.Breaks(18));
  }
  SUBCASE("a call after its success") {
    Sample sample = SucceededSaga();
    sample.Call("02", "action");
    CHECK(sample.Breaks(18));
  }
  SUBCASE("another content is accepted") {
    Sample sample = SucceededSaga();
    sample.log.wanted.push_back(sample.log.wanted[0]);
    sample.log.wanted[1].content = 1;
    sample.log.wanted[1].steps[0].payload = "more";
    sample.Ask(Ask::kSubmit).content = 0;
    CHECK(!sample.Breaks(18));
    sample.Ask(Ask::kSubmit).content = 1;
    CHECK(sample.Breaks(18));
  }
}

TEST_CASE("I19: a registered branch without its second phase") {
  SUBCASE("none") {
    Sample sample = ConfirmedTcc();
    sample.Find("01", "confirm").result = CallResult::kUnknown;
    CHECK(sample.Breaks(19));
  }
  SUBCASE("both kinds") {
    Sample sample = ConfirmedTcc();
    sample.Call("01", "cancel");
    CHECK(sample.Breaks(19));
  }
}

TEST_CASE("I20: attempts differ") {
  const auto changed = [](const std::function<void(Call&)>& change) {
    Sample sample(Mode::kSaga, 1);
    sample.Mark("01");
    sample.Write();
    sample.Call("01", "action", CallResult::kUnknown, 500);
    sample.Pass(10s);
    sample.Call("01", "action", CallResult::kUnknown, 500);
    CHECK(!sample.Breaks(20));
    change(sample.Find("01", "action", 1));
    return sample.Breaks(20);
  };
  CHECK(changed([](Call& call) { call.url += "x"; }));
  CHECK(changed([](Call& call) { call.query += "x"; }));
  CHECK(changed([](Call& call) { call.payload += "x"; }));
  CHECK(changed([](Call& call) { call.headers.push_back({"a", "b"}); }));
  CHECK(changed([](Call& call) { call.post = false; }));
}

TEST_CASE("I20: a call is not as it was wanted, or edited") {
  Sample sample = SucceededSaga();
  sample.Find("01", "action").payload = "less";
  CHECK(sample.Breaks(20));
  Sample edited = SucceededSaga();
  edited.ChangeRow(edited.log.stored[0], [](GlobalTransaction& t) {
    t.edit_parts[1] = 1;
    t.edits[1] = std::make_shared<const internal::Edit>(
        internal::Edit{.branch = 1, .url = "http://elsewhere/", .payload = "pay", .headers = {}});
  });
  CHECK(edited.Breaks(20));
  edited.Find("01", "action").url = "http://elsewhere/";
  CHECK(!edited.Breaks(20));
}

TEST_CASE("I26: Wait and events tell what is not so") {
  const auto told = [](Outcome outcome) {
    Sample sample = FailedSaga();
    outcome.branches.resize(1);
    sample.Ask(Ask::kWait).outcome = std::make_shared<const Outcome>(std::move(outcome));
    return sample.Breaks(26);
  };
  CHECK(!told({.status = TransactionStatus::kFailed}));
  CHECK(told({.status = TransactionStatus::kSucceed}));
  CHECK(told({.status = TransactionStatus::kFailed, .forced = true}));
  CHECK(told({.status = TransactionStatus::kFailed, .skipped = {"01/compensate"}}));
  Sample sample = FailedSaga();
  sample.Ask(Ask::kWait, StatusCode::kDeadlineExceeded);
  CHECK(sample.Breaks(26));
  Sample event = FailedSaga();
  Event ended{.kind = EventKind::kEnded, .gid = "gid-1", .status = TransactionStatus::kFailed};
  ended.at = event.Now().at;
  event.log.told.push_back({.when = event.Now(), .event = ended});
  CHECK(!event.Breaks(26));
  event.log.told.back().when.seq = 3;
  CHECK(event.Breaks(26));
  event.log.told.clear();
  event.log.told.push_back({.when = event.Now(), .event = {.kind = EventKind::kUnreadable}});
  CHECK(event.Breaks(26));
}

TEST_CASE("I27: Query and List tell what is not so") {
  const auto queried = [](TransactionStatus status) {
    Sample sample = FailedSaga();
    TransactionRecord record;
    record.status = status;
    record.updated = sample.t.updated;
    sample.Ask(Ask::kQuery).record = std::make_shared<const TransactionRecord>(record);
    return sample.Breaks(27);
  };
  CHECK(!queried(TransactionStatus::kFailed));
  CHECK(queried(TransactionStatus::kAborting));
  Sample lost = FailedSaga();
  lost.Ask(Ask::kQuery, StatusCode::kNotFound);
  CHECK(lost.Breaks(27));
  Sample list = FailedSaga();
  TransactionSummary summary;
  summary.gid = "gid-1";
  summary.status = TransactionStatus::kFailed;
  list.Ask(Ask::kList).gid = "";
  list.log.api.back().listed = {summary};
  CHECK(!list.Breaks(27));
  list.log.api.back().listed[0].status = TransactionStatus::kSubmitted;
  CHECK(list.Breaks(27));
  list.log.api.back().listed.clear();
  CHECK(list.Breaks(27));
}

TEST_CASE("I28: an unknown outcome, repeated, makes two") {
  Sample sample = SucceededSaga();
  sample.Ask(Ask::kSubmit, StatusCode::kUnavailable);
  sample.Ask(Ask::kSubmit);
  CHECK(!sample.Breaks(28));
  sample.Book("01").ran_forward = 2;
  CHECK(sample.Breaks(28));
  sample.Book("01").ran_forward = 1;
  sample.log.end.image.rows[0].row.id = 2;
  CHECK(sample.Breaks(28));
}

TEST_CASE("I28: what was refused is stored all the same") {
  Sample sample(Mode::kSaga, 1);
  sample.Ask(Ask::kSubmit, StatusCode::kResourceExhausted);
  sample.Open();
  CHECK(!sample.Breaks(28));
  sample.Write(Stored::Kind::kCommitted);
  CHECK(sample.Breaks(28));
  sample.log.api[0].status = Status(StatusCode::kUnavailable, "who knows");
  CHECK(!sample.Breaks(28));
}

TEST_CASE("I36: an edit while a call of the operation is in flight") {
  for (const bool over : {false, true}) {
    Sample sample(Mode::kSaga, 1);
    sample.Mark("01");
    sample.Write();
    over ? (void)sample.Call("01", "action", CallResult::kUnknown, 500)
         : (void)sample.Send("01", "action");
    ApiCall& edit = sample.Ask(Ask::kEdit);
    edit.branch_id = "01";
    edit.op = "action";
    CHECK(sample.Breaks(36) == !over);
  }
}

TEST_CASE("I36: an act without author and time") {
  const auto shown = [](const std::string& what,
                        const std::function<void(GlobalTransaction&)>& act) {
    Sample sample = FailedSaga();
    sample.ChangeRows(sample.log.stored.back().when.seq, act);
    CHECK(sample.Breaks(36));
    sample.ChangeRows(sample.log.stored.back().when.seq, [&](GlobalTransaction& t) {
      t.history.push_back({.at = t.updated, .author = "ann", .what = what, .reason = {}});
    });
    CHECK(!sample.Breaks(36));
  };
  shown("stop", [](GlobalTransaction& t) { t.forced = true; });
  shown("skip 01/compensate",
        [](GlobalTransaction& t) { t.branches[0].state = BranchState::kSkipped; });
  shown("edit 01/compensate", [](GlobalTransaction& t) { t.edit_parts[0] = 1; });
}

}  // namespace
}  // namespace troth::sim
