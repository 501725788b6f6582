// Calls that reach fake branches and local functions through virtual time.
//
// A call that is under way when the coordinator crashes still reaches its branch; its answer
// reaches nobody.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "model/transport.h"
#include "testing/universe.h"

namespace troth::testing {

class FakeTransport final : public internal::Transport {
 public:
  FakeTransport(Universe& universe, std::chrono::milliseconds call_time)
      : universe_(universe), call_time_(call_time), life_(std::make_shared<Life>()) {}
  ~FakeTransport() override;

  void Register(const LocalBranch& branch) { local_[branch.name] = branch.function; }

  Status CheckUrl(std::string_view url) const override;
  bool CanCall(std::string_view url) const override;
  void Start(internal::Call call, internal::CallSink& sink) override;
  void Cancel(uint64_t id) override;
  bool Close(std::chrono::milliseconds grace) override;

 private:
  struct InFlight;
  struct Waiting {
    internal::CallSink* sink = nullptr;
    std::shared_ptr<InFlight> call;
    std::stop_source stop;               // of a local function
    std::function<void()> when_stopped;  // of one that heeds it
  };
  // Answers of one life reach no later one.
  struct Life {
    bool over = false;
    bool closed = false;
    std::map<uint64_t, Waiting> waiting;
  };

  void StartLocal(const std::shared_ptr<InFlight>& call);
  void StartFake(const std::shared_ptr<InFlight>& call, FakeBranch::State& branch);
  void StartOutside(const std::shared_ptr<InFlight>& call);
  static void End(Universe& universe, const InFlight& call, internal::CallEnded&& ended);
  void EndAt(Time when, const std::shared_ptr<InFlight>& call, internal::CallEnded ended);

  Universe& universe_;
  const std::chrono::milliseconds call_time_;
  std::shared_ptr<Life> life_;
  std::map<std::string, LocalFunction, std::less<>> local_;
};

}  // namespace troth::testing
