// The barrier's verdicts, in every order in which calls can come.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "database.h"
#include "troth/sqlite.h"

namespace troth::test {
namespace {

using enum BranchResult::Verdict;

// Enter in a transaction of its own that commits.
BarrierVerdict EnterOnce(sqlite3* db, const BranchContext& context) {
  Run(db, "BEGIN IMMEDIATE");
  const Result<BarrierVerdict> verdict = SqliteBarrier(context).Enter(db);
  REQUIRE_MESSAGE(verdict.ok(), verdict.status());
  Run(db, "COMMIT");
  return *verdict;
}

// One delivery, with a barrier of its own as each request has; says whether the work was run.
bool Deliver(sqlite3* db, const std::string& op, int64_t amount,
             BranchResult answer = BranchResult::Success()) {
  bool ran = false;
  const BranchResult result = SqliteBarrier(ContextFor(op)).Call(db, [&] {
    ran = true;
    const BranchResult done = Deposit(db, amount);
    return done.verdict() == kSuccess ? answer : done;
  });
  CHECK(result.verdict() == (ran ? answer.verdict() : kSuccess));
  CHECK_FALSE(IsInTransaction(db));
  return ran;
}

}  // namespace

TEST_CASE("the verdicts of Enter, for every order of two or three calls") {
  using enum BarrierVerdict;
  struct Row {
    std::vector<std::string> ops;
    std::vector<BarrierVerdict> verdicts;
  };
  const Row rows[] = {
      {{"action", "action"}, {kRun, kDuplicate}},
      {{"action", "compensate", "compensate"}, {kRun, kRun, kDuplicate}},
      {{"action", "compensate", "action"}, {kRun, kRun, kDuplicate}},
      {{"compensate", "action", "action"}, {kNullCompensation, kHanging, kHanging}},
      {{"compensate", "compensate", "action"}, {kNullCompensation, kDuplicate, kHanging}},
      {{"compensate", "action", "compensate"}, {kNullCompensation, kHanging, kDuplicate}},
      {{"try", "confirm", "confirm"}, {kRun, kRun, kDuplicate}},
      {{"try", "cancel", "try"}, {kRun, kRun, kDuplicate}},
      {{"cancel", "try", "cancel"}, {kNullCompensation, kHanging, kDuplicate}},
      {{"action", "commit", "commit"}, {kRun, kRun, kDuplicate}},
      {{"action", "rollback", "rollback"}, {kRun, kRun, kDuplicate}},
      {{"rollback", "action", "rollback"}, {kNullCompensation, kHanging, kDuplicate}},
      {{"msg", "msg"}, {kRun, kDuplicate}},
  };
  for (const Row& row : rows) {
    const Bank bank;
    const Connection db = bank.Connect();
    for (size_t i = 0; i < row.ops.size(); ++i) {
      CAPTURE(row.ops[0]);
      CAPTURE(row.ops[1]);
      CAPTURE(i);
      CHECK(BarrierVerdictName(EnterOnce(db.get(), ContextFor(row.ops[i]))) ==
            BarrierVerdictName(row.verdicts[i]));
    }
  }
}

TEST_CASE("other transactions and other branches do not see each other's rows") {
  const Bank bank;
  const Connection db = bank.Connect();
  CHECK(EnterOnce(db.get(), ContextFor("action", "g1", "01")) == BarrierVerdict::kRun);
  CHECK(EnterOnce(db.get(), ContextFor("action", "g1", "02")) == BarrierVerdict::kRun);
  CHECK(EnterOnce(db.get(), ContextFor("action", "g2", "01")) == BarrierVerdict::kRun);
  CHECK(EnterOnce(db.get(), ContextFor("action", "G1", "01")) == BarrierVerdict::kRun);
}

TEST_CASE("the rows are dtm's: own operation, undone operation, and why") {
  const Bank bank;
  const Connection db = bank.Connect();
  EnterOnce(db.get(), ContextFor("cancel"));
  CHECK(ReadText(db.get(),
                 "SELECT trans_type || ' ' || gid || ' ' || branch_id || ' ' || op || ' ' ||"
                 " barrier_id || ' ' || reason FROM troth_barrier ORDER BY id") ==
        "tcc g1 01 try 01 cancel\ntcc g1 01 cancel 01 cancel");
  CHECK(ReadInt(db.get(),
                "SELECT abs(min(create_time) - strftime('%s', 'now') * 1000) < 60000"
                " AND min(update_time) = min(create_time) FROM troth_barrier") == 1);
}

TEST_CASE("an action done twice is done once") {
  const Bank bank;
  const Connection db = bank.Connect();
  CHECK(Deliver(db.get(), "action", 5));
  CHECK_FALSE(Deliver(db.get(), "action", 5));
  CHECK(Balance(db.get()) == 5);
}

TEST_CASE("a repeat of a failed action before the compensation runs, and is compensated") {
  const Bank bank;
  const Connection db = bank.Connect();
  CHECK(Deliver(db.get(), "action", 5, BranchResult::Failure("no")));
  CHECK(Rows(db.get()) == 0);
  CHECK(Deliver(db.get(), "action", 5));
  CHECK(Deliver(db.get(), "compensate", -5));
  CHECK(Balance(db.get()) == 0);
}

TEST_CASE("a repeat of a failed action after the compensation is refused") {
  const Bank bank;
  const Connection db = bank.Connect();
  CHECK(Deliver(db.get(), "action", 5, BranchResult::Failure("no")));
  CHECK_FALSE(Deliver(db.get(), "compensate", -5));
  CHECK_FALSE(Deliver(db.get(), "action", 5));
  CHECK(Balance(db.get()) == 0);
}

TEST_CASE("ongoing and unknown leave nothing, and the next call runs") {
  const Bank bank;
  const Connection db = bank.Connect();
  CHECK(Deliver(db.get(), "action", 5, BranchResult::Ongoing()));
  CHECK(Deliver(db.get(), "action", 5, BranchResult::Unknown("?")));
  CHECK(Rows(db.get()) == 0);
  CHECK(Deliver(db.get(), "action", 5));
  CHECK(Deliver(db.get(), "compensate", -5, BranchResult::Ongoing()));
  CHECK(Balance(db.get()) == 5);
  CHECK(Deliver(db.get(), "compensate", -5));
  CHECK(Balance(db.get()) == 0);
}

TEST_CASE("the answer of the work is the answer of the call") {
  const Bank bank;
  const Connection db = bank.Connect();
  const auto call = [&](const BranchResult& answer) {
    return SqliteBarrier(ContextFor("try")).Call(db.get(), [&] { return answer; });
  };
  CHECK(call(BranchResult::Failure("why")).text() == "why");
  CHECK(call(BranchResult::Ongoing("soon")).text() == "soon");
  CHECK(call(BranchResult::Success("{\"id\":1}")).text() == "{\"id\":1}");
  CHECK(call(BranchResult::Success("{\"id\":2}")).text().empty());
}

TEST_CASE("transactions of one request are counted, and each is done once") {
  const Bank bank;
  const Connection db = bank.Connect();
  const auto request = [&](const char* op, int64_t sign) {
    SqliteBarrier barrier(ContextFor(op));
    for (int i = 1; i <= 11; ++i) {
      CHECK(barrier.Call(db.get(), [&] { return Deposit(db.get(), sign * i); }).verdict() ==
            kSuccess);
    }
  };
  request("action", 1);
  request("action", 1);
  CHECK(Balance(db.get()) == 66);
  CHECK(ReadText(db.get(),
                 "SELECT group_concat(barrier_id) FROM"
                 " (SELECT barrier_id FROM troth_barrier ORDER BY id)") ==
        "01,02,03,04,05,06,07,08,09,10,11");
  request("compensate", -1);
  CHECK(Balance(db.get()) == 0);
}

TEST_CASE("of an action that stopped half-way the compensation undoes the half that is there") {
  const Bank bank;
  const Connection db = bank.Connect();
  SqliteBarrier action(ContextFor("action"));
  CHECK(action.Call(db.get(), [&] { return Deposit(db.get(), 3); }).verdict() == kSuccess);
  CHECK(action.Call(db.get(), [] { return BranchResult::Failure("no"); }).verdict() == kFailure);
  SqliteBarrier compensate(ContextFor("compensate"));
  CHECK(compensate.Call(db.get(), [&] { return Deposit(db.get(), -3); }).verdict() == kSuccess);
  CHECK(compensate.Call(db.get(), [&] { return Deposit(db.get(), -4); }).verdict() == kSuccess);
  CHECK(Balance(db.get()) == 0);
}

TEST_CASE("a number is used up by success and failure, and not by ongoing and unknown") {
  const Bank bank;
  const Connection db = bank.Connect();
  SqliteBarrier barrier(ContextFor("action"));
  const auto call = [&](const BranchResult& answer) {
    (void)barrier.Call(db.get(), [&] { return answer; });
    return ReadText(db.get(), "SELECT max(barrier_id) FROM troth_barrier");
  };
  CHECK(call(BranchResult::Unknown("?")) == "");
  CHECK(call(BranchResult::Ongoing()) == "");
  CHECK(call(BranchResult::Success()) == "01");
  CHECK(call(BranchResult::Failure("no")) == "01");
  CHECK(call(BranchResult::Success()) == "03");
}

TEST_CASE("the check-back says yes after the message's local transaction has committed") {
  const Bank bank;
  const Connection db = bank.Connect();
  const BranchContext message = ContextFor("msg", "g1", "00");
  CHECK(SqliteBarrier(message).Call(db.get(), [&] { return Deposit(db.get(), 5); }).verdict() ==
        kSuccess);
  CHECK(SqliteBarrier(message).QueryPrepared(db.get()).verdict() == kSuccess);
  CHECK(SqliteBarrier(message).QueryPrepared(db.get()).verdict() == kSuccess);
}

TEST_CASE("after the check-back has said no the message's local transaction cannot run") {
  const Bank bank;
  const Connection db = bank.Connect();
  const BranchContext message = ContextFor("msg", "g1", "00");
  CHECK(SqliteBarrier(message).QueryPrepared(db.get()).verdict() == kFailure);
  CHECK(SqliteBarrier(message).QueryPrepared(db.get()).verdict() == kFailure);
  const BranchResult late =
      SqliteBarrier(message).Call(db.get(), [&] { return Deposit(db.get(), 5); });
  CHECK(late.verdict() == kUnknown);
  CHECK(late.text() == "DUPLICATED: the message's local transaction: hanging");
  CHECK(Balance(db.get()) == 0);
  CHECK(SqliteBarrier(message).QueryPrepared(db.get()).verdict() == kFailure);
}

TEST_CASE(
    "a message's local transaction that comes twice is DUPLICATED, and the check-back knows") {
  const Bank bank;
  const Connection db = bank.Connect();
  const BranchContext message = ContextFor("msg", "g1", "00");
  const auto work = [&] { return Deposit(db.get(), 5); };
  CHECK(SqliteBarrier(message).Call(db.get(), work).verdict() == kSuccess);
  const BranchResult twice = SqliteBarrier(message).Call(db.get(), work);
  CHECK(twice.verdict() == kUnknown);
  CHECK(twice.text() == "DUPLICATED: the message's local transaction: duplicate");
  CHECK(Balance(db.get()) == 5);
  CHECK(SqliteBarrier(message).QueryPrepared(db.get()).verdict() == kSuccess);
}

}  // namespace troth::test
