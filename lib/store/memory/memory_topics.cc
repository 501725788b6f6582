// Topics in memory, under the same faults as batches: a change counts as one.
#include <algorithm>

#include "base/text.h"
#include "model/topic.h"
#include "store/memory/memory_store.h"

namespace troth::internal {

Status MemoryStore::ChangeTopic(const TopicChange& change) {
  const std::lock_guard lock(disk_->mutex_);
  MemoryDisk& disk = *disk_;
  if (Status status = Writable(); !status.ok()) return status;
  const auto found = disk.topics_.find(change.topic);
  const bool is_new = found == disk.topics_.end();
  std::optional<Topic> topic = is_new ? std::nullopt : std::optional(found->second);
  const bool full = is_new && disk.topics_.size() >= change.topics_max;
  if (full && change.kind == TopicChange::Kind::kSubscribe) {
    return {StatusCode::kResourceExhausted,
            Concat("there are the ", change.topics_max, " topics of limits.topics already")};
  }
  if (Status status = ApplyTopicChange(change, topic); !status.ok()) return status;
  ++disk.batches_;
  if (disk.failures_left_ > 0) {
    --disk.failures_left_;
    return disk.failure_;
  }
  const auto fault = std::find_if(disk.unknown_.begin(), disk.unknown_.end(),
                                  [&](const auto& each) { return each.batch == disk.batches_; });
  const bool unknown = fault != disk.unknown_.end();
  const bool committed = !unknown || fault->committed;
  if (unknown) disk.unknown_.erase(fault);
  if (committed && topic) disk.topics_[change.topic] = *std::move(topic);
  if (committed && change.kind == TopicChange::Kind::kDelete) disk.topics_.erase(change.topic);
  if (!unknown) return {};
  return {StatusCode::kUnavailable,
          "the commit failed; whether the topic was changed is unknown: repeat it"};
}

Result<std::optional<Topic>> MemoryStore::LoadTopic(std::string_view name) const {
  const std::lock_guard lock(disk_->mutex_);
  if (Status status = Readable(); !status.ok()) return status;
  const auto found = disk_->topics_.find(name);
  if (found == disk_->topics_.end()) return std::optional<Topic>();
  return std::optional<Topic>(found->second);
}

Result<std::vector<Topic>> MemoryStore::ListTopics() const {
  const std::lock_guard lock(disk_->mutex_);
  if (Status status = Readable(); !status.ok()) return status;
  std::vector<Topic> topics;
  for (const auto& [name, topic] : disk_->topics_) topics.push_back(topic);
  return topics;
}

Result<size_t> MemoryStore::CountParked() const {
  const std::lock_guard lock(disk_->mutex_);
  if (Status status = Readable(); !status.ok()) return status;
  const auto parked = std::count_if(disk_->rows_.begin(), disk_->rows_.end(), [](const auto& each) {
    return each.second.row.parked != ReasonCode::kNone;
  });
  return static_cast<size_t>(parked);
}

}  // namespace troth::internal
