// The test kit: a coordinator in a world of its own, with virtual time, scripted branches, and
// crashes on demand.
//
//   troth::testing::World world;
//   world.Branch("http://bank-b/TransIn").Fail("account closed");
//   troth::Saga saga;
//   saga.Add({.action = "http://bank-a/TransOut", .compensate = "http://bank-a/TransOutRevert"});
//   saga.Add({.action = "http://bank-b/TransIn", .compensate = "http://bank-b/TransInRevert"});
//   CHECK(world.coordinator().Submit(saga).ok());
//   CHECK(world.coordinator().Wait(saga.gid, 1min)->status == troth::TransactionStatus::kFailed);
//   CHECK(world.Branch("http://bank-a/TransOutRevert").calls() == 1);
//
// It is the production engine on a store in memory; nothing sleeps, no port is opened, no thread is
// started. Submit, Wait and all other methods of the coordinator work as in production: while one
// of them blocks, the world goes on, and virtual time jumps to whatever happens next. A World and
// all that it hands out are used from one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "troth/branch.h"
#include "troth/coordinator.h"
#include "troth/export.h"
#include "troth/status.h"

namespace troth::testing {

// What a fake branch does when it is called, before its script says how that call goes. Called
// again for a repeated call, as any branch is; what it throws counts as unknown.
using Handler = std::function<BranchResult(const BranchContext& context, std::string_view payload)>;

class WorldStores;

struct RecordedCall {
  Time at{};
  std::string method;  // "GET" or "POST"; empty behind a local: URL
  std::string url;     // as the step has it, without the protocol's query
  BranchContext context;
  std::string payload;
  // What the coordinator got to know: "success", "failure", "ongoing", "unknown", "lost", "not
  // sent"; empty while the call is in flight, or where a crash came first.
  std::string result;
  std::optional<Time> ended;  // when it got to know it
};

// A branch that follows a script: each call takes the next line of it; past the end calls succeed,
// or do what the handler says. Owned by its World.
class TROTH_EXPORT FakeBranch {
 public:
  // Lines of the script. Each describes one call.
  FakeBranch& Succeed(std::string body = {});
  FakeBranch& Fail(std::string text);
  FakeBranch& Ongoing(std::string text = {});
  FakeBranch& Answer(int http_status, std::string body = {});
  // The handler runs, its answer never arrives: the coordinator sees a connection cut after the
  // request.
  FakeBranch& RunButLoseReply();
  // Nothing runs and nothing is answered until the coordinator's time-out; behind a local: URL, as
  // long as this life lasts: a function that does not return can't be given up.
  FakeBranch& Hang();
  // Nothing runs: the connection is refused.
  FakeBranch& Refuse();

  // Of the line before: the call arrives, runs and is answered only after that time. One that
  // outlasts the coordinator's time-out still runs; behind a local: URL it is waited for.
  FakeBranch& Delay(std::chrono::milliseconds time);
  // Of the line before: so many calls in all; or all further ones.
  FakeBranch& Times(size_t count);
  FakeBranch& Always();

  // What happens when a call arrives; with Succeed lines and past the script its result is the
  // answer.
  FakeBranch& Do(Handler handler);

  size_t calls() const;
  std::vector<RecordedCall> recorded() const;

  struct State;
  explicit FakeBranch(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

struct WorldOptions {
  // As for Coordinator::Open, but for `store`, certificates and proxies, which a world has no use
  // for. Local functions and callbacks are called on the test's own thread. `outboxes` are real
  // files: their rows are adopted in virtual time.
  CoordinatorOptions coordinator = {};
  uint64_t seed = 1;  // of jitter
  Time start = Time{std::chrono::hours(24 * 365 * 50)};
  std::chrono::milliseconds commit_time{0};  // how long the store takes for a batch
  std::chrono::milliseconds call_time{1};    // how long a call takes that the script does not delay
};

class TROTH_EXPORT World {
 public:
  // Opens the coordinator; ends the process if the options are wrong.
  explicit World(WorldOptions options = {});
  // For Troth's own tests: on another store, which outlives the world. Not open before Reopen().
  World(WorldOptions options, WorldStores& stores);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // After a crash, until Reopen(), it answers as one that was moved from.
  Coordinator& coordinator();
  // The branch behind a URL, made when first asked for. A URL nobody has asked for succeeds, and is
  // recorded too.
  FakeBranch Branch(std::string_view url);
  // All calls, in order of their start, across crashes.
  const std::vector<RecordedCall>& calls() const;

  Time now() const;
  // Lets that much time pass, with all that happens in it.
  void Advance(std::chrono::milliseconds time);
  // Until nothing is under way any more: what is left waits for more than `horizon`, for a person,
  // or for nothing.
  void RunUntilIdle(std::chrono::milliseconds horizon = std::chrono::hours(1));

  // Ends the coordinator as a SIGKILL does: what is durable stays, everything else is gone;
  // branches that were called go on.
  void Crash();
  // The same by itself, right after the `n`-th effect from now (1: the next). Effects are: a
  // commit, a call that goes out, an answer that arrives, a blocking call of the API that is
  // answered. A blocking call under way answers kCancelled.
  void CrashAfter(size_t n);
  bool crashed() const;
  // Effects so far, over all lives: what CrashAfter counts.
  size_t effects() const;
  // Opens the coordinator again on what is durable; crashes it first if it is open.
  Status Reopen();

  // The wall clock jumps, forward or back. As in production the coordinator does not notice it
  // before the next Reopen(), and then goes on from where its store had got to.
  void MoveWallClock(std::chrono::milliseconds by);

  // After `after` more that go well the next `count` commits fail before anything is written.
  void FailCommits(size_t count, Status status, size_t after = 0);
  // The outcome of the `n`-th commit from now can't be told for a while; `committed` says what it
  // was.
  void MakeCommitUnknown(size_t n, bool committed);

  class Impl;

 private:
  friend struct WorldAccess;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troth::testing
