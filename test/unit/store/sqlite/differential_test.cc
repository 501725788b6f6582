// Random batches, given to both stores: they must answer the same and hold the same.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "../temporary_folder.h"
#include "../writes.h"
#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"

namespace troth::internal {
namespace {

std::string TextOf(const std::optional<Time>& time) {
  return time ? std::to_string(time->time_since_epoch().count()) : "-";
}

std::string TextOf(const TransactionRow& row) {
  return std::to_string(row.id) + " " + row.gid + " " + std::to_string(static_cast<int>(row.mode)) +
         " " + std::to_string(static_cast<int>(row.status)) + " due " + TextOf(row.due) + " " +
         TextOf(row.created) + " " + TextOf(row.updated) + " " + TextOf(row.finished) + " parked " +
         std::to_string(static_cast<int>(row.parked)) + " version " + std::to_string(row.version) +
         " " + row.digest;
}

std::string TextOf(const StoredTransaction& stored) {
  std::string text = TextOf(stored.row) + " state " + stored.state;
  for (const Part& part : stored.parts) {
    text += " part " + std::to_string(part.number) + ":" + *part.document;
  }
  return text;
}

std::string TextOf(const BatchResult& result) {
  std::string text = std::to_string(static_cast<int>(result.kind));
  for (const WriteResult& write : result.writes) {
    text += "\n" + std::to_string(static_cast<int>(write.kind)) + " " + std::to_string(write.id) +
            " " + StatusCodeName(write.status.code()).data() + " " +
            (write.existing ? TextOf(*write.existing) : "");
  }
  return text;
}

std::string TextOf(const Result<DuePage>& page) {
  std::string text = TextOf(page->next_due) + (page->more ? " more" : "");
  for (const StoredTransaction& stored : page->transactions) text += "\n" + TextOf(stored);
  return text;
}

std::string TextOf(const PurgePass& pass) {
  return std::to_string(pass.purged) + " " + std::to_string(pass.deleted) + " " + TextOf(pass.next);
}

std::string ListAll(const Store& store, const RowFilter& filter, size_t max) {
  std::string text;
  int64_t before = 0;
  do {
    const auto page = store.List(filter, before, max);
    for (const TransactionRow& row : page->rows) text += TextOf(row) + "\n";
    before = page->next_before;
  } while (before != 0);
  return text;
}

class Pair {
 public:
  explicit Pair(uint32_t seed) : random_(seed) { Reopen(); }

  void Step() {
    ++now_;
    switch (Draw(12)) {
      case 0:
        return Reopen();
      case 1:
        return Purge();
      case 2:
        return CompareDue();
      case 3:
        return CompareLists();
      default:
        return Apply();
    }
  }

  void CompareAll() {
    for (int gid = 0; gid < kGids; ++gid) {
      const std::string name = "g" + std::to_string(gid);
      const auto a = sqlite_->Load(name).value();
      const auto b = memory_->Load(name).value();
      REQUIRE(a.has_value() == b.has_value());
      if (a) CHECK(TextOf(*a) == TextOf(*b));
    }
  }

 private:
  static constexpr int kGids = 40;

  int Draw(int bound) { return static_cast<int>(random_() % static_cast<uint32_t>(bound)); }

  void Reopen() {
    const bool close = Draw(2) == 0;
    if (close && sqlite_ != nullptr) sqlite_->Close();
    if (close && memory_ != nullptr) memory_->Close();
    sqlite_.reset();
    memory_.reset();
    sqlite_ = NewSqliteStore({.checkpoint_frames = 50});
    memory_ = std::make_unique<MemoryStore>(disk_);
    const StoreInfo a = sqlite_->Open({.path = folder_.File("s.db")}).value();
    const StoreInfo b = memory_->Open({.path = "memory"}).value();
    CHECK(a.epoch == b.epoch);
    CHECK(a.unclean == b.unclean);
  }

