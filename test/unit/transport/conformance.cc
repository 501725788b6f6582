#include "conformance.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace troth::internal {
namespace {

using namespace std::chrono_literals;
using Kind = CallEnded::Kind;
using Verdict = BranchResult::Verdict;

// Starts a call from inside of the sink, which is where an engine may do so.
class ChainingSink final : public CallSink {
 public:
  ChainingSink(Transport& transport, std::string url, CollectingSink& kept)
      : transport_(transport), url_(std::move(url)), kept_(kept) {}
  void OnCallEnded(CallEnded&& ended) override {
    const uint64_t id = ended.id;
    if (id < 20) transport_.Start(MakeCall(id + 1, url_), *this);
    kept_.OnCallEnded(std::move(ended));
  }

 private:
  Transport& transport_;
  std::string url_;
  CollectingSink& kept_;
};

void CheckAnswers(TransportSubject& subject) {
  CollectingSink sink;
  Call asks_for_body = MakeCall(1, subject.Good());
  asks_for_body.keep_body = true;
  subject.transport().Start(std::move(asks_for_body), sink);
  subject.transport().Start(MakeCall(2, subject.Good()), sink);
  subject.transport().Start(MakeCall(3, subject.Failing()), sink);
  REQUIRE(subject.WaitForEnds(sink, 3));
  CHECK(sink.Last(1).kind == Kind::kAnswered);
  CHECK(sink.Last(1).verdict == Verdict::kSuccess);
  CHECK(sink.Last(1).code == ReasonCode::kNone);
  CHECK(sink.Last(1).body == "done");
  CHECK(sink.Last(1).text.empty());
  CHECK(sink.Last(2).body.empty());
  CHECK(sink.Last(3).kind == Kind::kAnswered);
  CHECK(sink.Last(3).verdict == Verdict::kFailure);
  CHECK(sink.Last(3).code == ReasonCode::kActionFailed);
  CHECK(sink.Last(3).text == "no money");
  CHECK_FALSE(sink.Last(3).host_down);
}

void CheckUrls(TransportSubject& subject) {
  CHECK(subject.transport().CheckUrl(subject.Good()).ok());
  CHECK(subject.transport().CanCall(subject.Good()));
  CHECK(subject.transport().CheckUrl(subject.Unusable()).code() == StatusCode::kInvalidArgument);
  CHECK_FALSE(subject.transport().CanCall(subject.Unusable()));
  CollectingSink sink;
  subject.transport().Start(MakeCall(1, subject.Unusable()), sink);
  REQUIRE(subject.WaitForEnds(sink, 1));
  CHECK(sink.Last(1).kind == Kind::kNotSent);
  CHECK_FALSE(sink.Last(1).text.empty());
}

void CheckManyThreads(TransportSubject& subject) {
  if (!subject.ManyThreads()) return;
  constexpr uint64_t kThreads = 8;
  constexpr uint64_t kCalls = 100;
  CollectingSink sink;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 1; i <= kCalls; ++i) {
        const uint64_t id = t * kCalls + i;
        subject.transport().Start(MakeCall(id, subject.Good()), sink);
        if (i % 10 == 0) subject.transport().Cancel(id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(subject.WaitForEnds(sink, kThreads * kCalls));
  subject.transport().Close(1s);
  for (uint64_t id = 1; id <= kThreads * kCalls; ++id) {
    REQUIRE(sink.Times(id) == 1);
    if (id % kCalls % 10 == 0) continue;
    CAPTURE(sink.Last(id).text);
    REQUIRE(sink.Last(id).kind == Kind::kAnswered);
  }
}

void CheckCancel(TransportSubject& subject) {
  CollectingSink sink;
  subject.transport().Cancel(77);
  subject.transport().Start(MakeCall(1, subject.Hanging()), sink);
  subject.WaitUntilHanging(1);
  CHECK(sink.count() == 0);
  const auto before = std::chrono::steady_clock::now();
  subject.transport().Cancel(1);
  subject.transport().Cancel(1);
  REQUIRE(subject.WaitForEnds(sink, 1));
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  CHECK(sink.Last(1).kind == (subject.CancelLoses() ? Kind::kLost : Kind::kAnswered));
  CHECK_FALSE(sink.Last(1).host_down);
  subject.transport().Cancel(1);
  subject.transport().Start(MakeCall(2, subject.Good()), sink);
  REQUIRE(subject.WaitForEnds(sink, 2));
  CHECK(sink.Last(2).kind == Kind::kAnswered);
  CHECK(sink.Times(1) == 1);
}

void CheckCloseOfIdle(TransportSubject& subject) {
  CollectingSink sink;
  subject.transport().Start(MakeCall(1, subject.Good()), sink);
  CHECK(subject.transport().Close(20s));
  CHECK(sink.Times(1) == 1);
  CHECK(sink.Last(1).kind == Kind::kAnswered);
  subject.transport().Start(MakeCall(2, subject.Good()), sink);
  CHECK(sink.Times(2) == 1);
  CHECK(sink.Last(2).kind == Kind::kNotSent);
  CHECK(subject.transport().Close(0ms));
  subject.transport().Cancel(1);
}

void CheckCloseWhileCallsHang(TransportSubject& subject) {
  constexpr uint64_t kCalls = 50;
  CollectingSink sink;
  for (uint64_t id = 1; id <= kCalls; ++id) {
    subject.transport().Start(MakeCall(id, subject.Hanging()), sink);
  }
  subject.WaitUntilHanging(kCalls);
  CHECK_FALSE(subject.transport().Close(10ms));
  CHECK(sink.count() == kCalls);
  for (uint64_t id = 1; id <= kCalls; ++id) {
    REQUIRE(sink.Times(id) == 1);
    REQUIRE((sink.Last(id).kind == Kind::kLost) == subject.CancelLoses());
  }
}

void CheckCloseAgainstStart(TransportSubject& subject) {
  if (!subject.ManyThreads()) return;
  CollectingSink sink;
  std::atomic<uint64_t> started{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        subject.transport().Start(MakeCall(++started, subject.Good()), sink);
      }
    });
  }
  subject.transport().Close(0ms);
  for (std::thread& thread : threads) thread.join();
  REQUIRE(subject.WaitForEnds(sink, started));
  for (uint64_t id = 1; id <= started; ++id) REQUIRE(sink.Times(id) == 1);
}

}  // namespace

