// soak: hours of every mode with branches that refuse, fail, dawdle and throw. What leaks, grows.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "branches.h"
#include "child.h"
#include "database.h"
#include "groups.h"
#include "local.h"
#include "machine.h"
#include "troth/message.h"
#include "troth/outbox.h"
#include "troth/tcc.h"
#include "troth/xa.h"

namespace troth::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr char kSoak[] = "soak";
constexpr char kUnrulyServer[] = "unruly-server";
constexpr int kClients = 16;
constexpr milliseconds kRequestTimeout{100};
constexpr milliseconds kLate{150};
// What has ended goes so soon that the store, too, comes to its final size.
constexpr seconds kRetention{10};
// Memory is compared between the second of so many parts of the time, and the last: of half an hour
// that is after two minutes.
constexpr size_t kParts = 15;
constexpr char kTopic[] = "orders";

unsigned Draw(unsigned end) {
  thread_local std::mt19937 random{std::random_device()()};
  return static_cast<unsigned>(random() % end);
}

// Most of the time it does what it is asked.
BranchResult Behave() {
  switch (Draw(20)) {
    case 0:
      return BranchResult::Failure("refused");
    case 1:
      return BranchResult::Unknown("out of order");
    case 2:
      return BranchResult::Ongoing();
    case 3:
      if (Draw(5) == 0) std::this_thread::sleep_for(kLate);
      return BranchResult::Success();
    case 4:
      throw std::runtime_error("out of its mind");
    default:
      return BranchResult::Success();
  }
}

void RunUnrulyServer(const Arguments&) {
  ServeBranches({{"/unruly", [](const BranchContext&, std::string_view) { return Behave(); }}});
}

// One client: each call runs one transaction of some mode to its end, whatever that is.
class Client {
 public:
  Client(Coordinator& coordinator, const std::string& url, const std::string& database)
      : coordinator_(coordinator), url_(url), database_(database) {}

  void RunOne() {
    switch (Draw(6)) {
      case 0:
      case 1:
        return RunSagaOrTwo();
      case 2:
        return RunMessage();
      case 3:
        return RunTccOnce();
      case 4:
        return RunXaOnce();
      default:
        return RunOutbox();
    }
  }

 private:
  std::string Branch() const { return Draw(2) == 0 ? url_ : "local:unruly"; }
  void Wait(const std::string& gid) { (void)coordinator_.Wait(gid, seconds(10)); }

  Saga MakeSaga() const {
    Saga saga;
    saga.concurrent = Draw(2) == 0;
    for (unsigned i = 0; i <= Draw(5); ++i) {
      saga.Add({.action = Branch(), .compensate = Branch(), .payload = R"({"amount":30})"});
    }
    if (Draw(10) == 0) saga.timeout_to_fail = milliseconds(20);
    return saga;
  }

  void RunSagaOrTwo() {
    const Saga saga = MakeSaga();
    (void)coordinator_.Submit(saga);
    if (Draw(5) == 0) (void)coordinator_.Cancel(saga.gid, {.author = "soak", .reason = "drawn"});
    if (Draw(5) == 0) (void)coordinator_.Submit(saga);
    Wait(saga.gid);
  }

  void RunMessage() {
    Message message;
    message.Add({.action = Branch()}).Add({.action = std::string("topic://") + kTopic});
    message.query_prepared = "local:unruly";
    message.timeout_to_fail = milliseconds(50);
    (void)coordinator_.Prepare(message);
    // One in three is left to its check-back.
    const unsigned then = Draw(6);
    if (then < 3) (void)coordinator_.SubmitPrepared(message);
    if (then == 3) (void)coordinator_.Abort(message.gid, "drawn");
    Wait(message.gid);
  }

  void RunTccOnce() {
    const TccOptions options;
    (void)RunTcc(coordinator_, options, [&](Tcc& tcc) -> Status {
      for (int i = 0; i < 2; ++i) {
        const auto held =
            tcc.Call({.try_url = Branch(), .confirm_url = Branch(), .cancel_url = Branch()});
        if (!held.ok()) return held.status();
      }
      return Draw(5) == 0 ? Status(StatusCode::kAborted, "drawn") : Status();
    });
    Wait(options.gid);
  }

