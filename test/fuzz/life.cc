// A stored transaction that nobody vouches for, in the real engine, beside a healthy one, while
// somebody does things to it.
//
// Properties: the engine never ends the process and comes to rest; the healthy transaction ends as
// if it were alone (R24, I25). What could be read before can be read after everything that the
// engine wrote, and what has not ended is due, or waits for a person or its application (I23).
#include "base/check.h"
#include "base/text.h"
#include "model/stored.h"
#include "model/url.h"
#include "testing/simulated_driver.h"
#include "transaction.h"

namespace troth::testing {
namespace {

using internal::CallEnded;
using internal::MemoryStore;
using internal::StoredTransaction;
using Verdict = BranchResult::Verdict;
using internal::Write;
using std::chrono::milliseconds;

constexpr Time kStart{milliseconds(1'700'000'000'000)};
constexpr int kStepsMax = 400;
constexpr milliseconds kHorizon = std::chrono::hours(24);

// Ends each call of the stranger as the script says; the healthy one's succeed.
class ScriptedTransport final : public internal::Transport {
 public:
  ScriptedTransport(Universe& universe, fuzz::Input script)
      : universe_(universe), script_(script) {}

  Status CheckUrl(std::string_view) const override { return {}; }
  bool CanCall(std::string_view url) const override {
    return !internal::IsLocalUrl(url) || internal::ParseLocalUrl(url).ok();
  }
  void Start(internal::Call call, internal::CallSink& sink) override {
    CallEnded ended{.id = call.id, .verdict = Verdict::kSuccess, .http_status = 200};
    milliseconds took{1};
    if (call.context.gid != "healthy") took = Script(ended);
    universe_.At(universe_.now() + took,
                 [&sink, ended]() mutable { sink.OnCallEnded(std::move(ended)); });
  }
  void Cancel(uint64_t) override {}
  bool Close(milliseconds) override { return true; }

 private:
  milliseconds Script(CallEnded& ended) {
    const uint8_t how = script_.Byte();
    ended.kind = static_cast<CallEnded::Kind>(how % 3);
    ended.verdict = static_cast<Verdict>(how / 4 % 4);
    ended.host_down = (how & 16) != 0;
    if (ended.kind != CallEnded::Kind::kAnswered || ended.verdict != Verdict::kSuccess) {
      ended.http_status = 0;
      ended.code = (how & 32) != 0 ? ReasonCode::kNotSent : ReasonCode::kNoAnswer;
      ended.text = "text";
    }
    return milliseconds((how & 64) != 0 ? 5'000 : 1);
  }

  Universe& universe_;
  fuzz::Input script_;
};

StoredTransaction Healthy() {
  auto definition = std::make_shared<internal::Definition>();
  for (const char* id : {"01", "02"}) {
    definition->steps.push_back({.branch_id = id, .forward = "http://healthy.example/"});
  }
  internal::GlobalTransaction t = NewTransaction("healthy", definition, kStart);
  t.version = 1;
  return fuzz::StoredOf(t);
}

void Insert(MemoryStore& store, const StoredTransaction& stored, std::string gid) {
  Write write{.row = stored.row, .state = stored.state, .parts = stored.parts};
  write.row.id = 0;
  write.row.gid = std::move(gid);
  write.row.due = kStart;
  (void)store.Apply({&write, 1});
}

// What a workflow's caller reports.
internal::Request::Body Report(const BranchKey& key, uint8_t what) {
  if (what >= 192) {
    const auto result = std::make_shared<const std::string>("done");
    return internal::FinishRequest{
        .succeeded = what % 16 < 8,
        .reason = "no money",
        .result = result,
        .document = std::make_shared<const std::string>(internal::EncodeResult(*result))};
  }
  const internal::Progress progress{.branch_id = key.branch_id, .op = key.op, .data = "out"};
  return internal::RecordRequest{
      std::make_shared<const internal::Progress>(progress),
      std::make_shared<const std::string>(internal::EncodeProgress(progress))};
}

// What an application or a person may ask for, whatever the mode.
internal::Request::Body ActOf(uint8_t what) {
  constexpr std::string_view kIds[] = {"01", "02", "1", "00"};
  constexpr std::string_view kOps[] = {"action", "compensate", "confirm", "cancel",
                                       "commit", "rollback",   "msg",     "try"};
  const Act act{"ann", "why"};
  const BranchKey key{std::string(kIds[what / 8 % 4]), std::string(kOps[what / 32])};
  switch (what % 8) {
    case 0:
      return internal::CancelRequest{act};
    case 1:
      return internal::RetryRequest{act};
    case 2:
      return internal::StopRequest{act, what >= 128};
    case 3:
      return internal::SkipRequest{key, act};
    case 4:
      return internal::EditRequest{key, {.url = "http://edited.example/"}, act};
    case 5:
      return internal::AbortRequest{"why"};
    case 6:
      if (what >= 128) return Report(key, what);
      return internal::CommitRequest{};
    default:
      return internal::WaitRequest{what};
  }
}

void Run(SimulatedDriver& driver, const Universe& universe, fuzz::Input acts) {
  Time last = universe.now();
  int at_once = 0;
  for (int steps = 0; steps < kStepsMax; ++steps) {
    if (steps % 16 == 15 && !acts.empty()) {
      driver.Post(internal::Request{
          .gid = "stranger", .body = ActOf(acts.Byte()), .reply = [](internal::Answer&&) {}});
    }
    if (!driver.Step(kStart + kHorizon)) return;
    at_once = universe.now() == last ? at_once + 1 : 0;
    last = universe.now();
    TROTH_CHECK(at_once < kStepsMax / 2);
  }
}

void CheckRow(const StoredTransaction& stored) {
  const auto t = FromStored(stored);
  TROTH_CHECK(t.ok());
  const bool prepared = (*t)->phase == internal::Phase::kPrepared;
  TROTH_CHECK((*t)->phase == internal::Phase::kEnded || prepared || stored.row.due ||
              stored.row.parked != ReasonCode::kNone);
}

void Check(fuzz::Input in) {
  const std::string script = in.Piece();
  const std::string acts = in.Piece();
  const StoredTransaction stranger = fuzz::ReadStored(in);

  Universe universe(kStart);
  MemoryStore store(universe.disk);
  TROTH_CHECK(store.Open({}).ok());
  Insert(store, stranger, "stranger");
  Insert(store, Healthy(), "healthy");
  const auto before = store.Load("stranger");
  TROTH_CHECK(before.ok());
  if (!*before) return;  // its parts have no order
  const bool readable = FromStored(**before).ok();

  ScriptedTransport transport(universe, fuzz::Input(script));
  SeededRandom random(1);
  SimulatedDriver driver({.universe = universe,
                          .store = store,
                          .transport = transport,
                          .random = random,
                          .callbacks = {},
                          .engine = {.retention = std::chrono::hours(24 * 3650),
                                     .tombstone_retention = std::chrono::hours(24 * 3650)},
                          .commit_time = milliseconds(1)});
  Run(driver, universe, fuzz::Input(acts));

  const auto healthy = store.Load("healthy");
  TROTH_CHECK(healthy.ok() && (**healthy).row.status == TransactionStatus::kSucceed);
  const auto after = store.Load("stranger");
  TROTH_CHECK(after.ok());
  TROTH_CHECK(after->has_value() || stranger.row.finished);  // what ended long ago may be gone
  if (readable && *after && !(**after).parts.empty()) CheckRow(**after);
}

}  // namespace
}  // namespace troth::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::testing::Check(troth::fuzz::Input(data, size));
  return 0;
}
