#include "disk_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace troth::sim {

void DiskFile::Write(std::string_view bytes, size_t offset) {
  Change change{.offset = offset, .old_size = bytes_.size(), .size = bytes.size()};
  if (offset < bytes_.size()) change.old = bytes_.substr(offset, bytes.size());
  changes_.push_back(std::move(change));
  Redo(changes_.back(), bytes);
}

void DiskFile::Truncate(size_t size) {
  if (size >= bytes_.size()) return;
  changes_.push_back(
      {.truncates = true, .offset = size, .old_size = bytes_.size(), .old = bytes_.substr(size)});
  bytes_.resize(size);
}

void DiskFile::Sync() {
  const bool nothing_left = bytes_.empty() && !changes_.empty() && changes_.back().truncates;
  if (!forgotten_ || nothing_left) {
    changes_.clear();
    forgotten_ = false;
    return;
  }
  for (Change& change : changes_) {
    if (change.fate == Fate::kOpen) change.fate = Fate::kSynced;
  }
}

void DiskFile::FailSync() {
  for (Change& change : changes_) {
    if (change.fate == Fate::kOpen) change.fate = Fate::kForgotten;
  }
  forgotten_ = !changes_.empty();
}

void DiskFile::Undo(const Change& change) {
  bytes_.resize(change.old_size);
  std::copy(change.old.begin(), change.old.end(),
            bytes_.begin() + static_cast<ptrdiff_t>(change.offset));
}

void DiskFile::Redo(const Change& change, std::string_view bytes) {
  if (change.truncates) {
    if (change.offset < bytes_.size()) bytes_.resize(change.offset);
    return;
  }
  if (bytes_.size() < change.offset + bytes.size()) bytes_.resize(change.offset + bytes.size());
  std::memcpy(bytes_.data() + change.offset, bytes.data(), bytes.size());
}

// The file's new size may be there without the bytes.
void DiskFile::RedoTorn(const Change& change, std::string_view bytes, internal::Random& random) {
  if (bytes_.size() < change.offset + bytes.size()) bytes_.resize(change.offset + bytes.size());
  const bool in_order = random.Next() % 2 == 0;
  size_t done = 0;
  while (done < bytes.size()) {
    const size_t at = change.offset + done;
    const size_t size = std::min(bytes.size() - done, kSectorBytes - at % kSectorBytes);
    const bool keep = random.Next() % 2 == 0;
    if (keep) std::memcpy(bytes_.data() + at, bytes.data() + done, size);
    if (in_order && !keep) return;
    done += size;
  }
}

void DiskFile::LosePower(Loss loss, internal::Random& random) {
  const std::vector<Change> changes = std::exchange(changes_, {});
  forgotten_ = false;
  // Backwards to what is certain, keeping what each write had written.
  std::vector<std::string> written(changes.size());
  for (size_t i = changes.size(); i-- > 0;) {
    if (!changes[i].truncates) written[i] = bytes_.substr(changes[i].offset, changes[i].size);
    Undo(changes[i]);
  }
  // Some disks write in order: then what is kept is what came first.
  const bool in_order = random.Next() % 2 == 0;
  const size_t first_dropped = static_cast<size_t>(random.Next() % (changes.size() + 1));
  for (size_t i = 0; i < changes.size(); ++i) {
    const bool certain = changes[i].fate == Fate::kSynced;
    if (certain || loss == Loss::kKeepAll) {
      Redo(changes[i], written[i]);
    } else if (loss == Loss::kRandom) {
      const uint64_t draw = random.Next() % 4;
      const bool keep = in_order ? i < first_dropped : draw == 0;
      const bool tear = in_order ? i == first_dropped : draw == 1;
      if (keep) Redo(changes[i], written[i]);
      if (tear && !changes[i].truncates) RedoTorn(changes[i], written[i], random);
    }
  }
}

}  // namespace troth::sim
