#include "troth/testing/world.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "testing/agenda_runner.h"
#include "testing/fake_branch.h"
#include "testing/fake_transport.h"
#include "testing/world_impl.h"

namespace troth::testing {

using internal::Backends;
using internal::MemoryStore;

std::unique_ptr<internal::Store> MemoryStores::NewStore() {
  return std::make_unique<MemoryStore>(universe_.disk);
}

World::Impl::Impl(WorldOptions options, WorldStores* stores)
    : options_(std::move(options)),
      universe_(options_.start),
      stores_(stores != nullptr ? *stores : own_stores_),
      random_(options_.seed) {
  options_.coordinator.store = stores_.path();
  stores_.WhenCut([this] { universe_.SetCrashed(true); });
  universe_.SetCrashed(true);
}

Status World::Impl::Open() {
  if (Status checked = internal::CheckOptions(options_.coordinator); !checked.ok()) return checked;
  universe_.SetCrashed(false);
  Backends backends;
  backends.store = stores_.NewStore();
  const auto info = backends.store->Open(
      {.path = stores_.path(), .read_only = false, .restored = options_.coordinator.restored});
  if (!info.ok()) return info.status();
  if (info->restored) {
    const auto parked = backends.store->ParkUnended(ReasonCode::kParkedRestored);
    if (!parked.ok()) return parked.status();
  }
  const auto transport = std::make_shared<FakeTransport>(universe_, options_.call_time);
  for (const LocalBranch& branch : options_.coordinator.local) transport->Register(branch);
  backends.register_local = [transport](const LocalBranch& branch) {
    transport->Register(branch);
    return Status();
  };
  backends.transport = transport;
  auto driver = std::make_unique<SimulatedDriver>(SimulatedDriver::Parts{
      .universe = universe_,
      .store = *backends.store,
      .transport = *transport,
      .random = random_,
      .callbacks = {options_.coordinator.on_finished, options_.coordinator.on_event,
                    options_.coordinator.log, options_.coordinator.on_alert},
      .engine = {.limits = options_.coordinator.limits,
                 .retention = options_.coordinator.retention,
                 .tombstone_retention = options_.coordinator.tombstone_retention,
                 .unclean = info->unclean,
                 .alert_after = static_cast<uint32_t>(options_.coordinator.alert_after),
                 .alert_url = options_.coordinator.alert_url,
                 .alert_timeout = options_.coordinator.defaults.request_timeout.value_or(
                     std::chrono::seconds(3)),
                 .gateway_url = options_.coordinator.gateway_url,
                 .probe = options_.coordinator.probe},
      .commit_time = options_.commit_time,
      .highest_updated = info->highest_updated});
  driver_ = driver.get();
  backends.driver = std::move(driver);
  backends.outbox_runner = std::make_unique<AgendaRunner>(universe_);
  auto made = MakeCoordinator(options_.coordinator, std::move(backends));
  if (!made.ok()) {
    driver_ = nullptr;
    return made.status();
  }
  coordinator_.emplace(*std::move(made));
  return {};
}

void World::Impl::Crash() {
  universe_.SetCrashed(true);
  driver_ = nullptr;
  stores_.Crash();
  coordinator_.reset();
}

bool World::Impl::Step(Time limit) {
  if (driver_ != nullptr && !universe_.crashed()) return driver_->Step(limit);
  if (universe_.DoNext()) return true;
  const auto next = universe_.NextTime();
  if (!next || *next > limit) return false;
  universe_.JumpTo(*next);
  return true;
}

Coordinator& World::Impl::coordinator() {
  if (!coordinator_) coordinator_.emplace(internal::Access::Make(nullptr));
  return *coordinator_;
}

World::World(WorldOptions options)
    : impl_(std::make_unique<Impl>(std::move(options), /*stores=*/nullptr)) {
  const Status opened = impl_->Open();
  if (opened.ok()) return;
  std::fprintf(stderr, "troth::testing::World: %s\n", opened.ToString().c_str());
  std::abort();
}
World::World(WorldOptions options, WorldStores& stores)
    : impl_(std::make_unique<Impl>(std::move(options), &stores)) {}
World::~World() = default;

Coordinator& World::coordinator() { return impl_->coordinator(); }

FakeBranch World::Branch(std::string_view url) {
  auto& branches = impl_->universe_.branches;
  auto it = branches.find(url);
  if (it == branches.end()) {
    it = branches
             .emplace(std::string(url),
                      std::make_shared<FakeBranch::State>(std::string(url), impl_->universe_))
             .first;
  }
  return FakeBranch(it->second);
}

const std::vector<RecordedCall>& World::calls() const { return impl_->universe_.calls; }
Time World::now() const { return impl_->universe_.now(); }

void World::Advance(std::chrono::milliseconds time) {
  const Time until = now() + time;
  while (impl_->Step(until)) {
  }
  impl_->universe_.JumpTo(until);
}

void World::RunUntilIdle(std::chrono::milliseconds horizon) {
  while (impl_->Step(now() + horizon)) {
  }
}

void World::Crash() { impl_->Crash(); }
void World::CrashAfter(size_t n) { impl_->universe_.CrashAfter(n); }
bool World::crashed() const { return impl_->universe_.crashed(); }
size_t World::effects() const { return impl_->universe_.effects(); }

Status World::Reopen() {
  impl_->Crash();
  return impl_->Open();
}

void World::MoveWallClock(std::chrono::milliseconds by) { impl_->universe_.wall += by; }

void World::FailCommits(size_t count, Status status, size_t after) {
  impl_->universe_.disk->FailNextBatches(count, std::move(status), after);
}
void World::MakeCommitUnknown(size_t n, bool committed) {
  impl_->universe_.disk->MakeUnknown(n, committed, /*recoveries_fail=*/2);
}

}  // namespace troth::testing
