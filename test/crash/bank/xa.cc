// An XA branch that keeps its prepared work as a database with XA does: from the action to the
// second phase it is there, durably, and changes nothing.
//
//   action     the work is prepared; refused when its rollback was here before
//   commit     prepared work is done and gone; without any there is nothing to do, as after a first
//              commit
//   rollback   prepared work is gone; a row without an amount stays, prepared work or not, so that
//              an action that comes late finds it
#include <sqlite3.h>

#include <optional>

#include "branch.h"

using troth::BranchContext;
using troth::BranchResult;

namespace {

// What the row of a branch says: none, prepared (with its amount), or its second phase was here.
struct Row {
  bool there = false;
  std::optional<int> amount;
};

std::optional<Row> ReadRow(Book& book, const BranchContext& context) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(book.db(), "SELECT amount FROM prepared WHERE gid = ? AND branch_id = ?", -1,
                     &statement, nullptr);
  sqlite3_bind_text(statement, 1, context.gid.c_str(), -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, context.branch_id.c_str(), -1, SQLITE_STATIC);
  const int result = sqlite3_step(statement);
  Row row{.there = result == SQLITE_ROW, .amount = {}};
  if (row.there && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
    row.amount = sqlite3_column_int(statement, 0);
  }
  sqlite3_finalize(statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE) return std::nullopt;
  return row;
}

bool WriteRow(Book& book, const BranchContext& context, const std::string& amount) {
  return book.Run("REPLACE INTO prepared VALUES(%Q, %Q, %s)", context.gid.c_str(),
                  context.branch_id.c_str(), amount.c_str());
}

BranchResult Prepare(Book& book, const BranchContext& context, const Row& row, int amount) {
  if (amount > kAmountMax) return BranchResult::Failure("too much");
  if (row.amount) return BranchResult::Success();
  if (row.there) return BranchResult::Failure("it was rolled back before");
  return WriteRow(book, context, std::to_string(amount)) ? BranchResult::Success() : book.Unknown();
}

BranchResult Commit(Book& book, const BranchContext& context, const Row& row) {
  if (!row.amount) return BranchResult::Success();
  if (!WriteRow(book, context, "NULL")) return book.Unknown();
  return book.Enter(context, *row.amount);
}

BranchResult Rollback(Book& book, const BranchContext& context) {
  return WriteRow(book, context, "NULL") ? BranchResult::Success() : book.Unknown();
}

BranchResult Do(Book& book, const BranchContext& context, int amount) {
  const std::optional<Row> row = ReadRow(book, context);
  if (!row) return book.Unknown();
  if (context.op == "action") return Prepare(book, context, *row, amount);
  if (context.op == "commit") return Commit(book, context, *row);
  return Rollback(book, context);
}

}  // namespace

BranchResult AnswerXa(Book& book, const BranchContext& context, int amount) {
  if (!book.Run("BEGIN IMMEDIATE")) return book.Unknown();
  BranchResult result = Do(book, context, amount);
  const bool success = result.verdict() == BranchResult::Verdict::kSuccess;
  if (success && book.Run("COMMIT")) return result;
  if (success) result = book.Unknown();
  if (!book.Run("ROLLBACK")) result = book.Unknown();
  return result;
}
