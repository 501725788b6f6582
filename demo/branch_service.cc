// The README's branch service: a bank with an account, served over HTTP to any coordinator.
#include <sqlite3.h>
#include <troth/httplib.h>
#include <troth/sqlite.h>

const char kTables[] =
    "CREATE TABLE IF NOT EXISTS account(balance INTEGER CHECK (balance >= 0));"
    "INSERT INTO account SELECT 100 WHERE NOT EXISTS (SELECT 1 FROM account)";

// Adds to the balance. Only a result of the business is a failure; all else is called again.
troth::BranchResult Add(sqlite3* db, int amount) {
  const std::string sql = "UPDATE account SET balance = balance + " + std::to_string(amount);
  const int error = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
  if (error == SQLITE_CONSTRAINT) return troth::BranchResult::Failure("not enough money");
  if (error != SQLITE_OK) return troth::BranchResult::Unknown(sqlite3_errmsg(db));
  return troth::BranchResult::Success();
}

int main(int, char** argv) {
  sqlite3* db = nullptr;
  if (sqlite3_open("bank.db", &db) != SQLITE_OK) return 1;
  if (sqlite3_exec(db, kTables, nullptr, nullptr, nullptr) != SQLITE_OK) return 1;
  if (!troth::SqliteBarrier::CreateTable(db).ok()) return 1;

  std::mutex mutex;  // one connection: one transaction at a time
  const auto branch = [&](int sign) {
    return [&, sign](const troth::BranchContext& context, std::string_view payload) {
      const std::lock_guard lock(mutex);
      const int amount = std::atoi(std::string(payload).c_str());
      return troth::SqliteBarrier(context).Call(db, [&] { return Add(db, sign * amount); });
    };
  };
  httplib::Server server;
  server.new_task_queue = [] { return new troth::ElasticTaskQueue; };
  troth::Serve(server, "/TransOut", branch(-1));
  troth::Serve(server, "/TransOutRevert", branch(+1));
  const int port = troth::Bind(server, "127.0.0.1", argv[1] ? std::atoi(argv[1]) : 8081);
  return port > 0 && server.listen_after_bind() ? 0 : 1;
}
