// Sagas: sequential, concurrent, in an order; with a time-out, cancelled, submitted twice.
#include "desk.h"

using namespace std::chrono_literals;

namespace {

void SubmitAgain(Desk& desk, const troth::Saga& saga) {
  const auto again = desk.coordinator.Submit(saga);
  const bool right =
      again.ok() ? again->repeated : again.status().code() == troth::StatusCode::kAborted;
  if (!right) Fail("a second Submit", again.status());
}

}  // namespace

troth::Saga DrawSaga(Desk& desk, std::string_view kind) {
  troth::Saga saga{.gid = NewGidOf(kind)};
  for (const Part& part : desk.DrawRiskyTransfer()) {
    saga.Add({.action = part.bank + "/saga/action",
              .compensate = part.bank + "/saga/compensate",
              .payload = std::to_string(part.amount)});
  }
  if (desk.OneIn(3)) {
    saga.concurrent = true;
    if (desk.OneIn(2)) saga.orders[saga.steps.size() - 1] = {0};
  }
  if (desk.OneIn(20)) saga.timeout_to_fail = desk.Milliseconds(20, 320);
  return saga;
}

void TransferBySaga(Desk& desk) {
  const troth::Saga saga = DrawSaga(desk, "saga");
  const auto accepted = desk.coordinator.Submit(saga);
  if (!accepted.ok()) Fail("Submit", accepted.status());
  SayAccepted(saga.gid);
  switch (desk.Below(20)) {
    case 0:
      return desk.Cancel(saga.gid);
    case 1:
      return SubmitAgain(desk, saga);
    default:
      return desk.MayWait(saga.gid);
  }
}
