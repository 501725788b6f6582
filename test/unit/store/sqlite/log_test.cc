// The log: that it starts over, that a reader who prevents it is named, and backups meanwhile.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "../temporary_folder.h"
#include "../writes.h"
#include "database.h"
#include "store/sqlite/sqlite_store.h"

namespace troth::internal {
namespace {

namespace fs = std::filesystem;

constexpr int kFrames = 32;

void WriteRows(Store& store, const std::string& prefix, int rows) {
  for (int i = 0; i < rows; ++i) {
    const Write write = NewWrite(prefix + std::to_string(i));
    REQUIRE(store.Apply({&write, 1}).kind == BatchResult::Kind::kCommitted);
  }
}

TEST_CASE("sqlite store: the log starts over past its bound instead of growing") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore({.checkpoint_frames = kFrames});
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  WriteRows(*store, "g", 200);
  CHECK(fs::file_size(folder.File("s.db-wal")) < 3 * kFrames * 4200);
  CHECK(store->Problem().empty());
}

TEST_CASE("sqlite store: a foreign reader that keeps the log from starting over is reported") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore({.checkpoint_frames = kFrames});
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  WriteRows(*store, "a", 5);
  Database reader(folder.File("s.db"));
  reader.Execute("BEGIN");
  CHECK(reader.Query("SELECT count(*) FROM troth_transaction") == "5");
  WriteRows(*store, "b", 100);
  CHECK(store->Problem().find("can't start over") != std::string::npos);
  reader.Execute("COMMIT");
  WriteRows(*store, "c", 100);
  CHECK(store->Problem().empty());
}

TEST_CASE("sqlite store: idle housekeeping leaves everything in the file itself") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  WriteRows(*store, "g", 50);
  const auto before = fs::file_size(folder.File("s.db"));
  CHECK_FALSE(store->Idle());
  CHECK(fs::file_size(folder.File("s.db")) > before);
}

TEST_CASE("sqlite store: a backup made while batches are written is whole, and private") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore({.checkpoint_frames = kFrames});
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  WriteRows(*store, "a", 300);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop && i < 2'000; ++i) {
      const Write writes[] = {NewWrite("x" + std::to_string(i)), NewWrite("y" + std::to_string(i))};
      (void)store->Apply(writes);
    }
  });
  const Status status = store->Backup(folder.File("b.db"));
  stop = true;
  writer.join();
  REQUIRE_MESSAGE(status.ok(), status.ToString());
  CHECK(fs::status(folder.File("b.db")).permissions() == fs::perms(0600));
  CHECK_FALSE(fs::exists(folder.File("b.db-unfinished")));
  CHECK_FALSE(fs::exists(folder.File("b.db-wal")));
  Database copy(folder.File("b.db"));
  CHECK(copy.Query("PRAGMA integrity_check") == "ok");
  CHECK(copy.Query("SELECT count(*)%2 FROM troth_transaction") == "0");
  CHECK(copy.Query("SELECT count(*) FROM troth_transaction") ==
        copy.Query("SELECT count(*) FROM troth_part"));
}

TEST_CASE("sqlite store: a backup never replaces a file, and cleans up when it fails") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  CHECK(store->Backup(folder.File("s.db")).code() == StatusCode::kAlreadyExists);
  CHECK(store->Backup(folder.File("no/b.db")).code() == StatusCode::kNotFound);
  CHECK(store->Backup(folder.path()).code() == StatusCode::kInvalidArgument);
  fs::create_symlink(folder.File("nowhere"), folder.File("link.db"));
  CHECK(store->Backup(folder.File("link.db")).ok());
  CHECK(fs::exists(folder.File("nowhere")));
}

TEST_CASE("sqlite store: a list that no index helps looks at a bounded number of rows a page") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore({.rows_examined = 10});
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  Write wanted = NewWrite("wanted");
  wanted.row.mode = Mode::kXa;
  REQUIRE(store->Apply({&wanted, 1}).kind == BatchResult::Kind::kCommitted);
  WriteRows(*store, "g", 25);
  int pages = 0;
  size_t found = 0;
  int64_t before = 0;
  do {
    const RowPage page = store->List({.mode = Mode::kXa}, before, 100).value();
    found += page.rows.size();
    before = page.next_before;
    ++pages;
  } while (before != 0);
  CHECK(found == 1);
  CHECK(pages == 3);
}

TEST_CASE(
    "sqlite store: a list by time begins with what it finds, however many rows a minute has") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore({.rows_examined = 20});
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  const auto at = [](int64_t i) { return Time(std::chrono::milliseconds(1'000'000 + i)); };
  for (int64_t i = 0; i < 300; ++i) {
    Write write = NewWrite(std::to_string(i));
    // Each pair the wrong way round, as two threads may do it.
    write.row.created = at(i % 2 == 0 ? i + 1 : i - 1);
    REQUIRE(store->Apply({&write, 1}).kind == BatchResult::Kind::kCommitted);
  }
  const RowPage page =
      store->List({.created_from = at(100), .created_to = at(103)}, 0, 100).value();
  std::string found;
  for (const TransactionRow& row : page.rows) found += row.gid + " ";
  CHECK(found == "103 101 100 ");
}

}  // namespace
}  // namespace troth::internal
