// The transactions of a scenario: what they are made of, and what their clients do with them.
#include <algorithm>

#include "base/text.h"
#include "draw.h"
#include "shop.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;
using internal::Concat;

std::string TwoDigits(size_t number) { return Concat(number < 10 ? "0" : "", number); }

class TransactionDraw {
 public:
  TransactionDraw(Dice dice, const Scenario& scenario, size_t number)
      : dice_(dice), scenario_(scenario) {
    wanted_.gid = Concat("g", number);
  }

  Planned Draw() {
    planned_.begins = milliseconds{dice_.Between(0, scenario_.chaos.count() * 2 / 3)};
    planned_.pause = milliseconds{dice_.Chance(60) ? 0 : dice_.Skewed(0, 3'000)};
    planned_.waits = dice_.Chance(40);
    planned_.stubborn = dice_.Chance(80);
    if (dice_.Chance(12)) planned_.clients = 2;
    const int64_t mode = dice_.Between(1, 100);
    if (mode <= 45) {
      DrawSaga();
    } else if (mode <= 68) {
      DrawTcc();
    } else if (mode <= 78) {
      DrawXa();
    } else {
      DrawMessage();
    }
    if (dice_.Chance(10) && wanted_.order == Wanted::Order::kNone) planned_.late = Later();
    return std::move(planned_);
  }

 private:
  milliseconds Later() {
    return planned_.begins + milliseconds{dice_.Skewed(0, 2 * scenario_.chaos.count())};
  }

  std::string Payload() {
    if (dice_.Chance(20)) return {};
    std::string bytes;
    const int64_t length = dice_.Skewed(1, 60);
    while (std::ssize(bytes) < length) {
      bytes.push_back(static_cast<char>(dice_.Chance(90) ? dice_.Between(' ', '~') : dice_.Next()));
    }
    return bytes;
  }
  Headers DrawHeaders() {
    Headers headers;
    while (headers.size() < 2 && dice_.Chance(15)) {
      headers.push_back({Concat("X-Sim-", dice_.Between(1, 3)), Concat("v", dice_.Between(1, 99))});
    }
    return headers;
  }
  size_t Steps() {
    return static_cast<size_t>(dice_.Chance(3) ? dice_.Between(17, 40) : dice_.Skewed(1, 6));
  }

  // A step of whichever mode, with an account of its own.
  WantedStep DrawStep() {
    WantedStep step;
    step.account = Concat("a", dice_.Between(0, 5));
    step.amount = dice_.Between(1, 9) * (dice_.Chance(50) ? 1 : -1);
    step.barrier = !no_barriers_ || dice_.Chance(50);
    step.payload = Payload();
    step.headers = DrawHeaders();
    host_ = dice_.Chance(15) ? -static_cast<int>(dice_.Between(1, 3))
                             : static_cast<int>(dice_.Between(0, scenario_.hosts - 1));
    return step;
  }
  std::string Url(const WantedStep& step, std::string_view op, std::string extra = {}) const {
    return ToString({.host = host_,
                     .account = step.account,
                     .amount = step.amount,
                     .flags = Concat(step.barrier ? "b" : "", step.refuses ? "r" : "",
                                     stuck_ ? "s" : "", extra),
                     .op = std::string(op)});
  }

  void Finish(const CallOptions& options) {
    wanted_.policy = Effective(scenario_.options.defaults, options, {});
    planned_.wanted.push_back(wanted_);
  }

  // The application makes it together with an order.
  void DrawOrder() {
    if (!scenario_.shop.open || !dice_.Chance(70)) return;
    const bool message = wanted_.mode == Mode::kMessage;
    const bool two_phases = message && dice_.Chance(60);
    wanted_.order = two_phases ? Wanted::Order::kTwoPhases : Wanted::Order::kOneCommit;
    PlannedOrder& order = planned_.order;
    order.commits = dice_.Chance(85);
    if (dice_.Chance(50)) order.thinks = milliseconds{dice_.Skewed(1, 3'000)};
    order.drops_ticket = dice_.Chance(15);
    order.waits = dice_.Chance(60);
    order.patience = milliseconds{dice_.Skewed(0, 60'000)};
    order.own_check_back = dice_.Chance(70);
    if (two_phases && order.own_check_back) wanted_.query_prepared = Shop::CheckBackUrl();
  }

  void DrawSaga() {
    Saga saga;
    saga.gid = wanted_.gid;
    saga.options = DrawCallOptions(dice_, 30);
    saga.headers = wanted_.headers = DrawHeaders();
    saga.concurrent = wanted_.concurrent = dice_.Chance(45);
    if (dice_.Chance(25)) {
      saga.timeout_to_fail = wanted_.timeout_to_fail = milliseconds{dice_.Skewed(1, 100'000)};
    }
    no_barriers_ = dice_.Chance(8);
    const size_t steps = Steps();
    const bool sad = dice_.Chance(30);
    for (size_t i = 0; i < steps; ++i) {
      WantedStep step = DrawStep();
      step.branch_id = TwoDigits(i + 1);
      step.refuses = sad && dice_.Chance(100 / static_cast<uint32_t>(steps));
      if (!dice_.Chance(6)) step.forward = Url(step, "action");
      if (!dice_.Chance(6)) step.rollback = Url(step, "compensate");
      const CallOptions own = DrawCallOptions(dice_, 12);
      step.policy = Effective(scenario_.options.defaults, saga.options, own);
      saga.Add({.action = step.forward,
                .compensate = step.rollback,
                .payload = step.payload,
                .headers = step.headers,
                .options = own});
      if (saga.concurrent && i > 0 && dice_.Chance(40)) {
        step.after.push_back(static_cast<size_t>(dice_.Between(0, static_cast<int64_t>(i) - 1)));
        if (i > 1 && dice_.Chance(30)) {
          const auto more = static_cast<size_t>(dice_.Between(0, static_cast<int64_t>(i) - 1));
          if (more != step.after[0]) step.after.push_back(more);
        }
        saga.orders[i] = step.after;
      }
      wanted_.steps.push_back(std::move(step));
    }
    DrawOrder();
    Finish(saga.options);
    planned_.sagas.push_back(saga);
    if (!dice_.Chance(12)) return;
    wanted_.content = 1;
    saga.steps[0].payload += "!";
    wanted_.steps[0].payload += "!";
    Finish(saga.options);
    planned_.sagas.push_back(std::move(saga));
    planned_.conflict = Later();
  }

  void DrawMessage() {
    wanted_.mode = Mode::kMessage;
    Message message;
    message.gid = wanted_.gid;
    message.options = DrawCallOptions(dice_, 30);
    message.headers = wanted_.headers = DrawHeaders();
    message.concurrent = wanted_.concurrent = dice_.Chance(40);
    message.timeout_to_fail = milliseconds{dice_.Skewed(1, 60'000)};
    wanted_.timeout_to_fail = message.timeout_to_fail;
    wanted_.query_prepared =
        Concat("http://bank-", dice_.Between(0, scenario_.hosts - 1), kCheckBackPath);
    message.query_prepared = wanted_.query_prepared;
    if (dice_.Chance(25)) {
      message.delay = wanted_.delay = milliseconds{dice_.Skewed(1, 200'000)};
    } else if (dice_.Chance(6)) {
      message.start = wanted_.start =
          Time{std::chrono::hours(24 * 365 * 50)} + milliseconds{dice_.Skewed(1, 200'000)};
    }
    for (size_t i = Steps(); i > 0; --i) DrawMessageStep(message);
    planned_.plan = dice_.Of({Plan::kSubmit, Plan::kCommit, Plan::kCommit, Plan::kRollback,
                              Plan::kLeave, Plan::kSubmitLate});
    planned_.local_commits =
        planned_.plan != Plan::kRollback && (planned_.plan != Plan::kLeave || dice_.Chance(50));
    DrawOrder();
    message.query_prepared = wanted_.query_prepared;
    Finish(message.options);
    planned_.messages.push_back(message);
    if (!dice_.Chance(12)) return;
    wanted_.content = 1;
    message.steps[0].payload += "!";
    wanted_.steps[0].payload += "!";
    Finish(message.options);
    planned_.messages.push_back(std::move(message));
    planned_.conflict = Later();
  }

  void DrawMessageStep(Message& message) {
    WantedStep step = DrawStep();
    step.branch_id = TwoDigits(message.steps.size() + 1);
    if (dice_.Chance(10)) {
      step.forward = Concat("topic://t", dice_.Between(0, 2));
      wanted_.topics = true;
    } else if (!dice_.Chance(6)) {
      step.forward = Url(step, "action");
    }
    const CallOptions own = DrawCallOptions(dice_, 12);
    step.policy = Effective(scenario_.options.defaults, message.options, own);
    message.Add(
        {.action = step.forward, .payload = step.payload, .headers = step.headers, .options = own});
    wanted_.steps.push_back(std::move(step));
  }

  void DrawSessionPlan() {
    planned_.plan =
        dice_.Of({Plan::kCommit, Plan::kCommit, Plan::kRollback, Plan::kLeave, Plan::kCommit});
    planned_.clients = 1;
    planned_.runs_function = dice_.Chance(30);
    stuck_ = dice_.Chance(15);
  }

  void DrawTcc() {
    wanted_.mode = Mode::kTcc;
    TccOptions& options = planned_.tcc;
    options.gid = wanted_.gid;
    options.options = DrawCallOptions(dice_, 30);
    options.headers = wanted_.headers = DrawHeaders();
    options.concurrent = wanted_.concurrent = dice_.Chance(40);
    options.timeout_to_fail = milliseconds{dice_.Skewed(1, 60'000)};
    wanted_.timeout_to_fail = options.timeout_to_fail;
    DrawSessionPlan();
    const bool sad = dice_.Chance(25);
    const size_t steps = Steps();
    for (size_t i = 1; i <= steps; ++i) {
      planned_.calls.push_back(DrawTccCall(TwoDigits(i), sad && dice_.Chance(50), options.options));
    }
    Finish(options.options);
  }

  PlannedCall DrawTccCall(const std::string& branch_id, bool refuses, const CallOptions& above) {
    const bool nests = branch_id.size() < 4 && dice_.Chance(10);
    WantedStep step = DrawStep();
    step.branch_id = branch_id;
    step.refuses = refuses;
    PlannedCall call{.tcc = {}, .xa = {}, .step = wanted_.steps.size()};
    const CallOptions own = DrawCallOptions(dice_, 12);
    step.policy = Effective(scenario_.options.defaults, above, own);
    if (!dice_.Chance(4)) step.forward = Url(step, "try", nests ? "j" : "");
    if (!dice_.Chance(6)) step.commit = Url(step, "confirm");
    if (!dice_.Chance(4)) step.rollback = Url(step, "cancel");
    call.tcc = {.try_url = step.forward,
                .confirm_url = step.commit,
                .cancel_url = step.rollback,
                .payload = step.payload,
                .headers = step.headers,
                .options = own};
    wanted_.steps.push_back(std::move(step));
    if (!nests) return call;
    // What joins knows nothing of the transaction's own options.
    for (int64_t i = dice_.Between(1, 2); i > 0; --i) {
      call.nested.push_back(DrawTccCall(branch_id + TwoDigits(call.nested.size() + 1),
                                        refuses && dice_.Chance(20), {}));
    }
    return call;
  }

  void DrawXa() {
    wanted_.mode = Mode::kXa;
    wanted_.concurrent = true;
    XaOptions& options = planned_.xa;
    options.gid = wanted_.gid;
    options.options = DrawCallOptions(dice_, 30);
    options.headers = wanted_.headers = DrawHeaders();
    options.timeout_to_fail = milliseconds{dice_.Skewed(1, 60'000)};
    wanted_.timeout_to_fail = options.timeout_to_fail;
    DrawSessionPlan();
    const bool sad = dice_.Chance(25);
    for (size_t i = 1, steps = Steps(); i <= steps; ++i) {
      WantedStep step = DrawStep();
      step.branch_id = TwoDigits(i);
      step.refuses = sad && dice_.Chance(50);
      step.forward = step.commit = step.rollback = Url(step, "xa");
      const CallOptions own = DrawCallOptions(dice_, 12);
      step.policy = Effective(scenario_.options.defaults, options.options, own);
      planned_.calls.push_back({.tcc = {},
                                .xa = {.url = step.forward,
                                       .payload = step.payload,
                                       .headers = step.headers,
                                       .options = own},
                                .step = wanted_.steps.size()});
      wanted_.steps.push_back(std::move(step));
    }
    Finish(options.options);
  }

  Dice dice_;
  const Scenario& scenario_;
  Planned planned_;
  Wanted wanted_;
  bool no_barriers_ = false;
  int host_ = 0;
  bool stuck_ = false;  // of a session's branch: its second phase, for a while
};

}  // namespace

void DrawTransactions(Dice dice, Scenario& scenario) {
  const int64_t count = dice.Skewed(1, 12);
  for (int64_t i = 1; i <= count; ++i) {
    scenario.transactions.push_back(
        TransactionDraw(dice.Fork(), scenario, static_cast<size_t>(i)).Draw());
  }
}

}  // namespace troth::sim
