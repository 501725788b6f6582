// When the store is purged on: a slice of a pass at a time, and passes with a rest between them.
#include <algorithm>

#include "engine/engine.h"

namespace troth::internal {
namespace {

constexpr Milliseconds kPurgePause{48};  // at least 2 ms in every 50
constexpr Milliseconds kPurgePassPause{60'000};
// To look at a row takes about a microsecond: with this rest for so many of them, a store of
// millions costs a hundredth of a processor at most.
constexpr size_t kRowsExaminedPerMillisecond = 10;

}  // namespace

void Engine::OnPurged(Purged& purged, Time now) {
  purging_ = false;
  purge_ = purged.pass;
  if (purged.status.code() == StatusCode::kFailedPrecondition && !lost_owner_) {
    LoseOwnership(purged.status, now);
  } else if (!purged.status.ok()) {
    purge_at_ = now + kPurgePassPause;
  } else if (!purged.pass.finished) {
    purge_at_ = queue_.empty() && outstanding_.empty() ? now : now + kPurgePause;
  } else {
    purge_.reset();
    purge_at_.reset();
    if (purged.pass.next) {
      const Time old_enough = *purged.pass.next + options_.retention + Milliseconds{1};
      const Milliseconds rest(purged.pass.examined / kRowsExaminedPerMillisecond);
      purge_at_ = std::max(old_enough, now + std::max(kPurgePassPause, rest));
    }
  }
}

}  // namespace troth::internal
