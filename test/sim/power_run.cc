#include "power_run.h"

#include <algorithm>

#include "base/text.h"
#include "troth/tcc.h"

namespace troth::sim {

using internal::Concat;
using testing::Bank;
using namespace std::chrono_literals;

namespace {

constexpr int kTccsMax = 40;
constexpr int64_t kAmount = 7;
constexpr auto kRetention = 1h;

std::string Do(const std::string& name) { return "http://" + name + "/do"; }
std::string Undo(const std::string& name) { return "http://" + name + "/undo"; }

testing::WorldOptions Options() {
  testing::WorldOptions options;
  options.coordinator.retention = kRetention;
  options.coordinator.defaults.retry = {.first = 200ms, .cap = 2s};
  options.coordinator.patience = 2s;
  options.commit_time = 2ms;
  return options;
}

Saga StepsOf(const std::string& gid, const std::vector<std::string>& names) {
  Saga saga;
  saga.gid = gid;
  for (const std::string& name : names) {
    saga.Add({.action = Do(name), .compensate = Undo(name), .payload = "{}"});
  }
  return saga;
}

}  // namespace

PowerRun::PowerRun(const Trouble& trouble)
    : ordeal_(trouble, Options(), {kStorePath}),
      good_(StepsOf("good", {"a", "b"})),
      bad_(StepsOf("bad", {"c", "d"})) {
  message_.gid = "message";
  message_.query_prepared = "http://shop/query";
  message_.Add({.action = "http://m/add", .payload = "1"});
  message_.Add({.action = "topic://news", .payload = "2"});
  Serve();
}

void PowerRun::Serve() {
  testing::World& world = ordeal_.world();
  for (const std::string name : {"a", "b", "c", "d"}) {
    const testing::Handler handler = bank_.Change(name, kAmount);
    world.Branch(Do(name)).Do(handler);
    world.Branch(Undo(name)).Do(handler);
  }
  world.Branch(Do("a")).RunButLoseReply();
  world.Branch(Do("d")).Do(Bank::Refuse("no"));
  for (const std::string name : {"x", "y"}) {
    for (const char* op : {"try", "confirm", "cancel"}) {
      world.Branch(Concat("http://", name, "/", op)).Do(accounts_.Reserve(name, kAmount));
    }
  }
  world.Branch("http://m/add").Do(accounts_.Add("m", kAmount));
  world.Branch("http://n/add").Do(accounts_.Add("n", kAmount));
  world.Branch("http://shop/query").Do(accounts_.CheckBack());
}

void PowerRun::Play() {
  ordeal_.Begin();
  Submit(good_);
  Submit(bad_);
  Subscribe();
  DoTcc();
  DoMessage();
  CheckEnds();
  Purge();
  Close();
  CheckSums();
  // Once more from what is durable now.
  ordeal_.LosePowerNow();
  CheckEnds();
  CheckSums();
  const Health health = ordeal_.coordinator().GetHealth();
  ordeal_.Check(health.open && health.owner, "not open any more");
  ordeal_.Check(health.store_problem.empty(), health.store_problem);
}

// As an application does: the same submit again until it is answered (I28).
void PowerRun::Submit(const Saga& saga) {
  for (;;) {
    const Result<Accepted> accepted = ordeal_.coordinator().Submit(saga);
    const bool answered = accepted.ok() || accepted.status().code() == StatusCode::kAborted;
    if (answered) ordeal_.Acknowledge(saga.gid);
    if (!answered) ordeal_.CheckCode(accepted.status(), "submit " + saga.gid);
    if (ordeal_.Recovered()) continue;
    if (answered) return ordeal_.LookAtStore();
    ordeal_.Wait();
  }
}

void PowerRun::Subscribe() {
  for (;;) {
    const Status status = ordeal_.coordinator().Subscribe("news", "http://n/add");
    const bool there = status.ok() || status.code() == StatusCode::kAlreadyExists;
    if (!there) ordeal_.CheckCode(status, "subscribe");
    if (ordeal_.Recovered()) continue;
    if (there) return;
    ordeal_.Wait();
  }
}

void PowerRun::DoTcc() {
  for (int i = 1; i <= kTccsMax; ++i) {
    const std::string gid = Concat("tcc-", i);
    tried_.push_back(gid);
    const bool done = TryTcc(gid);
    if (done) committed_ = gid;
    if (!ordeal_.Recovered() && !done) ordeal_.Wait();
    if (done) return ordeal_.LookAtStore();
  }
  ordeal_.Check(false, "no TCC gets through");
}

bool PowerRun::TryTcc(const std::string& gid) {
  auto tcc = Tcc::Begin(ordeal_.coordinator(), {.gid = gid, .timeout_to_fail = 5s});
  if (!tcc.ok()) {
    ordeal_.CheckCode(tcc.status(), "begin " + gid);
    return false;
  }
  ordeal_.Acknowledge(gid);
  for (const std::string name : {"x", "y"}) {
    const std::string host = "http://" + name;
    const auto called = tcc->Call({.try_url = host + "/try",
                                   .confirm_url = host + "/confirm",
                                   .cancel_url = host + "/cancel",
                                   .payload = "{}"});
    if (!called.ok()) {
      ordeal_.CheckCode(called.status(), "call a branch of " + gid);
      return false;
    }
  }
  const Status decided = tcc->Commit();
  ordeal_.CheckCode(decided, "commit " + gid);
  return decided.ok();
}

void PowerRun::DoMessage() {
  Prepare();
  Decide();
}

// It may be too late, and the check-back may have failed it.
void PowerRun::Prepare() {
  for (;;) {
    const Result<Accepted> prepared = ordeal_.coordinator().Prepare(message_);
    const bool there = prepared.ok() || prepared.status().code() == StatusCode::kFailedPrecondition;
    if (there) ordeal_.Acknowledge(message_.gid);
    if (!there) ordeal_.CheckCode(prepared.status(), "prepare");
    if (ordeal_.Recovered()) continue;
    if (there) return ordeal_.LookAtStore();
    ordeal_.Wait();
  }
}

void PowerRun::Decide() {
  const bool commits = accounts_.Commit(message_.gid);
  for (;;) {
    const Status status = commits ? ordeal_.coordinator().SubmitPrepared(message_).status()
                                  : ordeal_.coordinator().Abort(message_.gid, "not committed");
    if (!status.ok()) ordeal_.CheckCode(status, "decide the message");
    if (ordeal_.Recovered()) continue;
    if (status.ok()) return ordeal_.LookAtStore();
    ordeal_.Wait();
  }
}

Outcome PowerRun::WaitFor(const std::string& gid) {
  for (;;) {
    Result<Outcome> outcome = ordeal_.coordinator().Wait(gid, 20s);
    if (ordeal_.Recovered()) continue;
    if (outcome.ok()) return *std::move(outcome);
    // One that was begun and not acknowledged may not be there.
    if (outcome.status().code() == StatusCode::kNotFound) return {};
    const bool patient = outcome.status().code() == StatusCode::kDeadlineExceeded;
    if (!patient) ordeal_.CheckCode(outcome.status(), "wait for " + gid);
    ordeal_.Wait();
  }
}

void PowerRun::CheckEnds() {
  const auto expect = [this](const std::string& gid, bool succeeds) {
    const TransactionStatus end =
        succeeds ? TransactionStatus::kSucceed : TransactionStatus::kFailed;
    const Outcome outcome = WaitFor(gid);
    ordeal_.Check(outcome.status == end, Concat(gid, " ended as ", static_cast<int>(outcome.status),
                                                ": ", outcome.reason.text));
  };
  expect(good_.gid, true);
  expect(bad_.gid, false);
  expect(message_.gid, accounts_.committed(message_.gid));
  if (!committed_.empty()) expect(committed_, true);
  ordeal_.LookAtStore();
}

// I32: each effect once, or none at all.
void PowerRun::CheckSums() {
  const auto expect = [this](const std::string& name, int64_t is, int64_t wanted) {
    ordeal_.Check(is == wanted, Concat("the balance of ", name, " is ", is, ", not ", wanted));
  };
  for (const char* name : {"a", "b"}) expect(name, bank_.balance(name), kAmount);
  for (const char* name : {"c", "d"}) expect(name, bank_.balance(name), 0);
  int64_t succeeded = 0;
  for (const std::string& gid : tried_) {
    const Outcome outcome = WaitFor(gid);
    succeeded += !outcome.gid.empty() && outcome.succeeded() ? 1 : 0;
  }
  for (const char* name : {"x", "y"}) {
    expect(name, accounts_.balance(name), succeeded * kAmount);
    expect(Concat(name, ", held"), accounts_.held(name), 0);
  }
  const bool sent = accounts_.committed(message_.gid);
  for (const char* name : {"m", "n"}) expect(name, accounts_.balance(name), sent ? kAmount : 0);
}

// What has ended long ago keeps only its end (R10).
void PowerRun::Purge() {
  for (bool purged = false; !purged;) {
    ordeal_.world().Advance(kRetention + 1min);
    if (ordeal_.Recovered()) continue;
    const auto record = ordeal_.coordinator().Query(message_.gid);
    purged = record.ok() && record->branches.empty();
    if (!record.ok()) ordeal_.CheckCode(record.status(), "query a purged message");
    if (!purged) ordeal_.Wait();
  }
  ordeal_.LookAtStore();
}

void PowerRun::Close() {
  const Status closed = ordeal_.coordinator().Close(1s);
  if (ordeal_.Recovered()) return;
  // What could not be written is found again.
  if (!ordeal_.trouble().fault) ordeal_.Check(closed.ok(), "close: " + closed.ToString());
  ordeal_.LosePowerNow();
}

}  // namespace troth::sim
