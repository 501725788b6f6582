// One commit: a line in the till's journal and a saga or a message, or neither.
#include <troth/outbox.h>

#include "desk.h"

using namespace std::chrono_literals;

namespace {

constexpr std::string_view kKind = "outbox";

// What the order of a saga costs is paid between the banks; a message gives away what the till has
// paid.
struct Order {
  std::string gid;
  int amount;
  std::function<troth::Result<troth::OutboxTicket>()> submit;
};

Order OrderSaga(Desk& desk) {
  troth::Saga saga = DrawSaga(desk, kKind);
  return {.gid = saga.gid, .amount = 0, .submit = [&desk, saga] {
            return troth::SubmitInTransaction(desk.coordinator, desk.till.db(), saga);
          }};
}

Order OrderMessage(Desk& desk) {
  troth::Message message{.gid = NewGidOf(kKind)};
  const int amount = 2 + 2 * static_cast<int>(desk.Below(50));
  GiveAway(desk, message, amount);
  return {.gid = message.gid, .amount = -amount, .submit = [&desk, message] {
            return troth::SubmitInTransaction(desk.coordinator, desk.till.db(), message);
          }};
}

}  // namespace

void OrderInOneCommit(Desk& desk) {
  const Order order = desk.OneIn(2) ? OrderSaga(desk) : OrderMessage(desk);
  const auto check = [&](bool done) {
    if (!done) Fail("the till", {troth::StatusCode::kUnknown, desk.till.Unknown().text()});
  };
  check(desk.till.Run("BEGIN IMMEDIATE"));
  const auto entered = desk.till.Enter(order.gid, "00", "order", order.amount);
  check(entered.verdict() == troth::BranchResult::Verdict::kSuccess);
  std::optional<troth::OutboxTicket> ticket;
  {
    auto submitted = order.submit();
    if (!submitted.ok()) Fail("SubmitInTransaction", submitted.status());
    if (!desk.OneIn(5)) ticket = *std::move(submitted);  // else it is dropped too early
  }
  if (desk.OneIn(6)) {
    check(desk.till.Run("ROLLBACK"));
    return;
  }
  check(desk.till.Run("COMMIT"));
  SayAccepted(order.gid);
  if (!ticket || desk.OneIn(2)) return;
  const auto adopted = ticket->WaitAdopted(10s);
  if (!adopted.ok() && adopted.status().code() != troth::StatusCode::kDeadlineExceeded) {
    Fail("WaitAdopted", adopted.status());
  }
  if (adopted.ok()) desk.MayWait(order.gid);
}
