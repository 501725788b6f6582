// The application that is killed: transfers money between banks, by every mode, from several
// threads.
//
//   crash_application STORE TILL SEED COUNT REQUEST_TIMEOUT_MS TILL_URL BANK BANK BANK
//
// With a COUNT it begins so many and then waits to be killed; at SIGTERM it closes the coordinator
// in the middle of everything, and ends. With 0 it waits until everything in the store has ended,
// and ends. Its standard output says
//
//   accepted GID          this transaction must not be lost from now on
//   promised GID STATUS   so it must end
//   ended GID STATUS      somebody was told that it has ended so
//   submitted             all COUNT
#include <signal.h>
#include <troth/coordinator.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <thread>

#include "desk.h"

namespace {

using namespace std::chrono_literals;
using troth::TransactionStatus;

constexpr int kThreads = 8;

struct Arguments {
  std::string store;
  std::string till;
  unsigned seed;
  int count;
  std::chrono::milliseconds request_timeout;
  std::string till_url;
  std::vector<std::string> banks;
};

void BeginOne(Desk& desk) {
  static constexpr void (*kAll[])(Desk&) = {
      TransferBySaga, TransferBySaga, TransferByTcc,    TransferByTcc,    TransferByXa,
      TransferByXa,   PayByMessage,   PayByDoAndSubmit, OrderInOneCommit, TransferByMessage};
  kAll[desk.Below(std::size(kAll))](desk);
}

void BeginAll(troth::Coordinator& coordinator, const Arguments& arguments) {
  const std::string gateway_url = ServeGateway(coordinator);
  std::atomic<int> left = arguments.count;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Desk desk{.coordinator = coordinator,
                .banks = arguments.banks,
                .till_url = arguments.till_url,
                .gateway_url = gateway_url,
                .till = Book(arguments.till),
                .random = std::mt19937(arguments.seed * kThreads + i)};
      while (--left >= 0) BeginOne(desk);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Say("submitted");
}

// In this thread and those that it starts, so that only who waits for it sees it.
sigset_t BlockTermination() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Calls that do not end soon are cut off.
[[noreturn]] void CloseInTheMiddle(troth::Coordinator& coordinator) {
  ExpectEnd();
  const troth::Status closed = coordinator.Close(20ms);
  const bool right = closed.ok() || closed.code() == troth::StatusCode::kDeadlineExceeded;
  if (!right) std::fprintf(stderr, "crash_application: Close: %s\n", closed.ToString().c_str());
  _exit(right ? 0 : 1);
}

// A status is empty for good once those before it are: it only moves forward.
void WaitForAll(troth::Coordinator& coordinator) {
  for (const auto unended : {TransactionStatus::kPrepared, TransactionStatus::kSubmitted,
                             TransactionStatus::kAborting}) {
    for (;;) {
      const auto page = coordinator.List({.status = unended});
      if (!page.ok()) Fail("List", page.status());
      if (page->transactions.empty() && page->next_position.empty()) break;
      for (const auto& transaction : page->transactions) {
        const auto outcome = coordinator.Wait(transaction.gid, 60s);
        if (!outcome.ok()) Fail("Wait", outcome.status());
        SayEnded(*outcome);
      }
    }
  }
  const troth::Status closed = coordinator.Close();
  if (!closed.ok()) Fail("Close", closed);
}

troth::Coordinator Open(const Arguments& arguments) {
  troth::CoordinatorOptions options{.store = arguments.store};
  options.local = {CheckBackOn(arguments.till)};
  options.outboxes = {arguments.till};
  options.patience = 60s;
  options.defaults.request_timeout = arguments.request_timeout;
  options.defaults.retry.first = 20ms;
  options.defaults.retry.cap = 200ms;
  options.on_finished = SayEnded;
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

int main(int count, char** words) {
  if (count < 10) {
    std::fprintf(stderr,
                 "crash_application STORE TILL SEED COUNT TIMEOUT_MS TILL_URL BANK BANK BANK\n");
    return 2;
  }
  const Arguments arguments{.store = words[1],
                            .till = words[2],
                            .seed = static_cast<unsigned>(std::strtoul(words[3], nullptr, 10)),
                            .count = std::atoi(words[4]),
                            .request_timeout = std::chrono::milliseconds(std::atoi(words[5])),
                            .till_url = words[6],
                            .banks = {words + 7, words + count}};
  const sigset_t termination = BlockTermination();
  troth::Coordinator coordinator = Open(arguments);
  if (arguments.count == 0) return WaitForAll(coordinator), 0;
  SubscribeBanks(coordinator, arguments.banks);
  const troth::Status registered = coordinator.RegisterLocal(AgentOf(coordinator));
  if (!registered.ok()) Fail("RegisterLocal", registered);
  std::thread([&] { BeginAll(coordinator, arguments); }).detach();
  int signal = 0;
  sigwait(&termination, &signal);
  CloseInTheMiddle(coordinator);
}
