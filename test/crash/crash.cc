// The crash test: an application that transfers money in every mode is killed at random moments,
// and so are sometimes the banks; afterwards the books and the store must agree on everything.
//
//   crash [ROUNDS [SEED]]    each round has 200 transactions; the last line is `N passed, N failed`
#include <cstdio>

#include "stage.h"

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr size_t kTransactionsPerRound = 200;
constexpr int kLivesMax = 100;  // of the application, in one round

class CrashTest {
 public:
  explicit CrashTest(const StageArguments& arguments)
      : rounds_(arguments.size), stage_(arguments.seed, arguments.folder) {}

  int Run() {
    const auto begun = Clock::now();
    stage_.StartServices();
    bool went_well = true;
    for (size_t round = 1; round <= rounds_ && went_well; ++round) went_well = Round(round);
    std::printf("%zu rounds: the application was killed %zu times, a bank %zu times, in %.1f s\n",
                rounds_, kills_, bank_kills_,
                std::chrono::duration<double>(Clock::now() - begun).count());
    return stage_.Finish(went_well);
  }

 private:
  // Lets the application begin its transactions, in as many lives as it takes.
  bool Round(size_t round) {
    const size_t goal = round * kTransactionsPerRound;
    for (int life = 0; stage_.said().AcceptedCount() < goal; ++life) {
      if (life == kLivesMax) return false;
      stage_.StartApplication(goal - stage_.said().AcceptedCount());
      stage_.said().WaitUntilSubmitted(milliseconds(stage_.Below(800)));
      if (stage_.Below(3) == 0 && !KillBank()) return false;
      // Now and then it comes to its end of submitting, and is killed among the branches' calls.
      stage_.SleepBelow(200);
      if (!stage_.KillApplication()) return false;
      ++kills_;
    }
    return true;
  }

  bool KillBank() {
    const size_t bank = stage_.Below(kServices);
    ++bank_kills_;
    if (!stage_.KillService(bank)) return false;
    stage_.SleepBelow(200);
    return stage_.StartService(bank);
  }

  const size_t rounds_;
  Stage stage_;
  size_t kills_ = 0;
  size_t bank_kills_ = 0;
};

}  // namespace

int main(int count, char** words) {
  return CrashTest(StageArguments("crash", 10, count, words)).Run();
}
