#include "ordeal.h"

#include <algorithm>
#include <utility>

#include "../unit/saga/status_edges.h"
#include "base/text.h"
#include "disk_database.h"

namespace troth::sim {

using internal::Concat;
using testing::MayFollow;
using namespace std::chrono_literals;

namespace {

constexpr size_t kOpensMax = 200;
constexpr size_t kWaitsMax = 400;
constexpr size_t kWaitsUntilHealed = 6;

}  // namespace

Ordeal::Ordeal(const Trouble& trouble, testing::WorldOptions options,
               std::vector<std::string> files)
    : trouble_(trouble),
      files_(std::move(files)),
      disk_(trouble.seed),
      world_(std::move(options), stores_),
      random_(trouble.seed) {}

void Ordeal::Begin() {
  disk_.CutPowerAt(trouble_.cut_at);
  if (trouble_.fault) disk_.Plan(*trouble_.fault);
  disk_.CutPowerAfterFailure(trouble_.cut_after_fault);
  Open();
}

void Ordeal::Open() {
  Status opened;
  for (size_t i = 0; i < kOpensMax; ++i) {
    if (disk_.off()) {
      if (trouble_.kill_first && cuts_ == 0) {
        disk_.Crash();
      } else {
        disk_.LosePower(trouble_.loss, random_);
      }
      if (++cuts_ == 1) disk_.CutPowerAt(trouble_.cut_again);
    }
    opened = world_.Reopen();
    if (opened.ok()) {
      CheckIntegrity();
      LookAtStore();
      return;
    }
    if (!disk_.off()) Wait();
  }
  Check(false, "the coordinator can't be opened any more: " + opened.ToString());
  throw GivenUp();
}

bool Ordeal::Recovered() {
  if (!world_.crashed()) return false;
  Open();
  return true;
}

void Ordeal::LosePowerNow() {
  disk_.ForgetFaults();
  disk_.LosePower(Loss::kDropAll, random_);
  Open();
}

void Ordeal::Wait() {
  if (++waits_ == kWaitsUntilHealed) disk_.ForgetFaults();
  if (waits_ > kWaitsMax) {
    Check(false, "it does not go on by itself");
    throw GivenUp();
  }
  world_.Advance(100ms);
}

void Ordeal::Acknowledge(const std::string& gid) { acknowledged_.insert(gid); }

void Ordeal::LookAtStore() {
  for (const std::string& gid : acknowledged_) {
    const auto record = coordinator().Query(gid);
    if (world_.crashed()) return;
    if (!record.ok()) {
      CheckCode(record.status(), "query " + gid);
      continue;
    }
    const auto [seen, first] = seen_.emplace(gid, record->status);
    Check(MayFollow(seen->second, record->status),
          Concat(gid, ": was ", static_cast<int>(seen->second), ", is ",
                 static_cast<int>(record->status)));
    seen->second = record->status;
  }
}

// A stranger's look at a copy, which disturbs nobody.
void Ordeal::CheckIntegrity() {
  const std::unique_ptr<Disk> copy = disk_.Copy();
  for (const std::string& file : files_) {
    const std::string text = Database(*copy, file).Text("PRAGMA integrity_check");
    Check(text == "ok", Concat(file, ": integrity_check: ", text));
  }
}

void Ordeal::Check(bool condition, const std::string& what) {
  if (!condition) wrong_.push_back(what);
}

// In trouble a caller is told to repeat, and nothing else.
void Ordeal::CheckCode(const Status& status, const std::string& doing) {
  if (status.ok() || world_.crashed()) return;
  const bool says_repeat =
      status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kResourceExhausted;
  Check(says_repeat && trouble_.fault, Concat(doing, ": ", status.ToString()));
}

}  // namespace troth::sim
