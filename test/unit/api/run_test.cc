// Run(): submits and waits in one, with the errors of both.
#include <atomic>
#include <thread>
#include <vector>

#include "opened.h"

namespace troth {
namespace {

TEST_CASE("run: the outcome of a saga that succeeds, and of one that fails") {
  const TemporaryFolder folder;
  Coordinator coordinator =
      MustOpen({.store = folder.File("t.db"),
                .local = {Local("yes"), Local("no", BranchResult::Failure("full"))}});
  const Saga good = LocalSaga();
  const Result<Outcome> succeeded = coordinator.Run(good, 60s);
  REQUIRE(succeeded.ok());
  CHECK(succeeded->succeeded());
  CHECK(succeeded->gid == good.gid);
  const Result<Outcome> failed = coordinator.Run(LocalSaga("no"), 60s);
  REQUIRE(failed.ok());
  CHECK(failed->status == TransactionStatus::kFailed);
  CHECK(failed->reason.text == "full");
}

TEST_CASE("run: the same saga again has the same outcome, another content is refused") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen(
      {.store = folder.File("t.db"), .local = {Local("yes"), Local("no"), Local("other")}});
  const Saga saga = LocalSaga();
  REQUIRE(coordinator.Run(saga, 60s).ok());
  const Result<Outcome> again = coordinator.Run(saga, 60s);
  REQUIRE(again.ok());
  CHECK(again->succeeded());
  Saga other = LocalSaga("other");
  other.gid = saga.gid;
  CHECK(coordinator.Run(other, 60s).status().code() == StatusCode::kAlreadyExists);
  CHECK(coordinator.Run(Saga(), 60s).status().code() == StatusCode::kInvalidArgument);
}

// An acceptance and the end that follows from it may be told by two threads, in any order.
TEST_CASE("run: by many at once, what has ended is never of unknown acceptance") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen({.store = folder.File("t.db"), .local = {Local("yes")}});
  Saga empty;
  empty.Add({});  // ends with its submit
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        Saga saga = i % 2 == 0 ? empty : LocalSaga();
        saga.gid = NewGid();
        const Result<Outcome> outcome = coordinator.Run(saga, 60s);
        if (!outcome.ok() || !outcome->succeeded()) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

// Opens the door before the coordinator ends.
struct Hanging {
  explicit Hanging(Limits limits = {})
      : coordinator(MustOpen({.store = folder.File("t.db"),
                              .local = {Local("yes"),
                                        {"slow",
                                         [this](auto&, auto, auto) {
                                           gate.Pass();
                                           return BranchResult::Success();
                                         }}},
                              .limits = limits})) {}
  ~Hanging() { gate.Open(); }
  const TemporaryFolder folder;
  Gate gate;
  Coordinator coordinator;
};

TEST_CASE("run: a saga that does not end in time goes on, and so does one with no time at all") {
  Hanging hanging;
  const Saga first = LocalSaga("slow");
  const Saga second = LocalSaga("slow");
  CHECK(hanging.coordinator.Run(first, 20ms).status().code() == StatusCode::kDeadlineExceeded);
  CHECK(hanging.coordinator.Run(second, 0ms).status().code() == StatusCode::kDeadlineExceeded);
  hanging.gate.AwaitArrival(2);
  hanging.gate.Open();
  for (const Saga* saga : {&first, &second}) {
    const Result<Outcome> outcome = hanging.coordinator.Wait(saga->gid, 60s);
    REQUIRE(outcome.ok());
    CHECK(outcome->succeeded());
  }
}

TEST_CASE("run: what is refused past a limit is told at once") {
  Hanging hanging({.live = 1});
  REQUIRE(hanging.coordinator.Submit(LocalSaga("slow")).ok());
  hanging.gate.AwaitArrival();
  CHECK(hanging.coordinator.Run(LocalSaga(), 60s).status().code() ==
        StatusCode::kResourceExhausted);
}

TEST_CASE("run: a Close meanwhile answers kCancelled") {
  Hanging hanging;
  Status status;
  std::thread runs([&] { status = hanging.coordinator.Run(LocalSaga("slow"), 60s).status(); });
  hanging.gate.AwaitArrival();
  std::thread closes([&] { (void)hanging.coordinator.Close(100ms); });
  runs.join();
  CHECK(status.code() == StatusCode::kCancelled);
  hanging.gate.Open();
  closes.join();
}

}  // namespace
}  // namespace troth
