// One file of a simulated disk: its bytes, and what would be left of them if power were lost now.
//
// What is not synced is kept as a list of changes with what they replaced, so that a sync costs
// nothing and the bytes are held once. Knows neither names nor SQLite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace troth::sim {

// What a power loss makes of what was not synced.
enum class Loss : uint8_t {
  kDropAll,
  kKeepAll,
  kRandom,  // each write and name kept, dropped, or torn between two sectors
};

class DiskFile {
 public:
  static constexpr size_t kSectorBytes = 512;

  DiskFile() = default;
  // The same bytes, all of them synced.
  explicit DiskFile(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string& bytes() const { return bytes_; }
  size_t unsynced() const { return changes_.size(); }

  void Write(std::string_view bytes, size_t offset);
  void Truncate(size_t size);
  void Sync();
  // As Linux has it: what a sync could not write counts as written, so that no later one tries it
  // again. It is read back as long as the machine runs, and may or may not survive a power loss.
  void FailSync();
  void LosePower(Loss loss, internal::Random& random);

 private:
  enum class Fate : uint8_t { kOpen, kSynced, kForgotten };
  struct Change {
    bool truncates = false;
    Fate fate = Fate::kOpen;
    size_t offset = 0;    // where it begins; of a truncation the new size
    size_t old_size = 0;  // of the file
    std::string old;      // what it replaced; of a truncation what it cut off
    size_t size = 0;      // of a write
  };

  void Undo(const Change& change);
  void Redo(const Change& change, std::string_view bytes);
  void RedoTorn(const Change& change, std::string_view bytes, internal::Random& random);

  std::string bytes_;
  std::vector<Change> changes_;  // since the last sync; further back where one has failed
  bool forgotten_ = false;       // some of them no sync will write any more
};

}  // namespace troth::sim
