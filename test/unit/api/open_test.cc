// Which files can be opened, and what is said about those that can't.
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "opened.h"

namespace troth {
namespace {

Status OpenStatus(CoordinatorOptions options) {
  return Coordinator::Open(std::move(options)).status();
}

// Through SQLite itself, as a stranger would.
void Execute(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

TEST_CASE("open: a new file is private, and what was done in it is there the next time") {
  const TemporaryFolder folder;
  const std::string path = folder.File("t.db");
  const Saga saga = LocalSaga();
  {
    Coordinator coordinator = MustOpen({.store = path, .local = {Local("yes")}});
    REQUIRE(coordinator.Submit(saga).ok());
    CHECK(coordinator.Wait(saga.gid, 1min)->succeeded());
    CHECK(coordinator.Close().ok());
  }
  struct stat about {};
  REQUIRE(::stat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  Coordinator coordinator = MustOpen({.store = path});
  CHECK(coordinator.Wait(saga.gid, 0ms)->succeeded());
  CHECK(coordinator.Wait(saga.gid, 0ms)->branches.size() == 2);
  CHECK(coordinator.Submit(saga)->repeated);
}

TEST_CASE("open: in memory everything works, twice at once, and nothing survives") {
  Coordinator one = MustOpen({.store = ":memory:", .local = {Local("yes")}});
  Coordinator two = MustOpen({.store = ":memory:", .local = {Local("yes")}});
  const Saga saga = LocalSaga();
  REQUIRE(one.Submit(saga).ok());
  CHECK(one.Wait(saga.gid, 1min)->succeeded());
  CHECK(two.Query(saga.gid).status().code() == StatusCode::kNotFound);
}

TEST_CASE("open: a second one in the same process is refused, by whatever name, until Close") {
  const TemporaryFolder folder;
  const std::string path = folder.File("t.db");
  Coordinator coordinator = MustOpen({.store = path});
  std::filesystem::create_symlink(path, folder.File("link.db"));
  for (const std::string& name : {path, folder.File("./t.db"), folder.File("link.db")}) {
    const Status status = OpenStatus({.store = name});
    CHECK(status.code() == StatusCode::kFailedPrecondition);
    CHECK(status.message().find("in this process") != std::string::npos);
  }
  CHECK(coordinator.Submit(LocalSaga()).ok());  // the first one is none the worse for it
  CHECK(coordinator.Close().ok());
  CHECK(OpenStatus({.store = path}).ok());
}

TEST_CASE("open: a coordinator that is destroyed frees its file too") {
  const TemporaryFolder folder;
  for (int i = 0; i < 5; ++i) MustOpen({.store = folder.File("t.db")});
  Coordinator moved_to = MustOpen({.store = folder.File("t.db")});
  moved_to = MustOpen({.store = folder.File("u.db")});
  CHECK(OpenStatus({.store = folder.File("t.db")}).ok());
}

TEST_CASE("open: what is no store is refused, with its path, and left as it is") {
  const TemporaryFolder folder;
  const std::string path = folder.File("t.db");
  Status status;
  SUBCASE("a folder") {
    std::filesystem::create_directory(path);
    status = OpenStatus({.store = path});
  }
  SUBCASE("in no folder") { status = OpenStatus({.store = path + "/no/such/t.db"}); }
  SUBCASE("a text") {
    std::ofstream(path) << "Dear Sir or Madam, " << std::string(5000, 'x');
    status = OpenStatus({.store = path});
    CHECK(std::filesystem::file_size(path) == 5019);
  }
  SUBCASE("an application's database") {
    Execute(path, "CREATE TABLE account(id INTEGER PRIMARY KEY, money INTEGER)");
    status = OpenStatus({.store = path});
    CHECK(status.code() == StatusCode::kFailedPrecondition);
  }
  SUBCASE("a newer version's") {
    CHECK(MustOpen({.store = path}).Close().ok());
    Execute(path, "UPDATE troth_meta SET value = 999 WHERE name = 'schema'");
    status = OpenStatus({.store = path});
    CHECK(status.code() == StatusCode::kFailedPrecondition);
  }
  SUBCASE("a damaged one") {
    CHECK(MustOpen({.store = path}).Close().ok());
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file << std::string(8000, '\xA5');
    file.close();
    status = OpenStatus({.store = path});
    CHECK(status.code() == StatusCode::kDataLoss);
  }
  SUBCASE("read-only, and not there") {
    status = OpenStatus({.store = path, .read_only = true});
    CHECK(status.code() == StatusCode::kNotFound);
    CHECK_FALSE(std::filesystem::exists(path));
  }
  SUBCASE("read-only, and in memory") {
    status = OpenStatus({.store = ":memory:", .read_only = true});
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message().find("memory") != std::string::npos);
    return;
  }
  CAPTURE(status);
  CHECK_FALSE(status.ok());
  CHECK(status.message().find("t.db") != std::string::npos);
}

TEST_CASE("open: one bad row harms no other, and is told of") {
  const TemporaryFolder folder;
  const std::string path = folder.File("t.db");
  const Saga bad = LocalSaga("later");
  const Saga good = LocalSaga("later");
  {
    Coordinator coordinator = MustOpen({.store = path});
    REQUIRE(coordinator.Submit(bad).ok());
    REQUIRE(coordinator.Submit(good).ok());
    CHECK(coordinator.Close().ok());
  }
  const std::string sql =
      "UPDATE troth_transaction SET state = x'00ff00ff' WHERE gid = '" + bad.gid + "'";
  Execute(path, sql.c_str());
  std::string told;
  std::mutex mutex;
  Coordinator coordinator = MustOpen(
      {.store = path, .local = {Local("later"), Local("yes")}, .on_event = [&](const Event& event) {
         const std::lock_guard lock(mutex);
         if (event.kind == EventKind::kUnreadable) {
           told += event.text;
         }
       }});
  CHECK(coordinator.Wait(good.gid, 1min)->succeeded());
  CHECK(coordinator.Wait(bad.gid, 1min).status().code() == StatusCode::kDataLoss);
  CHECK(coordinator.Query(bad.gid).status().code() == StatusCode::kDataLoss);
  CHECK(coordinator.List()->transactions.size() == 2);
  CHECK(coordinator.Close().ok());
  CHECK(told.find(bad.gid) != std::string::npos);
}

}  // namespace
}  // namespace troth
