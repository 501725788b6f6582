// What stays fast when a store holds millions of rows: history, list, retention, waiting.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "child.h"
#include "database.h"
#include "groups.h"
#include "grown_store.h"
#include "local.h"
#include "machine.h"

namespace troth::bench {
namespace {

using std::chrono::hours;
using std::chrono::steady_clock;

constexpr int64_t kMillion = 1'000'000;
constexpr int kClients = 64;
constexpr char kSagasOn[] = "sagas-on";

double MillisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

// STORE RETENTION_HOURS TIME_MS: opens it, and runs sagas on it by 64 clients.
void RunSagasOn(const Arguments& arguments) {
  const auto start = steady_clock::now();
  Coordinator coordinator =
      OpenLocal({.store = arguments.at(0), .retention = hours(std::stoi(arguments.at(1)))});
  Say("open_ms", MillisecondsSince(start));
  const Load load{.clients = kClients,
                  .time = std::chrono::milliseconds(std::stoi(arguments.at(2)))};
  Say("rate", Rate(load, [&](int) { RunSaga(coordinator, LocalSaga()); }));
  Say("peak_mb", PeakMegabytes());
  Check(coordinator.Close(), "close");
}

constexpr int kKeep = 24 * 365;  // hours: nothing is purged

struct Life {
  double rate = 0;
  double open_ms = 0;
  double peak_mb = 0;
};

Life LifeOn(const Bench& bench, const std::string& store, int retention_hours = kKeep) {
  Child child(kSagasOn,
              {store, std::to_string(retention_hours), std::to_string(bench.round_time().count())});
  const Life life{.rate = child.Number("rate"),
                  .open_ms = child.Number("open_ms"),
                  .peak_mb = child.Number("peak_mb")};
  child.Wait();
  return life;
}

double RateOnEmpty(const Bench& bench) {
  const TemporaryFolder folder;
  return LifeOn(bench, folder.File("troth.db")).rate;
}

// Built once a run, as it takes a while; of so many million rows.
const std::string& HistoryOf(double millions) {
  static const TemporaryFolder folder;
  static std::map<double, std::string> made;
  const auto found = made.find(millions);
  if (found != made.end()) return found->second;
  const std::string store = folder.File("history-" + std::to_string(millions) + ".db");
  MakeHistory(store, static_cast<int64_t>(millions * kMillion));
  return made[millions] = store;
}

std::string InMillions(double millions) {
  const std::string text = std::to_string(millions);
  return text.substr(0, text.find('.')) + " million";
}

void History(Bench& bench) {
  const double millions = bench.argument().value_or(1);
  const std::string& store = HistoryOf(millions);
  bench.AddByTurns(
      {.name = "history",
       .value = {},
       .unit = "sagas/s",
       .counted = "saga-local/64 on a store with " + InMillions(millions) +
                  " transactions that have ended",
       .against = "the same on an empty store",
       .goal = AtLeast(0.9)},
      [&] { return LifeOn(bench, store).rate; }, [&] { return RateOnEmpty(bench); });
}

// --- list ---

constexpr int kLists = 50;
constexpr size_t kPage = 100;

// How long each of many such pages takes.
Spread ListTimes(const Coordinator& coordinator, const ListFilter& filter, size_t expected) {
  std::vector<double> times;
  for (int i = 0; i < kLists; ++i) {
    const auto start = steady_clock::now();
    const ListPage page = Take(coordinator.List(filter, kPage), "list");
    times.push_back(MillisecondsSince(start));
    Check(page.transactions.size() == expected, "a page is not what was made");
  }
  return SpreadOf(times);
}

Spread RawListTimes(const std::string& store) {
  Database database(store);
  std::vector<double> times;
  for (int i = 0; i < kLists; ++i) {
    const auto start = steady_clock::now();
    auto select = database.Prepare(
        "SELECT gid,mode,status,due,created,updated,finished,parked FROM troth_transaction "
        "ORDER BY id DESC LIMIT 100");
    size_t rows = 0;
    while (select.Step() == SQLITE_ROW) rows += !select.Bytes(0).empty();
    times.push_back(MillisecondsSince(start));
    Check(rows == kPage, "rows are missing");
  }
  return SpreadOf(times);
}

void List(Bench& bench) {
  const double millions = bench.argument().value_or(1);
  const std::string& store = HistoryOf(millions);
  const auto rare = static_cast<size_t>(millions * 100);
  const Time middle =
      HistoryBegins() + std::chrono::milliseconds(static_cast<int64_t>(millions * kMillion / 2));
  struct Kind {
    const char* name;
    const char* what;
    ListFilter filter;
    size_t expected;
  };
  const Kind kinds[] = {
      {"newest", "the newest 100", {}, kPage},
      {"parked", "the newest 100 parked", {.parked = true}, std::min(rare, kPage)},
      {"failed",
       "the newest 100 that have failed",
       {.status = TransactionStatus::kFailed},
       std::min(rare, kPage)},
      {"time",
       "100 of a minute in the middle",
       {.created_from = middle, .created_to = middle + std::chrono::minutes(1)},
       kPage}};
  Coordinator coordinator = OpenLocal({.store = store, .read_only = true});
  for (const Kind& kind : kinds) {
    bench.Add({.name = std::string("list/") + kind.name,
               .value = ListTimes(coordinator, kind.filter, kind.expected),
               .unit = "ms",
               .counted = std::string(kind.what) + " of " + InMillions(millions) + " rows",
               .against = "SQLite, the newest 100 rows",
               .ceiling = RawListTimes(store),
               .goal = AtMost(5)});
  }
}

// --- retention ---

// On a copy, as it is changed; what is purged is what the history's times say.
void Retention(Bench& bench) {
  const double millions = bench.argument().value_or(1);
  const TemporaryFolder folder;
  const std::string store = folder.File("troth.db");
  std::filesystem::copy_file(HistoryOf(millions), store);
  constexpr int kPurgeAfter = 24;
  Figure figure = Bench::ByTurns(
      {.name = "retention",
       .value = {},
       .unit = "sagas/s",
       .counted = {},
       .against = "the same store, nothing to purge",
       .goal = AtLeast(0.9)},
      [&] { return LifeOn(bench, store, kPurgeAfter).rate; },
      [&] { return LifeOn(bench, store).rate; }, bench.rounds());
  const int64_t rows =
      Database(store).Number("SELECT count(*) FROM troth_transaction WHERE length(state)=0");
  Check(rows > 0, "nothing was purged");
  figure.counted = "saga-local/64 while what has ended is purged from " + InMillions(millions) +
                   " rows (" + std::to_string(rows) + " were, in " +
                   std::to_string(bench.rounds()) + " rounds)";
  bench.Add(std::move(figure));
}

// --- waiting ---

void Waiting(Bench& bench) {
  const TemporaryFolder folder;
  const std::string store = folder.File("troth.db");
  const double millions = bench.argument().value_or(1);
  MakeWaiting(store, static_cast<int64_t>(millions * kMillion));
  std::vector<double> opens;
  std::vector<double> peaks;
  bench.AddByTurns(
      {.name = "waiting",
       .value = {},
       .unit = "sagas/s",
       .counted = "saga-local/64 on a store with " + InMillions(millions) +
                  " messages that begin in a day",
       .against = "the same on an empty store",
       .goal = AtLeast(0.9)},
      [&] {
        const Life life = LifeOn(bench, store);
        opens.push_back(life.open_ms);
        peaks.push_back(life.peak_mb);
        return life.rate;
      },
      [&] { return RateOnEmpty(bench); });
  bench.Add({.name = "waiting/memory",
             .value = SpreadOf(peaks),
             .unit = "MB",
             .counted = "the most memory of the process in the same lives",
             .goal = AtMost(150)});
  bench.Add({.name = "waiting/open",
             .value = SpreadOf(opens),
             .unit = "ms",
             .counted = "Open in the same lives",
             .goal = AtMost(2'000)});
}

}  // namespace

Group ManyRowsCases() {
  return {.cases = {{.name = "history", .run = History},
                    {.name = "list", .run = List},
                    {.name = "retention", .run = Retention},
                    {.name = "waiting", .run = Waiting}},
          .roles = {{.name = kSagasOn, .run = RunSagasOn}}};
}

}  // namespace troth::bench
