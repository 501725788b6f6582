#include "transport/local/local_transport.h"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/thread_mark.h"
#include "collecting_sink.h"
#include "conformance.h"
#include "hang.h"

namespace troth::internal {
namespace {

using namespace std::chrono_literals;
using Kind = CallEnded::Kind;
using Verdict = BranchResult::Verdict;

// Opens once, for all who wait.
class Gate {
 public:
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void AwaitWaiting(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

void HangUntilStopped(std::stop_token stop, std::atomic<size_t>& hanging) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  ++hanging;
  hanging.notify_all();
  changed.wait(lock, stop, [] { return false; });
}

class LocalSubject final : public TransportSubject {
 public:
  LocalSubject() {
    Add("good", [](auto&, auto, auto) { return BranchResult::Success("done"); });
    Add("failing", [](auto&, auto, auto) { return BranchResult::Failure("no money"); });
    Add("hanging", [this](auto&, auto, std::stop_token stop) {
      HangUntilStopped(stop, hanging_);
      return BranchResult::Unknown("stopped");
    });
  }
  Transport& transport() override { return transport_; }
  std::string Good() override { return "local:good"; }
  std::string Failing() override { return "local:failing"; }
  std::string Hanging() override { return "local:hanging"; }
  void WaitUntilHanging(size_t calls) override {
    for (size_t now = hanging_; now < calls; now = hanging_) hanging_.wait(now);
  }
  std::string Unusable() override { return "http://h/"; }
  bool CancelLoses() override { return false; }

