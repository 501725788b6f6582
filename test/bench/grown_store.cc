#include "grown_store.h"

#include <chrono>
#include <functional>
#include <thread>

#include "bench.h"
#include "database.h"
#include "local.h"
#include "troth/message.h"

namespace troth::bench {
namespace {

using std::chrono::hours;

constexpr int64_t kRare = 10'000;
constexpr hours kDelay{24};

// The rows that are copied.
constexpr int kSucceeded = 1;
constexpr int kFailed = 2;
constexpr int kParked = 3;

void RunFailing(Coordinator& coordinator) {
  Saga saga;
  saga.Add({.action = "local:nothing", .compensate = "local:nothing"});
  saga.Add({.action = "local:refuse", .compensate = "local:nothing"});
  Check(coordinator.Submit(saga).status(), "submit");
  const Outcome outcome = Take(coordinator.Wait(saga.gid, std::chrono::minutes(1)), "wait");
  Check(!outcome.succeeded(), "a saga that is refused has succeeded");
}

// Waits until the row is as it stays.
void Await(Coordinator& coordinator, const std::string& gid,
           const std::function<bool(const TransactionRecord&)>& stays) {
  for (int i = 0; i < 10'000; ++i) {
    if (stays(Take(coordinator.Query(gid), "query"))) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Fail("a sample does not come to rest");
}

void RunParked(Coordinator& coordinator) {
  Message message;
  message.Add({.action = "local:refuse", .options = {.retry = {.park_after = 0}}});
  Check(coordinator.Submit(message).status(), "submit");
  Await(coordinator, message.gid,
        [](const TransactionRecord& record) { return record.parked != ReasonCode::kNone; });
}

void RunDelayed(Coordinator& coordinator) {
  Message message;
  message.Add({.action = "local:nothing"}).Add({.action = "local:nothing"});
  message.delay = kDelay;
  Check(coordinator.Submit(message).status(), "submit");
  Await(coordinator, message.gid, [](const TransactionRecord& record) {
    return record.due && *record.due > record.created + kDelay / 2;
  });
}

void MakeSamples(const std::string& store, const std::function<void(Coordinator&)>& run) {
  Coordinator coordinator =
      OpenLocal({.store = store,
                 .local = {{"refuse", [](const BranchContext&, std::string_view, std::stop_token) {
                              return BranchResult::Failure("no");
                            }}}});
  run(coordinator);
  Check(coordinator.Close(), "close");
}

// Copies the sample `from` for each i in [first, last] with i % step == rest, under the id
// `kSamples + i`. Their gids come before those that are drawn now, as they would have.
constexpr int64_t kSamples = 16;
void Copy(Database& database, int from, int64_t rows, const std::string& which) {
  const std::string numbers =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<" +
      std::to_string(rows) + ") ";
  const std::string id = std::to_string(kSamples) + "+i";
  const std::string created = std::to_string(HistoryBegins().time_since_epoch().count()) + "+i";
  database.Execute(
      "INSERT INTO troth_transaction(id,gid,mode,status,due,created,updated,finished,"
      "parked,version,digest,state) " +
      numbers + "SELECT " + id + ",printf('00%024d',i),mode,status,due," + created + "," + created +
      ",CASE WHEN finished IS NULL THEN NULL ELSE " + created +
      " END,parked,version,digest,state FROM n,troth_transaction t WHERE t.id=" +
      std::to_string(from) + " AND " + which);
  database.Execute("INSERT INTO troth_part(key,document) " + numbers + "SELECT (" + id +
                   ")<<16,document FROM n,troth_part p WHERE p.key=" + std::to_string(from) +
                   "<<16 AND " + which);
}

// `copies`: pairs of a sample and which numbers it stands at.
void Grow(const std::string& store, int64_t rows,
          const std::vector<std::pair<int, std::string>>& copies) {
  Database database(store);
  database.Execute("PRAGMA synchronous=OFF; PRAGMA cache_size=-262144; BEGIN IMMEDIATE");
  for (const auto& [sample, which] : copies) Copy(database, sample, rows, which);
  database.Execute("DELETE FROM troth_transaction WHERE id<=" + std::to_string(kSamples));
  database.Execute("DELETE FROM troth_part WHERE key>>16<=" + std::to_string(kSamples));
  database.Execute("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  Check(database.Number("SELECT count(*) FROM troth_transaction") == rows, "rows are missing");
}

}  // namespace

Time HistoryBegins() {
  static const Time begins =
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) - hours(72);
  return begins;
}

void MakeHistory(const std::string& store, int64_t rows) {
  MakeSamples(store, [](Coordinator& coordinator) {
    RunSaga(coordinator, LocalSaga());
    RunFailing(coordinator);
    RunParked(coordinator);
  });
  const std::string place = "i%" + std::to_string(kRare);
  Grow(store, rows, {{kSucceeded, place + ">1"}, {kFailed, place + "=0"}, {kParked, place + "=1"}});
}

void MakeWaiting(const std::string& store, int64_t rows) {
  MakeSamples(store, RunDelayed);
  Grow(store, rows, {{1, "true"}});
}

}  // namespace troth::bench
