// A crash after the 1st, the 2nd, the 3rd … effect, until a run gets through, in each mode:
// whatever was acknowledged is true, there is one outcome, and the books of the branches agree with
// it.
#include <optional>

#include "accounts.h"
#include "scene.h"

namespace troth::testing {
namespace {

using enum TransactionStatus;

const Names kNames{"a", "b", "c"};

// What goes wrong beside the crash.
enum class Trouble { kNone, kLostReplies, kRefusal };

// What the application was told before it died with the process.
struct Told {
  bool begun = false;
  size_t called = 0;  // branches whose call was answered OK
  std::optional<TransactionStatus> end;
};

size_t CallsOf(const World& world, std::string_view op) {
  size_t count = 0;
  for (const RecordedCall& call : world.calls()) count += call.context.op == op ? 1 : 0;
  return count;
}

// One run: `act` under a crash after the n-th effect and, after the next open, after the second-th.
// True: it got through without the first crash.
template <class Act>
bool Run(World& world, size_t n, size_t second, const Act& act) {
  world.CrashAfter(n);
  act();
  world.RunUntilIdle();
  if (!world.crashed()) return true;
  REQUIRE(world.Reopen().ok());
  if (second != 0) world.CrashAfter(second);
  world.RunUntilIdle();
  if (world.crashed()) {
    REQUIRE(world.Reopen().ok());
    world.RunUntilIdle();
  }
  return false;
}

// The end of a two-phase transaction, against what was told and what the branches did (I5–I8, I19,
// I32).
void CheckTwoPhase(World& world, Accounts& accounts, const std::string& gid, const Told& told,
                   std::string_view commit, std::string_view rollback) {
  const Result<TransactionRecord> record = world.coordinator().Query(gid);
  if (!record.ok()) {
    CHECK(record.status().code() == StatusCode::kNotFound);
    CHECK_FALSE(told.begun);
    CHECK(world.calls().empty());
    return;
  }
  const bool succeeded = record->status == kSucceed;
  CHECK((succeeded || record->status == kFailed));
  if (told.end) CHECK(record->status == *told.end);
  CHECK(record->branches.size() >= 2 * told.called);
  CHECK((CallsOf(world, commit) == 0 || CallsOf(world, rollback) == 0));
  CHECK((succeeded ? CallsOf(world, rollback) : CallsOf(world, commit)) == 0);
  for (const BranchRecord& branch : record->branches) {
    const bool owed = branch.op == (succeeded ? commit : rollback);
    CHECK(branch.status == (owed ? BranchStatus::kSucceed : BranchStatus::kPrepared));
  }
  for (const std::string& name : kNames) {
    CAPTURE(name);
    CHECK(accounts.held(name) == 0);
    CHECK(accounts.balance(name) == (succeeded ? 7 : 0));
  }
}

// Calls the branches in turn; false when the application gives up.
template <class Session, class BranchOf>
bool CallAll(Session& session, const BranchOf& branch_of, Told& told) {
  for (const std::string& name : kNames) {
    if (!session.Call(branch_of(name)).ok()) return false;
    ++told.called;
  }
  return true;
}

template <class Session>
void Decide(Session& session, bool commits, Told& told) {
  const Status decided = commits ? session.Commit() : session.Rollback("trouble");
  if (decided.ok()) told.end = commits ? kSucceed : kFailed;
}

bool TccRun(size_t n, size_t second, Trouble trouble, bool concurrent) {
  World world({.commit_time = 2ms});
  Accounts accounts;
  for (const std::string& name : kNames) {
    for (const char* op : {"try", "confirm", "cancel"}) {
      world.Branch(Url(name, op)).Do(accounts.Reserve(name, 7));
    }
  }
  if (trouble != Trouble::kNone) {
    world.Branch(Url("a", "confirm")).RunButLoseReply().Answer(500);
    world.Branch(Url("c", "cancel")).RunButLoseReply().Answer(500);
  }
  if (trouble == Trouble::kRefusal) world.Branch(Url("c", "try")).RunButLoseReply();
  const TccOptions options{.concurrent = concurrent};
  Told told;
  const bool through = Run(world, n, second, [&] {
    Result<Tcc> tcc = Tcc::Begin(world.coordinator(), options);
    if (!tcc.ok()) return;
    told.begun = true;
    Decide(*tcc, CallAll(*tcc, Trip, told), told);
  });
  CheckTwoPhase(world, accounts, options.gid, told, "confirm", "cancel");
  return through;
}

bool XaRun(size_t n, size_t second, Trouble trouble, bool) {
  World world({.commit_time = 2ms});
  Accounts accounts;
  for (const std::string& name : kNames) {
    world.Branch(Url(name, "xa")).Do(accounts.Reserve(name, 7));
  }
  if (trouble == Trouble::kRefusal) world.Branch(Url("c", "xa")).RunButLoseReply().Answer(500);
  if (trouble == Trouble::kLostReplies) {
    world.Branch(Url("a", "xa")).Succeed().RunButLoseReply().Answer(500);
  }
  const XaOptions options;
  Told told;
  const bool through = Run(world, n, second, [&] {
    Result<Xa> xa = Xa::Begin(world.coordinator(), options);
    if (!xa.ok()) return;
    told.begun = true;
    Decide(*xa, CallAll(*xa, Bank, told), told);
  });
  CheckTwoPhase(world, accounts, options.gid, told, "commit", "rollback");
  return through;
}

// The application prepares, commits its own row, and submits; or it dies anywhere in between.
bool MessageRun(size_t n, size_t second, Trouble trouble, bool concurrent) {
  World world({.commit_time = 2ms});
  Accounts accounts;
  for (const std::string& name : kNames) {
    world.Branch(Url(name, "do")).Do(accounts.Add(name, 7));
  }
  world.Branch(kAsk).Do(accounts.CheckBack());
  if (trouble == Trouble::kLostReplies) {
    world.Branch(Url("b", "do")).RunButLoseReply().Fail("no");
    world.Branch(kAsk).RunButLoseReply();
  }
  Message message = News(kNames);
  message.concurrent = concurrent;
  Told told;
  const bool through = Run(world, n, second, [&] {
    told.begun = world.coordinator().Prepare(message).ok();
    if (!told.begun) return;
    if (trouble == Trouble::kRefusal) {  // the business fails
      if (world.coordinator().Abort(message.gid, "no").ok()) told.end = kFailed;
      return;
    }
    if (!accounts.Commit(message.gid)) return;
    if (world.coordinator().SubmitPrepared(message).ok()) told.end = kSucceed;
  });
  const Result<TransactionRecord> record = world.coordinator().Query(message.gid);
  const bool committed = accounts.committed(message.gid);
  if (record.ok()) {
    CHECK(record->status == (committed ? kSucceed : kFailed));  // I15: exactly as the row
    if (told.end) CHECK(record->status == *told.end);
  } else {
    CHECK_FALSE(told.begun);
    CHECK_FALSE(committed);
  }
  if (!committed) CHECK(CallsOf(world, "action") == 0);
  for (const std::string& name : kNames) CHECK(accounts.balance(name) == (committed ? 7 : 0));
  return through;
}

// Until a run gets through; `effects_min` shows that there was something to go through.
template <class OneRun>
void Matrix(const OneRun& run, size_t effects_min) {
  for (const Trouble trouble : {Trouble::kNone, Trouble::kLostReplies, Trouble::kRefusal}) {
    for (const bool concurrent : {false, true}) {
      for (const size_t second : {0u, 1u, 2u, 5u}) {
        size_t n = 1;
        for (bool through = false; !through && n < 200; ++n) {
          CAPTURE(n);
          CAPTURE(second);
          CAPTURE(static_cast<int>(trouble));
          CAPTURE(concurrent);
          through = run(n, second, trouble, concurrent);
        }
        CHECK(n > effects_min);
        CHECK(n < 200);
      }
    }
  }
}

TEST_CASE("mode crash: a TCC, after every effect") { Matrix(TccRun, 15); }
TEST_CASE("mode crash: an XA transaction, after every effect") { Matrix(XaRun, 15); }
TEST_CASE("mode crash: a message, after every effect") { Matrix(MessageRun, 4); }

TEST_CASE(
    "mode crash: a repeated submit after the crash finds what was acknowledged, and runs once") {
  for (size_t n = 1; n < 40; ++n) {
    CAPTURE(n);
    World world({.commit_time = 2ms});
    Accounts accounts;
    world.Branch(Url("a", "do")).Do(accounts.Add("a", 7));
    const Message message = News({"a"});
    world.CrashAfter(n);
    const bool told = world.coordinator().Submit(message).ok();
    world.RunUntilIdle();
    const bool through = !world.crashed();
    REQUIRE(world.Reopen().ok());
    const Result<Accepted> again = world.coordinator().Submit(message);
    REQUIRE(again.ok());
    if (told) CHECK(again->repeated);
    CHECK(Wait(world, message.gid).succeeded());
    CHECK(accounts.balance("a") == 7);
    if (through) return;
  }
  FAIL("no run got through");
}

}  // namespace
}  // namespace troth::testing
