// The file itself: its mode, what is refused, what a damaged or unreachable one answers.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

#include "../temporary_folder.h"
#include "../writes.h"
#include "database.h"
#include "store/sqlite/network.h"
#include "store/sqlite/sqlite_store.h"

namespace troth::internal {
namespace {

namespace fs = std::filesystem;

Result<StoreInfo> OpenAt(const std::string& path) { return NewSqliteStore()->Open({.path = path}); }

void MakeStore(const std::string& path, int rows = 1) {
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = path}).ok());
  for (int i = 0; i < rows; ++i) {
    Write write = NewWrite("g" + std::to_string(i));
    write.state = std::string(5'000, 's');
    REQUIRE(store->Apply({&write, 1}).kind == BatchResult::Kind::kCommitted);
  }
  store->Close();
}

bool Mentions(const Status& status, const std::string& text) {
  return status.message().find(text) != std::string::npos;
}

// The permissions of files mean nothing to root, so these checks run as somebody else in a process
// of its own. True: `check` was.
bool WithoutPrivileges(const std::function<bool()>& check) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool lowered = ::geteuid() != 0 || ::setuid(65534) == 0;
    ::_exit(lowered && check() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("sqlite store: its files can be read by their owner alone") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  for (const char* name : {"s.db", "s.db-wal", "s.db-shm", "s.db-owner"}) {
    struct stat file;
    INFO(name);
    REQUIRE(::stat(folder.File(name).c_str(), &file) == 0);
    CHECK((file.st_mode & 0777) == 0600);
  }
}

TEST_CASE("sqlite store: a clean close leaves one file, and the lock's") {
  TemporaryFolder folder;
  MakeStore(folder.File("s.db"));
  CHECK(fs::exists(folder.File("s.db")));
  CHECK(fs::exists(folder.File("s.db-owner")));
  CHECK_FALSE(fs::exists(folder.File("s.db-wal")));
  CHECK_FALSE(fs::exists(folder.File("s.db-shm")));
}

TEST_CASE("sqlite store: a link is the file that it points to, also before that is there") {
  TemporaryFolder folder;
  fs::create_symlink("real.db", folder.File("link.db"));
  MakeStore(folder.File("link.db"));
  CHECK(fs::exists(folder.File("real.db-owner")));
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("real.db")}).ok());
  CHECK(OpenAt(folder.File("link.db")).status().code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("sqlite store: a path that names no file is refused") {
  TemporaryFolder folder;
  CHECK(OpenAt("").status().code() == StatusCode::kInvalidArgument);
  CHECK(OpenAt(folder.path()).status().code() == StatusCode::kInvalidArgument);
  CHECK(OpenAt(folder.File("no/such/folder.db")).status().code() == StatusCode::kNotFound);
  const auto reader = NewSqliteStore();
  const auto missing = reader->Open({.path = folder.File("none.db"), .read_only = true});
  CHECK(missing.status().code() == StatusCode::kNotFound);
  CHECK_FALSE(fs::exists(folder.File("none.db")));
}

TEST_CASE("sqlite store: a newer schema is refused, and the message says so") {
  TemporaryFolder folder;
  MakeStore(folder.File("s.db"));
  Database(folder.File("s.db")).Execute("UPDATE troth_meta SET value=2 WHERE name='schema'");
  const auto refused = OpenAt(folder.File("s.db"));
  CHECK(refused.status().code() == StatusCode::kFailedPrecondition);
  CHECK(Mentions(refused.status(), "schema 2"));
}

TEST_CASE("sqlite store: another application's database is refused and left as it is") {
  TemporaryFolder folder;
  Database(folder.File("app.db")).Execute("CREATE TABLE account(id INTEGER PRIMARY KEY)");
  const auto before = fs::file_size(folder.File("app.db"));
  const auto refused = OpenAt(folder.File("app.db"));
  CHECK(refused.status().code() == StatusCode::kFailedPrecondition);
  CHECK(Mentions(refused.status(), "not a Troth store"));
  CHECK(fs::file_size(folder.File("app.db")) == before);
  Database database(folder.File("app.db"));
  CHECK(database.Query("PRAGMA journal_mode") == "delete");
  CHECK(database.Query("SELECT name FROM sqlite_schema") == "account");
}

TEST_CASE("sqlite store: nobody can give a column another type by hand") {
  TemporaryFolder folder;
  MakeStore(folder.File("s.db"));
  Database database(folder.File("s.db"));
  CHECK(database.Refuses("UPDATE troth_transaction SET due=due+0.5"));
  CHECK(database.Refuses("UPDATE troth_transaction SET gid=CAST(gid AS BLOB)"));
  CHECK(database.Refuses("UPDATE troth_meta SET value='much' WHERE name='epoch'"));
  CHECK(database.Refuses("UPDATE troth_part SET document='text'"));
  CHECK_FALSE(database.Refuses("UPDATE troth_transaction SET due=due+1"));
}

Status Change(Store& store, TopicChange::Kind kind, std::string topic) {
  return store.ChangeTopic({.kind = kind,
                            .topic = std::move(topic),
                            .subscriber = {.url = "http://a/"},
                            .topics_max = 9,
                            .subscribers_max = 9});
}

TEST_CASE("sqlite store: a topic that can't be read is listed as such, and can be deleted") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  for (const char* name : {"a", "b", "c"}) {
    REQUIRE(Change(*store, TopicChange::Kind::kSubscribe, name).ok());
  }
  Database(folder.File("s.db")).Execute("UPDATE troth_topic SET subscribers=x'ff' WHERE name='b'");

  const auto topics = store->ListTopics();
  REQUIRE_MESSAGE(topics.ok(), topics.status().ToString());
  REQUIRE(topics->size() == 3);
  CHECK((*topics)[0].problem.empty());
  CHECK((*topics)[1].name == "b");
  CHECK((*topics)[1].problem.starts_with("topic b: "));
  CHECK((*topics)[1].subscribers.empty());
  CHECK((*topics)[2].subscribers.size() == 1);

  const Status alone = store->LoadTopic("b").status();
  CHECK(alone.code() == StatusCode::kDataLoss);
  CHECK(alone.message() == (*topics)[1].problem);
  CHECK(Change(*store, TopicChange::Kind::kSubscribe, "b").code() == StatusCode::kDataLoss);
  CHECK(Change(*store, TopicChange::Kind::kUnsubscribe, "b").code() == StatusCode::kDataLoss);
  CHECK(store->Problem().empty());  // nothing is wrong with the store
  CHECK(Change(*store, TopicChange::Kind::kDelete, "b").ok());
  CHECK(store->ListTopics()->size() == 2);
  CHECK(Change(*store, TopicChange::Kind::kSubscribe, "b").ok());
}

