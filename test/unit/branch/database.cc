#include "database.h"

#include <stdlib.h>

#include <doctest/doctest.h>
#include <filesystem>

namespace troth::test {

Bank::Bank() {
  std::string name = std::filesystem::temp_directory_path() / "troth-branch-XXXXXX";
  REQUIRE(mkdtemp(name.data()) != nullptr);
  folder_ = name;
  const Connection db = Connect();
  Run(db.get(), "PRAGMA journal_mode = WAL");
  Run(db.get(), "CREATE TABLE account(balance INTEGER); INSERT INTO account VALUES(0)");
  REQUIRE(SqliteBarrier::CreateTable(db.get()).ok());
}

Bank::~Bank() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Connection Bank::Connect(int busy_timeout_ms) const {
  sqlite3* db = nullptr;
  const int code = sqlite3_open((folder_ + "/bank.db").c_str(), &db);
  Connection connection(db);
  REQUIRE(code == SQLITE_OK);
  sqlite3_busy_timeout(db, busy_timeout_ms);
  // What survives a power loss is not what these tests are about.
  Run(db, "PRAGMA synchronous = OFF");
  return connection;
}

void Run(sqlite3* db, const std::string& sql) {
  CAPTURE(sql);
  const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
  REQUIRE_MESSAGE(code == SQLITE_OK, sqlite3_errmsg(db));
}

std::string ReadText(sqlite3* db, const std::string& sql) {
  CAPTURE(sql);
  sqlite3_stmt* statement = nullptr;
  REQUIRE(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
  std::string text;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    const int last = sqlite3_column_count(statement) - 1;
    const unsigned char* value = sqlite3_column_text(statement, last);
    if (!text.empty()) text += '\n';
    if (value != nullptr) text += reinterpret_cast<const char*>(value);
  }
  REQUIRE(sqlite3_finalize(statement) == SQLITE_OK);
  return text;
}

int64_t ReadInt(sqlite3* db, const std::string& sql) { return std::stoll(ReadText(db, sql)); }

int64_t Balance(sqlite3* db) { return ReadInt(db, "SELECT balance FROM account"); }

int64_t Rows(sqlite3* db) { return ReadInt(db, "SELECT count(*) FROM troth_barrier"); }

bool IsInTransaction(sqlite3* db) { return sqlite3_get_autocommit(db) == 0; }

BranchResult Deposit(sqlite3* db, int64_t amount) {
  const std::string sql = "UPDATE account SET balance = balance + " + std::to_string(amount);
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return BranchResult::Success();
  }
  return BranchResult::Unknown(sqlite3_errmsg(db));
}

BranchContext ContextFor(std::string op, std::string gid, std::string branch_id) {
  const bool tcc = op == "try" || op == "confirm" || op == "cancel";
  return {.gid = std::move(gid),
          .trans_type = tcc           ? "tcc"
                        : op == "msg" ? "msg"
                                      : "saga",
          .branch_id = std::move(branch_id),
          .op = std::move(op)};
}

const char* VerdictName(BranchResult::Verdict verdict) {
  switch (verdict) {
    case BranchResult::Verdict::kSuccess:
      return "success";
    case BranchResult::Verdict::kFailure:
      return "failure";
    case BranchResult::Verdict::kOngoing:
      return "ongoing";
    case BranchResult::Verdict::kUnknown:
      return "unknown";
  }
  return "";
}

}  // namespace troth::test
