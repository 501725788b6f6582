// A store in plain containers, for tests: the contract of model/store.h, and faults on demand.
//
// The disk outlives the stores on it: a store that is destroyed without Close has crashed, and the
// next one on the same disk finds what was committed. Deterministic: no clock, no file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/store.h"

namespace troth::internal {

// What is durable. Shared by the stores that are opened on it one after the other (or at once, to
// see an owner lose it), and by the test that breaks it. Safe from any thread.
class MemoryDisk {
 public:
  // After `after` more that go well `count` batches are not written, with this status.
  void FailNextBatches(size_t count, Status status, size_t after = 0);
  // The `n`-th batch from now (1: the next) has an unknown outcome; whether it is really there is
  // `committed`. Recover answers kUnknown as often as `recoveries_fail` says before it tells.
  void MakeUnknown(size_t n, bool committed, size_t recoveries_fail = 0);
  // No planned fault happens any more.
  void ForgetFaults();
  // Ends the ownership as a kill does, though the store object is still there.
  void DropOwner();
  void SetProblem(std::string problem);

  size_t batches() const;  // applied or failed so far
  size_t rows() const;

  // The copy that Backup(path) has made; null if none.
  std::shared_ptr<MemoryDisk> backup(const std::string& path) const;

 private:
  friend class MemoryStore;

  struct Unknown {
    size_t batch = 0;
    bool committed = false;
    size_t recoveries_fail = 0;
  };

  std::shared_ptr<MemoryDisk> Copy() const;
  void Put(StoredTransaction stored);

  mutable std::mutex mutex_;
  std::map<int64_t, StoredTransaction> rows_;
  std::map<std::string, int64_t, std::less<>> ids_;
  std::set<std::pair<Time, int64_t>> due_;
  std::map<std::string, Topic, std::less<>> topics_;
  int64_t next_id_ = 1;
  uint64_t epoch_ = 0;
  bool owned_ = false;
  bool clean_ = true;
  bool backup_ = false;
  std::map<std::string, std::shared_ptr<MemoryDisk>> backups_;

  size_t batches_ = 0;
  size_t good_before_failures_ = 0;
  size_t failures_left_ = 0;
  Status failure_;
  std::vector<Unknown> unknown_;
  std::vector<Write> in_doubt_;  // of a commit that failed and is there all the same
  std::string problem_;
};

class MemoryStore : public Store {
 public:
  explicit MemoryStore(std::shared_ptr<MemoryDisk> disk) : disk_(std::move(disk)) {}
  ~MemoryStore() override;

  Result<StoreInfo> Open(const StoreOptions& options) override;  // whatever the path
  void Close() override;
  BatchResult Apply(std::span<const Write> writes) override;
  BatchResult Recover(std::span<const Write> writes) override;
  Result<DuePage> LoadDue(std::optional<DuePosition> after, Time until, size_t max) override;
  Result<size_t> ParkUnended(ReasonCode reason) override;
  // Does the whole walk, whatever the slice.
  Status Purge(PurgePass& pass, Time finished_before, Time tombstones_before,
               std::chrono::milliseconds slice) override;
  Status ChangeTopic(const TopicChange& change) override;
  bool Idle() override { return false; }
  Result<std::optional<StoredTransaction>> Load(std::string_view gid) const override;
  Result<RowPage> List(const RowFilter& filter, int64_t before, size_t max) const override;
  Result<std::optional<Topic>> LoadTopic(std::string_view name) const override;
  Result<std::vector<Topic>> ListTopics() const override;
  Result<size_t> CountParked() const override;
  Status Backup(const std::string& path) const override;
  std::string Problem() const override;
  void StopReads() override {}

 private:
  enum class Access { kClosed, kReadOnly, kOwner };
  Status Readable() const;
  Status Writable() const;
  bool Lost() const { return disk_->epoch_ != epoch_; }
  WriteResult WriteOne(const Write& write);
  WriteResult Insert(const Write& write);
  WriteResult Update(const Write& write);

  std::shared_ptr<MemoryDisk> disk_;
  Access access_ = Access::kClosed;
  uint64_t epoch_ = 0;
  // A batch whose outcome is not told yet.
  bool in_doubt_ = false;
  size_t recoveries_fail_ = 0;
  bool committed_ = false;  // what is in doubt
};

}  // namespace troth::internal
