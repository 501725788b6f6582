#include "desk.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.h"
#include "engine/batch.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

std::string NameOf(const Call& call) {
  return Concat(call.context.gid, ":", call.context.branch_id, "/", call.context.op);
}

Loaded ReadRow(const StoredTransaction& stored, bool unreadable) {
  if (unreadable) return {stored.row, Status(StatusCode::kDataLoss, "damaged")};
  return {stored.row, FromStored(stored)};
}

}  // namespace

// --- the store ---

void FakeStore::Commit(Batch&& batch) {
  batch_sizes.push_back(batch.writes.size());
  for (const Write& write : batch.writes) effects_.push_back("commit " + write.row.gid);
  pending.emplace_back(std::move(batch));
}

size_t FakeStore::commits_pending() const {
  return static_cast<size_t>(std::count_if(pending.begin(), pending.end(), [](const Work& work) {
    return std::holds_alternative<Batch>(work);
  }));
}

BatchResult FakeStore::Apply(const Batch& batch) {
  BatchResult result;
  for (const Write& write : batch.writes) {
    result.writes.push_back(ApplyOne(write));
    if (result.writes.back().kind != WriteResult::Kind::kOk) continue;
    ++writes[write.row.gid];
    effects_.push_back("durable " + write.row.gid);
  }
  return result;
}

WriteResult FakeStore::ApplyOne(const Write& write) {
  const auto found = rows.find(write.row.gid);
  if (write.insert()) {
    if (found != rows.end()) {
      return {.kind = WriteResult::Kind::kGidExists, .existing = found->second.row, .status = {}};
    }
    CHECK(write.row.version == 1);
    StoredTransaction stored{.row = write.row, .state = write.state, .parts = write.parts};
    stored.row.id = next_id_++;
    const int64_t id = stored.row.id;
    rows.emplace(write.row.gid, std::move(stored));
    return {.kind = WriteResult::Kind::kOk, .id = id, .existing = {}, .status = {}};
  }
  if (found == rows.end() || found->second.row.id != write.row.id ||
      found->second.row.version + 1 != write.row.version || found->second.state.empty()) {
    return {.kind = WriteResult::Kind::kStale, .existing = {}, .status = {}};
  }
  StoredTransaction& stored = found->second;
  stored.row = write.row;
  stored.state = write.state;
  stored.parts.insert(stored.parts.end(), write.parts.begin(), write.parts.end());
  return {.kind = WriteResult::Kind::kOk, .id = write.row.id, .existing = {}, .status = {}};
}

DueLoaded FakeStore::Do(const LoadDueWork& work) const {
  DueLoaded loaded;
  loaded.status = load_due_status;
  if (!loaded.status.ok()) return loaded;
  std::map<std::pair<Time, int64_t>, const StoredTransaction*> by_due;
  for (const auto& [gid, stored] : rows) {
    if (stored.row.due) by_due[{*stored.row.due, stored.row.id}] = &stored;
  }
  for (const auto& [key, stored] : by_due) {
    if (work.after && key <= std::pair(work.after->due, work.after->id)) continue;
    if (key.first > work.until) {
      loaded.next_due = key.first;
      break;
    }
    if (loaded.transactions.size() == work.max) {
      loaded.more = true;
      break;
    }
    loaded.transactions.push_back(ReadRow(*stored, unreadable.contains(stored->row.gid)));
    loaded.last = DuePosition{key.first, key.second};
  }
  return loaded;
}

GidLoaded FakeStore::Do(const LoadWork& work) const {
  GidLoaded loaded{.gid = work.gid, .status = load_status, .found = {}};
  if (!loaded.status.ok()) return loaded;
  const auto found = rows.find(work.gid);
  if (found != rows.end()) {
    loaded.found.push_back(ReadRow(found->second, unreadable.contains(work.gid)));
  }
  return loaded;
}

GlobalTransaction FakeStore::Read(const std::string& gid) const {
  auto read = FromStored(rows.at(gid));
  REQUIRE_MESSAGE(read.ok(), read.status());
  return std::move(**read);
}

// --- calls and events ---

