#include "recorder.h"

#include <algorithm>
#include <iterator>

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

Result<Image> ReadImage(const internal::Store& store, Recorder& recorder,
                        const std::function<void(const internal::StoredTransaction&)>& seen) {
  Image image{.when = recorder.Now(), .rows = {}, .topics = {}};
  int64_t before = 0;
  do {
    const auto page = store.List({}, before, 100);
    if (!page.ok()) return page.status();
    for (const internal::TransactionRow& row : page->rows) {
      const auto stored = store.Load(row.gid);
      if (!stored.ok()) return stored.status();
      if (!stored->has_value()) continue;
      image.rows.push_back(ReadStored(**stored, Stored::Kind::kImage, image.when));
      if (seen) seen(**stored);
    }
    before = page->next_before;
  } while (before > 0);
  std::reverse(image.rows.begin(), image.rows.end());
  auto topics = store.ListTopics();
  if (!topics.ok()) return topics.status();
  image.topics = *std::move(topics);
  return image;
}

Result<internal::StoreInfo> RecordingStore::Open(const internal::StoreOptions& options) {
  auto info = store_->Open(options);
  if (!info.ok()) return info;
  auto image = ReadImage(*store_, recorder_, [this](const internal::StoredTransaction& stored) {
    known_[stored.row.gid] = {
        .row = stored.row, .parts = stored.parts, .tombstone = stored.state.empty()};
  });
  if (!image.ok()) return image.status();
  recorder_.log().images.push_back(*std::move(image));
  return info;
}

BatchResult RecordingStore::Apply(std::span<const Write> writes) {
  BatchResult result = store_->Apply(writes);
  NoteLoss(result);
  if (result.kind == BatchResult::Kind::kUnknown) {
    for (const Write& write : writes) RecordWrite(write, write.row.id, Stored::Kind::kUnknown);
  } else {
    Record(writes, result, /*after_unknown=*/false);
  }
  return result;
}

BatchResult RecordingStore::Recover(std::span<const Write> writes) {
  BatchResult result = store_->Recover(writes);
  NoteLoss(result);
  // Who has lost the store will not know.
  const bool known =
      result.kind != BatchResult::Kind::kUnknown && result.kind != BatchResult::Kind::kLostOwner;
  if (known) Record(writes, result, /*after_unknown=*/true);
  return result;
}

void RecordingStore::NoteLoss(const BatchResult& result) {
  auto& lost = recorder_.log().lives.back().lost;
  if (result.kind == BatchResult::Kind::kLostOwner && !lost) lost = recorder_.Now();
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
  if (const auto known = known_.find(write.row.gid); known != known_.end() && !write.insert()) {
    stored.parts = known->second.parts;
  }
  for (const internal::Part& part : write.parts) {
    const bool known = std::any_of(stored.parts.begin(), stored.parts.end(),
                                   [&](const auto& other) { return other.number == part.number; });
    if (!known) stored.parts.push_back(part);
  }
  std::sort(stored.parts.begin(), stored.parts.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  recorder_.log().stored.push_back(ReadStored(stored, kind, recorder_.Now()));
  if (kind != Stored::Kind::kCommitted) return;
  known_[write.row.gid] = {.row = std::move(stored.row), .parts = std::move(stored.parts)};
}

Status RecordingStore::Purge(internal::PurgePass& pass, Time finished_before,
                             Time tombstones_before, std::chrono::milliseconds slice) {
  const size_t before = pass.purged + pass.deleted;
  Status status = store_->Purge(pass, finished_before, tombstones_before, slice);
  if (!status.ok() || pass.purged + pass.deleted == before) return status;
  for (auto known = known_.begin(); known != known_.end();) {
    const auto next = std::next(known);
    if (known->second.row.finished) RecordPurge(known->first, known->second);
    known = next;
  }
  return status;
}

void RecordingStore::RecordPurge(const std::string& gid, Known& known) {
  Result<std::optional<internal::StoredTransaction>> found = store_->Load(gid);
  // Reads that are made to fail come to an end.
  for (int i = 0; i < 20 && !found.ok(); ++i) found = store_->Load(gid);
  if (!found.ok()) return;
  Stored record{.kind = Stored::Kind::kPurged, .when = {}, .row = {}, .transaction = {}};
  if (!found->has_value()) {
    record.kind = Stored::Kind::kDeleted;
    record.row = known.row;
  } else if ((*found)->state.empty() && !known.tombstone) {
    record.row = (*found)->row;
    known.tombstone = true;
  } else {
    return;
  }
  record.when = recorder_.Now();
  recorder_.log().stored.push_back(std::move(record));
  if (!found->has_value()) known_.erase(gid);
}

}  // namespace troth::sim
