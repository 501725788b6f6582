// The application: it has the coordinator inside, and moves money between two banks.
//
//   application STORE BANK_A BANK_B FROM TO AMOUNT    one transfer, to its end
//   application STORE                                 only goes on with what was left unended
//
// It says on its standard output what happens. Exit status: 0 all ended, 3 a transfer failed (and
// was undone), 1 an error.
#include <troth/coordinator.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace std::chrono_literals;

void Say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

[[noreturn]] void Fail(const troth::Status& status) {
  Say("error: " + status.ToString());
  std::exit(1);
}

// What a person wants to follow, of all that happens.
void Tell(const troth::Event& event) {
  switch (event.kind) {
    case troth::EventKind::kSubmitted:
      return Say("transfer accepted: " + event.gid);
    case troth::EventKind::kDecided:
      return Say("rolls back, " + event.reason.ToString());
    case troth::EventKind::kHostDown:
      return Say("no answer from " + event.text);
    case troth::EventKind::kHostUp:
      return Say("answers again: " + event.text);
    default:
      return;
  }
}

troth::Coordinator Open(const char* store) {
  troth::CoordinatorOptions options{.store = store};
  // The defaults are for a network of strangers: 10 s, then 20 s, ...
  options.defaults.retry.first = 200ms;
  options.defaults.retry.cap = 400ms;
  options.on_event = Tell;
  auto coordinator = troth::Coordinator::Open(std::move(options));
  if (!coordinator.ok()) Fail(coordinator.status());
  return *std::move(coordinator);
}

troth::Saga Transfer(const std::string& bank_a, const std::string& bank_b, const std::string& from,
                     const std::string& to, const std::string& amount) {
  const auto payload = [&](const std::string& account) {
    return R"({"account":")" + account + R"(","amount":)" + amount + "}";
  };
  troth::Saga saga;
  saga.Add({.action = bank_a + "/TransOut",
            .compensate = bank_a + "/TransOutRevert",
            .payload = payload(from)});
  saga.Add({.action = bank_b + "/TransIn",
            .compensate = bank_b + "/TransInRevert",
            .payload = payload(to)});
  return saga;
}

// Waits for the end: 0 or 3, the exit status.
int End(troth::Coordinator& coordinator, const std::string& gid) {
  const auto outcome = coordinator.Wait(gid, 30s);
  if (!outcome.ok()) Fail(outcome.status());
  Say(outcome->succeeded() ? "transfer succeeded" : "transfer failed, and all is undone");
  return outcome->succeeded() ? 0 : 3;
}

// There is nothing to do but wait: the coordinator goes on by itself.
int WaitForAll(troth::Coordinator& coordinator) {
  int status = 0;
  for (const auto unended :
       {troth::TransactionStatus::kSubmitted, troth::TransactionStatus::kAborting}) {
    const auto page = coordinator.List({.status = unended});
    if (!page.ok()) Fail(page.status());
    for (const troth::TransactionSummary& transaction : page->transactions) {
      Say("goes on by itself with " + transaction.gid);
      status = End(coordinator, transaction.gid);
    }
  }
  return status;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 7) {
    return std::fprintf(stderr, "application STORE [BANK_A BANK_B FROM TO AMOUNT]\n"), 2;
  }
  troth::Coordinator coordinator = Open(arguments[1]);
  int status = 0;
  if (count == 2) {
    status = WaitForAll(coordinator);
  } else {
    const troth::Saga saga =
        Transfer(arguments[2], arguments[3], arguments[4], arguments[5], arguments[6]);
    const auto accepted = coordinator.Submit(saga);
    if (!accepted.ok()) Fail(accepted.status());
    status = End(coordinator, saga.gid);
  }
  const troth::Status closed = coordinator.Close();
  if (!closed.ok()) Fail(closed);
  return status;
}
