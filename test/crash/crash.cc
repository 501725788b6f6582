// The crash test: an application that transfers money is killed at random moments, and so are
// sometimes the banks; afterwards the banks' databases and the store must agree on everything.
//
//   crash [ROUNDS [SEED]]    each round has 200 transfers; the last line is `N passed, N failed`
//
// The seed repeats what is drawn, not how the processes are scheduled.
#include <sqlite3.h>
#include <stdlib.h>
#include <troth/coordinator.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "process.h"

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr size_t kBanks = 3;
constexpr size_t kTransfersPerRound = 200;
constexpr milliseconds kRequestTimeout = 100ms;
constexpr milliseconds kLate = 180ms;  // what a bank takes when it is late
constexpr int kLivesMax = 100;         // of the application, in one round

// Everything that the application's lives have said.
class Said {
 public:
  void Hear(std::string_view line) {
    const std::lock_guard lock(mutex_);
    std::istringstream words{std::string(line)};
    std::string what, gid, status;
    words >> what >> gid >> status;
    if (what == "accepted") accepted_.insert(gid);
    if (what == "ended") ends_[gid].insert(status);
    if (what == "submitted") submitted_ = true;
    changed_.notify_all();
  }

  // Waits until this life has submitted all that it was asked for, or the time has passed.
  void WaitUntilSubmitted(milliseconds timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [this] { return submitted_; });
    submitted_ = false;
  }

  size_t AcceptedCount() {
    const std::lock_guard lock(mutex_);
    return accepted_.size();
  }

  // For when all processes have ended.
  const std::set<std::string>& accepted() const { return accepted_; }
  const std::map<std::string, std::set<std::string>>& ends() const { return ends_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> accepted_;
  std::map<std::string, std::set<std::string>> ends_;
  bool submitted_ = false;
};

// The effects that a transfer has left at one branch, by the banks' journals.
struct Effects {
  int actions = 0;
  int compensations = 0;
  long long amount = 0;
};
using Journal = std::map<std::string, std::map<std::string, Effects>>;  // by gid, then branch

// What the banks' databases hold.
struct Books {
  Journal journal;
  long long balances = 0;      // of all banks
  bool balances_match = true;  // each balance is the sum of its journal
  bool readable = true;
};

// Calls `on_row` with each row of a query.
template <class OnRow>
bool ReadRows(sqlite3* db, const char* sql, OnRow on_row) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) != SQLITE_OK) return false;
  int result;
  while ((result = sqlite3_step(statement)) == SQLITE_ROW) on_row(statement);
  sqlite3_finalize(statement);
  return result == SQLITE_DONE;
}

std::string Text(sqlite3_stmt* statement, int column) {
  return reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
}

void ReadBank(const std::string& path, Books& books) {
  sqlite3* db = nullptr;
  long long balance = 0;
  long long sum = 0;
  books.readable &= sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK;
  books.readable &= ReadRows(db, "SELECT amount FROM balance",
                             [&](sqlite3_stmt* row) { balance += sqlite3_column_int64(row, 0); });
  books.readable &=
      ReadRows(db, "SELECT gid, branch_id, op, amount FROM journal", [&](sqlite3_stmt* row) {
        Effects& effects = books.journal[Text(row, 0)][Text(row, 1)];
        ++(Text(row, 2) == "action" ? effects.actions : effects.compensations);
        effects.amount += sqlite3_column_int64(row, 3);
        sum += sqlite3_column_int64(row, 3);
      });
  sqlite3_close(db);
  books.balances += balance;
  books.balances_match &= balance == sum;
}

// What the store holds, by gid.
using Store = std::map<std::string, troth::TransactionRecord>;

troth::Result<Store> ReadStore(const std::string& path) {
  auto coordinator = troth::Coordinator::Open({.store = path, .read_only = true});
  if (!coordinator.ok()) return coordinator.status();
  Store store;
  std::string position;
  do {
    const auto page = coordinator->List({}, 1000, position);
    if (!page.ok()) return page.status();
    for (const troth::TransactionSummary& summary : page->transactions) {
      auto record = coordinator->Query(summary.gid);
      if (!record.ok()) return record.status();
      store.emplace(summary.gid, *std::move(record));
    }
    position = page->next_position;
  } while (!position.empty());
  return store;
}

