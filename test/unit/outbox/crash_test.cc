// The order is there exactly when its transaction is (I29), wherever the process is killed between
// BEGIN and the end of the transaction: at every tenth write or sync of any file, until a run gets
// through; with all that was written still there, and with all that was not synced gone.
//
// Every life is a process of its own, with real files and threads; this one opens nothing. Every
// point, torn writes and other faults are test/sim's (outbox_run.h), in memory.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "crash_vfs.h"
#include "scene.h"

namespace troth::internal {
namespace {

constexpr const char* kGids[] = {"order-1", "order-2"};
constexpr int kEvery = 10;

struct Place {
  TemporaryFolder folder;
  std::string app = folder.File("app.db");
  std::string delivered = folder.File("delivered");
  std::vector<std::string> files = {app, app + "-wal", folder.File("troth.db"),
                                    folder.File("troth.db-wal")};

  // What was delivered survives everything.
  CoordinatorOptions Options() const {
    const auto deliver = [file = delivered](const BranchContext& context, std::string_view,
                                            std::stop_token) {
      const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      const std::string line = context.gid + "\n";
      const bool written = ::write(out, line.data(), line.size()) > 0;
      ::close(out);
      return written ? BranchResult::Success() : BranchResult::Unknown("write");
    };
    return {.store = folder.File("troth.db"), .local = {{"deliver", deliver}}, .outboxes = {app}};
  }
};

// 0, or the line where something was wrong.
using Life = std::function<int(const Place&)>;
#define EXPECT(condition) \
  if (!(condition)) return __LINE__ % 200 + 1

// The status of a process that did this.
int Run(const Place& place, int crash_at, const Life& life) {
  const pid_t child = ::fork();
  if (child == 0) {
    InstallCrashVfs(crash_at);
    ::_exit(life(place));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

int SetUp(const Place& place) {
  MakeShop(place.app);
  EXPECT(Coordinator::Open(place.Options()).ok());
  Database db(place.app);
  EXPECT(db.Run("PRAGMA wal_checkpoint(TRUNCATE)") == SQLITE_OK);
  return 0;
}

int OneCommit(const Place& place) {
  auto coordinator = Coordinator::Open(place.Options());
  EXPECT(coordinator.ok());
  Database db(place.app);
  db.Run("PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4");
  for (const char* gid : kGids) {
    EXPECT(db.Run("BEGIN IMMEDIATE") == SQLITE_OK);
    EXPECT(db.AddOrder(gid) == SQLITE_OK);
    auto ticket = SubmitInTransaction(*coordinator, db.get(), OneStep(gid));
    EXPECT(ticket.ok());
    EXPECT(db.Run("COMMIT") == SQLITE_OK);
    EXPECT(ticket->WaitAdopted(20s).ok());
    EXPECT(coordinator->Wait(gid, 20s).ok());
  }
  return 0;
}

int TwoPhases(const Place& place) {
  auto coordinator = Coordinator::Open(place.Options());
  EXPECT(coordinator.ok());
  Database db(place.app);
  db.Run("PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4");
  for (const char* gid : kGids) {
    Message message;
    message.gid = gid;
    message.timeout_to_fail = 500ms;
    message.Add({.action = "local:deliver", .payload = "1"});
    const auto accepted = DoAndSubmit(*coordinator, message, db.get(), [&] {
      return db.AddOrder(gid) == SQLITE_OK ? BranchResult::Success()
                                           : BranchResult::Unknown(sqlite3_errmsg(db.get()));
    });
    EXPECT(accepted.ok());
    EXPECT(coordinator->Wait(gid, 20s).ok());
  }
  return 0;
}

// The next life: everything goes to its end, and the books agree.
int Verify(const Place& place) {
  auto coordinator = Coordinator::Open(place.Options());
  EXPECT(coordinator.ok());
  Database db(place.app);
  for (const char* gid : kGids) {
    bool accepted = coordinator->Query(gid).ok();
    if (accepted) {
      const auto outcome = coordinator->Wait(gid, 20s);
      EXPECT(outcome.ok());
      accepted = outcome->succeeded();
    }
    EXPECT(db.Has(gid) == accepted);
  }
  std::ifstream delivered(place.delivered);
  for (std::string gid; std::getline(delivered, gid);) EXPECT(db.Has(gid));
  EXPECT(db.Int("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") == 0);
  return 0;
}

// How many points there were. They begin at `first`, so that two sweeps have different ones.
int CrashAlong(const Life& life, bool power_loss, int first) {
  const Place fresh;
  REQUIRE(Run(fresh, 0, SetUp) == 0);
  for (int at = first, points = 0;; at += kEvery, ++points) {
    CAPTURE(at);
    const Place place;
    for (size_t i = 0; i < place.files.size(); ++i) {
      if (!std::filesystem::exists(fresh.files[i])) continue;
      std::filesystem::copy_file(fresh.files[i], place.files[i]);
    }
    MakeAllDurable(place.files);
    const int status = Run(place, at, life);
    const bool killed = WIFSIGNALED(status);
    if (!killed) REQUIRE(status == 0);
    if (power_loss) {
      LosePower(place.files);
      std::filesystem::remove(place.app + "-shm");
      std::filesystem::remove(place.folder.File("troth.db-shm"));
    }
    const int verified = Run(place, 0, Verify);
    REQUIRE(WEXITSTATUS(verified) == 0);
    REQUIRE(verified == 0);
    if (!killed) return points;
    REQUIRE(at < 1'000);
  }
}

// There are 6 and 11 or so (65 and 110 writes and syncs). With far fewer, the files were not
// written through the VFS that counts.
void CheckPoints(int points, int least) {
  MESSAGE(points, " points");
  CHECK(points >= least);
}

}  // namespace

TEST_CASE("one commit: killed at every tenth write and sync, order and saga agree") {
  CheckPoints(CrashAlong(OneCommit, false, 1), 4);
}

TEST_CASE("one commit at synchronous=NORMAL: power lost at every tenth write and sync") {
  CheckPoints(CrashAlong(OneCommit, true, 6), 4);
}

TEST_CASE("DoAndSubmit: killed at every tenth write and sync, order and message agree") {
  CheckPoints(CrashAlong(TwoPhases, false, 3), 7);
}

TEST_CASE("DoAndSubmit at synchronous=NORMAL: power lost at every tenth write and sync") {
  CheckPoints(CrashAlong(TwoPhases, true, 8), 7);
}

}  // namespace troth::internal
