#include "shrink.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace troth::sim {
namespace {

// Runs of the scenario, each of a few milliseconds.
constexpr int kTriesMax = 300;

void TakeTransaction(Scenario& scenario, size_t which) {
  scenario.transactions.erase(scenario.transactions.begin() + static_cast<ptrdiff_t>(which));
  std::erase_if(scenario.deeds, [&](const PlannedDeed& deed) { return deed.transaction == which; });
  for (PlannedDeed& deed : scenario.deeds) {
    if (deed.transaction > which) --deed.transaction;
  }
}

class Shrinking {
 public:
  Shrinking(Scenario scenario, const std::function<bool(const Scenario&)>& fails)
      : scenario_(std::move(scenario)), fails_(fails) {}

  Scenario Go(const std::string& gid) {
    do {
      any_ = false;
      TakeTransactions(gid);
      TakeFrom([](Scenario & all) -> auto& { return all.life_ends; });
      TakeFrom([](Scenario & all) -> auto& { return all.store_faults; });
      TakeFrom([](Scenario & all) -> auto& { return all.shop.faults; });
      TakeFrom([](Scenario & all) -> auto& { return all.shop.pokes; });
      TakeFrom([](Scenario & all) -> auto& { return all.hosts_down; });
      TakeFrom([](Scenario & all) -> auto& { return all.deeds; });
      TakeFrom([](Scenario & all) -> auto& { return all.late_locals; });
      CalmWeather();
    } while (any_ && tries_ < kTriesMax);
    return std::move(scenario_);
  }

 private:
  // Keeps the change if the scenario fails all the same.
  bool Try(const std::function<void(Scenario&)>& change) {
    if (tries_ == kTriesMax) return false;
    ++tries_;
    Scenario smaller = scenario_;
    change(smaller);
    if (!fails_(smaller)) return false;
    scenario_ = std::move(smaller);
    any_ = true;
    return true;
  }

  void TakeTransactions(const std::string& gid) {
    for (size_t i = scenario_.transactions.size(); i-- > 0;) {
      if (scenario_.transactions[i].gid() == gid || scenario_.transactions.size() == 1) continue;
      Try([&](Scenario& smaller) { TakeTransaction(smaller, i); });
    }
  }

  template <class Of>
  void TakeFrom(const Of& things_of) {
    if (things_of(scenario_).empty()) return;
    if (Try([&](Scenario& smaller) { things_of(smaller).clear(); })) return;
    for (size_t i = things_of(scenario_).size(); i-- > 0;) {
      Try([&](Scenario& smaller) {
        auto& all = things_of(smaller);
        all.erase(all.begin() + static_cast<ptrdiff_t>(i));
      });
    }
  }

  void CalmWeather() {
    for (const auto part :
         {&Weather::lost, &Weather::vanished, &Weather::refused, &Weather::slow, &Weather::doubled,
          &Weather::failing, &Weather::ongoing, &Weather::odd}) {
      if (scenario_.weather.*part == 0) continue;
      Try([&](Scenario& smaller) { smaller.weather.*part = 0; });
    }
  }

  Scenario scenario_;
  const std::function<bool(const Scenario&)>& fails_;
  int tries_ = 0;
  bool any_ = false;
};

}  // namespace

Scenario Shrink(Scenario scenario, const std::string& gid,
                const std::function<bool(const Scenario&)>& fails) {
  return Shrinking(std::move(scenario), fails).Go(gid);
}

std::string SummaryOf(const Scenario& scenario) {
  const Weather& w = scenario.weather;
  const uint32_t bad =
      std::max({w.lost, w.vanished, w.refused, w.slow, w.doubled, w.failing, w.ongoing, w.odd});
  return internal::Concat(scenario.transactions.size(), " transactions, ",
                          scenario.life_ends.size(), " ends of lives, ",
                          scenario.store_faults.size(), " faults of the store, ",
                          scenario.shop.faults.size(), " of the application's disk, ",
                          scenario.hosts_down.size(), " hosts down, ", scenario.deeds.size(),
                          " deeds, ", bad == 0 ? "a network that is well" : "a bad network");
}

}  // namespace troth::sim
