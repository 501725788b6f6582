// The director: starts two banks and an application, each a process of its own, lets things go
// wrong, and prints who did what and when. Ends with 1 when a sum is wrong.
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process.h"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Prints lines with their time and their author, and lets others wait for one.
class Timeline {
 public:
  void Scene(const std::string& title) {
    const std::lock_guard lock(mutex_);
    std::printf("\n%s%s%s\n", Colour("\033[1m"), title.c_str(), Colour("\033[0m"));
    begun_ = Clock::now();
    newest_.clear();
  }

  void Say(std::string_view author, std::string_view line) {
    const std::lock_guard lock(mutex_);
    const double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    std::printf("%8.3f s  %s%-11.*s%s  %.*s\n", seconds, ColourOf(author),
                static_cast<int>(author.size()), author.data(), Colour("\033[0m"),
                static_cast<int>(line.size()), line.data());
    std::fflush(stdout);
    newest_.append(author).append(": ").append(line).append("\n");
    said_.notify_all();
  }

  // Waits until the author has said something with `text` in this scene.
  bool WaitFor(std::string_view author, std::string_view text) {
    const std::string begin = std::string(author) + ": " + std::string(text);
    std::unique_lock lock(mutex_);
    return said_.wait_for(lock, 10s, [&] { return newest_.find(begin) != std::string::npos; });
  }

 private:
  const char* Colour(const char* code) const { return is_terminal_ ? code : ""; }
  const char* ColourOf(std::string_view author) const {
    if (author == "bank A") return Colour("\033[33m");
    if (author == "bank B") return Colour("\033[35m");
    if (author == "application") return Colour("\033[36m");
    return Colour("\033[1m");
  }

  const bool is_terminal_ = isatty(STDOUT_FILENO) != 0;
  std::mutex mutex_;
  std::condition_variable said_;
  Clock::time_point begun_ = Clock::now();
  std::string newest_;  // what was said in this scene
};

// A folder that is gone at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "troth-transfer-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      std::perror(name.c_str());
      std::exit(1);
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string File(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// The balance of an account, read from the bank's database alone.
std::optional<int> Balance(const std::string& database, const std::string& account) {
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  std::optional<int> balance;
  sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);
  sqlite3_busy_timeout(db, 5000);
  sqlite3_prepare_v2(db, "SELECT balance FROM account WHERE name = ?", -1, &statement, nullptr);
  sqlite3_bind_text(statement, 1, account.c_str(), -1, SQLITE_TRANSIENT);
  if (sqlite3_step(statement) == SQLITE_ROW) balance = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return balance;
}

class Director {
 public:
  explicit Director(std::string programs)
      : programs_(std::move(programs)),
        bank_a_({programs_ + "/bank", folder_.File("a.db"), "0", "0", "alice=100"}, By("bank A")),
        bank_b_({programs_ + "/bank", folder_.File("b.db"), "0", "200", "bob=0", "carol=closed"},
                By("bank B")) {}

  bool Run() {
    timeline_.Scene("Two banks. Alice has 100 at bank A; Bob has nothing at bank B.");
    if (!bank_a_.Start() || !bank_b_.Start()) {
      timeline_.Say("director", "a bank does not start");
      return false;
    }
    const bool right = AllGoesWell() && BankRefuses() && BankIsDown() && ApplicationIsKilled();
    std::printf("\n%s\n", right ? "All sums are right." : "SOMETHING IS WRONG, see above.");
    return right;
  }

 private:
  bool AllGoesWell() {
    timeline_.Scene("1. A transfer of 30 from Alice to Bob.");
    StartTransfer("bob", "30");
    return Ended(kSucceeded) && Balances(70, 30);
  }

  bool BankRefuses() {
    timeline_.Scene("2. A transfer of 20 from Alice to Carol, whose account is closed.");
    StartTransfer("carol", "20");
    return Ended(kFailed) && Balances(70, 30);
  }

  bool BankIsDown() {
    timeline_.Scene("3. A transfer of 20 from Alice to Bob, while bank B is down.");
    bank_b_.Kill();
    timeline_.Say("director", "bank B is killed");
    StartTransfer("bob", "20");
    timeline_.WaitFor("bank A", "TransOut");
    std::this_thread::sleep_for(700ms);
    timeline_.Say("director", "bank B is started again");
    return bank_b_.Start() && Ended(kSucceeded) && Balances(50, 50);
  }

  bool ApplicationIsKilled() {
    timeline_.Scene(
        "4. A transfer of 10 from Alice to Bob; the application is killed in the middle.");
    StartTransfer("bob", "10");
    // Alice's money has left, Bob's has not come, and bank B is at work.
    timeline_.WaitFor("bank B", "TransIn: looks into it");
    application_.Kill();
    timeline_.Say("director", "the application is killed (SIGKILL)");
    timeline_.WaitFor("bank B", "TransIn: bob");
    std::this_thread::sleep_for(300ms);
    timeline_.Say("director", "the application is started again");
    StartApplication({});
    return Ended(kSucceeded) && Balances(40, 60);
  }

  // Puts an author's lines on the timeline.
  Process::OnLine By(std::string_view author) {
    return [this, author](std::string_view line) { timeline_.Say(author, line); };
  }

  static constexpr int kSucceeded = 0;
  static constexpr int kFailed = 3;

  void StartTransfer(const std::string& to, const std::string& amount) {
    StartApplication({bank_a_.Url(), bank_b_.Url(), "alice", to, amount});
  }

  void StartApplication(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{programs_ + "/application", folder_.File("application.db")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    application_ = Process(command, By("application"));
  }

  bool Ended(int expected) {
    const int status = application_.Wait();
    if (status == expected) return true;
    timeline_.Say("director", "WRONG: the application ends with " + std::to_string(status));
    return false;
  }

  bool Balances(int alice_expected, int bob_expected) {
    const int alice = Balance(bank_a_.database(), "alice").value_or(-1);
    const int bob = Balance(bank_b_.database(), "bob").value_or(-1);
    const bool right = alice == alice_expected && bob == bob_expected && alice + bob == 100;
    timeline_.Say("balances", "Alice " + std::to_string(alice) + ", Bob " + std::to_string(bob) +
                                  ", together " + std::to_string(alice + bob) +
                                  (right ? ": right" : ": WRONG"));
    return right;
  }

  const std::string programs_;
  const TemporaryFolder folder_;
  Timeline timeline_;
  Service bank_a_;
  Service bank_b_;
  Process application_;
};

}  // namespace

int main() {
  const std::string here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return Director(here).Run() ? 0 : 1;
}
