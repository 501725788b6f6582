// What goes wrong on the disk of the application's own database.
#include <algorithm>

#include "draw.h"
#include "shop.h"

namespace troth::sim {
namespace {

constexpr uint64_t kElsewhere = 0xA5F3C1D7B9E86421u;

milliseconds Within(Dice& dice, milliseconds limit) {
  return milliseconds{dice.Between(0, limit.count())};
}

// Not for hours: a check-back that finds the disk full may be asked again every few milliseconds.
milliseconds SomeTime(Dice& dice, const Scenario& scenario) {
  const milliseconds drawn{dice.Skewed(1, std::max<int64_t>(scenario.chaos.count() / 2, 1))};
  return std::min<milliseconds>(drawn, std::chrono::minutes(10));
}

bool HasOrder(const Planned& planned) { return planned.wanted[0].order != Wanted::Order::kNone; }

// SQLite tells nobody where it can't sync the log for an automatic checkpoint: what is committed
// there at synchronous=NORMAL is not durable, and no later sync makes it so. An application whose
// syncs fail makes none, then. Nor does it write with a sync of its own beside commits without one:
// of that failure it would know, and the outbox not.
void LeaveSyncsToTheOutbox(Scenario& scenario) {
  scenario.shop.checkpoint_frames = 0;
  for (Planned& planned : scenario.transactions) {
    if (planned.wanted[0].order != Wanted::Order::kTwoPhases) continue;
    planned.order.own_check_back = true;
    for (Wanted& wanted : planned.wanted) wanted.query_prepared = Shop::CheckBackUrl();
    for (Message& message : planned.messages) message.query_prepared = Shop::CheckBackUrl();
  }
}

// While an order is being made, or at any time.
milliseconds DrawBegin(Dice& dice, const Scenario& scenario) {
  std::vector<milliseconds> begins;
  for (const Planned& planned : scenario.transactions) {
    if (HasOrder(planned)) begins.push_back(planned.begins);
  }
  if (begins.empty() || dice.Chance(30)) return Within(dice, scenario.chaos);
  return std::max(dice.Of(begins) - milliseconds{dice.Skewed(0, 20)}, milliseconds{0});
}

// What could not be synced is read back in the next life, and is gone when power is lost. Unless
// the application has made a checkpoint: its pages it writes anew.
void DieOfFailure(Dice& dice, Scenario& scenario) {
  auto& ends = scenario.life_ends;
  if (dice.Chance(70)) scenario.shop.checkpoint_frames = 0;
  const LifeEnd dies{.at_failure = true};
  const LifeEnd loses_power{.effects = static_cast<size_t>(dice.Skewed(1, 60)), .power = true};
  const auto at = ends.begin() + dice.Between(0, std::min<int64_t>(std::ssize(ends), 1));
  ends.insert(at, {dies, loses_power});
}

}  // namespace

void DrawShop(Dice dice, Scenario& scenario) {
  using enum StoreFault::Kind;
  PlannedShop& shop = scenario.shop;
  if (!dice.Chance(25)) return;
  shop.open = true;
  shop.synced = dice.Chance(40);
  shop.checkpoint_frames = dice.Of({4, 4, 12, 1'000});
  while (shop.faults.size() < 4 && dice.Chance(30)) {
    StoreFault fault{.kind = dice.Of({kFails, kUnknown, kReads, kFull})};
    fault.from = Within(dice, scenario.chaos);
    fault.lasts = SomeTime(dice, scenario);
    fault.count = static_cast<size_t>(dice.Skewed(1, 6));
    shop.faults.push_back(fault);
  }
  while (shop.pokes.size() < 3 && dice.Chance(20)) {
    shop.pokes.push_back(Within(dice, scenario.chaos));
  }
}

void DrawSyncsOfShop(uint64_t seed, Scenario& scenario) {
  using enum StoreFault::Kind;
  PlannedShop& shop = scenario.shop;
  Dice dice(seed ^ kElsewhere);
  if (!shop.open || !dice.Chance(50)) return;
  if (!shop.synced) LeaveSyncsToTheOutbox(scenario);
  const bool dies = dice.Chance(30);
  bool first = true;
  do {
    StoreFault fault{.kind = dice.Of({kUnknown, kUnknown, kUnknown, kSyncs, kFull, kFails})};
    if (dies && first) fault.kind = kUnknown;
    fault.committed = fault.kind == kUnknown && (first || dice.Chance(75));
    fault.from = DrawBegin(dice, scenario);
    fault.lasts = SomeTime(dice, scenario);
    fault.count = static_cast<size_t>(dice.Skewed(fault.kind == kFails ? 1 : 0, 4));
    fault.at = static_cast<uint64_t>(dice.Skewed(1, 16));
    shop.faults.push_back(fault);
    first = false;
  } while (shop.faults.size() < 8 && dice.Chance(50));
  for (Planned& planned : scenario.transactions) {
    if (!dice.Chance(30)) continue;
    planned.order.keeps_ticket = milliseconds{dice.Skewed(1, 10'000)};
  }
  if (dies) DieOfFailure(dice, scenario);
}

}  // namespace troth::sim
