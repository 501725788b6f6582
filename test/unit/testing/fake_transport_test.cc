// The test kit's transport keeps the contract that production's keep.
#include "testing/fake_transport.h"

#include <doctest/doctest.h>

#include "conformance.h"
#include "testing/fake_branch.h"

namespace troth::testing {
namespace {

class FakeSubject final : public internal::TransportSubject {
 public:
  internal::Transport& transport() override { return transport_; }
  std::string Good() override {
    Branch("http://fake/good").Answer(200, "done").Always();
    return "http://fake/good";
  }
  std::string Failing() override {
    Branch("http://fake/failing").Fail("no money").Always();
    return "http://fake/failing";
  }
  std::string Hanging() override {
    Branch("http://fake/hanging").Hang().Always();
    return "http://fake/hanging";
  }
  void WaitUntilHanging(size_t) override {}  // it hangs from its start
  std::string Unusable() override { return "ftp://fake/file"; }
  bool CancelLoses() override { return true; }
  bool ManyThreads() const override { return false; }

  // The world goes on until they have.
  bool WaitForEnds(internal::CollectingSink& sink, size_t calls) override {
    while (sink.count() < calls) {
      if (universe_.DoNext()) continue;
      const auto next = universe_.NextTime();
      if (!next) return false;
      universe_.JumpTo(*next);
    }
    return true;
  }

 private:
  FakeBranch Branch(const std::string& url) {
    auto& state = universe_.branches[url];
    if (state == nullptr) state = std::make_shared<FakeBranch::State>(url, universe_);
    return FakeBranch(state);
  }

  Universe universe_{Time{std::chrono::hours(1)}};
  FakeTransport transport_{universe_, std::chrono::milliseconds{1}};
};

}  // namespace

TEST_CASE("fake transport: the contract of every transport") {
  internal::CheckTransport([] { return std::make_unique<FakeSubject>(); });
}

}  // namespace troth::testing