void FakeCalls::Start(Call call, CallSink&) {
  const std::string name = NameOf(call);
  for (const Call& other : open) CHECK_MESSAGE(NameOf(other) != name, "two calls of one branch");
  effects_.push_back("call " + name);
  ++starts[name];
  open.push_back(std::move(call));
}

void FakeCalls::Cancel(uint64_t id) {
  for (const Call& call : open) {
    if (call.id == id) cancelled.push_back(NameOf(call));
  }
}

size_t FakeObserver::Count(EventKind kind) const {
  return static_cast<size_t>(std::count_if(
      events.begin(), events.end(), [kind](const Event& event) { return event.kind == kind; }));
}

CallEnded Success() { return {.verdict = BranchResult::Verdict::kSuccess}; }
CallEnded Failure() {
  return {.verdict = BranchResult::Verdict::kFailure, .http_status = 409, .text = "no money"};
}
CallEnded Ongoing() { return {.verdict = BranchResult::Verdict::kOngoing}; }
CallEnded Unknown() {
  return {.http_status = 500, .code = ReasonCode::kHttpStatus, .text = "oops"};
}
CallEnded HostDown() {
  return {.kind = CallEnded::Kind::kNotSent,
          .code = ReasonCode::kNoAnswer,
          .text = "refused",
          .host_down = true};
}
CallEnded NotSent() {
  return {.kind = CallEnded::Kind::kNotSent, .code = ReasonCode::kNotSent, .text = "no headers"};
}

std::function<BatchResult(const Batch&)> Refuse() {
  return [](const Batch&) {
    return BatchResult{.kind = BatchResult::Kind::kNotWritten,
                       .status = {StatusCode::kResourceExhausted, "disk full"}};
  };
}

std::function<BatchResult(const Batch&)> LoseOwner() {
  return [](const Batch&) {
    return BatchResult{.kind = BatchResult::Kind::kLostOwner,
                       .status = {StatusCode::kFailedPrecondition, "somebody else owns it"}};
  };
}

Definition SagaOf(size_t steps) {
  Definition definition;
  for (size_t i = 1; i <= steps; ++i) {
    Step& step = definition.steps.emplace_back();
    step.branch_id = Concat(i < 10 ? "0" : "", i);
    step.forward = Concat("http://bank.example/", i);
    step.rollback = Concat("http://bank.example/back/", i);
    step.payload = "{}";
  }
  return definition;
}

// --- the desk ---

Desk::Desk(EngineOptions options) : options_(std::move(options)) {
  engine.emplace(store, calls, sink_, random_, observer, options_);
  engine->Start(now);
}

void Desk::Crash(bool unclean, bool store_was_ahead) {
  engine.reset();
  store.pending.clear();
  calls.open.clear();
  events.clear();
  options_.unclean = unclean;
  engine.emplace(store, calls, sink_, random_, observer, options_);
  engine->Start(now, store_was_ahead);
}

void Desk::Turn() {
  std::vector<EngineEvent> batch = std::exchange(events, {});
  engine->Handle(batch, now);
}

void Desk::DoStore() {
  REQUIRE_FALSE(store.pending.empty());
  FakeStore::Work work = std::move(store.pending.front());
  store.pending.pop_front();
  if (auto* due = std::get_if<FakeStore::LoadDueWork>(&work)) {
    ++store.loads;
    events.emplace_back(store.Do(*due));
  } else if (auto* load = std::get_if<FakeStore::LoadWork>(&work)) {
    ++store.loads;
    events.emplace_back(store.Do(*load));
  } else if (auto* purge = std::get_if<FakeStore::PurgeWork>(&work)) {
    ++store.purges;
    purge->pass.finished = true;
    purge->pass.next = store.purge_next;
    purge->pass.examined = store.purge_examined;
    events.emplace_back(Purged{purge->pass, {}});
  } else {
    Batch batch = std::move(std::get<Batch>(work));
    BatchResult result;
    if (store.script.empty()) {
      result = store.Apply(batch);
    } else {
      const auto next = std::move(store.script.front());
      store.script.pop_front();
      result = next(batch);
    }
    auto settled = TakeSettledReplies(batch, result);
    events.emplace_back(BatchDone{std::move(batch), std::move(result)});
    for (auto& [reply, answer] : settled) reply(std::move(answer));
  }
}