// As it may be in a damaged file.
void LetAnyTypeIn(Database& database) {
  database.Execute(
      "PRAGMA writable_schema=ON;"
      "UPDATE sqlite_schema SET sql=replace(replace(sql,', STRICT',''),'STRICT','');"
      "PRAGMA writable_schema=RESET");
}

TEST_CASE("sqlite store: a due time that is no integer does not come again and again") {
  TemporaryFolder folder;
  MakeStore(folder.File("s.db"), 4);
  Database database(folder.File("s.db"));
  LetAnyTypeIn(database);
  database.Execute("UPDATE troth_transaction SET due=due+0.5 WHERE id=1");
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  std::optional<DuePosition> after;
  size_t rows = 0;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = store->LoadDue(after, At(2'000), 1);
    REQUIRE(page.ok());
    for (const StoredTransaction& one : page->transactions) {
      after = DuePosition{one.row.due.value_or(Time{}), one.row.id};
      ++rows;
    }
    if (!page->more) break;
  }
  CHECK(rows == 3);
}

TEST_CASE("sqlite store: a row whose column has another type is set aside, and harms no other") {
  for (const char* change :
       {"gid=CAST(gid AS BLOB)", "mode='saga'", "status=2.5", "created=x'00'", "updated='now'",
        "finished='never'", "parked='no'", "version='one'", "digest='text'", "state='text'"}) {
    CAPTURE(change);
    TemporaryFolder folder;
    MakeStore(folder.File("s.db"), 2);
    Database database(folder.File("s.db"));
    LetAnyTypeIn(database);
    database.Execute(std::string("UPDATE troth_transaction SET ") + change + " WHERE id=1");

    const auto store = NewSqliteStore();
    REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
    const auto page = store->LoadDue(std::nullopt, At(2'000), 10);
    REQUIRE(page.ok());
    REQUIRE(page->transactions.size() == 2);
    CHECK(page->transactions[0].row.id == 1);
    CHECK(page->transactions[0].row.gid.empty());
    CHECK(page->transactions[0].state.empty());
    CHECK(page->transactions[0].parts.empty());
    CHECK(page->transactions[1].row.gid == "g1");
    CHECK(page->transactions[1].parts.size() == 1);
    const auto loaded = store->Load("g0");
    const bool other_gid = loaded.ok() && !loaded->has_value();  // no text is equal to it
    CHECK((other_gid || loaded.status().code() == StatusCode::kDataLoss));
  }
}

TEST_CASE("sqlite store: a row with an id out of range has no other's parts, and takes none away") {
  // The first would be 1 again in a part's key.
  for (const char* id : {"(1<<48)+1", "0", "-1"}) {
    CAPTURE(id);
    TemporaryFolder folder;
    MakeStore(folder.File("s.db"), 2);
    Database database(folder.File("s.db"));
    database.Execute(std::string("UPDATE troth_transaction SET finished=1000, id=") + id +
                     " WHERE id=2");
    const auto store = NewSqliteStore();
    REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
    const auto page = store->LoadDue(std::nullopt, At(2'000), 10);
    REQUIRE(page.ok());
    REQUIRE(page->transactions.size() == 2);
    for (const StoredTransaction& stored : page->transactions) {
      CHECK(stored.parts.size() == (stored.row.id == 1 ? 1 : 0));
    }
    CHECK(store->Load("g1").status().code() == StatusCode::kDataLoss);
    PurgePass pass;
    REQUIRE(store->Purge(pass, At(5'000), At(2'000), std::chrono::milliseconds(100)).ok());
    CHECK(pass.purged == 0);
    CHECK((**store->Load("g0")).parts.size() == 1);
  }
}

TEST_CASE("sqlite store: a file that is no database is refused") {
  TemporaryFolder folder;
  std::ofstream(folder.File("s.db")) << std::string(10'000, 'x');
  const auto refused = OpenAt(folder.File("s.db"));
  CHECK(refused.status().code() == StatusCode::kFailedPrecondition);
  CHECK(Mentions(refused.status(), "not a database"));
}

TEST_CASE("sqlite store: damaged pages are data loss, named as such") {
  TemporaryFolder folder;
  MakeStore(folder.File("s.db"), 20);
  std::fstream file(folder.File("s.db"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  for (int page = 0; page < 8; ++page) file << std::string(4096, '\xEE');
  file.close();
  const auto refused = OpenAt(folder.File("s.db"));
  CHECK(refused.status().code() == StatusCode::kDataLoss);
  CHECK(Mentions(refused.status(), folder.File("s.db")));
}

TEST_CASE("sqlite store: a damaged page of one index harms no write that does without it") {
  TemporaryFolder folder;
  MakeStore(folder.File("s.db"), 3);
  const std::string root =
      Database(folder.File("s.db"))
          .Query("SELECT rootpage FROM sqlite_schema WHERE name='troth_transaction_parked'");
  std::fstream file(folder.File("s.db"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp((std::stol(root) - 1) * 4096);
  file << std::string(4096, '\xEE');
  file.close();
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  Write parked = NewWrite("parked");
  parked.row.parked = ReasonCode::kParkedRetries;
  const Write writes[] = {NewWrite("a"), parked, NewWrite("b")};
  const BatchResult result = store->Apply(writes);
  REQUIRE_MESSAGE(result.kind == BatchResult::Kind::kCommitted, result.status.ToString());
  CHECK(result.writes[0].kind == WriteResult::Kind::kOk);
  CHECK(result.writes[1].kind == WriteResult::Kind::kNotWritten);
  CHECK(result.writes[1].status.code() == StatusCode::kDataLoss);
  CHECK(result.writes[2].kind == WriteResult::Kind::kOk);
  CHECK(store->Load("b").value().has_value());
}

TEST_CASE("sqlite store: of one batch any number of writes may meet a damaged page") {
  TemporaryFolder folder;
  MakeStore(folder.File("s.db"), 3);
  const std::string root =
      Database(folder.File("s.db"))
          .Query("SELECT rootpage FROM sqlite_schema WHERE name='troth_transaction_parked'");
  std::fstream file(folder.File("s.db"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp((std::stol(root) - 1) * 4096);
  file << std::string(4096, '\xEE');
  file.close();
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  std::vector<Write> writes;
  for (int i = 0; i < 30; ++i) {
    writes.push_back(NewWrite("w" + std::to_string(i)));
    if (i % 3 != 0) writes.back().row.parked = ReasonCode::kParkedRetries;
  }
  const BatchResult result = store->Apply(writes);
  REQUIRE_MESSAGE(result.kind == BatchResult::Kind::kCommitted, result.status.ToString());
  for (size_t i = 0; i < writes.size(); ++i) {
    CAPTURE(i);
    const bool damaged = i % 3 != 0;
    CHECK((result.writes[i].kind == WriteResult::Kind::kNotWritten) == damaged);
    CHECK(store->Load(writes[i].row.gid).value().has_value() != damaged);
  }
}

TEST_CASE("sqlite store: a folder or a file that may not be written is said to be so") {
  TemporaryFolder folder;
  MakeStore(folder.File("s.db"));
  fs::permissions(folder.File("s.db"), fs::perms(0444));
  fs::permissions(folder.File("s.db-owner"), fs::perms(0666));
  fs::permissions(folder.path(), fs::perms(0555));
  CHECK(WithoutPrivileges([&] {
    return OpenAt(folder.File("new.db")).status().code() == StatusCode::kPermissionDenied;
  }));
  CHECK(WithoutPrivileges([&] {
    return OpenAt(folder.File("s.db")).status().code() == StatusCode::kPermissionDenied;
  }));
  fs::permissions(folder.path(), fs::perms(0755));
}

TEST_CASE("sqlite store: a foreign writer's lock delays a batch and writes nothing of it") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore({.busy_timeout = std::chrono::milliseconds(1)});
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  Database other(folder.File("s.db"));
  other.Execute("BEGIN IMMEDIATE");
  const Write write = NewWrite("g");
  const BatchResult locked = store->Apply({&write, 1});
  CHECK(locked.kind == BatchResult::Kind::kNotWritten);
  CHECK(locked.status.code() == StatusCode::kResourceExhausted);
  CHECK(Mentions(locked.status, "another process holds a lock"));
  CHECK_FALSE(store->Problem().empty());
  other.Execute("ROLLBACK");
  CHECK(store->Apply({&write, 1}).kind == BatchResult::Kind::kCommitted);
  CHECK(store->Problem().empty());
}

TEST_CASE("sqlite store: a file that was deleted under it is reported") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  fs::remove(folder.File("s.db"));
  store->Idle();
  CHECK(store->Problem().find("moved or deleted") != std::string::npos);
}

TEST_CASE("sqlite store: a backup makes way for a close that was announced") {
  TemporaryFolder folder;
  MakeStore(folder.File("s.db"), 300);  // longer than one of its steps
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  store->StopReads();
  const Status status = store->Backup(folder.File("copy.db"));
  CHECK(status.code() == StatusCode::kUnavailable);
  CHECK(Mentions(status, "made way"));
  CHECK_FALSE(fs::exists(folder.File("copy.db")));
  CHECK(store->Load("g1").value().has_value());  // whoever reads a little still may
}

TEST_CASE("sqlite store: an in-memory one does all but survive, from any thread") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = ":memory:"}).ok());
  const Write write = NewWrite("g");
  CHECK(store->Apply({&write, 1}).kind == BatchResult::Kind::kCommitted);
  CHECK(store->Load("g").value()->parts.size() == 1);
  CHECK(store->List({}, 0, 5).value().rows.size() == 1);
  CHECK(store->LoadDue(std::nullopt, At(5'000), 5).value().transactions.size() == 1);
  CHECK(store->Backup(folder.File("backup.db")).ok());
  CHECK_FALSE(store->Idle());
  CHECK(store->Problem().empty());
  store->Close();
  CHECK_FALSE(fs::exists(":memory:-owner"));
  const auto copy = NewSqliteStore();
  REQUIRE(copy->Open({.path = folder.File("backup.db"), .restored = true}).ok());
  CHECK(copy->Load("g").value().has_value());
  const auto second = NewSqliteStore();
  REQUIRE(second->Open({.path = ":memory:"}).ok());
  CHECK_FALSE(second->Load("g").value().has_value());
}

TEST_CASE("sqlite store: network file systems are known by name") {
  CHECK(sqlite::NetworkFileSystemName(0x6969) == "nfs");
  CHECK(sqlite::NetworkFileSystemName(static_cast<int32_t>(0xFF534D42)) == "cifs");
  CHECK(sqlite::NetworkFileSystemName(0xFE534D42) == "smb2");
  CHECK(sqlite::NetworkFileSystemName(0xEF53).empty());  // ext4
  CHECK(sqlite::IsNetworkFuse("fuse.sshfs"));
  CHECK_FALSE(sqlite::IsNetworkFuse("fuse.gocryptfs"));
  CHECK_FALSE(sqlite::IsNetworkFuse(""));
}

}  // namespace
}  // namespace troth::internal
