#include "recorder.h"

#include <algorithm>

#include "model/stored.h"

namespace troth::sim {

using internal::BatchResult;
using internal::Write;
using internal::WriteResult;

Stored ReadStored(const internal::StoredTransaction& stored, Stored::Kind kind, Stamp when) {
  Stored read{.kind = kind, .when = when, .row = stored.row, .transaction = {}, .unreadable = {}};
  if (stored.state.empty()) return read;
  auto value = internal::FromStored(stored);
  if (value.ok()) {
    read.transaction = *std::move(value);
  } else {
    read.unreadable = value.status().ToString();
  }
  return read;
}

Image ReadImage(const internal::Store& store, Recorder& recorder) {
  Image image{.when = recorder.Now(), .rows = {}, .topics = {}};
  int64_t before = 0;
  do {
    const auto page = store.List({}, before, 100);
    if (!page.ok()) break;
    for (const internal::TransactionRow& row : page->rows) {
      const auto stored = store.Load(row.gid);
      if (!stored.ok() || !stored->has_value()) continue;
      image.rows.push_back(ReadStored(**stored, Stored::Kind::kImage, image.when));
    }
    before = page->next_before;
  } while (before > 0);
  std::reverse(image.rows.begin(), image.rows.end());
  if (auto topics = store.ListTopics(); topics.ok()) image.topics = *std::move(topics);
  return image;
}

Result<internal::StoreInfo> RecordingStore::Open(const internal::StoreOptions& options) {
  auto info = store_->Open(options);
  if (!info.ok()) return info;
  recorder_.log().images.push_back(ReadImage(*store_, recorder_));
  return info;
}

BatchResult RecordingStore::Apply(std::span<const Write> writes) {
  BatchResult result = store_->Apply(writes);
  if (result.kind == BatchResult::Kind::kUnknown) {
    for (const Write& write : writes) RecordWrite(write, write.row.id, Stored::Kind::kUnknown);
  } else {
    Record(writes, result, /*after_unknown=*/false);
  }
  return result;
}

BatchResult RecordingStore::Recover(std::span<const Write> writes) {
  BatchResult result = store_->Recover(writes);
  if (result.kind != BatchResult::Kind::kUnknown) Record(writes, result, /*after_unknown=*/true);
  return result;
}

void RecordingStore::Record(std::span<const Write> writes, const BatchResult& result,
                            bool after_unknown) {
  if (result.kind == BatchResult::Kind::kCommitted) ++commits_;
  for (size_t i = 0; i < writes.size(); ++i) {
    const bool there = result.kind == BatchResult::Kind::kCommitted &&
                       result.writes[i].kind == WriteResult::Kind::kOk;
    if (there) {
      RecordWrite(writes[i], result.writes[i].id, Stored::Kind::kCommitted);
    } else if (after_unknown) {
      RecordWrite(writes[i], writes[i].row.id, Stored::Kind::kNotWritten);
    }
  }
}

// What the row is now: the parts that it had, and those of this write.
void RecordingStore::RecordWrite(const Write& write, int64_t id, Stored::Kind kind) {
  internal::StoredTransaction stored{.row = write.row, .state = write.state, .parts = {}};
  stored.row.id = id;
  if (const auto known = parts_.find(write.row.gid); known != parts_.end()) {
    stored.parts = known->second;
  } else if (!write.insert()) {
    if (const auto found = store_->Load(write.row.gid); found.ok() && found->has_value()) {
      stored.parts = (*found)->parts;
    }
  }
  for (const internal::Part& part : write.parts) {
    const bool known = std::any_of(stored.parts.begin(), stored.parts.end(),
                                   [&](const auto& other) { return other.number == part.number; });
    if (!known) stored.parts.push_back(part);
  }
  std::sort(stored.parts.begin(), stored.parts.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  recorder_.log().stored.push_back(ReadStored(stored, kind, recorder_.Now()));
  if (kind == Stored::Kind::kCommitted) parts_[write.row.gid] = std::move(stored.parts);
}

Status RecordingStore::Purge(internal::PurgePass& pass, Time finished_before,
                             Time tombstones_before, std::chrono::milliseconds slice) {
  const size_t before = pass.purged + pass.deleted;
  Log& log = recorder_.log();
  const Image earlier = pass.finished ? Image{} : ReadImage(*store_, recorder_);
  Status status = store_->Purge(pass, finished_before, tombstones_before, slice);
  if (!status.ok() || pass.purged + pass.deleted == before) return status;
  for (const Stored& was : earlier.rows) {
    const auto found = store_->Load(was.row.gid);
    if (!found.ok()) continue;
    if (!found->has_value()) {
      log.stored.push_back(was);
      log.stored.back().kind = Stored::Kind::kDeleted;
      log.stored.back().when = recorder_.Now();
    } else if ((*found)->state.empty() && was.transaction != nullptr) {
      log.stored.push_back(ReadStored(**found, Stored::Kind::kPurged, recorder_.Now()));
    }
  }
  return status;
}

}  // namespace troth::sim
