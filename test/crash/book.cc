#include "book.h"

#include <sqlite3.h>
#include <troth/sqlite.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

using troth::BranchResult;

namespace {

// Several processes have the till open, and one of them may be slow.
constexpr int kPatienceMs = 10'000;

// What was committed outlives a kill of the process; a power cut is another test.
constexpr const char* kTables =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
    "CREATE TABLE IF NOT EXISTS balance(available INTEGER, frozen INTEGER);"
    "INSERT INTO balance SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM balance);"
    "CREATE TABLE IF NOT EXISTS journal(gid, branch_id, op, available INTEGER, frozen INTEGER);"
    // Each call that has arrived, whatever came of it.
    "CREATE TABLE IF NOT EXISTS called(gid, branch_id, op, PRIMARY KEY(gid, branch_id, op))"
    " WITHOUT ROWID;"
    // XA's prepared work. Without an amount: its second phase was here.
    "CREATE TABLE IF NOT EXISTS prepared(gid, branch_id, amount INTEGER,"
    " PRIMARY KEY(gid, branch_id)) WITHOUT ROWID";

}  // namespace

Book::Book(const std::string& path) {
  bool ready = sqlite3_open(path.c_str(), &db_) == SQLITE_OK;
  sqlite3_busy_timeout(db_, kPatienceMs);
  ready = ready && Run(kTables);
  const troth::Status barrier = troth::SqliteBarrier::CreateTable(db_);
  if (ready && barrier.ok()) return;
  std::fprintf(stderr, "%s: %s %s\n", path.c_str(), sqlite3_errmsg(db_),
               barrier.ToString().c_str());
  std::exit(1);
}

Book::~Book() { sqlite3_close(db_); }

bool Book::Run(const char* sql, ...) {
  va_list values;
  va_start(values, sql);
  char* text = sqlite3_vmprintf(sql, values);
  va_end(values);
  const bool done = sqlite3_exec(db_, text, nullptr, nullptr, nullptr) == SQLITE_OK;
  sqlite3_free(text);
  return done;
}

BranchResult Book::Enter(const std::string& gid, const std::string& branch_id,
                         const std::string& op, int available, int frozen) {
  const bool entered =
      Run("INSERT INTO journal VALUES(%Q, %Q, %Q, %d, %d);"
          "UPDATE balance SET available = available + %d, frozen = frozen + %d",
          gid.c_str(), branch_id.c_str(), op.c_str(), available, frozen, available, frozen);
  return entered ? BranchResult::Success() : Unknown();
}

BranchResult Book::Unknown() const { return BranchResult::Unknown(sqlite3_errmsg(db_)); }
