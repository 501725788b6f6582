// A message's branch: its action, which may not refuse; and the check-back, which says what the
// application's till holds.
#include <troth/sqlite.h>

#include "branch.h"

troth::BranchResult AnswerMessage(Book& book, const troth::BranchContext& context, int amount) {
  troth::SqliteBarrier barrier(context);
  if (context.op == "msg") return barrier.QueryPrepared(book.db());
  return barrier.Call(book.db(), [&] { return book.Enter(context, amount); });
}
