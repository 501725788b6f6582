// The workflows of a scenario, and what befalls the process that runs their functions.
#include <algorithm>

#include "base/text.h"
#include "draw.h"

namespace troth::sim {
namespace {

using internal::Concat;
using Kind = PlannedWorkflow::Kind;

// What a seed's dice are for is settled before: these begin elsewhere.
constexpr uint64_t kElsewhere = 0x77EF10C5D1CE0001u;
constexpr uint32_t kWithWorkflows = 16;  // percent of the seeds

class WorkflowDraw {
 public:
  WorkflowDraw(Dice dice, const Scenario& scenario, size_t number)
      : dice_(dice), scenario_(scenario) {
    wanted_.gid = Concat("w", number);
    wanted_.mode = Mode::kWorkflow;
  }

  Planned Draw() {
    planned_.begins = milliseconds{dice_.Between(0, scenario_.chaos.count() * 2 / 3)};
    planned_.pause = milliseconds{dice_.Chance(60) ? 0 : dice_.Skewed(0, 3'000)};
    planned_.waits = dice_.Chance(30);
    planned_.stubborn = dice_.Chance(70);
    if (dice_.Chance(40)) planned_.clients = static_cast<uint32_t>(dice_.Between(2, 3));
    DrawFunction();
    wanted_.policy = Effective(scenario_.options.defaults, planned_.workflow.options, {});
    planned_.wanted.push_back(wanted_);
    if (dice_.Chance(15)) planned_.late = Later();
    if (dice_.Chance(10)) {
      wanted_.content = 1;
      wanted_.input += "!";
      planned_.wanted.push_back(wanted_);
      planned_.conflict = Later();
    }
    return std::move(planned_);
  }

 private:
  milliseconds Later() {
    return planned_.begins + milliseconds{dice_.Skewed(0, 2 * scenario_.chaos.count())};
  }

  void DrawFunction() {
    PlannedWorkflow& workflow = planned_.workflow;
    workflow.options = DrawCallOptions(dice_, 40);
    if (dice_.Chance(20)) workflow.headers.push_back({"X-Sim-1", "w"});
    wanted_.headers = workflow.headers;
    wanted_.workflow = dice_.Of({"transfer", "order", "w"});
    if (dice_.Chance(80)) wanted_.input = Concat("input ", dice_.Between(1, 99));
    wanted_.query_prepared =
        Concat("http://bank-", dice_.Between(0, scenario_.hosts - 1), kCallBackPath);
    const auto steps = static_cast<size_t>(dice_.Skewed(1, 5));
    const bool sad = dice_.Chance(35);
    const bool alike = dice_.Chance(30);
    for (size_t i = 0; i < steps; ++i) {
      DrawStep(sad && dice_.Chance(100 / static_cast<uint32_t>(steps - i)));
      if (alike) workflow.kinds.back() = workflow.kinds.front();
    }
    workflow.moody = !sad && dice_.Chance(45);
    // Whose work in a local XA transaction was lost, rolls back: a choice.
    workflow.careful = workflow.moody || dice_.Chance(10) ||
                       std::count(workflow.kinds.begin(), workflow.kinds.end(), Kind::kXa) > 0;
    workflow.undoes_refused = dice_.Chance(50);
  }

  void DrawStep(bool refuses) {
    const Kind kind = dice_.Of({Kind::kSaga, Kind::kSaga, Kind::kTcc, Kind::kTcc, Kind::kXa});
    WantedStep step;
    step.branch_id = Concat("0", wanted_.steps.size() + 1);
    step.account = Concat("a", dice_.Between(0, 5));
    step.amount = dice_.Between(1, 9) * (dice_.Chance(50) ? 1 : -1);
    step.refuses = refuses;
    BranchUrl url{.host = static_cast<int>(dice_.Between(0, scenario_.hosts - 1)),
                  .account = step.account,
                  .amount = step.amount,
                  .flags = refuses ? "br" : "b",
                  .op = "action"};
    step.forward = ToString(url);
    planned_.workflow.kinds.push_back(kind);
    wanted_.steps.push_back(std::move(step));
  }

  Dice dice_;
  const Scenario& scenario_;
  Planned planned_;
  Wanted wanted_;
};

// What a person does about one: the same as about others, though most of it is refused.
void DrawDeedsOn(size_t transaction, Dice& dice, Scenario& scenario) {
  using enum Deed;
  while (scenario.deeds.size() < 16 && dice.Chance(45)) {
    PlannedDeed deed{.deed = dice.Of({kRetry, kRetry, kRetry, kQuery, kWait, kEdit, kEdit, kSkip,
                                      kCancel, kAbort, kStop, kStop})};
    deed.at = scenario.transactions[transaction].begins +
              milliseconds{dice.Skewed(0, std::max<int64_t>(scenario.chaos.count(), 5'000))};
    deed.transaction = transaction;
    // The call-back is the first of its branches.
    deed.branch = dice.Chance(60) ? 0 : static_cast<size_t>(dice.Between(0, 3));
    deed.lasts = milliseconds{dice.Skewed(1, 10'000)};
    deed.leave_in_doubt = dice.Chance(60);
    scenario.deeds.push_back(std::move(deed));
  }
}

void DrawApplicationEnds(Dice& dice, Scenario& scenario) {
  while (scenario.application_ends.size() < 8 && dice.Chance(65)) {
    scenario.application_ends.push_back(
        {.effects = static_cast<size_t>(dice.Skewed(1, 40)),
         .both = dice.Chance(30),
         .down = dice.Of<milliseconds>(
             {milliseconds{0}, milliseconds{5}, milliseconds{500}, milliseconds{20'000}})});
  }
}

}  // namespace

void DrawWorkflows(uint64_t seed, Scenario& scenario) {
  Dice dice(seed ^ kElsewhere);
  // More results than a transaction may have steps are refused, for ever.
  if (!dice.Chance(kWithWorkflows) || scenario.options.limits.steps < 100) return;
  for (int64_t i = 1, count = dice.Skewed(1, 4); i <= count; ++i) {
    scenario.transactions.push_back(
        WorkflowDraw(dice.Fork(), scenario, static_cast<size_t>(i)).Draw());
    DrawDeedsOn(scenario.transactions.size() - 1, dice, scenario);
  }
  DrawApplicationEnds(dice, scenario);
  // Each run asks for what is recorded first, which takes a commit: with less patience none would
  // ever get further, and no workflow would end.
  milliseconds& patience = scenario.options.patience;
  patience = std::max(patience, scenario.facts.commit_time + milliseconds{1});
}

}  // namespace troth::sim
