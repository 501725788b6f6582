// TCC: by RunTcc and by hand, with a branch that has a branch of its own, decided and undecided.
#include <troth/tcc.h>

#include "session.h"

using namespace std::chrono_literals;

namespace {

troth::TccBranch BranchOf(const Part& part) {
  return {.try_url = part.bank + "/tcc/try",
          .confirm_url = part.bank + "/tcc/confirm",
          .cancel_url = part.bank + "/tcc/cancel",
          .payload = std::to_string(part.amount)};
}

// A branch of this process that passes its part on: "AMOUNT BANK". It has nothing to confirm or
// cancel itself.
troth::TccBranch AgentFor(const Part& part) {
  troth::TccBranch branch{.try_url = "local:agent",
                          .payload = std::to_string(part.amount) + " " + part.bank};
  branch.options.request_timeout = 5s;  // longer than the call that it makes
  return branch;
}

troth::Status CallAll(Desk& desk, troth::Tcc& tcc) {
  for (const Part& part : desk.DrawRiskyTransfer()) {
    const troth::TccBranch branch = desk.OneIn(4) ? AgentFor(part) : BranchOf(part);
    if (troth::Status called = Checked(tcc.Call(branch)); !called.ok()) return called;
  }
  return {};
}

}  // namespace

troth::LocalBranch AgentOf(troth::Coordinator& coordinator) {
  const auto pass_on = [&coordinator](const troth::BranchContext& context, std::string_view payload,
                                      std::stop_token) {
    auto tcc = troth::Tcc::Join(coordinator, context);
    if (!tcc.ok()) Fail("Join", tcc.status());
    const size_t blank = payload.find(' ');
    const Part part{.bank = std::string(payload.substr(blank + 1)),
                    .amount = std::stoi(std::string(payload.substr(0, blank)))};
    const troth::Status called = Checked(tcc->Call(BranchOf(part)));
    return called.ok() ? troth::BranchResult::Success()
                       : troth::BranchResult::Failure(called.message());
  };
  return {.name = "agent", .function = pass_on};
}

void TransferByTcc(Desk& desk) {
  const troth::TccOptions options{.gid = NewGidOf("tcc"),
                                  .timeout_to_fail = desk.Milliseconds(300, 3000),
                                  .concurrent = desk.OneIn(3)};
  if (desk.OneIn(3)) {
    return SayHowItRan(desk, options.gid,
                       troth::RunTcc(desk.coordinator, options, [&](troth::Tcc& tcc) {
                         SayAccepted(tcc.gid());
                         return CallAll(desk, tcc);
                       }));
  }
  auto tcc = troth::Tcc::Begin(desk.coordinator, options);
  if (!tcc.ok()) Fail("Tcc::Begin", tcc.status());
  RunToSomeEnd(desk, *std::move(tcc), options.timeout_to_fail,
               [&](troth::Tcc& begun) { return CallAll(desk, begun); });
}
