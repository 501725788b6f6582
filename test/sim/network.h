// What is outside of the process: the network with its weather, hosts that are down, and the
// services, each with the bank behind it. Records B.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bank.h"
#include "dice.h"
#include "recorder.h"
#include "scenario.h"
#include "testing/universe.h"

namespace troth::sim {

class Network final : public testing::Outside {
 public:
  // What a try does that has branches of its own: `done` is told whether all of them agreed.
  using Nested =
      std::function<void(const BranchContext& context, std::function<void(Status)> done)>;
  // Who answers in place of the bank; nothing: the bank does.
  using Elsewhere = std::function<std::optional<BranchResult>(const internal::Call& call)>;

  // The application of a workflow, which is called back: `done` is told what it answers.
  using Resumed = std::function<void(const BranchContext& context, const std::string& input,
                                     std::function<void(BranchResult)> done)>;

  Network(const Scenario& scenario, Recorder& recorder, Bank& bank, Dice dice, Nested nested,
          Elsewhere elsewhere, Resumed resumed)
      : scenario_(scenario),
        recorder_(recorder),
        bank_(bank),
        dice_(dice),
        nested_(std::move(nested)),
        elsewhere_(std::move(elsewhere)),
        resumed_(std::move(resumed)) {}

  testing::Fate Send(size_t index, const internal::Call& call) override;
  void Arrive(size_t index, const internal::Call& call, bool again,
              std::function<void(testing::OutsideAnswer)> done) override;
  void End(size_t index, const internal::CallEnded& ended) override;

  // A host is out of reach from now on, or back.
  void SetTrouble(const HostTrouble& trouble, bool on);
  // From now on all is well.
  void CalmDown() {
    weather_ = {};
    down_.clear();
    calm_ = true;
  }

 private:
  const HostTrouble* TroubleOf(const internal::Call& call) const;
  testing::Fate FateOf(const internal::Call& call, bool local);
  Bank::Ran RunBusiness(const internal::Call& call);
  bool IsStuck(const internal::Call& call);
  testing::OutsideAnswer Business(const internal::Call& call, Arrival& arrival);
  testing::OutsideAnswer Excuse(bool local, const BranchContext& context, bool ongoing);
  testing::OutsideAnswer Answer(bool local, const BranchResult& result);
  void Finish(size_t index, const internal::Call& call, Arrival arrival,
              testing::OutsideAnswer answer,
              const std::function<void(testing::OutsideAnswer)>& done);
  bool Roll(uint32_t percent) { return percent > 0 && dice_.Chance(percent); }

  const Scenario& scenario_;
  Recorder& recorder_;
  Bank& bank_;
  Dice dice_;
  Nested nested_;
  Elsewhere elsewhere_;
  Resumed resumed_;
  Weather weather_ = scenario_.weather;
  std::vector<HostTrouble> down_;
  std::map<std::string, int> in_vain_;  // second phases that are stuck: "g1/01"
  bool calm_ = false;
};

}  // namespace troth::sim
