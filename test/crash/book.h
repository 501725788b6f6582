// The books of one bank, or of the application's till: an SQLite database with a balance, and a
// journal with a line for each effect. The checks read nothing else.
#pragma once

#include <troth/branch.h>

#include <string>

struct sqlite3;

// One connection: one thread at a time.
class Book {
 public:
  // Makes the tables where they are not there. Ends the program if it can't.
  explicit Book(const std::string& path);
  ~Book();
  Book(const Book&) = delete;
  Book& operator=(const Book&) = delete;

  // Runs one statement, or several, with the values in the place of %d and %Q.
  bool Run(const char* sql, ...);
  // Adds a line to the journal and its amounts to the balance, inside the caller's transaction:
  // success, or unknown when SQLite can't.
  troth::BranchResult Enter(const std::string& gid, const std::string& branch_id,
                            const std::string& op, int available, int frozen = 0);
  troth::BranchResult Enter(const troth::BranchContext& context, int available, int frozen = 0) {
    return Enter(context.gid, context.branch_id, context.op, available, frozen);
  }
  // For when Run was not true.
  troth::BranchResult Unknown() const;

  sqlite3* db() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
};
