// A network between a coordinator and its fake branches that loses, doubles and delays, and a story
// of what it did.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "testing/simulated_driver.h"
#include "testing/universe.h"

namespace troth::testing {

class UnrulyNetwork final : public Outside {
 public:
  // Both outlive it. It stands between the universe's coordinator and its branches from now on.
  UnrulyNetwork(Universe& universe, SeededRandom& random);
  ~UnrulyNetwork() override { universe_.outside = nullptr; }
  UnrulyNetwork(const UnrulyNetwork&) = delete;
  UnrulyNetwork& operator=(const UnrulyNetwork&) = delete;

  void BeUnruly() { unruly_ = true; }
  void Calm() { unruly_ = false; }

  // A line of the story.
  void Note(std::string_view what);
  const std::string& story() const { return story_; }
  size_t faults() const { return faults_; }

 private:
  bool Takes(std::string_view url) const override;
  Fate Send(size_t index, const internal::Call& call) override;
  void Arrive(size_t index, const internal::Call& call, bool again,
              std::function<void(OutsideAnswer)> done) override;
  void End(size_t index, const internal::CallEnded& ended) override;
  Fate Draw(const internal::Call& call, std::string& what);

  Universe& universe_;
  SeededRandom& random_;
  const Time begin_;
  bool unruly_ = false;
  size_t faults_ = 0;
  std::string story_;
};

}  // namespace troth::testing