 private:
  void Add(const char* name, LocalFunction function) {
    REQUIRE(transport_.Register(name, std::move(function)).ok());
  }
  std::atomic<size_t> hanging_{0};
  LocalTransport transport_{{.patience = 20s}};
};

CallEnded CallOnce(LocalTransport& transport, Call call) {
  CollectingSink sink;
  const uint64_t id = call.id;
  transport.Start(std::move(call), sink);
  REQUIRE(sink.WaitFor(1));
  return sink.Last(id);
}

TEST_CASE("local: keeps the contract of every transport") {
  CheckTransport([] { return std::make_unique<LocalSubject>(); });
}

TEST_CASE("local: a function gets context, headers, query and payload, NUL bytes included") {
  LocalTransport transport;
  BranchContext seen;
  std::string payload;
  REQUIRE(transport
              .Register("f",
                        [&](const BranchContext& context, std::string_view bytes, auto) {
                          seen = context;
                          payload = bytes;
                          return BranchResult::Success();
                        })
              .ok());
  Call call = MakeCall(1, "local:f?a=1%20&b");
  const std::string bytes("a\0b", 3);
  call.payload = bytes;
  call.context.headers = {{"traceparent", "00-1-2-01"}};
  CHECK(CallOnce(transport, std::move(call)).verdict == Verdict::kSuccess);
  CHECK(seen.gid == "g1");
  CHECK(seen.op == "action");
  CHECK(seen.headers == Headers{{"traceparent", "00-1-2-01"}, {"Troth-Query", "a=1%20&b"}});
  CHECK(payload == bytes);
  CallOnce(transport, MakeCall(2, "local:f"));
  CHECK(seen.headers.empty());
}

TEST_CASE("local: every verdict has its code, and an exception is unknown") {
  LocalTransport transport;
  const auto add = [&](const char* name, LocalFunction function) {
    REQUIRE(transport.Register(name, std::move(function)).ok());
  };
  add("ongoing", [](auto&, auto, auto) { return BranchResult::Ongoing("wait"); });
  add("unknown", [](auto&, auto, auto) { return BranchResult::Unknown("who knows"); });
  add("throws", [](auto&, auto, auto) -> BranchResult { throw std::runtime_error("broken"); });
  add("odd", [](auto&, auto, auto) -> BranchResult { throw 7; });
  add("says", [](auto&, auto, auto) { return BranchResult::Success("FAILURE ONGOING"); });
  add("long", [](auto&, auto, auto) { return BranchResult::Failure(std::string(5000, 'x')); });

  const CallEnded ongoing = CallOnce(transport, MakeCall(1, "local:ongoing"));
  CHECK(ongoing.verdict == Verdict::kOngoing);
  CHECK(ongoing.code == ReasonCode::kOngoing);
  CHECK(ongoing.text == "wait");
  const CallEnded unknown = CallOnce(transport, MakeCall(2, "local:unknown"));
  CHECK(unknown.kind == Kind::kAnswered);
  CHECK(unknown.verdict == Verdict::kUnknown);
  CHECK(unknown.code == ReasonCode::kBranchUnknown);
  const CallEnded thrown = CallOnce(transport, MakeCall(3, "local:throws"));
  CHECK(thrown.verdict == Verdict::kUnknown);
  CHECK(thrown.code == ReasonCode::kBranchUnknown);
  CHECK(thrown.text == "the function threw: broken");
  CHECK(CallOnce(transport, MakeCall(4, "local:odd")).verdict == Verdict::kUnknown);
  CHECK(CallOnce(transport, MakeCall(5, "local:says")).verdict == Verdict::kSuccess);
  CHECK(CallOnce(transport, MakeCall(6, "local:long")).text.size() == 1024);
}

TEST_CASE("local: what is not registered can't be called; registering replaces") {
  LocalTransport transport;
  CHECK(transport.CheckUrl("local:f").ok());
  CHECK_FALSE(transport.CanCall("local:f"));
  const CallEnded refused = CallOnce(transport, MakeCall(1, "local:f"));
  CHECK(refused.kind == Kind::kNotSent);
  CHECK(refused.code == ReasonCode::kNotCallable);
  REQUIRE(transport.Register("f", [](auto&, auto, auto) { return BranchResult::Success(); }).ok());
  CHECK(transport.CanCall("local:f?x"));
  CHECK(CallOnce(transport, MakeCall(2, "local:f")).verdict == Verdict::kSuccess);
  REQUIRE(
      transport.Register("f", [](auto&, auto, auto) { return BranchResult::Failure("x"); }).ok());
  CHECK(CallOnce(transport, MakeCall(3, "local:f")).verdict == Verdict::kFailure);
  CHECK_FALSE(
      transport.Register("a/b", [](auto&, auto, auto) { return BranchResult::Success(); }).ok());
  CHECK_FALSE(transport.Register("f", nullptr).ok());
}

TEST_CASE("local: the thread is marked while a function runs, and only then") {
  LocalTransport transport;
  bool inside = false;
  CHECK_FALSE(InsideLocalFunction());
  REQUIRE(transport
              .Register("f",
                        [&](auto&, auto, auto) {
                          inside = InsideLocalFunction();
                          return BranchResult::Success();
                        })
              .ok());
  class Looking final : public CallSink {
   public:
    void OnCallEnded(CallEnded&& ended) override {
      inside = InsideLocalFunction();
      kept.OnCallEnded(std::move(ended));
    }
    bool inside = true;
    CollectingSink kept;
  } sink;
  transport.Start(MakeCall(1, "local:f"), sink);
  REQUIRE(sink.kept.WaitFor(1));
  transport.Close(1s);
  CHECK(inside);
  CHECK_FALSE(sink.inside);
}

TEST_CASE("local: a call that waits for a thread is cancelled without being called") {
  LocalTransport transport({.threads_max = 1});
  Gate gate;
  std::atomic<int> called{0};
  REQUIRE(transport
              .Register("f",
                        [&](auto&, auto, auto) {
                          ++called;
                          gate.Pass();
                          return BranchResult::Success();
                        })
              .ok());
  CollectingSink sink;
  transport.Start(MakeCall(1, "local:f"), sink);
  gate.AwaitWaiting(1);
  transport.Start(MakeCall(2, "local:f"), sink);
  transport.Cancel(2);
  CHECK(sink.Times(2) == 1);
  CHECK(sink.Last(2).kind == Kind::kNotSent);
  gate.Open();
  CHECK(transport.Close(20s));
  CHECK(called == 1);
  CHECK(sink.Last(1).kind == Kind::kAnswered);
}

TEST_CASE("local: a call whose end is just being told is not cut off by close") {
  HoldingSink sink;
  LocalTransport transport({.patience = 10ms});
  REQUIRE(transport.Register("f", [](auto&, auto, auto) { return BranchResult::Success(); }).ok());
  transport.Start(MakeCall(1, "local:f"), sink);
  sink.hang.AwaitWaiter();
  CHECK(transport.Close(0ms));
}

TEST_CASE(
    "local: a function that does not return is lost at close, and what it returns later is "
    "dropped") {
  auto gate = std::make_shared<Gate>();
  auto returned = std::make_shared<std::atomic<bool>>(false);
  CollectingSink sink;
  {
    LocalTransport transport({.patience = 10ms});
    REQUIRE(transport
                .Register("f",
                          [gate, returned](auto&, auto, auto) {
                            gate->Pass();
                            *returned = true;
                            returned->notify_all();
                            return BranchResult::Success();
                          })
                .ok());
    transport.Start(MakeCall(1, "local:f"), sink);
    gate->AwaitWaiting(1);
    CHECK_FALSE(transport.Close(0ms));
    CHECK(sink.Times(1) == 1);
    CHECK(sink.Last(1).kind == Kind::kLost);
  }
  gate->Open();
  returned->wait(false);
  CHECK(sink.Times(1) == 1);
}

TEST_CASE("local: many small calls at once need few wake-ups, and idle threads end") {
  LocalTransport transport({.threads_max = 4, .thread_idle = 1ms});
  REQUIRE(transport.Register("f", [](auto&, auto, auto) { return BranchResult::Success(); }).ok());
  CHECK(transport.threads() == 0);
  constexpr uint64_t kCalls = 5'000;
  CollectingSink sink;
  for (uint64_t id = 1; id <= kCalls; ++id) transport.Start(MakeCall(id, "local:f"), sink);
  REQUIRE(sink.WaitFor(kCalls));
  CHECK(transport.threads() <= 4);
  MESSAGE("wake-ups for 5,000 calls: " << transport.wake_ups());
  CHECK(transport.wake_ups() < kCalls / 2);
  for (int i = 0; i < 10'000 && transport.threads() > 0; ++i) std::this_thread::sleep_for(1ms);
  CHECK(transport.threads() == 0);
  CHECK(CallOnce(transport, MakeCall(kCalls + 1, "local:f")).verdict == Verdict::kSuccess);
}

}  // namespace
}  // namespace troth::internal
