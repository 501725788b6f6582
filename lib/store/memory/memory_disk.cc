#include "store/memory/memory_store.h"

namespace troth::internal {

void MemoryDisk::FailNextBatches(size_t count, Status status, size_t after) {
  const std::lock_guard lock(mutex_);
  good_before_failures_ = after;
  failures_left_ = count;
  failure_ = std::move(status);
}

void MemoryDisk::MakeUnknown(size_t n, bool committed, size_t recoveries_fail) {
  const std::lock_guard lock(mutex_);
  unknown_.push_back({batches_ + n, committed, recoveries_fail});
}

void MemoryDisk::ForgetFaults() {
  const std::lock_guard lock(mutex_);
  good_before_failures_ = 0;
  failures_left_ = 0;
  unknown_.clear();
}

void MemoryDisk::DropOwner() {
  const std::lock_guard lock(mutex_);
  owned_ = false;
}

void MemoryDisk::SetProblem(std::string problem) {
  const std::lock_guard lock(mutex_);
  problem_ = std::move(problem);
}

size_t MemoryDisk::batches() const {
  const std::lock_guard lock(mutex_);
  return batches_;
}

size_t MemoryDisk::rows() const {
  const std::lock_guard lock(mutex_);
  return rows_.size();
}

std::shared_ptr<MemoryDisk> MemoryDisk::backup(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = backups_.find(path);
  return found == backups_.end() ? nullptr : found->second;
}

std::shared_ptr<MemoryDisk> MemoryDisk::Copy() const {
  auto copy = std::make_shared<MemoryDisk>();
  copy->rows_ = rows_;
  copy->ids_ = ids_;
  copy->due_ = due_;
  copy->topics_ = topics_;
  copy->next_id_ = next_id_;
  copy->epoch_ = epoch_;
  copy->clean_ = clean_;
  copy->backup_ = true;
  return copy;
}

void MemoryDisk::Put(StoredTransaction stored) {
  const int64_t id = stored.row.id;
  StoredTransaction& place = rows_[id];
  if (place.row.due) due_.erase({*place.row.due, id});
  place = std::move(stored);
  if (place.row.due) due_.insert({*place.row.due, id});
  ids_[place.row.gid] = id;
}

}  // namespace troth::internal
