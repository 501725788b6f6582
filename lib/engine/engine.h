// The engine: sees every live transaction through, by planning it again after everything that
// happens.
//
// It is passive: events in, effects out. It has no thread, calls no clock and never blocks;
// production and simulator are two drivers of this one object. It knows neither modes (plan/) nor
// SQL (store/) nor HTTP (transport/).
//
// The law of its order of effects: write → durable → {send, answer, notify} that need it. One turn
// (semantics.md §3): commit results, call results, requests, timers; then each transaction
// concerned is advanced: requests applied, planned, decisions and marks put into a write, allowed
// calls sent; then the writes go to the store in one batch.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "engine/acts.h"
#include "engine/event.h"
#include "engine/hosts.h"
#include "engine/live.h"
#include "engine/loader.h"
#include "engine/timers.h"
#include "plan/plan.h"

namespace troth::internal {

struct EngineOptions {
  Limits limits;
  Milliseconds retention{};
  Milliseconds tombstone_retention{};
  bool unclean = false;  // recovered local calls wait a second (R22)
  uint32_t alert_after = 3;
  std::string alert_url = {};
  Milliseconds alert_timeout{3'000};
  std::string gateway_url = {};
  ProbeOptions probe = {};
};

class Engine {
 public:
  // All outlive the engine. `sink` gets the results of calls.
  Engine(StorePort& store, Transport& transport, CallSink& sink, Random& random, Observer& observer,
         EngineOptions options);

  // Begins to load what is due. Once, before Handle. `store_was_ahead`: the clock does not go on
  // from what is stored, but is more than a day behind it (R23).
  void Start(Time now, bool store_was_ahead = false);

  // Takes what has happened and does what follows. `now` never goes back.
  void Handle(std::span<EngineEvent> events, Time now);

  // When Handle should be called again though nothing has happened.
  std::optional<Time> NextWake();

  // After a kClose: nothing in flight and nothing unwritten.
  bool Quiet() const;
  size_t calls_in_flight() const { return calls_.size(); }

 private:
  // --- engine.cc: the turn ---
  void Touch(Live& live);
  void TouchAll();
  Live* Find(LiveId id);
  Live* FindGid(const std::string& gid);
  Live& Add(std::unique_ptr<GlobalTransaction> t);
  void Remove(Live& live);
  void AdvanceTouched(Time now);
  void Advance(Live& live, Time now);
  Plan Settle(Live& live, Time now);
  void ApplyDecision(Live& live, const PlannedDecision& decision, Time now);
  void Send(Live& live, Plan& plan, Time now);
  void StartCall(Live& live, uint16_t branch, const std::string& host, Time now);
  // The transaction's headers, with the step's own over those of the same name.
  static Headers HeadersToSend(const GlobalTransaction& t, const Headers& own);
  void LookAtLocalCalls(Live& live, Plan& plan, Time now);
  void SendSessionCalls(Live& live, Time now);
  void StartSessionCall(Live& live, uint16_t branch, Request&& request, Time now);
  bool EndSessionCall(Live& live, InFlight& call, CallEnded& ended, Time now);
  void SetTimer(Live& live, const Plan& plan);
  bool PrepareToLeave(Live& live, const Plan& plan, Time now);
  void Leave(Live& live, const Plan& plan);
  bool MaySend() const;
  bool StoreIsFailing(const Live& live) const;

  // --- writes.cc: what becomes durable ---
  void QueueWrite(Live& live, const Plan& plan, bool leaving, Time now);
  TransactionRow RowToWrite(const Live& live, const Plan& plan, bool leaving) const;
  void Flush(Time now);
  std::vector<LiveId> TakeOutstanding(size_t count);
  void OnBatchDone(BatchDone& done, Time now);
  void OnWritten(Live& live, int64_t id, Time now);
  void OnNotWritten(Live& live, Write&& write, std::vector<PendingReply>&& replies,
                    const Status& status, bool alone, Time now);
  void OnStoreTrouble(const StoreTrouble& trouble, Time now);
  void StoreWorks(Time now);
  void StoreFails(const Status& status, Time now);
  void LoseOwnership(const Status& status, Time now);
  void RefuseAll(Live& live, const Status& status);
  void Quarantine(Live& live, const Status& status, Time now);