Call MakeCall(uint64_t id, std::string url) {
  Call call;
  call.id = id;
  call.url = std::move(url);
  call.context = {.gid = "g1", .trans_type = "saga", .branch_id = "01", .op = "action"};
  auto payload = std::make_shared<const std::string>(R"({"amount":30})");
  call.payload = *payload;
  call.payload_owner = payload;
  call.timeout = 30s;
  return call;
}

void CheckTransport(const TransportFactory& make) {
  SUBCASE("answers are handed over with verdict, reason and body") { CheckAnswers(*make()); }
  SUBCASE("a URL of another form is refused, and never called") { CheckUrls(*make()); }
  SUBCASE("calls from many threads end exactly once each") { CheckManyThreads(*make()); }
  SUBCASE("a cancelled call ends soon, and once") { CheckCancel(*make()); }
  SUBCASE("close waits for calls in flight; later calls are not sent") {
    CheckCloseOfIdle(*make());
  }
  SUBCASE("close cuts off calls that hang, and all of them end") {
    CheckCloseWhileCallsHang(*make());
  }
  SUBCASE("every call ends that is started while another thread closes") {
    CheckCloseAgainstStart(*make());
  }
  SUBCASE("destruction while calls hang ends them") {
    CollectingSink sink;
    auto subject = make();
    subject->transport().Start(MakeCall(1, subject->Hanging()), sink);
    subject->WaitUntilHanging(1);
    subject.reset();
    CHECK(sink.Times(1) == 1);
  }
  SUBCASE("a call may be started from inside of the sink") {
    CollectingSink kept;
    auto subject = make();
    ChainingSink chain(subject->transport(), subject->Good(), kept);
    subject->transport().Start(MakeCall(1, subject->Good()), chain);
    REQUIRE(subject->WaitForEnds(kept, 20));
    subject->transport().Close(1s);
    CHECK(kept.count() == 20);
  }
}

}  // namespace troth::internal
