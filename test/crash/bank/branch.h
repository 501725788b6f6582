// What a bank does when it is called, one function a protocol. The payload of a call is the amount
// to add to the bank's balance; what undoes a call has the payload of what it undoes.
#pragma once

#include <troth/branch.h>

#include "../book.h"

// A larger amount is refused, always, by whom the protocol lets refuse.
constexpr int kAmountMax = 1000;

troth::BranchResult AnswerSaga(Book& book, const troth::BranchContext& context, int amount);
troth::BranchResult AnswerTcc(Book& book, const troth::BranchContext& context, int amount);
troth::BranchResult AnswerXa(Book& book, const troth::BranchContext& context, int amount);
troth::BranchResult AnswerMessage(Book& book, const troth::BranchContext& context, int amount);

// Success: the coordinator has this XA branch, as it had before; only then its action goes on.
troth::BranchResult RegisterItself(const troth::BranchContext& context);