// Counts checks, each over all transfers, and shows the first few that break one.
class Checks {
 public:
  template <class Container, class Right>
  void All(const char* what, const Container& items, Right right) {
    size_t wrong = 0;
    for (const auto& item : items) {
      if (right(item)) continue;
      if (++wrong <= 5) std::printf("     | %s\n", NameOf(item).c_str());
    }
    Count(what, wrong == 0, std::to_string(items.size()) + ", " + std::to_string(wrong) + " wrong");
  }

  void Count(const char* what, bool right, const std::string& detail) {
    ++(right ? passed_ : failed_);
    std::printf("%s %s (%s)\n", right ? "ok  " : "FAIL", what, detail.c_str());
  }

  bool Summary() const {
    std::printf("%d passed, %d failed\n", passed_, failed_);
    return failed_ == 0;
  }
  bool failed() const { return failed_ != 0; }

 private:
  static std::string NameOf(const std::string& gid) { return gid; }
  template <class Value>
  static std::string NameOf(const std::pair<const std::string, Value>& item) {
    return item.first;
  }

  int passed_ = 0;
  int failed_ = 0;
};

class CrashTest {
 public:
  CrashTest(size_t rounds, unsigned seed, std::string programs)
      : rounds_(rounds), random_(seed), programs_(std::move(programs)) {
    std::string folder = std::filesystem::temp_directory_path() / "troth-crash-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) std::perror(folder.c_str()), std::exit(1);
    folder_ = folder;
    for (size_t i = 0; i < kBanks; ++i) {
      banks_.emplace_back(
          std::vector<std::string>{programs_ + "/crash_bank", File("bank" + std::to_string(i)), "0",
                                   std::to_string(Below(1'000'000)), std::to_string(kLate.count())},
          [](std::string_view) {});
    }
  }

  bool Run() {
    const auto begun = Clock::now();
    bool went_well = true;
    for (Service& bank : banks_) went_well &= bank.Start();
    for (size_t round = 1; round <= rounds_ && went_well; ++round) went_well &= Round(round);
    const auto killing = Clock::now() - begun;
    checks_.Count("the application took all transfers", went_well,
                  std::to_string(said_.AcceptedCount()) + " accepted");
    StartApplication(0);
    const int status = application_.Wait();
    checks_.Count("everything that was left ended by itself", status == 0,
                  "exit status " + std::to_string(status));
    for (Service& bank : banks_) bank.Kill();
    Check();
    Figures(killing, Clock::now() - begun);
    if (checks_.failed()) {
      std::printf("The databases are in %s\n", folder_.c_str());
    } else {
      std::filesystem::remove_all(folder_);
    }
    return checks_.Summary();
  }

 private:
  unsigned Below(size_t end) { return static_cast<unsigned>(random_() % end); }
  std::string File(const std::string& name) const { return folder_ / (name + ".db"); }

  void StartApplication(size_t transfers) {
    std::vector<std::string> command{programs_ + "/crash_application", File("store"),
                                     std::to_string(Below(1'000'000)), std::to_string(transfers),
                                     std::to_string(kRequestTimeout.count())};
    for (const Service& bank : banks_) command.push_back(bank.Url());
    application_ = Process(command, [this](std::string_view line) { said_.Hear(line); });
    ++lives_;
  }

  // Lets the application submit its transfers, in as many lives as it takes.
  bool Round(size_t round) {
    const size_t goal = round * kTransfersPerRound;
    for (int life = 0; said_.AcceptedCount() < goal; ++life) {
      if (life == kLivesMax) return false;
      StartApplication(goal - said_.AcceptedCount());
      said_.WaitUntilSubmitted(milliseconds(Below(800)));
      if (Below(3) == 0 && !KillBank()) return false;
      // Now and then it comes to its end of submitting, and is killed among the branches' calls.
      std::this_thread::sleep_for(milliseconds(Below(200)));
      application_.Kill();
      ++kills_;
    }
    return true;
  }

