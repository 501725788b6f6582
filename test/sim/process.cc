#include "process.h"

#include <utility>

#include "api/coordinator_impl.h"
#include "base/check.h"
#include "testing/agenda_runner.h"
#include "testing/fake_transport.h"

namespace troth::sim {

using testing::FakeTransport;
using testing::SimulatedDriver;

LocalBranch LocalFunctionNamed(const std::string& name) {
  return {.name = name, .function = [](const BranchContext&, std::string_view, std::stop_token) {
            return BranchResult::Success();
          }};
}

Process::Process(const Scenario& scenario, testing::Universe& universe, Fibers& fibers,
                 Recorder& recorder, Storage& storage, Shop* shop, Dice dice)
    : scenario_(scenario),
      universe_(universe),
      fibers_(fibers),
      recorder_(recorder),
      storage_(storage),
      shop_(shop),
      dice_(dice),
      random_(dice_.Next()) {}

Process::~Process() { TROTH_CHECK(!open()); }

bool Process::Open(bool restored) {
  TROTH_CHECK(!open() && !crashed());
  recorder_.BeginLife();
  Log& log = recorder_.log();
  log.lives.push_back(
      {.number = recorder_.life(), .opened = recorder_.Now(), .ended = {}, .why = {}});
  log.lives.back().wall = universe_.wall;
  log.lives.back().image = log.images.size();
  store_ = std::make_shared<RecordingStore>(storage_.NewStore(), recorder_);
  const auto info = store_->Open({.path = storage_.path(), .restored = restored});
  if (!info.ok() || crashed()) return Refuse(info.status());
  log.lives.back().epoch = info->epoch;
  if (restored) TROTH_CHECK(store_->ParkUnended(ReasonCode::kParkedRestored).ok());
  if (shop_ != nullptr) shop_->Look(recorder_);
  CoordinatorOptions options = scenario_.options;
  if (shop_ != nullptr) options.outboxes = {Shop::path()};
  options.on_event = [this](const Event& event) {
    recorder_.log().told.push_back({.when = recorder_.Now(), .event = event});
  };
  for (const std::string& name : registered_) options.local.push_back(LocalFunctionNamed(name));
  TROTH_CHECK(internal::CheckOptions(options).ok());
  internal::Backends backends = MakeBackends(options, *info);
  log.lives.back().clean = !info->unclean;
  log.lives.back().offset = driver_->Now() - universe_.now();
  auto made = internal::MakeCoordinator(std::move(options), std::move(backends));
  if (!made.ok()) return Refuse(made.status());
  coordinator_.emplace(*std::move(made));
  return true;
}

internal::Backends Process::MakeBackends(const CoordinatorOptions& options,
                                         const internal::StoreInfo& info) {
  internal::Backends backends;
  backends.store = store_;
  const auto transport = std::make_shared<FakeTransport>(universe_, scenario_.facts.call_time);
  for (const LocalBranch& branch : options.local) transport->Register(branch);
  backends.register_local = [this, transport](const LocalBranch& branch) {
    if (branch.name.starts_with(internal::kReservedNames)) check_back_ = branch.function;
    transport->Register(branch);
    return Status();
  };
  backends.transport = transport;
  auto driver = std::make_unique<SimulatedDriver>(SimulatedDriver::Parts{
      .universe = universe_,
      .store = *store_,
      .transport = *transport,
      .random = random_,
      .callbacks = {options.on_finished, options.on_event, options.log, options.on_alert},
      .engine = {.limits = options.limits,
                 .retention = options.retention,
                 .tombstone_retention = options.tombstone_retention,
                 .unclean = info.unclean,
                 .alert_after = static_cast<uint32_t>(options.alert_after),
                 .alert_url = options.alert_url,
                 .alert_timeout =
                     options.defaults.request_timeout.value_or(std::chrono::seconds(3)),
                 .probe = options.probe},
      .commit_time = scenario_.facts.commit_time,
      .highest_updated = info.highest_updated});
  driver_ = driver.get();
  backends.driver = std::move(driver);
  backends.outbox_runner = std::make_unique<testing::AgendaRunner>(universe_);
  return backends;
}

// The life that was to begin never ran.
bool Process::Refuse(const Status& why) {
  Life& life = recorder_.log().lives.back();
  life.refused = true;
  life.why = why.ToString();
  if (crashed()) recorder_.Begin(Fault::Kind::kPowerLoss, "");
  Kill(crashed());
  End(crashed() ? Life::End::kPowerLost : Life::End::kCrashed);
  return false;
}

BranchResult Process::RunCheckBack(const BranchContext& context) const {
  return check_back_(context, {}, {});
}

void Process::Kill(bool power) {
  if (power) {
    storage_.LosePower(dice_);
    if (shop_ != nullptr) shop_->LosePower(dice_);
  } else {
    storage_.Crash();
    if (shop_ != nullptr) shop_->Crash();
  }
}

void Process::Crash(bool power) {
  universe_.SetCrashed(true);
  Kill(power);
  // Whoever waits for an answer is told that there is none, before what it waits in is gone.
  fibers_.RunAllReady();
  End(power ? Life::End::kPowerLost : Life::End::kCrashed);
}

void Process::Close(milliseconds grace) {
  Log& log = recorder_.log();
  const size_t call = log.api.size();
  log.api.push_back({});
  log.api[call].began = recorder_.Now();
  log.api[call].what = Ask::kClose;
  log.api[call].timeout = grace;
  const Status status = coordinator_->Close(grace);
  ending_ = true;
  log.api[call].status = status;
  if (!universe_.crashed()) log.api[call].answered = recorder_.Now();
  if (universe_.crashed()) return Crash(/*power=*/false);
  fibers_.RunAllReady();
  if (shop_ != nullptr) shop_->Crash();  // the whole process is gone
  End(Life::End::kClosed);
}

void Process::End(Life::End how) {
  Life& life = recorder_.log().lives.back();
  life.ended = recorder_.Now();
  life.end = how;
  commits_ += store_->commits();
  driver_ = nullptr;
  coordinator_.reset();
  store_.reset();
  check_back_ = nullptr;
  ending_ = false;
}

}  // namespace troth::sim
