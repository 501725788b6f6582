// Who owns the file: in this process, across processes, and after losing it.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "../temporary_folder.h"
#include "../writes.h"
#include "database.h"
#include "store/sqlite/sqlite_store.h"

namespace troth::internal {
namespace {

// A child process that opens the store, says whether it could, and stays until it is killed.
class OwningProcess {
 public:
  explicit OwningProcess(const std::string& path) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    child_ = ::fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      const auto store = NewSqliteStore();
      const Write write = NewWrite("of the child");
      const bool opened = store->Open({.path = path}).ok() &&
                          store->Apply({&write, 1}).kind == BatchResult::Kind::kCommitted;
      const char answer = opened ? 'y' : 'n';
      if (::write(ends[1], &answer, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    ::close(ends[1]);
    char answer = 0;
    opened_ = ::read(ends[0], &answer, 1) == 1 && answer == 'y';
    ::close(ends[0]);
  }
  ~OwningProcess() { Kill(); }

  bool opened() const { return opened_; }
  void Kill() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }

 private:
  pid_t child_ = 0;
  bool opened_ = false;
};

TEST_CASE("sqlite store: a second open in one process is refused and does not free the first") {
  TemporaryFolder folder;
  const std::string path = folder.File("s.db");
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = path}).ok());
  const auto refused = NewSqliteStore()->Open({.path = path});
  CHECK(refused.status().code() == StatusCode::kFailedPrecondition);
  CHECK(refused.status().message().find("in this process") != std::string::npos);
  CHECK(refused.status().message().find(path) != std::string::npos);
  // A lock that the refused open had dropped would let another process in.
  CHECK_FALSE(OwningProcess(path).opened());
}

TEST_CASE("sqlite store: another process's store is refused until that process is killed") {
  TemporaryFolder folder;
  const std::string path = folder.File("s.db");
  OwningProcess owner(path);
  REQUIRE(owner.opened());
  const auto refused = NewSqliteStore()->Open({.path = path});
  CHECK(refused.status().code() == StatusCode::kFailedPrecondition);
  CHECK(refused.status().message().find(path + "-owner") != std::string::npos);
  const auto reader = NewSqliteStore();
  REQUIRE(reader->Open({.path = path, .read_only = true}).ok());
  CHECK(reader->Load("of the child").value().has_value());
  reader->Close();

  owner.Kill();
  const auto store = NewSqliteStore();
  const auto opened = store->Open({.path = path});
  REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
  CHECK(opened->unclean);
  CHECK(store->Load("of the child").value().has_value());
}

TEST_CASE("sqlite store: a failed open frees what it had taken") {
  TemporaryFolder folder;
  const std::string path = folder.File("s.db");
  Database(path).Execute("CREATE TABLE other(x)");
  CHECK_FALSE(NewSqliteStore()->Open({.path = path}).ok());
  Database(path).Execute("DROP TABLE other");
  CHECK(NewSqliteStore()->Open({.path = path}).ok());
}

TEST_CASE("sqlite store: whoever has lost the epoch writes nothing any more") {
  TemporaryFolder folder;
  const std::string path = folder.File("s.db");
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = path}).ok());
  Write first = NewWrite("before");
  const BatchResult committed = store->Apply({&first, 1});
  REQUIRE(committed.kind == BatchResult::Kind::kCommitted);
  first = LastWrite(first, committed.writes[0].id, TransactionStatus::kSucceed, At(600));
  REQUIRE(store->Apply({&first, 1}).kind == BatchResult::Kind::kCommitted);

  Database(path).Execute("UPDATE troth_meta SET value=value+1 WHERE name='epoch'");
  const Write write = NewWrite("after");
  const BatchResult lost = store->Apply({&write, 1});
  CHECK(lost.kind == BatchResult::Kind::kLostOwner);
  CHECK(lost.status.message().find(path) != std::string::npos);
  CHECK(store->Apply({&write, 1}).kind == BatchResult::Kind::kLostOwner);
  PurgePass pass;
  CHECK_FALSE(store->Purge(pass, At(9'999), At(0), std::chrono::milliseconds(1)).ok());
  CHECK_FALSE(store->ParkUnended(ReasonCode::kParkedRestored).ok());
  store->Close();
  Database database(path);
  CHECK(database.Query("SELECT gid FROM troth_transaction") == "before");
  CHECK(database.Query("SELECT length(state) > 0 FROM troth_transaction") == "1");
  CHECK(database.Query("SELECT value FROM troth_meta WHERE name='clean'") == "0");
}

}  // namespace
}  // namespace troth::internal
