// The engine on a desk: every port is a fake, events are fed by hand, and time stands still until a
// test lets it pass.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/engine.h"

namespace troth::internal {

inline constexpr Time kStart{Milliseconds{1'700'000'000'000}};
constexpr Milliseconds operator""_ms(unsigned long long count) {
  return Milliseconds{static_cast<int64_t>(count)};
}
constexpr Milliseconds operator""_sec(unsigned long long count) {
  return Milliseconds{static_cast<int64_t>(count) * 1000};
}

// What happened outside the engine, in order: "commit g", "durable g", "call g:01/action",
// "answer g".
using Effects = std::vector<std::string>;

// One request's answer. Exactly one of `answers` and `drops` is 1 in the end.
struct Ticket {
  size_t answers = 0;
  size_t drops = 0;
  Answer answer;
  bool claimed = false;
  bool gives_up = false;  // whoever claims it later may not begin
  StatusCode code() const { return answer.status.code(); }
  bool open() const { return answers + drops == 0; }
};
using TicketPtr = std::shared_ptr<Ticket>;

// Rows as a store keeps them, and the work that the engine has asked for and that is not done yet.
class FakeStore : public StorePort {
 public:
  struct LoadDueWork {
    std::optional<DuePosition> after;
    Time until;
    size_t max;
  };
  struct LoadWork {
    std::string gid;
  };
  struct PurgeWork {
    PurgePass pass;
    Time finished_before;
    Time tombstones_before;
  };
  using Work = std::variant<Batch, LoadDueWork, LoadWork, PurgeWork>;

  explicit FakeStore(Effects& effects) : effects_(effects) {}

  void Commit(Batch&& batch) override;
  void LoadDue(std::optional<DuePosition> after, Time until, size_t max) override {
    pending.emplace_back(LoadDueWork{after, until, max});
  }
  void Load(std::string gid) override { pending.emplace_back(LoadWork{std::move(gid)}); }
  void Purge(PurgePass pass, Time finished_before, Time tombstones_before) override {
    pending.emplace_back(PurgeWork{pass, finished_before, tombstones_before});
  }
  void ChangeTopic(TopicRequest&& request) override { request.reply(Answer{}); }

  BatchResult Apply(const Batch& batch);
  DueLoaded Do(const LoadDueWork& work) const;
  GidLoaded Do(const LoadWork& work) const;

  const TransactionRow& Row(const std::string& gid) const { return rows.at(gid).row; }
  // As a fresh life would read it.
  GlobalTransaction Read(const std::string& gid) const;
  size_t commits_pending() const;

  std::deque<Work> pending;
  std::map<std::string, StoredTransaction> rows;
  std::map<std::string, size_t> writes;  // durable ones
  std::vector<size_t> batch_sizes;
  size_t loads = 0;
  size_t purges = 0;
  // What each pass of a purge says.
  std::optional<Time> purge_next;
  size_t purge_examined = 0;
  // What becomes of the next batches, in place of Apply.
  std::deque<std::function<BatchResult(const Batch&)>> script;
  Status load_due_status;
  Status load_status;  // of one gid
  std::set<std::string> unreadable;

 private:
  WriteResult ApplyOne(const Write& write);

  Effects& effects_;
  int64_t next_id_ = 1;
};

class FakeCalls : public Transport {
 public:
  explicit FakeCalls(Effects& effects) : effects_(effects) {}
  Status CheckUrl(std::string_view) const override { return {}; }
  bool CanCall(std::string_view url) const override { return !not_callable.contains(url); }
  void Start(Call call, CallSink& sink) override;
  void Cancel(uint64_t id) override;
  bool Close(Milliseconds) override { return true; }

  std::vector<Call> open;                // in flight
  std::map<std::string, size_t> starts;  // "g:01/action" → how often
  std::vector<std::string> cancelled;
  std::set<std::string, std::less<>> not_callable;

