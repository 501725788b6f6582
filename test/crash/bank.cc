// A bank that behaves badly: it refuses, is slow, does the work and says that it did not, cuts the
// connection. Only its database is honest: the balance, and a journal with a line for each effect.
//
//   crash_bank DATABASE PORT SEED LATE_MS
//
// Port 0 takes a free one; the first line that it prints says which. The payload of a call is the
// amount to add to the balance; its compensation takes it off again. LATE_MS is longer than callers
// wait.
#include <sqlite3.h>
#include <troth/httplib.h>
#include <troth/sqlite.h>

#include <cstdio>
#include <cstdlib>
#include <random>

namespace {

using troth::BranchContext;
using troth::BranchResult;

// Larger amounts are refused, always.
constexpr int kAmountMax = 1000;

enum class Fault {
  kNone,
  kSlow,
  kRefuses,      // an action, with 409; nothing done
  kDoesRefuses,  // an action: done, then 409
  kFails,        // 500, nothing done
  kDoesFails,    // done, then 500
  kDoesCuts,     // done, then the connection ends within the answer
  kLate,         // nobody waits any more when it is done
  kDoesLate,     // done at once, and nobody waits any more for the answer
  kOngoing,      // 425, nothing done
  kDoesOngoing,  // done, then 425
};

class Faults {
 public:
  explicit Faults(unsigned seed) : random_(seed) {}

  Fault Draw(bool is_action) {
    // Percent of all calls; the rest is done as it should be.
    static constexpr std::pair<Fault, unsigned> kShares[] = {
        {Fault::kSlow, 10},      {Fault::kRefuses, 3},   {Fault::kDoesRefuses, 2},
        {Fault::kFails, 3},      {Fault::kDoesFails, 4}, {Fault::kDoesCuts, 4},
        {Fault::kLate, 3},       {Fault::kDoesLate, 3},  {Fault::kOngoing, 2},
        {Fault::kDoesOngoing, 2}};
    unsigned drawn = Below(100);
    for (const auto& [fault, share] : kShares) {
      if (drawn < share) {
        const bool refuses = fault == Fault::kRefuses || fault == Fault::kDoesRefuses;
        return refuses && !is_action ? Fault::kNone : fault;
      }
      drawn -= share;
    }
    return Fault::kNone;
  }

  unsigned Below(unsigned end) {
    const std::lock_guard lock(mutex_);
    return static_cast<unsigned>(random_() % end);
  }

 private:
  std::mutex mutex_;
  std::mt19937 random_;
};

class Bank {
 public:
  Bank(const char* path, unsigned seed, std::chrono::milliseconds late)
      : faults_(seed), late_(late) {
    // What was committed outlives a kill of the process; a power cut is another test.
    const bool open = sqlite3_open(path, &db_) == SQLITE_OK &&
                      Execute(
                          "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                          "CREATE TABLE IF NOT EXISTS balance(amount INTEGER);"
                          "INSERT INTO balance SELECT 0 WHERE NOT EXISTS"
                          " (SELECT 1 FROM balance);"
                          "CREATE TABLE IF NOT EXISTS journal"
                          "(gid TEXT, branch_id TEXT, op TEXT, amount INTEGER)");
    const troth::Status made = troth::SqliteBarrier::CreateTable(db_);
    if (open && made.ok()) return;
    std::fprintf(stderr, "%s: %s %s\n", path, sqlite3_errmsg(db_), made.ToString().c_str());
    std::exit(1);
  }

  void Answer(const httplib::Request& request, httplib::Response& response) {
    const troth::Result<BranchContext> context = troth::ContextOf(request);
    if (!context.ok()) {
      response.status = 400;
      return;
    }
    const int amount = std::atoi(request.body.c_str());
    const Fault fault = faults_.Draw(context->op == "action");
    const BranchResult result = Behave(fault, *context, amount);
    if (fault == Fault::kDoesCuts) {
      response.set_content_provider(100, "text/plain", [](size_t, size_t, httplib::DataSink&) {
        return false;  // the header promised a hundred bytes
      });
      return;
    }
    troth::SetAnswer(response, troth::ToHttp(result));
  }

 private:
  BranchResult Behave(Fault fault, const BranchContext& context, int amount) {
    switch (fault) {
      case Fault::kNone:
      case Fault::kDoesCuts:
        return Do(context, amount);
      case Fault::kSlow:
        std::this_thread::sleep_for(std::chrono::milliseconds(faults_.Below(50)));
        return Do(context, amount);
      case Fault::kRefuses:
        return BranchResult::Failure("refused");
      case Fault::kDoesRefuses:
        return (void)Do(context, amount), BranchResult::Failure("refused, after it was done");
      case Fault::kFails:
        return BranchResult::Unknown("out of order");
      case Fault::kDoesFails:
        return (void)Do(context, amount), BranchResult::Unknown("out of order, after it was done");
      case Fault::kLate:
        std::this_thread::sleep_for(late_);
        return Do(context, amount);
      case Fault::kDoesLate: {
        const BranchResult result = Do(context, amount);
        std::this_thread::sleep_for(late_);
        return result;
      }
      case Fault::kOngoing:
        return BranchResult::Ongoing();
      case Fault::kDoesOngoing:
        return (void)Do(context, amount), BranchResult::Ongoing();
    }
    return BranchResult::Unknown("no such fault");
  }

  BranchResult Do(const BranchContext& context, int amount) {
    const std::lock_guard lock(mutex_);  // one connection: one transaction at a time
    return troth::SqliteBarrier(context).Call(db_, [&] {
      const bool is_action = context.op == "action";
      if (is_action && amount > kAmountMax) return BranchResult::Failure("too much");
      const std::string effect = std::to_string(is_action ? amount : -amount);
      const std::string sql = "UPDATE balance SET amount = amount + " + effect +
                              "; INSERT INTO journal VALUES ('" + context.gid + "', '" +
                              context.branch_id + "', '" + context.op + "', " + effect + ")";
      if (!Execute(sql.c_str())) return BranchResult::Unknown(sqlite3_errmsg(db_));
      return BranchResult::Success();
    });
  }

  bool Execute(const char* sql) {
    return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  Faults faults_;
  const std::chrono::milliseconds late_;
  std::mutex mutex_;
  sqlite3* db_ = nullptr;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return std::fprintf(stderr, "crash_bank DATABASE PORT SEED LATE_MS\n"), 2;
  Bank bank(arguments[1], static_cast<unsigned>(std::atoi(arguments[3])),
            std::chrono::milliseconds(std::atoi(arguments[4])));
  httplib::Server server;
  server.new_task_queue = [] { return new troth::ElasticTaskQueue; };
  server.set_keep_alive_max_count(100);
  server.set_tcp_nodelay(true);
  server.Post("/.*", [&](const httplib::Request& request, httplib::Response& response) {
    bank.Answer(request, response);
  });
  const int wanted = std::atoi(arguments[2]);
  const int port = wanted != 0 && server.bind_to_port("127.0.0.1", wanted)
                       ? wanted
                       : server.bind_to_any_port("127.0.0.1");
  std::printf("port %d\n", port);
  std::fflush(stdout);
  return server.listen_after_bind() ? 0 : 1;
}