  // --- requests.cc ---
  void OnCallEnded(CallEnded& ended, Time now);
  void RecordCallEnded(Live& live, const InFlight& call, const CallEnded& ended, Time now);
  void OnRequest(Request&& request, Time now);
  void OnSubmit(Request&& request, Time now);
  void OnControl(ControlRequest&& request, Time now);
  void ApplyRequests(Live& live, Time now);
  bool ApplyRequest(Live& live, Request& request, Time now);
  bool Finish(Live& live, Request& request, ActResult result);
  void AnswerWhenDurable(Live& live, Request& request, Answer&& answer);
  bool ApplySession(Live& live, Request& request, Time now);
  Status RoomFor(size_t steps, size_t bytes, size_t document) const;
  ActResult Join(Live& live, const RegisterRequest& joins, Time now);
  Status RoomFor(const GlobalTransaction& t, const RegisterRequest& joins) const;
  Status RoomFor(const GlobalTransaction& t, const RecordRequest& record) const;
  bool ApplyWorkflow(Live& live, Request& request, Time now);
  bool Resubmit(Live& live, Request& request, SubmitRequest& submit, Time now);
  bool PrepareAgain(Live& live, Request& request, std::string_view digest, Time now);
  static std::vector<uint16_t> AwaitedBranches(const Live& live);
  void ForgetWait(const std::string& gid, uint64_t ticket);
  void OnTopicRequest(TopicRequest&& request);
  void OnTopicChanged(TopicChanged& changed, Time now);
  void OnNotification(Notification&& seen, Time now);
  Health GetHealth() const;
  void Tell(EventKind kind, Time now, const GlobalTransaction* t, Reason reason = {},
            std::string text = {}, Milliseconds took = {});

  // --- loads.cc ---
  void AskStore(Time now);
  void OnDueLoaded(DueLoaded& loaded, Time now);
  void LoadFor(Request&& request);
  void OnGidLoaded(GidLoaded& loaded, Time now);
  Live* Admit(Loaded& loaded, Time now);
  std::vector<Waiter> TakeDormant(const std::string& gid);
  void AnswerFromRow(Request& request, const TransactionRow& row, const GlobalTransaction* t);

  // --- purge.cc ---
  void OnPurged(Purged& purged, Time now);

  // --- alert.cc ---
  void RaiseAlert(const GlobalTransaction& t, uint16_t branch, Time now);
  void PostAlert(const Alert& alert, Time now);
  bool EndAlert(const CallEnded& ended, Time now);
  void LoseAlert(const std::string& gid, std::string_view why, Time now);

  // --- statistics.cc ---
  void CountAccepted(const GlobalTransaction& t);
  void CountEnded(const GlobalTransaction& t);
  void CountCall(const CallEnded& ended);
  Statistics GetStatistics() const;

  StorePort& store_;
  Transport& transport_;
  CallSink& sink_;
  Random& random_;
  Observer& observer_;
  const EngineOptions options_;
  Time opened_{};

  uint64_t next_id_ = 1;
  // Their entries come and go with each transaction and call, on whatever thread has the turn: what
  // one has left the next one takes, in place of memory that another thread has allocated.
  std::pmr::unsynchronized_pool_resource entries_;
  std::pmr::unordered_map<LiveId, std::unique_ptr<Live>> live_{&entries_};
  std::pmr::unordered_map<std::string_view, Live*> by_gid_{&entries_};  // the value's own gid
  std::pmr::unordered_map<uint64_t, InFlight> calls_{&entries_};
  std::vector<LiveId> touched_;
  Hosts hosts_;
  Timers timers_{&entries_};
  Loader loader_;

  struct QueuedWrite {
    LiveId live = 0;
    Write write;
    std::vector<PendingReply> replies;
    size_t bytes = 0;
  };
  struct OutstandingWrite {
    LiveId live = 0;
    size_t bytes = 0;
  };
  std::vector<QueuedWrite> queue_;            // not with the store yet
  std::deque<OutstandingWrite> outstanding_;  // with the store, the oldest first
  size_t unwritten_bytes_ = 0;                // accepted, queued or with the store
  std::string store_problem_;
  std::string load_problem_;
  Milliseconds store_backoff_{};
  std::optional<Time> store_retry_;
  size_t unwritten_results_ = 0;  // while the store has trouble (R29)

  std::unordered_map<std::string, std::vector<Request>> loading_;  // gid → who asked for it
  std::unordered_set<std::string> passed_over_;  // of these, what the loader will not find again
  std::unordered_map<std::string, std::vector<Waiter>> dormant_;  // Wait() on what is not in memory

  std::optional<PurgePass> purge_;
  std::optional<Time> purge_at_;
  bool purging_ = false;

  size_t topic_changes_ = 0;                          // with the store
  std::unordered_map<uint64_t, std::string> alerts_;  // calls in flight → gid
  Statistics statistics_;

  bool paused_ = false;
  bool closing_ = false;
  bool lost_owner_ = false;
};

}  // namespace troth::internal