 private:
  Effects& effects_;
};

class FakeObserver : public Observer {
 public:
  bool wants_events() const override { return true; }
  bool wants_outcomes() const override { return true; }
  void OnEvent(Event&& event) override { events.push_back(std::move(event)); }
  void OnFinished(std::shared_ptr<const Outcome> outcome) override {
    outcomes.push_back(std::move(outcome));
  }
  void OnAlert(Alert&&) override {}
  uint64_t dropped() const override { return 0; }
  size_t Count(EventKind kind) const;

  std::vector<Event> events;
  std::vector<std::shared_ptr<const Outcome>> outcomes;
};

// How a call ends.
CallEnded Success();
CallEnded Failure();
CallEnded Ongoing();
CallEnded Unknown();
CallEnded HostDown();
CallEnded NotSent();

// What becomes of a batch, for FakeStore::script.
std::function<BatchResult(const Batch&)> Refuse();
std::function<BatchResult(const Batch&)> LoseOwner();

// `steps` steps at http://bank.example/1 and on.
Definition SagaOf(size_t steps);

class Desk {
 public:
  explicit Desk(EngineOptions options = {.retention = std::chrono::hours(24),
                                         .tombstone_retention = std::chrono::hours(24)});

  // Gives the engine all that has happened.
  void Turn();
  // The store does the work that was asked for first, and tells.
  void DoStore();
  // It can't say whether the oldest batch is committed.
  void DoubtCommit(std::string why);
  // Both, until there is nothing left but calls in flight and time.
  void Run();
  // Time passes, with all that happens on the way.
  void Pass(Milliseconds time);

  TicketPtr Ask(const std::string& gid, Request::Body body);
  // `start`: of a message, when its actions may begin.
  TicketPtr Submit(const std::string& gid, const Definition& definition = SagaOf(2),
                   std::optional<Time> start = {});
  // A tcc that a session puts together.
  TicketPtr Prepare(const std::string& gid, Milliseconds timeout = Milliseconds{30'000});
  TicketPtr Wait(const std::string& gid, uint64_t ticket = 0) {
    return Ask(gid, WaitRequest{ticket});
  }
  TicketPtr Cancel(const std::string& gid) { return Ask(gid, CancelRequest{{"ann", "why"}}); }
  TicketPtr Stop(const std::string& gid) { return Ask(gid, StopRequest{{"ann", "why"}}); }
  TicketPtr Retry(const std::string& gid) { return Ask(gid, RetryRequest{{"ann", "why"}}); }
  TicketPtr Skip(const std::string& gid, BranchKey key) {
    return Ask(gid, SkipRequest{std::move(key), {"ann", "why"}});
  }
  TicketPtr Edit(const std::string& gid, BranchKey key, BranchEdit edit) {
    return Ask(gid, EditRequest{std::move(key), std::move(edit), {"ann", "why"}});
  }
  Health Control(ControlRequest::Kind kind);

  // Ends the call "g:01/action".
  void End(const std::string& call, CallEnded how);
  // The calls in flight: "g:01/action g:02/action".
  std::string Open() const;
  bool IsOpen(const std::string& call) const;

  TransactionStatus StatusOf(const std::string& gid) const { return store.Row(gid).status; }
  // The process dies and comes back: the rows stay.
  void Crash(bool unclean = true, bool store_was_ahead = false);

  Time now = kStart;
  Effects effects;
  FakeStore store{effects};
  FakeCalls calls{effects};
  FakeObserver observer;
  std::vector<EngineEvent> events;
  std::optional<Engine> engine;
  std::vector<TicketPtr> tickets;

 private:
  struct Draws : Random {
    uint64_t Next() override { return draw(); }
    std::mt19937_64 draw{1};
  };
  struct Sink : CallSink {
    explicit Sink(std::vector<EngineEvent>& events) : events_(events) {}
    void OnCallEnded(CallEnded&& ended) override { events_.emplace_back(std::move(ended)); }
    std::vector<EngineEvent>& events_;
  };

  EngineOptions options_;
  Draws random_;
  Sink sink_{events};
};

}  // namespace troth::internal
