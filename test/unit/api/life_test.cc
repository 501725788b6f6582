// The end of a coordinator: Close, destruction, fork, moves; and what may not be called from where.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "opened.h"

namespace troth {
namespace {

// Takes connections and never says anything.
class DeafServer {
 public:
  DeafServer() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(socket_, raw, length) == 0);
    REQUIRE(::listen(socket_, 64) == 0);
    REQUIRE(::getsockname(socket_, raw, &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~DeafServer() { ::close(socket_); }
  DeafServer(const DeafServer&) = delete;
  DeafServer& operator=(const DeafServer&) = delete;
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/do"; }

 private:
  int socket_ = -1;
  int port_ = 0;
};

Saga RemoteSaga(const std::string& url) {
  Saga saga;
  saga.Add({.action = url, .compensate = "", .payload = "{}"});
  saga.options.request_timeout = 1min;
  return saga;
}

void AwaitInFlight(const Coordinator& coordinator, size_t count) {
  while (coordinator.GetHealth().in_flight < count) std::this_thread::yield();
}

milliseconds Since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
}

TEST_CASE("close: hanging HTTP calls are cut off after the grace, not after their time-out") {
  const TemporaryFolder folder;
  const DeafServer deaf;
  Coordinator coordinator = MustOpen({.store = folder.File("t.db")});
  std::vector<Saga> sagas;
  for (int i = 0; i < 8; ++i) {
    sagas.push_back(RemoteSaga(deaf.url()));
    REQUIRE(coordinator.Submit(sagas.back()).ok());
  }
  AwaitInFlight(coordinator, 8);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(coordinator.Close(50ms).code() == StatusCode::kDeadlineExceeded);
  CHECK(Since(begin) >= 50ms);
  CHECK(Since(begin) < 10s);
  CHECK(coordinator.Close().ok());
  Coordinator again = MustOpen({.store = folder.File("t.db")});
  for (const Saga& saga : sagas) {
    CHECK(again.Query(saga.gid)->status == TransactionStatus::kSubmitted);
  }
}

TEST_CASE("wait: with no time at all it still knows what has ended, and what is not there") {
  Coordinator coordinator = MustOpen({.store = ":memory:", .local = {Local("yes")}});
  const Saga done = LocalSaga();
  const Saga waiting = LocalSaga("later");
  REQUIRE(coordinator.Submit(done).ok());
  REQUIRE(coordinator.Submit(waiting).ok());
  REQUIRE(coordinator.Wait(done.gid, 1min).ok());
  for (int i = 0; i < 100; ++i) {
    CHECK(coordinator.Wait(done.gid, 0ms).ok());
    CHECK(coordinator.Wait("nobody", 0ms).status().code() == StatusCode::kNotFound);
    CHECK(coordinator.Wait(waiting.gid, 0ms).status().code() == StatusCode::kDeadlineExceeded);
  }
}

TEST_CASE("close: it waits for a call in flight that ends within the grace, and keeps its result") {
  const TemporaryFolder folder;
  Gate gate;
  CoordinatorOptions options{.store = folder.File("t.db")};
  options.local = {{"slow", [&](const BranchContext&, std::string_view, std::stop_token) {
                      gate.Pass();
                      return BranchResult::Success();
                    }}};
  const Saga saga = LocalSaga("slow");
  Coordinator coordinator = MustOpen(options);
  REQUIRE(coordinator.Submit(saga).ok());
  gate.AwaitArrival();
  std::thread opener([&] { gate.Open(); });
  CHECK(coordinator.Close(1min).ok());
  opener.join();
  Coordinator again = MustOpen(options);
  CHECK(again.Wait(saga.gid, 1min)->succeeded());
}

TEST_CASE("close: the longest grace there is waits for a call in flight") {
  const TemporaryFolder folder;
  const auto gate = std::make_shared<Gate>();
  Coordinator coordinator =
      MustOpen({.store = folder.File("t.db"), .local = {{"slow", [gate](auto&, auto, auto) {
                                                           gate->Pass();
                                                           return BranchResult::Success();
                                                         }}}});
  REQUIRE(coordinator.Submit(LocalSaga("slow", "")).ok());
  gate->AwaitArrival();
  Status closed;
  std::thread closer([&] { closed = coordinator.Close(milliseconds::max()); });
  while (coordinator.GetHealth().open) std::this_thread::yield();
  gate->Open();
  closer.join();
  CHECK_MESSAGE(closed.ok(), closed);
}

TEST_CASE("close: a Wait in another thread is answered kCancelled") {
  Coordinator coordinator = MustOpen({.store = ":memory:"});
  const Saga saga = LocalSaga("later");
  REQUIRE(coordinator.Submit(saga).ok());
  std::vector<std::thread> threads;
  std::atomic<int> cancelled{0};
  std::atomic<int> begun{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      ++begun;
      const StatusCode code = coordinator.Wait(saga.gid, 1min).status().code();
      // Who comes when it is closed already is told so.
      if (code == StatusCode::kCancelled || code == StatusCode::kFailedPrecondition) ++cancelled;
    });
  }
  while (begun < 4) std::this_thread::yield();
  CHECK(coordinator.Close().ok());
  for (std::thread& thread : threads) thread.join();
  CHECK(cancelled == 4);
}