  Write RandomWrite() {
    const std::string gid = "g" + std::to_string(Draw(kGids));
    Write write = NewWrite(gid);
    const auto known = memory_->Load(gid).value();
    if (known && Draw(5) != 0) {
      write = NextWrite(write, known->row.id);
      write.row.version = known->row.version + 1;
      if (Draw(8) == 0) write.row.version += static_cast<uint64_t>(Draw(3));
    }
    write.row.mode = static_cast<Mode>(1 + Draw(5));
    write.row.status = static_cast<TransactionStatus>(1 + Draw(5));
    write.row.due.reset();
    if (Draw(2) == 0) write.row.due = At(now_ + Draw(5));
    if (write.insert()) write.row.created = At(now_);
    write.row.updated = At(now_);
    const bool ended = write.row.status == TransactionStatus::kSucceed ||
                       write.row.status == TransactionStatus::kFailed;
    if (ended) write.row.finished = At(now_);
    if (Draw(6) == 0) write.row.parked = ReasonCode::kParkedRetries;
    write.state = "state " + std::string(static_cast<size_t>(Draw(3'000)), 'x');
    write.parts.clear();
    for (int i = Draw(3); i > 0; --i) {
      write.parts.push_back(PartOf(static_cast<uint16_t>(Draw(20)), "part"));
    }
    return write;
  }

  void Apply() {
    std::vector<Write> writes;
    for (int i = Draw(9); i >= 0; --i) writes.push_back(RandomWrite());
    CHECK(TextOf(sqlite_->Apply(writes)) == TextOf(memory_->Apply(writes)));
  }

  void Purge() {
    const Time finished = At(now_ - Draw(20));
    const Time tombstones = finished - std::chrono::milliseconds(Draw(30));
    PurgePass a, b;
    while (!a.finished) {
      REQUIRE(sqlite_->Purge(a, finished, tombstones, std::chrono::milliseconds(0)).ok());
    }
    REQUIRE(memory_->Purge(b, finished, tombstones, std::chrono::milliseconds(0)).ok());
    CHECK(TextOf(a) == TextOf(b));
  }

  void CompareDue() {
    std::optional<DuePosition> after;
    if (Draw(2) == 0) after = DuePosition{.due = At(now_ - Draw(50)), .id = Draw(kGids)};
    const Time until = At(now_ + Draw(4));
    const auto max = static_cast<size_t>(1 + Draw(10));
    CHECK(TextOf(sqlite_->LoadDue(after, until, max)) ==
          TextOf(memory_->LoadDue(after, until, max)));
  }

  void CompareLists() {
    RowFilter filter;
    if (Draw(2) == 0) filter.status = static_cast<TransactionStatus>(1 + Draw(5));
    if (Draw(3) == 0) filter.mode = static_cast<Mode>(1 + Draw(5));
    if (Draw(3) == 0) filter.created_from = At(now_ - Draw(100));
    if (Draw(3) == 0) filter.created_to = At(now_ - Draw(100));
    filter.parked = Draw(4) == 0;
    filter.unended = Draw(3) == 0;
    const auto max = static_cast<size_t>(1 + Draw(20));
    CHECK(ListAll(*sqlite_, filter, max) == ListAll(*memory_, filter, max));
  }

  std::mt19937 random_;
  int64_t now_ = 1'000'000;
  TemporaryFolder folder_;
  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  std::unique_ptr<Store> sqlite_;
  std::unique_ptr<Store> memory_;
};

// TROTH_TEST_SEED replays one.
TEST_CASE("stores: random batches, purges, pages and crashes give the same in both") {
  const char* given = std::getenv("TROTH_TEST_SEED");
  const uint32_t seed =
      given != nullptr ? static_cast<uint32_t>(std::atol(given)) : std::random_device()();
  MESSAGE("TROTH_TEST_SEED=" << seed);
  CAPTURE(seed);
  Pair pair(seed);
  for (int step = 0; step < 600; ++step) {
    CAPTURE(step);
    pair.Step();
  }
  pair.CompareAll();
}

}  // namespace
}  // namespace troth::internal
