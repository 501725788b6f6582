// The application that is killed: submits transfers between banks from several threads.
//
//   crash_application STORE SEED COUNT REQUEST_TIMEOUT_MS BANK BANK BANK
//
// With a COUNT it submits so many and then waits to be killed; with 0 it waits until everything in
// the store has ended, and ends. On its standard output, each line in one write, so that what was
// said before a kill arrives:
//
//   accepted GID    Submit answered OK: from now on this transfer must not be lost
//   ended GID STATUS    somebody was told how it ended: this must not change
//   submitted       all COUNT
#include <troth/coordinator.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

namespace {

using namespace std::chrono_literals;

constexpr int kThreads = 8;

void Say(std::string line) {
  line += "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(1);
}

[[noreturn]] void Fail(std::string_view what, const troth::Status& status) {
  std::fprintf(stderr, "crash_application: %s: %s\n", std::string(what).c_str(),
               status.ToString().c_str());
  _exit(1);
}

void SayEnd(const troth::Outcome& outcome) {
  Say("ended " + outcome.gid + " " + std::string(troth::StatusName(outcome.status)));
}

class Application {
 public:
  Application(troth::Coordinator coordinator, std::vector<std::string> banks)
      : coordinator_(std::move(coordinator)), banks_(std::move(banks)) {}

  void Submit(unsigned seed, int count) {
    std::atomic<int> left = count;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        std::mt19937 random(seed * kThreads + i);
        while (--left >= 0) SubmitOne(random);
      });
    }
    for (std::thread& thread : threads) thread.join();
    Say("submitted");
  }

  void WaitForAll() {
    for (const auto unended :
         {troth::TransactionStatus::kSubmitted, troth::TransactionStatus::kAborting}) {
      for (;;) {
        const auto page = coordinator_.List({.status = unended});
        if (!page.ok()) Fail("List", page.status());
        if (page->transactions.empty()) break;
        for (const auto& transaction : page->transactions) Wait(transaction.gid, 60s);
      }
    }
    const troth::Status closed = coordinator_.Close();
    if (!closed.ok()) Fail("Close", closed);
  }

 private:
  void SubmitOne(std::mt19937& random) {
    const troth::Saga saga = Transfer(random);
    const auto accepted = coordinator_.Submit(saga);
    if (!accepted.ok()) Fail("Submit", accepted.status());
    Say("accepted " + saga.gid);
    switch (random() % 20) {
      case 0:
        return Cancel(saga.gid);
      case 1:
        return SubmitAgain(saga);
      default:
        if (random() % 2 == 0) Wait(saga.gid, 500ms);
    }
  }

  // Takes an amount from one bank and gives it to one or two others. A step's payload is what it
  // adds to the bank's balance.
  troth::Saga Transfer(std::mt19937& random) {
    troth::Saga saga;
    const size_t from = random() % banks_.size();
    int amount = 2 + static_cast<int>(random() % 100);
    if (random() % 10 == 0) amount += 10'000;  // the receiving bank refuses it
    AddStep(saga, from, -amount);
    if (random() % 3 == 0) {
      AddStep(saga, from + 1, amount / 2);
      amount -= amount / 2;
    }
    AddStep(saga, from + 2, amount);
    if (random() % 3 == 0) {
      saga.concurrent = true;
      if (random() % 2 == 0) saga.orders[saga.steps.size() - 1] = {0};
    }
    if (random() % 20 == 0) saga.timeout_to_fail = std::chrono::milliseconds(20 + random() % 300);
    return saga;
  }

  void AddStep(troth::Saga& saga, size_t bank, int amount) {
    const std::string& url = banks_[bank % banks_.size()];
    saga.Add(
        {.action = url + "/do", .compensate = url + "/undo", .payload = std::to_string(amount)});
  }

  void Cancel(const std::string& gid) {
    const troth::Status status =
        coordinator_.Cancel(gid, {.author = "crash test", .reason = "second thoughts"});
    // It may have ended before.
    if (!status.ok() && status.code() != troth::StatusCode::kFailedPrecondition) {
      Fail("Cancel", status);
    }
  }

  void SubmitAgain(const troth::Saga& saga) {
    const auto again = coordinator_.Submit(saga);
    const bool right =
        again.ok() ? again->repeated : again.status().code() == troth::StatusCode::kAborted;
    if (!right) Fail("a second Submit", again.status());
  }

  void Wait(const std::string& gid, std::chrono::milliseconds timeout) {
    const auto outcome = coordinator_.Wait(gid, timeout);
    if (outcome.ok()) return SayEnd(*outcome);
    if (outcome.status().code() != troth::StatusCode::kDeadlineExceeded || timeout > 10s) {
      Fail("Wait", outcome.status());
    }
  }

  troth::Coordinator coordinator_;
  const std::vector<std::string> banks_;
};

troth::Coordinator Open(const char* store, std::chrono::milliseconds request_timeout) {
  troth::CoordinatorOptions options{.store = store};
  options.defaults.request_timeout = request_timeout;
  options.defaults.retry.first = 20ms;
  options.defaults.retry.cap = 200ms;
  options.on_finished = SayEnd;
  options.log = [](troth::LogLevel level, std::string_view line) {
    if (level >= troth::LogLevel::kError) {
      std::fprintf(stderr, "crash_application: %s\n", std::string(line).c_str());
    }
  };
  auto coordinator = troth::Coordinator::Open(std::move(options));
  if (!coordinator.ok()) Fail("Open", coordinator.status());
  return *std::move(coordinator);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 6) {
    return std::fprintf(stderr, "crash_application STORE SEED COUNT TIMEOUT_MS BANK...\n"), 2;
  }
  const int transfers = std::atoi(arguments[3]);
  Application application(Open(arguments[1], std::chrono::milliseconds(std::atoi(arguments[4]))),
                          {arguments + 5, arguments + count});
  if (transfers == 0) return application.WaitForAll(), 0;
  application.Submit(static_cast<unsigned>(std::strtoul(arguments[2], nullptr, 10)), transfers);
  for (;;) pause();
}
