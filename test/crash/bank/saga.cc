// A saga's branch: the action moves the amount, the compensation moves it back.
#include <troth/sqlite.h>

#include "branch.h"

using troth::BranchResult;

BranchResult AnswerSaga(Book& book, const troth::BranchContext& context, int amount) {
  return troth::SqliteBarrier(context).Call(book.db(), [&] {
    if (context.op == "compensate") return book.Enter(context, -amount);
    if (amount > kAmountMax) return BranchResult::Failure("too much");
    return book.Enter(context, amount);
  });
}
