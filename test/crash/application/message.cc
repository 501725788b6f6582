// Messages, with and without a local transaction in the till before their actions.
#include <troth/outbox.h>
#include <troth/sqlite.h>

#include "session.h"

using namespace std::chrono_literals;

namespace {

constexpr std::string_view kTopic = "pair";

// What the barrier of the local transaction is entered with.
troth::BranchContext LocalTransactionOf(const std::string& gid) {
  return {.gid = gid,
          .trans_type = "msg",
          .branch_id = "00",
          .op = "msg",
          .coordinator = {},
          .phase2_url = {},
          .headers = {}};
}

int DrawAmount(Desk& desk) { return 2 + 2 * static_cast<int>(desk.Below(50)); }

void SetCheckBack(Desk& desk, troth::Message& message) {
  message.query_prepared = desk.OneIn(2) ? "local:prepared" : desk.till_url + "/msg/msg";
  message.timeout_to_fail = desk.Milliseconds(100, 1000);
}

void SubmitPrepared(Desk& desk, const troth::Message& message) {
  const auto submitted = desk.coordinator.SubmitPrepared(message);
  if (!submitted.ok()) Fail("SubmitPrepared", submitted.status());
  SayPromised(message.gid, kSucceed);
}

void Abort(Desk& desk, const std::string& gid) {
  const troth::Status aborted = desk.coordinator.Abort(gid, "not enough in the till");
  if (!aborted.ok()) Fail("Abort", aborted);
  SayPromised(gid, kFailed);
}

}  // namespace

troth::LocalBranch CheckBackOn(std::string till) {
  const auto look = [till = std::move(till)](const troth::BranchContext& context, std::string_view,
                                             std::stop_token) {
    return troth::SqliteBarrier(context).QueryPrepared(Book(till).db());
  };
  return {.name = "prepared", .function = look};
}

void SubscribeBanks(troth::Coordinator& coordinator, const std::vector<std::string>& banks) {
  for (size_t i = 0; i < 2; ++i) {
    const troth::Status status = coordinator.Subscribe(kTopic, banks[i] + "/msg/action");
    // A former life has done it.
    if (!status.ok() && status.code() != troth::StatusCode::kAlreadyExists) {
      Fail("Subscribe", status);
    }
  }
}

void GiveAway(Desk& desk, troth::Message& message, int amount) {
  const auto give = [&](const std::string& url, int part) {
    message.Add({.action = url, .payload = std::to_string(part)});
  };
  switch (desk.Below(3)) {
    case 0:
      give(desk.AnyBank() + "/msg/action", amount);
      break;
    case 1:
      give(desk.AnyBank() + "/msg/action", amount - 1);
      give(desk.AnyBank() + "/msg/action", 1);
      break;
    default:
      give("topic://" + std::string(kTopic), amount / 2);
  }
  message.concurrent = desk.OneIn(3);
  if (desk.OneIn(5)) message.delay = desk.Milliseconds(1, 500);
}

void TransferByMessage(Desk& desk) {
  troth::Message message{.gid = NewGidOf("msg")};
  const int amount = DrawAmount(desk);
  message.Add({.action = desk.AnyBank() + "/msg/action", .payload = std::to_string(-amount)});
  GiveAway(desk, message, amount);
  const auto accepted = desk.coordinator.Submit(message);
  if (!accepted.ok()) Fail("Submit", accepted.status());
  SayAccepted(message.gid);
  if (message.delay && desk.OneIn(2)) return desk.Cancel(message.gid);  // it may be too late
  SayPromised(message.gid, kSucceed);
  if (desk.OneIn(10)) {
    const auto again = desk.coordinator.Submit(message);
    if (!again.ok() || !again->repeated) Fail("a second Submit", again.status());
  }
  desk.MayWait(message.gid);
}

void PayByMessage(Desk& desk) {
  troth::Message message{.gid = NewGidOf("prepared")};
  const int amount = DrawAmount(desk);
  GiveAway(desk, message, amount);
  SetCheckBack(desk, message);
  const auto prepared = desk.coordinator.Prepare(message);
  if (!prepared.ok()) Fail("Prepare", prepared.status());
  SayAccepted(message.gid);
  if (desk.OneIn(20)) desk.Cancel(message.gid);  // asks the check-back at once
  const troth::BranchContext context = LocalTransactionOf(message.gid);
  const auto paid = troth::SqliteBarrier(context).Call(desk.till.db(), [&] {
    if (desk.OneIn(5)) return troth::BranchResult::Failure("not enough");
    return desk.till.Enter(context, -amount);
  });
  // Otherwise the check-back finds out.
  if (!desk.OneIn(3)) {
    paid.verdict() == troth::BranchResult::Verdict::kSuccess ? SubmitPrepared(desk, message)
                                                             : Abort(desk, message.gid);
  }
  desk.MayWait(message.gid);
}

void PayByDoAndSubmit(Desk& desk) {
  troth::Message message{.gid = NewGidOf("do")};
  const int amount = DrawAmount(desk);
  GiveAway(desk, message, amount);
  SetCheckBack(desk, message);
  if (desk.OneIn(3)) message.query_prepared.clear();  // the coordinator looks for itself
  const auto done =
      troth::DoAndSubmit(desk.coordinator, message, desk.till.db(), [&]() -> troth::BranchResult {
        if (desk.OneIn(8)) return troth::BranchResult::Failure("not enough");
        const auto entered = desk.till.Enter(message.gid, "00", "msg", -amount);
        if (desk.OneIn(20)) throw std::runtime_error("the till's drawer is stuck");
        return entered;
      });
  const bool aborted = done.status().code() == troth::StatusCode::kAborted;
  if (!done.ok() && !aborted) Fail("DoAndSubmit", done.status());
  SayAccepted(message.gid);
  SayPromised(message.gid, done.ok() ? kSucceed : kFailed);
  desk.MayWait(message.gid);
}
