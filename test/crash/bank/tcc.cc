// A TCC's branch: the try freezes the amount, the confirm makes it available, the cancel drops it.
#include <troth/sqlite.h>

#include "branch.h"

using troth::BranchResult;

BranchResult AnswerTcc(Book& book, const troth::BranchContext& context, int amount) {
  return troth::SqliteBarrier(context).Call(book.db(), [&] {
    if (context.op == "confirm") return book.Enter(context, amount, -amount);
    if (context.op == "cancel") return book.Enter(context, 0, -amount);
    if (amount > kAmountMax) return BranchResult::Failure("too much");
    return book.Enter(context, 0, amount);
  });
}