  bool KillBank() {
    Service& bank = banks_[Below(kBanks)];
    bank.Kill();
    ++bank_kills_;
    std::this_thread::sleep_for(milliseconds(Below(200)));
    return bank.Start();
  }

  void Check() {
    for (const Service& bank : banks_) ReadBank(bank.database(), books_);
    checks_.Count("the banks' books are sound", books_.readable && books_.balances_match,
                  "each balance is the sum of its journal");
    checks_.Count("no money was made or lost", books_.balances == 0,
                  "sum of all balances: " + std::to_string(books_.balances));
    auto store = ReadStore(File("store"));
    checks_.Count("the store can be read", store.ok(), store.status().ToString());
    if (!store.ok()) return;
    store_ = *std::move(store);
    checks_.All("every acknowledged transfer is in the store", said_.accepted(),
                [&](const std::string& gid) { return store_.contains(gid); });
    checks_.All("every transfer at a bank is in the store", books_.journal,
                [&](const auto& entry) { return store_.contains(entry.first); });
    checks_.All("every saga has ended, none is parked", store_, [](const auto& entry) {
      return entry.second.finished && entry.second.parked == troth::ReasonCode::kNone &&
             !entry.second.forced;
    });
    checks_.All("succeed is one effect at each branch, failed is none", store_,
                [&](const auto& entry) { return HasRightEffects(entry.second); });
    checks_.All("every failure has its reason", store_, [](const auto& entry) {
      return (entry.second.status == troth::TransactionStatus::kFailed) ==
             (entry.second.reason.code != troth::ReasonCode::kNone);
    });
    checks_.All("no end that was told has changed", said_.ends(), [&](const auto& told) {
      const auto found = store_.find(told.first);
      return told.second.size() == 1 && found != store_.end() &&
             *told.second.begin() == troth::StatusName(found->second.status);
    });
  }

  bool HasRightEffects(const troth::TransactionRecord& record) {
    const auto& effects = books_.journal[record.gid];
    const bool succeeded = record.status == troth::TransactionStatus::kSucceed;
    if (succeeded && effects.size() != record.branches.size() / 2) return false;  // a pair a step
    for (const auto& [branch_id, effect] : effects) {
      const bool right =
          succeeded ? effect.actions == 1 && effect.compensations == 0
                    : effect.actions == 1 && effect.compensations == 1 && effect.amount == 0;
      if (!right) return false;
    }
    return true;
  }

  void Figures(Clock::duration killing, Clock::duration all) {
    std::map<std::string_view, size_t> ended;
    size_t undone = 0;  // failed, and something had been done
    for (const auto& [gid, record] : store_) {
      ++ended[troth::StatusName(record.status)];
      undone += record.status == troth::TransactionStatus::kFailed && !books_.journal[gid].empty();
    }
    std::printf(
        "%zu rounds: %zu transfers acknowledged, %zu stored, %zu succeeded, %zu failed"
        " (%zu of them had effects to undo)\n",
        rounds_, said_.accepted().size(), store_.size(), ended["succeed"], ended["failed"], undone);
    std::printf(
        "the application was killed %zu times, a bank %zu times, in %.1f s; %.1f s in all\n",
        kills_, bank_kills_, std::chrono::duration<double>(killing).count(),
        std::chrono::duration<double>(all).count());
  }

  const size_t rounds_;
  std::mt19937 random_;
  const std::string programs_;
  std::filesystem::path folder_;
  Said said_;
  std::deque<Service> banks_;  // they do not move
  Process application_;
  size_t lives_ = 0;
  size_t kills_ = 0;
  size_t bank_kills_ = 0;
  Books books_;
  Store store_;
  Checks checks_;
};

}  // namespace

int main(int count, char** arguments) {
  const size_t rounds = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 10;
  const unsigned seed = count > 2 ? static_cast<unsigned>(std::strtoul(arguments[2], nullptr, 10))
                                  : std::random_device()();
  std::printf("crash: seed %u\n", seed);
  std::fflush(stdout);
  const std::string here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return CrashTest(rounds, seed, here).Run() ? 0 : 1;
}