void Desk::DoubtCommit(std::string why) {
  const auto oldest =
      std::find_if(store.pending.begin(), store.pending.end(),
                   [](const FakeStore::Work& work) { return std::holds_alternative<Batch>(work); });
  REQUIRE(oldest != store.pending.end());
  events.emplace_back(StoreTrouble{{StatusCode::kUnavailable, std::move(why)},
                                   std::get<Batch>(*oldest).writes.size()});
}

void Desk::Run() {
  for (int rounds = 0; rounds < 10'000; ++rounds) {
    if (!events.empty()) {
      Turn();
    } else if (!store.pending.empty()) {
      DoStore();
    } else {
      const auto wake = engine->NextWake();
      if (!wake || *wake > now) return;
      engine->Handle({}, now);
    }
  }
  FAIL("the engine never comes to rest");
}

void Desk::Pass(Milliseconds time) {
  const Time until = now + time;
  Run();
  for (;;) {
    const auto wake = engine->NextWake();
    if (!wake || *wake > until) break;
    now = std::max(now, *wake);
    engine->Handle({}, now);
    Run();
  }
  now = until;
}

namespace {

class TicketAsker final : public Asker {
 public:
  TicketAsker(TicketPtr ticket, std::string gid, Effects& effects)
      : ticket_(std::move(ticket)), gid_(std::move(gid)), effects_(effects) {}
  void OnAnswer(Answer&& answer) override {
    ++ticket_->answers;
    ticket_->answer = std::move(answer);
    effects_.push_back("answer " + gid_);
  }
  void OnDropped() override { ++ticket_->drops; }
  bool Claim() override { return !std::exchange(ticket_->claimed, true) && !ticket_->gives_up; }

 private:
  const TicketPtr ticket_;
  const std::string gid_;
  Effects& effects_;
};

}  // namespace

TicketPtr Desk::Ask(const std::string& gid, Request::Body body) {
  auto ticket = std::make_shared<Ticket>();
  tickets.push_back(ticket);
  Reply reply(std::make_shared<TicketAsker>(ticket, gid, effects));
  events.emplace_back(
      Request{.gid = gid, .body = std::move(body), .reply = std::move(reply), .give_up = {}});
  return ticket;
}

TicketPtr Desk::Submit(const std::string& gid, const Definition& definition,
                       std::optional<Time> start) {
  auto shared = std::make_shared<const Definition>(definition);
  auto t = std::make_unique<GlobalTransaction>(NewTransaction(gid, shared, now));
  t->digest = DigestOf(definition);
  auto document = std::make_shared<const std::string>(EncodeDefinition(definition));
  return Ask(
      gid,
      SubmitRequest{.transaction = std::move(t), .document = std::move(document), .start = start});
}

TicketPtr Desk::Prepare(const std::string& gid, Milliseconds timeout) {
  Definition tcc;
  tcc.mode = Mode::kTcc;
  tcc.timeout_to_fail = timeout;
  const TicketPtr ticket = Submit(gid, tcc);
  auto& submit = std::get<SubmitRequest>(std::get<Request>(events.back()).body);
  submit.transaction->phase = Phase::kPrepared;
  submit.transaction->outcome = Decision::kUndecided;
  return ticket;
}

Health Desk::Control(ControlRequest::Kind kind) {
  Health out;
  events.emplace_back(ControlRequest{
      .kind = kind, .name = "", .done = [&out](const Health& health) { out = health; }});
  Turn();
  return out;
}

void Desk::End(const std::string& name, CallEnded how) {
  const auto found = std::find_if(calls.open.begin(), calls.open.end(),
                                  [&](const Call& call) { return NameOf(call) == name; });
  REQUIRE_MESSAGE(found != calls.open.end(), name, " is not in flight: ", Open());
  how.id = found->id;
  calls.open.erase(found);
  events.emplace_back(std::move(how));
}

std::string Desk::Open() const {
  std::string out;
  for (const Call& call : calls.open) out += (out.empty() ? "" : " ") + NameOf(call);
  return out;
}

bool Desk::IsOpen(const std::string& name) const {
  return std::any_of(calls.open.begin(), calls.open.end(),
                     [&](const Call& call) { return NameOf(call) == name; });
}

}  // namespace troth::internal
