// A bank on an SQLite file of its own, for tests of the barrier: one account, and connections to
// it.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "troth/sqlite.h"

namespace troth::test {

struct CloseConnection {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

// A new folder with a WAL database that has the account and the barrier's table.
class Bank {
 public:
  Bank();
  ~Bank();
  Bank(const Bank&) = delete;
  Bank& operator=(const Bank&) = delete;

  Connection Connect(int busy_timeout_ms = 60'000) const;

 private:
  std::string folder_;
};

// All of them fail the test on an error.
void Run(sqlite3* db, const std::string& sql);
int64_t ReadInt(sqlite3* db, const std::string& sql);
std::string ReadText(sqlite3* db, const std::string& sql);

int64_t Balance(sqlite3* db);
int64_t Rows(sqlite3* db);  // of the barrier
bool IsInTransaction(sqlite3* db);

// What a branch's work does: success, or unknown with SQLite's text.
BranchResult Deposit(sqlite3* db, int64_t amount);

BranchContext ContextFor(std::string op, std::string gid = "g1", std::string branch_id = "01");

// Names a verdict in messages of failed tests.
const char* VerdictName(BranchResult::Verdict verdict);

}  // namespace troth::test