TEST_CASE("close: afterwards every method says that it is closed") {
  Coordinator coordinator = MustOpen({.store = ":memory:", .local = {Local("yes")}});
  const Saga saga = LocalSaga();
  SUBCASE("closed") { CHECK(coordinator.Close().ok()); }
  SUBCASE("moved from") { const Coordinator other = std::move(coordinator); }
  const auto refused = [](const Status& status) {
    CHECK(status.code() == StatusCode::kFailedPrecondition);
  };
  refused(coordinator.Submit(saga).status());
  refused(coordinator.Wait(saga.gid, 1s).status());
  refused(coordinator.Query(saga.gid).status());
  refused(coordinator.List().status());
  refused(coordinator.Cancel(saga.gid, kAnn));
  refused(coordinator.RetryNow(saga.gid, kAnn));
  refused(coordinator.EditBranch(saga.gid, {"01", "action"}, {.payload = "x"}, kAnn));
  refused(coordinator.SkipBranch(saga.gid, {"01", "action"}, kAnn));
  refused(coordinator.Stop(saga.gid, kAnn));
  refused(coordinator.Pause());
  refused(coordinator.Resume());
  refused(coordinator.RegisterLocal(Local("x")));
  refused(coordinator.Backup("/tmp/never-written"));
  CHECK_FALSE(coordinator.GetHealth().open);
}

TEST_CASE("destroyed without Close: as safe as a crash, the saga ends in the next life") {
  const TemporaryFolder folder;
  const DeafServer deaf;
  Saga saga = LocalSaga("yes", "");
  saga.Add({.action = deaf.url(), .compensate = "", .payload = "{}"});
  saga.options.request_timeout = 1min;
  const auto begin = std::chrono::steady_clock::now();
  {
    Coordinator coordinator = MustOpen({.store = folder.File("t.db"), .local = {Local("yes")}});
    REQUIRE(coordinator.Submit(saga).ok());
    AwaitInFlight(coordinator, 1);
  }
  CHECK(Since(begin) < 20s);  // it does not wait for branches
  Coordinator again = MustOpen({.store = folder.File("t.db"), .local = {Local("yes")}});
  REQUIRE(again.Stop(saga.gid, kAnn).ok());
  CHECK(again.Wait(saga.gid, 1min)->forced);
}

TEST_CASE("destroyed at any moment, and opened again: every saga that was accepted ends") {
  const TemporaryFolder folder;
  const CoordinatorOptions options{
      .store = folder.File("t.db"),
      .local = {Local("yes"), Local("no", BranchResult::Failure("no"))},
      .defaults = {.retry = {.first = 1ms}}};
  std::vector<std::string> accepted;
  for (int life = 0; life < 10; ++life) {
    Coordinator coordinator = MustOpen(options);
    for (int i = 0; i < 10 + life; ++i) {
      Saga saga = LocalSaga();
      saga.Add(LocalSaga(i % 3 == 0 ? "no" : "yes").steps[0]);
      REQUIRE(coordinator.Submit(saga).ok());
      accepted.push_back(saga.gid);
    }
  }
  Coordinator coordinator = MustOpen(options);
  for (const std::string& gid : accepted) CHECK(coordinator.Wait(gid, 1min).ok());
}

TEST_CASE("fork: the child is told so, exits cleanly, and the parent goes on") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen({.store = folder.File("t.db"), .local = {Local("yes")}});
  const Saga before = LocalSaga();
  REQUIRE(coordinator.Submit(before).ok());
  REQUIRE(coordinator.Wait(before.gid, 1min).ok());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto told = [](const Status& status) {
      return status.code() == StatusCode::kFailedPrecondition &&
             status.message().find("fork") != std::string::npos;
    };
    bool ok = told(coordinator.Submit(before).status()) &&
              told(coordinator.Wait(before.gid, 1s).status()) &&
              told(coordinator.Query(before.gid).status()) && told(coordinator.List().status()) &&
              told(coordinator.Cancel(before.gid, kAnn)) && told(coordinator.Pause()) &&
              told(coordinator.Close()) && !coordinator.GetHealth().open;
    { const Coordinator gone = std::move(coordinator); }
    ::_exit(ok ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  const Saga after = LocalSaga();
  REQUIRE(coordinator.Submit(after).ok());
  CHECK(coordinator.Wait(after.gid, 1min)->succeeded());
  CHECK(coordinator.Close().ok());
  CHECK(Coordinator::Open({.store = folder.File("t.db")}).ok());
}

