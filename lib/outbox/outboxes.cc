#include "outbox/outboxes.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "outbox/check_back.h"

namespace troth::internal::outbox {
namespace {

constexpr std::chrono::hours kLongestWait(24 * 365);

}  // namespace

Result<std::shared_ptr<Outboxes>> Outboxes::Open(const std::vector<std::string>& paths,
                                                 std::unique_ptr<Runner> runner) {
  std::shared_ptr<Outboxes> all(new Outboxes(std::move(runner)));
  all->process_ = getpid();
  for (const std::string& path : paths) {
    Result<std::unique_ptr<File>> file = File::Open(path);
    if (!file.ok()) {
      return Status(file.status().code(), Concat("options.outboxes: ", file.status().message()));
    }
    for (const auto& box : all->boxes_) {
      if (box->file->identity() == (*file)->identity() || box->file->id() == (*file)->id()) {
        return Status(StatusCode::kInvalidArgument,
                      Concat("options.outboxes: ", path, " is ", box->file->path(),
                             " once more, or a copy of it"));
      }
    }
    all->boxes_.push_back(std::make_unique<Box>());
    all->boxes_.back()->file = *std::move(file);
  }
  return all;
}

std::vector<LocalBranch> Outboxes::CheckBacks() const {
  std::vector<LocalBranch> branches;
  for (const auto& box : boxes_) {
    branches.push_back({CheckBackName(box->file->id()), CheckBackOn(box->file->path())});
  }
  return branches;
}

std::string Outboxes::CheckBackUrl(size_t box) const {
  const File& file = *boxes_[box]->file;
  return CheckBackUrlOf(file.id(), file.path());
}

void Outboxes::OpenGates() {
  for (const auto& gate : gates_) gate->Open();
  gates_.clear();
}

bool Outboxes::ForkedChild() const { return getpid() != process_; }

Result<size_t> Outboxes::Find(const FileIdentity& file) const {
  for (size_t i = 0; i < boxes_.size(); ++i) {
    if (boxes_[i]->file->identity() == file) return i;
  }
  return Status(StatusCode::kFailedPrecondition,
                "outbox: the file that is open as schema main is not named in options.outboxes");
}

std::vector<std::string> Outboxes::Done(size_t box, size_t max) const {
  std::vector<std::string> gids;
  const std::lock_guard lock(mutex_);
  for (const std::string& gid : boxes_[box]->done) {
    if (gids.size() == max) break;
    gids.push_back(gid);
  }
  return gids;
}

// A forked child has no such thread, and perhaps a lock that nobody will free.
void Outboxes::Look(size_t box) {
  if (ForkedChild()) return;
  {
    const std::lock_guard lock(mutex_);
    boxes_[box]->schedule.LookNow();
  }
  runner_->Wake();
}

void Outboxes::LookAtAll() {
  for (size_t i = 0; i < boxes_.size(); ++i) Look(i);
}

void Outboxes::Expect(size_t box, std::string gid) {
  if (ForkedChild()) return;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    boxes_[box]->schedule.Expect(std::move(gid), host_->Now());
  }
  runner_->Wake();
}

Result<Outboxes::Seen> Outboxes::Await(size_t box, const std::string& gid,
                                       std::chrono::milliseconds timeout) {
  if (ForkedChild()) return Status(StatusCode::kFailedPrecondition, "opened before fork()");
  const Time limit = host_->Now() + std::min<std::chrono::milliseconds>(timeout, kLongestWait);
  std::unique_lock lock(mutex_);
  Box& b = *boxes_[box];
  b.schedule.LookNow();
  const uint64_t mine = b.looks_begun + 1;  // one under way may have read too early
  for (;;) {
    if (const auto refused = b.refused.find(gid); refused != b.refused.end()) {
      return Status(StatusCode::kAlreadyExists, Concat(gid, " was refused: ", refused->second));
    }
    if (b.done.contains(gid)) return Seen{true};
    if (stopping_) return Status(StatusCode::kCancelled, "the coordinator was closed");
    if (b.looks_ended >= mine && b.problem.empty() && !b.waiting.contains(gid)) return Seen{false};
    const auto gate = gates_.emplace_back(host_->NewGate());
    lock.unlock();
    runner_->Wake();
    const Status waited = gate->Wait(std::max(limit - host_->Now(), std::chrono::milliseconds{0}));
    lock.lock();
    std::erase(gates_, gate);
    if (waited.ok()) continue;
    if (waited.code() != StatusCode::kDeadlineExceeded) return waited;
    return Status(StatusCode::kDeadlineExceeded,
                  Concat(gid, " is not adopted yet", b.problem.empty() ? "" : ": ", b.problem));
  }
}

std::vector<OutboxHealth> Outboxes::GetHealth() const {
  constexpr size_t kRefusedMax = 100;
  std::vector<OutboxHealth> all;
  const std::lock_guard lock(mutex_);
  for (const auto& box : boxes_) {
    OutboxHealth health{.path = box->file->path(),
                        .waiting = box->waiting.size(),
                        .refused = {},
                        .problem = box->problem};
    for (const auto& [gid, why] : box->refused) {
      if (health.refused.size() == kRefusedMax) break;
      health.refused.push_back({gid, why});
    }
    all.push_back(std::move(health));
  }
  return all;
}

}  // namespace troth::internal::outbox
