// Whatever is lost, doubled, late, reordered, refused or interrupted: an action that was not
// compensated is done once, a compensated one comes to nothing. TROTH_TEST_SEED repeats a run.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "database.h"
#include "troth/sqlite.h"

namespace troth::test {
namespace {

using enum BranchResult::Verdict;

uint64_t FirstSeed() {
  const char* given = std::getenv("TROTH_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  // 0 to n - 1.
  int Roll(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine_); }
  template <class T>
  void Shuffle(std::vector<T>& values) {
    std::shuffle(values.begin(), values.end(), engine_);
  }

 private:
  std::mt19937_64 engine_;
};

// Interrupts what SQLite does after so many steps, once: inside the barrier's statements, the
// work's, or the commit.
class Interrupter {
 public:
  Interrupter(sqlite3* db, int steps) : db_(db), steps_(steps) {
    sqlite3_progress_handler(db, 1, &Interrupter::Step, this);
  }
  ~Interrupter() { sqlite3_progress_handler(db_, 0, nullptr, nullptr); }
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;

  bool fired() const { return steps_ <= 0; }

 private:
  static int Step(void* self) { return --static_cast<Interrupter*>(self)->steps_ == 0; }
  sqlite3* db_;
  int steps_;
};

// How one delivery goes wrong, if it does.
enum class Fault { kNone, kFailure, kOngoing, kUnknown, kThrow, kInterrupt, kCommitRefused };

constexpr int64_t kAmount = 100;

// The work of an action or a compensation that first does what it should and then goes wrong.
BranchResult Work(sqlite3* db, int64_t amount, Fault fault) {
  const BranchResult done = Deposit(db, amount);
  if (done.verdict() != kSuccess) return done;
  if (fault == Fault::kFailure) return BranchResult::Failure("no");
  if (fault == Fault::kOngoing) return BranchResult::Ongoing();
  if (fault == Fault::kUnknown) return BranchResult::Unknown("?");
  if (fault == Fault::kThrow) throw std::runtime_error("thrown");
  return done;
}

// One call of one operation of two local transactions, as a branch's handler would make it.
BranchResult Deliver(sqlite3* db, const std::string& op, Fault fault, Dice& dice) {
  const int64_t sign = op == "action" ? 1 : -1;
  const int faulty = dice.Roll(2);
  SqliteBarrier barrier(ContextFor(op));
  BranchResult result = BranchResult::Success();
  for (int part = 0; part < 2 && result.verdict() == kSuccess; ++part) {
    const Fault here = part == faulty ? fault : Fault::kNone;
    const auto work = [&] { return Work(db, sign * (kAmount + part), here); };
    if (here == Fault::kCommitRefused) {
      sqlite3_commit_hook(
          db, [](void*) { return 1; }, nullptr);
    }
    if (here == Fault::kInterrupt) {
      const Interrupter interrupter(db, 1 + dice.Roll(150));
      result = barrier.Call(db, work);
    } else {
      result = barrier.Call(db, work);
    }
    sqlite3_commit_hook(db, nullptr, nullptr);
    REQUIRE_FALSE(IsInTransaction(db));
  }
  return result;
}

// The deliveries of a transaction, in any order; then, as a coordinator would, those that are owed,
// until they answer success; then late repeats of all of them. Gives the balance.
int64_t PlayOne(sqlite3* db, bool compensated, Dice& dice) {
  Run(db, "DELETE FROM troth_barrier; UPDATE account SET balance = 0");
  std::vector<std::string> ops(1 + dice.Roll(4), "action");
  if (compensated) ops.insert(ops.end(), 1 + dice.Roll(3), "compensate");
  dice.Shuffle(ops);
  for (const std::string& op : ops) {
    (void)Deliver(db, op, static_cast<Fault>(dice.Roll(7)), dice);
  }
  const std::string owed = compensated ? "compensate" : "action";
  while (Deliver(db, owed, static_cast<Fault>(dice.Roll(7)), dice).verdict() != kSuccess) {
  }
  dice.Shuffle(ops);
  for (const std::string& op : ops) (void)Deliver(db, op, Fault::kNone, dice);
  return Balance(db);
}

}  // namespace

TEST_CASE("random deliveries with a fault at any point come to once or to nothing") {
  const Bank bank;
  const Connection db = bank.Connect();
  const uint64_t first = FirstSeed();
  for (uint64_t seed = first; seed < first + 1500; ++seed) {
    CAPTURE(seed);
    Dice dice(seed);
    const bool compensated = dice.Roll(2) == 0;
    CAPTURE(compensated);
    REQUIRE(PlayOne(db.get(), compensated, dice) == (compensated ? 0 : 2 * kAmount + 1));
  }
}

TEST_CASE("an interruption at any step of a call leaves all of it or nothing") {
  const Bank bank;
  const Connection db = bank.Connect();
  const auto work = [&] { return Deposit(db.get(), 1); };
  bool through = false;
  for (int steps = 1; !through; ++steps) {
    REQUIRE(steps < 10'000);
    CAPTURE(steps);
    Run(db.get(), "DELETE FROM troth_barrier; UPDATE account SET balance = 0");
    SqliteBarrier barrier(ContextFor("action"));
    BranchResult result = BranchResult::Unknown("not called");
    {
      const Interrupter interrupter(db.get(), steps);
      result = barrier.Call(db.get(), work);
      through = !interrupter.fired();
    }
    REQUIRE_FALSE(IsInTransaction(db.get()));
    REQUIRE(Rows(db.get()) == Balance(db.get()));
    // Unknown may be either: a COMMIT that is interrupted can have taken effect.
    if (result.verdict() == kSuccess) REQUIRE(Balance(db.get()) == 1);
    REQUIRE(barrier.Call(db.get(), work).verdict() == kSuccess);
    REQUIRE(Balance(db.get()) == (result.verdict() == kSuccess ? 2 : 1));
  }
}

TEST_CASE("an interruption at any step of Enter leaves its rows or nothing, as it answers") {
  const Bank bank;
  const Connection db = bank.Connect();
  bool through = false;
  for (int steps = 1; !through; ++steps) {
    REQUIRE(steps < 10'000);
    CAPTURE(steps);
    Run(db.get(), "BEGIN IMMEDIATE");
    REQUIRE(Deposit(db.get(), 1).verdict() == kSuccess);
    Result<BarrierVerdict> verdict = Status(StatusCode::kUnknown, "not called");
    bool interrupted = true;
    {
      const Interrupter interrupter(db.get(), steps);
      verdict = SqliteBarrier(ContextFor("compensate")).Enter(db.get());
      interrupted = interrupter.fired();
    }
    through = !interrupted;
    if (verdict.ok()) REQUIRE(*verdict == BarrierVerdict::kNullCompensation);
    REQUIRE(Rows(db.get()) == (verdict.ok() ? 2 : 0));
    // SQLite rolls back by itself when it is interrupted in an INSERT; else the caller's own change
    // is there, and the caller ends its transaction.
    REQUIRE(Balance(db.get()) == (IsInTransaction(db.get()) ? 1 : 0));
    if (IsInTransaction(db.get())) Run(db.get(), "ROLLBACK");
  }
}

TEST_CASE("late, doubled and reordered calls from many threads come to once or to nothing") {
  constexpr int kThreads = 8;
  constexpr int kGids = 40;
  constexpr std::array<const char*, 5> kOps = {"action", "action", "action", "compensate",
                                               "compensate"};
  const Bank bank;
  Run(bank.Connect().get(), "CREATE TABLE effect(gid TEXT, amount INTEGER)");
  struct Delivery {
    std::string gid;
    std::string op;
  };
  std::vector<Delivery> deliveries;
  for (int gid = 0; gid < kGids; ++gid) {
    // Every other transaction is compensated.
    const size_t count = gid % 2 == 0 ? kOps.size() : 3;
    for (size_t i = 0; i < count; ++i) deliveries.push_back({std::to_string(gid), kOps[i]});
  }
  const uint64_t seed = FirstSeed();
  CAPTURE(seed);
  Dice(seed).Shuffle(deliveries);

  std::atomic<size_t> next = 0;
  std::atomic<int> unanswered = 0;
  std::vector<Connection> connections;
  for (int i = 0; i < kThreads; ++i) connections.push_back(bank.Connect());
  const auto deliver = [&](sqlite3* db, Dice dice) {
    for (size_t i = next++; i < deliveries.size(); i = next++) {
      const Delivery& delivery = deliveries[i];
      const std::string sql = "INSERT INTO effect VALUES('" + delivery.gid + "', " +
                              (delivery.op == "action" ? "1" : "-1") + ")";
      BranchResult result = BranchResult::Unknown("not called");
      for (int attempt = 0; attempt < 20 && result.verdict() != kSuccess; ++attempt) {
        SqliteBarrier barrier(ContextFor(delivery.op, delivery.gid));
        result = barrier.Call(db, [&] {
          if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
            return BranchResult::Unknown(sqlite3_errmsg(db));
          }
          return dice.Roll(3) == 0 ? BranchResult::Unknown("?") : BranchResult::Success();
        });
      }
      if (result.verdict() != kSuccess) ++unanswered;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back(deliver, connections[i].get(), Dice(seed + 1 + i));
    }
  }
  CHECK(unanswered == 0);
  sqlite3* db = connections[0].get();
  CHECK(ReadInt(db, "SELECT count(*) FROM effect WHERE gid % 2 = 1") == kGids / 2);
  CHECK(ReadInt(db, "SELECT count(DISTINCT gid) FROM effect WHERE gid % 2 = 1") == kGids / 2);
  CHECK(ReadInt(db,
                "SELECT count(*) FROM (SELECT gid FROM effect WHERE gid % 2 = 0 GROUP BY gid"
                " HAVING sum(amount) <> 0 OR count(*) > 2)") == 0);
}

}  // namespace troth::test