  void RunXaOnce() {
    const XaOptions options;
    (void)RunXa(coordinator_, options,
                [&](Xa& xa) -> Status { return xa.Call({.url = Branch()}).status(); });
    Wait(options.gid);
  }

  void RunOutbox() {
    const Saga saga = MakeSaga();
    database_.Execute("BEGIN IMMEDIATE; UPDATE shop SET orders=orders+1");
    auto ticket = SubmitInTransaction(coordinator_, database_.get(), saga);
    const bool committed = ticket.ok() && Draw(5) != 0;
    database_.Execute(committed ? "COMMIT" : "ROLLBACK");
    if (!committed) return;
    (void)ticket->WaitAdopted(seconds(10));
    Wait(saga.gid);
  }

  Coordinator& coordinator_;
  const std::string url_;
  Database database_;
};

double MedianOf(const std::vector<double>& samples, size_t from, size_t to) {
  return SpreadOf({samples.begin() + static_cast<ptrdiff_t>(from),
                   samples.begin() + static_cast<ptrdiff_t>(to)})
      .median;
}

// FOLDER URL SECONDS
void RunSoak(const Arguments& arguments) {
  const std::string shop = arguments.at(0) + "/shop.db";
  Database(shop).Execute("CREATE TABLE shop(orders INTEGER); INSERT INTO shop VALUES(0)");
  const auto unruly = [](const BranchContext&, std::string_view, std::stop_token) {
    return Behave();
  };
  Coordinator coordinator =
      OpenLocal({.store = arguments.at(0) + "/troth.db",
                 .local = {{"unruly", unruly}},
                 .defaults = {.retry = {.first = milliseconds(10), .cap = milliseconds(100)},
                              .request_timeout = kRequestTimeout},
                 .retention = kRetention,
                 .tombstone_retention = kRetention,
                 .outboxes = {shop}});
  for (const char* name : {"local:unruly?one", "local:unruly?two"}) {
    Check(coordinator.Subscribe(kTopic, name), "subscribe");
  }
  std::atomic<bool> stop{false};
  std::atomic<size_t> transactions{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&] {
      Client client(coordinator, arguments.at(1) + "/unruly", shop);
      for (; !stop; ++transactions) client.RunOne();
    });
  }
  std::vector<double> samples;
  const auto until = steady_clock::now() + seconds(std::stoi(arguments.at(2)));
  while (steady_clock::now() < until) {
    std::this_thread::sleep_for(milliseconds(500));
    samples.push_back(ResidentMegabytes());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const size_t part = std::max<size_t>(samples.size() / kParts, 1);
  Say("early_mb", MedianOf(samples, part, 2 * part));
  Say("late_mb", MedianOf(samples, samples.size() - part, samples.size()));
  Say("transactions", static_cast<double>(transactions));
  Check(coordinator.Close(), "close");
}

void Soak(Bench& bench) {
  const double minutes = bench.argument().value_or(30);
  const TemporaryFolder folder;
  Child server(kUnrulyServer, {});
  Child soak(kSoak,
             {folder.File(""), UrlOf(server), std::to_string(static_cast<int>(minutes * 60))});
  const auto within = std::chrono::minutes(static_cast<int>(minutes) + 2);
  const double late = soak.Number("late_mb", within);
  const double early = soak.Number("early_mb");
  const double transactions = soak.Number("transactions");
  soak.Wait();
  bench.Add({.name = "soak",
             .value = {late, late, late},
             .unit = "MB",
             .counted = "memory at the end of " + std::to_string(static_cast<int>(minutes)) +
                        " minutes, " + std::to_string(static_cast<int>(transactions)) +
                        " transactions of all modes with branches that refuse, fail, are late "
                        "and throw",
             .against = "after a fifteenth of that time",
             .ceiling = Spread{early, early, early},
             .ratio = Spread{late / early, late / early, late / early},
             .goal = AtMost(1.1)});
}

}  // namespace

Group SoakCases() {
  return {
      .cases = {{.name = "soak", .run = Soak, .on_request = true}},
      .roles = {{.name = kSoak, .run = RunSoak}, {.name = kUnrulyServer, .run = RunUnrulyServer}}};
}

}  // namespace troth::bench