TEST_CASE("fork: a coordinator that the child has opened works, and is none of its own child's") {
  const TemporaryFolder folder;
  // Closed, as ThreadSanitizer starts no thread after a fork of a process that has others.
  REQUIRE(MustOpen({.store = folder.File("t.db")}).Close().ok());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Coordinator own = MustOpen({.store = folder.File("own.db"), .local = {Local("yes")}});
    const Saga saga = LocalSaga();
    bool ok = own.Submit(saga).ok() && own.Wait(saga.gid, 1min).ok();
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      const Status told = own.Wait(saga.gid, 1s).status();
      ::_exit(told.message().find("fork") != std::string::npos ? 0 : 1);
    }
    int status = 0;
    ok = ok && ::waitpid(grandchild, &status, 0) == grandchild && status == 0;
    ok = ok && own.Submit(LocalSaga()).ok() && own.Close().ok();
    ::_exit(ok ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("callbacks: Wait and Close inside one, or inside a local function, are refused") {
  std::mutex mutex;
  std::vector<Status> refused;
  std::vector<Status> allowed;
  Coordinator* the_coordinator = nullptr;
  const auto misbehave = [&](const std::string& gid) {
    const Status wait = the_coordinator->Wait(gid, 1s).status();
    const Status close = the_coordinator->Close();
    const Status query = the_coordinator->Query(gid).status();
    const std::lock_guard lock(mutex);
    refused.push_back(wait);
    refused.push_back(close);
    allowed.push_back(query);
  };
  CoordinatorOptions options{.store = ":memory:"};
  options.local = {{"f", [&](const BranchContext& context, std::string_view, std::stop_token) {
                      misbehave(context.gid);
                      return BranchResult::Success();
                    }}};
  options.on_finished = [&](const Outcome& outcome) { misbehave(outcome.gid); };
  options.on_event = [&](const Event& event) {
    if (event.kind == EventKind::kEnded) misbehave(event.gid);
  };
  Coordinator coordinator = MustOpen(options);
  the_coordinator = &coordinator;
  const Saga saga = LocalSaga("f");
  REQUIRE(coordinator.Submit(saga).ok());
  CHECK(coordinator.Wait(saga.gid, 1min)->succeeded());
  CHECK(coordinator.Close().ok());  // what was to be told has been told when it returns
  CHECK(refused.size() == 6);
  for (const Status& status : refused) CHECK(status.code() == StatusCode::kFailedPrecondition);
}

TEST_CASE(
    "callbacks: a local function that throws has said nothing, a callback's throw is dropped") {
  std::atomic<int> calls{0};
  std::atomic<int> told{0};
  CoordinatorOptions options{.store = ":memory:", .defaults = {.retry = {.first = 1ms}}};
  options.local = {
      {"f", [&](const BranchContext&, std::string_view, std::stop_token) -> BranchResult {
         if (++calls == 1) throw std::runtime_error("out of luck");
         if (calls == 2) throw 42;
         return BranchResult::Success();
       }}};
  options.on_finished = [&](const Outcome&) {
    ++told;
    throw std::runtime_error("nobody cares");
  };
  options.on_event = [](const Event&) { throw 1; };
  options.log = [](LogLevel, std::string_view) { throw 2; };
  Coordinator coordinator = MustOpen(options);
  for (int i = 0; i < 3; ++i) {
    const Saga saga = LocalSaga("f");
    REQUIRE(coordinator.Submit(saga).ok());
    CHECK(coordinator.Wait(saga.gid, 1min)->succeeded());
  }
  CHECK(coordinator.Close().ok());
  CHECK(told == 3);
  CHECK(calls == 5);
}

TEST_CASE("local: past its time-out a function is asked to stop, and its end is waited for") {
  std::atomic<bool> asked{false};
  CoordinatorOptions options{.store = ":memory:"};
  options.local = {{"f", [&](const BranchContext&, std::string_view, std::stop_token stop) {
                      while (!stop.stop_requested()) std::this_thread::yield();
                      asked = true;
                      return BranchResult::Success();
                    }}};
  Coordinator coordinator = MustOpen(options);
  Saga saga = LocalSaga("f");
  saga.options.request_timeout = 20ms;
  REQUIRE(coordinator.Submit(saga).ok());
  CHECK(coordinator.Wait(saga.gid, 1min)->succeeded());
  CHECK(asked);
}

}  // namespace
}  // namespace troth
