// Writes the log of a run, and stands between the coordinator and its store to do so.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "log.h"
#include "testing/universe.h"

namespace troth::sim {

class Recorder {
 public:
  Recorder(testing::Universe& universe, Log& log) : universe_(universe), log_(log) {}

  Log& log() { return log_; }
  // What happens now.
  Stamp Now() { return {.seq = ++seq_, .at = universe_.now(), .life = life_}; }
  void BeginLife() { ++life_; }
  uint32_t life() const { return life_; }

  // Begins a fault; `Until` it is over.
  size_t Begin(Fault::Kind kind, std::string what) {
    log_.faults.push_back({.kind = kind, .from = Now(), .until = {}, .what = std::move(what)});
    return log_.faults.size() - 1;
  }
  void Until(size_t fault) { log_.faults[fault].until = Now(); }

 private:
  testing::Universe& universe_;
  Log& log_;
  uint64_t seq_ = 0;
  uint32_t life_ = 0;
};

// A stored transaction, read.
Stored ReadStored(const internal::StoredTransaction& stored, Stored::Kind kind, Stamp when);
// All that a store holds; what is read meanwhile is handed to `seen`. Not OK: it can't be read now.
Result<Image> ReadImage(const internal::Store& store, Recorder& recorder,
                        const std::function<void(const internal::StoredTransaction&)>& seen = {});

// Passes everything on, and records what became durable.
class RecordingStore final : public internal::Store {
 public:
  RecordingStore(std::shared_ptr<internal::Store> store, Recorder& recorder)
      : store_(std::move(store)), recorder_(recorder) {}

  Result<internal::StoreInfo> Open(const internal::StoreOptions& options) override;
  void Close() override { store_->Close(); }
  internal::BatchResult Apply(std::span<const internal::Write> writes) override;
  internal::BatchResult Recover(std::span<const internal::Write> writes) override;
  Result<internal::DuePage> LoadDue(std::optional<internal::DuePosition> after, Time until,
                                    size_t max) override {
    return store_->LoadDue(after, until, max);
  }
  Result<std::optional<internal::StoredTransaction>> LoadForWriter(std::string_view gid) override {
    return store_->LoadForWriter(gid);
  }
  Result<size_t> ParkUnended(ReasonCode reason) override { return store_->ParkUnended(reason); }
  Status Purge(internal::PurgePass& pass, Time finished_before, Time tombstones_before,
               std::chrono::milliseconds slice) override;
  Status ChangeTopic(const internal::TopicChange& change) override {
    return store_->ChangeTopic(change);
  }
  bool Idle() override { return store_->Idle(); }
  Result<std::optional<internal::StoredTransaction>> Load(std::string_view gid) const override {
    return store_->Load(gid);
  }
  Result<internal::RowPage> List(const internal::RowFilter& filter, int64_t before,
                                 size_t max) const override {
    return store_->List(filter, before, max);
  }
  Result<std::optional<Topic>> LoadTopic(std::string_view name) const override {
    return store_->LoadTopic(name);
  }
  Result<std::vector<Topic>> ListTopics() const override { return store_->ListTopics(); }
  Result<size_t> CountParked() const override { return store_->CountParked(); }
  Status Backup(const std::string& path) const override { return store_->Backup(path); }
  std::string Problem() const override { return store_->Problem(); }
  void StopReads() override { store_->StopReads(); }

  size_t commits() const { return commits_; }

 private:
  void NoteLoss(const internal::BatchResult& result);
  void Record(std::span<const internal::Write> writes, const internal::BatchResult& result,
              bool after_unknown);
  void RecordWrite(const internal::Write& write, int64_t id, Stored::Kind kind);

  std::shared_ptr<internal::Store> store_;
  Recorder& recorder_;
  size_t commits_ = 0;
  // What is durable, by gid, so far as this life knows.
  struct Known {
    internal::TransactionRow row;
    std::vector<internal::Part> parts;
    bool tombstone = false;
  };
  void RecordPurge(const std::string& gid, Known& known);
  std::map<std::string, Known> known_;
};

}  // namespace troth::sim
