// A bank: a branch service in a process of its own, with a database of its own and the barrier.
//
//   bank DATABASE PORT DELAY_MS [ACCOUNT=BALANCE | ACCOUNT=closed]...
//
// Port 0 takes a free one. It serves TransOut, TransOutRevert, TransIn and TransInRevert, whose
// payload is {"account": NAME, "amount": NUMBER}; TransIn takes DELAY_MS. On its standard output it
// says its port first, then a line for each call.
#include <sqlite3.h>
#include <troth/httplib.h>
#include <troth/sqlite.h>

#include <cstdio>
#include <cstdlib>

namespace {

using std::chrono::milliseconds;
using troth::BranchContext;
using troth::BranchResult;

void Say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// One statement with its parameters; ends with its owner.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) { sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  Statement& Bind(int number, std::string_view text) {
    sqlite3_bind_text(statement_, number, text.data(), static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
    return *this;
  }
  // SQLITE_ROW, SQLITE_DONE or an error.
  int Step() { return sqlite3_step(statement_); }
  std::string Text(int column) {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    return text ? reinterpret_cast<const char*>(text) : "";
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// What a branch operation is called and does.
struct Operation {
  const char* path;
  const char* sign;  // of the amount, on the account
  bool is_action;    // only an action may refuse
  milliseconds delay;
};

class Bank {
 public:
  explicit Bank(const char* path) {
    if (sqlite3_open(path, &db_) != SQLITE_OK || !Execute("PRAGMA journal_mode=WAL") ||
        !Execute("CREATE TABLE IF NOT EXISTS account(name TEXT PRIMARY KEY,"
                 " balance INTEGER CHECK (balance >= 0), closed INTEGER)") ||
        !troth::SqliteBarrier::CreateTable(db_).ok()) {
      Say(std::string("cannot open: ") + sqlite3_errmsg(db_));
      std::exit(1);
    }
  }

  // "alice=100" or "carol=closed"; an account that is there already stays as it is.
  void OpenAccount(std::string_view wish) {
    const size_t equals = wish.find('=');
    Statement(db_, "INSERT OR IGNORE INTO account SELECT ?1, CAST(?2 AS INTEGER), ?2 = 'closed'")
        .Bind(1, wish.substr(0, equals))
        .Bind(2, wish.substr(equals + 1))
        .Step();
  }

  BranchResult Do(const Operation& operation, const BranchContext& context,
                  std::string_view payload) {
    if (operation.delay.count() > 0) {
      Say(std::string(operation.path) + ": looks into it, " +
          std::to_string(operation.delay.count()) + " ms");
      std::this_thread::sleep_for(operation.delay);
    }
    const std::lock_guard lock(mutex_);  // one connection: one transaction at a time
    std::string said;
    const BranchResult result =
        troth::SqliteBarrier(context).Call(db_, [&] { return Book(operation, payload, said); });
    if (said.empty()) said = "nothing to do: the barrier knows this call";
    if (result.verdict() == BranchResult::Verdict::kFailure) said = "refuses: " + result.text();
    if (result.verdict() == BranchResult::Verdict::kUnknown) said = "cannot now: " + result.text();
    Say(std::string(operation.path) + ": " + said);
    return result;
  }

 private:
  bool Execute(const char* sql) {
    return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  // The work itself, inside the barrier's transaction. What it has to tell is for after the commit.
  BranchResult Book(const Operation& operation, std::string_view payload, std::string& said) {
    Statement account(db_,
                      "SELECT name, closed, ?2 || json_extract(?1, '$.amount') FROM account"
                      " WHERE name = json_extract(?1, '$.account')");
    const int found = account.Bind(1, payload).Bind(2, operation.sign).Step();
    if (found == SQLITE_DONE && operation.is_action) return BranchResult::Failure("no account");
    if (found != SQLITE_ROW) return BranchResult::Unknown(sqlite3_errmsg(db_));
    const std::string name = account.Text(0);
    const std::string change = account.Text(2);
    if (account.Text(1) == "1" && operation.is_action) {
      return BranchResult::Failure("the account of " + name + " is closed");
    }

    Statement update(db_,
                     "UPDATE account SET balance = balance + CAST(?2 AS INTEGER) WHERE name = ?1"
                     " RETURNING balance");
    const int updated = update.Bind(1, name).Bind(2, change).Step();
    if (updated == SQLITE_CONSTRAINT && operation.is_action) {
      return BranchResult::Failure(name + " has too little");
    }
    if (updated != SQLITE_ROW) return BranchResult::Unknown(sqlite3_errmsg(db_));
    said = name + " " + change + ", has " + update.Text(0);
    return BranchResult::Success();
  }

  sqlite3* db_ = nullptr;
  std::mutex mutex_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return std::fprintf(stderr, "bank DATABASE PORT DELAY_MS ACCOUNT...\n"), 2;
  Bank bank(arguments[1]);
  for (int i = 4; i < count; ++i) bank.OpenAccount(arguments[i]);

  httplib::Server server;
  server.new_task_queue = [] { return new troth::ElasticTaskQueue; };
  server.set_keep_alive_max_count(1000);
  server.set_tcp_nodelay(true);
  const milliseconds delay(std::atoi(arguments[3]));
  for (const Operation& operation :
       {Operation{"TransOut", "-", true, {}}, Operation{"TransOutRevert", "+", false, {}},
        Operation{"TransIn", "+", true, delay}, Operation{"TransInRevert", "-", false, {}}}) {
    troth::Serve(server, std::string("/") + operation.path,
                 [&bank, operation](const BranchContext& context, std::string_view payload) {
                   return bank.Do(operation, context, payload);
                 });
  }
  const int wanted = std::atoi(arguments[2]);
  const int port = wanted != 0 && server.bind_to_port("127.0.0.1", wanted)
                       ? wanted
                       : server.bind_to_any_port("127.0.0.1");
  Say("port " + std::to_string(port));
  return server.listen_after_bind() ? 0 : 1;
}
