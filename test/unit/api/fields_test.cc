// Bad options and bad sagas are refused at the boundary, by name, before anything is stored. The
// other inputs are in inputs_test.cc.
#include <functional>
#include <limits>
#include <vector>

#include "opened.h"

namespace troth {
namespace {

struct WrongOption {
  std::string message;  // how it begins
  std::function<void(CoordinatorOptions&)> spoil;
};

TEST_CASE("open: each wrong option is refused by its name, and no file is made") {
  const std::vector<WrongOption> rows{
      {"options.store", [](auto& o) { o.store = ""; }},
      {"options.store", [](auto& o) { o.store = std::string("a\0b", 3); }},
      {"options.restored", [](auto& o) { o.read_only = o.restored = true; }},
      {"options.local[0].name", [](auto& o) { o.local = {Local("a b")}; }},
      {"options.local[0].name", [](auto& o) { o.local = {Local("")}; }},
      {"options.local[0].name", [](auto& o) { o.local = {Local(std::string(65, 'a'))}; }},
      {"options.local[1].name",
       [](auto& o) {
         o.local = {Local("a"), Local("a")};
       }},
      {"options.local[0].function",
       [](auto& o) {
         o.local = {{"a", nullptr}};
       }},
      {"options.limits.steps", [](auto& o) { o.limits.steps = 0; }},
      {"options.limits.steps", [](auto& o) { o.limits.steps = 1'000'000; }},
      {"options.limits.payload_bytes", [](auto& o) { o.limits.payload_bytes = 0; }},
      {"options.limits.transaction_bytes", [](auto& o) { o.limits.transaction_bytes = 0; }},
      {"options.limits.header_bytes", [](auto& o) { o.limits.header_bytes = 0; }},
      {"options.limits.url_bytes", [](auto& o) { o.limits.url_bytes = 0; }},
      {"options.limits.live", [](auto& o) { o.limits.live = 0; }},
      {"options.limits.unwritten_bytes", [](auto& o) { o.limits.unwritten_bytes = 0; }},
      {"options.limits.calls_per_host", [](auto& o) { o.limits.calls_per_host = 0; }},
      {"options.limits.calls", [](auto& o) { o.limits.calls = 0; }},
      {"options.limits.local_threads", [](auto& o) { o.limits.local_threads = 0; }},
      {"options.limits.answer_bytes", [](auto& o) { o.limits.answer_bytes = 0; }},
      {"options.limits.topics", [](auto& o) { o.limits.topics = 0; }},
      {"options.limits.subscribers", [](auto& o) { o.limits.subscribers = 0; }},
      {"options.patience", [](auto& o) { o.patience = 0ms; }},
      {"options.retention", [](auto& o) { o.retention = -1ms; }},
      {"options.tombstone_retention", [](auto& o) { o.tombstone_retention = 0ms; }},
      {"options.barrier_retention", [](auto& o) { o.barrier_retention = milliseconds::max(); }},
      {"options.probe.first", [](auto& o) { o.probe.first = 0ms; }},
      {"options.probe.cap", [](auto& o) { o.probe.cap = 499ms; }},
      {"options.defaults.retry.first", [](auto& o) { o.defaults.retry.first = 0ms; }},
      {"options.defaults.retry.factor", [](auto& o) { o.defaults.retry.factor = 0.5; }},
      {"options.defaults.retry.cap", [](auto& o) { o.defaults.retry.cap = 5s; }},
      {"options.defaults.retry.limit", [](auto& o) { o.defaults.retry.limit = -2; }},
      {"options.defaults.retry.give_up_after",
       [](auto& o) { o.defaults.retry.give_up_after = 0ms; }},
      {"options.defaults.retry.park_after", [](auto& o) { o.defaults.retry.park_after = -7; }},
      {"options.defaults.request_timeout", [](auto& o) { o.defaults.request_timeout = 0ms; }},
      {"options.ca_file", [](auto& o) { o.ca_file = "/nowhere/ca.pem"; }},
      {"options.hosts[0].host", [](auto& o) { o.hosts = {{.host = ""}}; }},
      {"options.hosts[0].host", [](auto& o) { o.hosts = {{.host = "http://bank"}}; }},
      {"options.hosts[0].host", [](auto& o) { o.hosts = {{.host = "bank/api"}}; }},
      {"options.hosts[0].host", [](auto& o) { o.hosts = {{.host = "bank:0"}}; }},
      {"options.hosts[0].proxy", [](auto& o) { o.hosts = {{.host = "a", .proxy = "ftp://p:1"}}; }},
      {"options.hosts[0]",
       [](auto& o) { o.hosts = {{.host = "a", .client_certificate = "/nowhere.pem"}}; }},
  };
  const TemporaryFolder folder;
  for (const WrongOption& row : rows) {
    CAPTURE(row.message);
    CoordinatorOptions options{.store = folder.File("t.db")};
    row.spoil(options);
    const Status status = Coordinator::Open(options).status();
    CAPTURE(status);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message().starts_with(row.message));
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

struct WrongField {
  std::string message;
  std::function<void(Saga&)> spoil;
};

const double kNotANumber = std::numeric_limits<double>::quiet_NaN();

std::vector<WrongField> WrongFields() {
  const auto url = [](std::string value) {
    return [value](Saga& s) { s.steps[1].action = value; };
  };
  const auto gid = [](std::string value) { return [value](Saga& s) { s.gid = value; }; };
  const auto header = [](std::string name, std::string value) {
    return [name, value](Saga& s) { s.steps[0].headers = {{"X-Good", "1"}, {name, value}}; };
  };
  return {
      {"saga.gid", gid("")},
      {"saga.gid", gid(std::string(129, 'g'))},
      {"saga.gid", gid(" g")},
      {"saga.gid", gid("g ")},
      {"saga.gid", gid("g\r\nX: y")},
      {"saga.gid", gid(std::string("g\0h", 3))},
      {"saga.steps", [](Saga& s) { s.steps.clear(); }},
      {"saga.steps", [](Saga& s) { s.steps.resize(11); }},
      {"saga.steps",
       [](Saga& s) {
         s.steps.resize(3, s.steps[0]);
         for (auto& step : s.steps) step.payload.assign(90, 'x');
       }},
      {"saga.steps[1].action", url("ftp://a/b")},
      {"saga.steps[1].action", url("/only/a/path")},
      {"saga.steps[1].action", url("http://")},
      {"saga.steps[1].action", url("http://user:secret@a/b")},
      {"saga.steps[1].action", url("http://a/b\r\nHost: c")},
      {"saga.steps[1].action", url("http://a/b c")},
      {"saga.steps[1].action", url("http://a:99999/b")},
      {"saga.steps[1].action", url("local:")},
      {"saga.steps[1].action", url("local:with space")},
      {"saga.steps[1].action", url("http://a/" + std::string(100, 'x'))},
      {"saga.steps[0].compensate", [](Saga& s) { s.steps[0].compensate = "gopher://x"; }},
      {"saga.steps[0].payload", [](Saga& s) { s.steps[0].payload.assign(101, 'x'); }},
      {"saga.steps[0].headers[1].name", header("", "x")},
      {"saga.steps[0].headers[1].name", header("a b", "x")},
      {"saga.steps[0].headers[1].name", header("a\r\nb", "x")},
      {"saga.steps[0].headers[1].name", header("host", "x")},
      {"saga.steps[0].headers[1].name", header("Content-length", "1")},
      {"saga.steps[0].headers[1].name", header("Transfer-Encoding", "x")},
      {"saga.steps[0].headers[1].name", header("CONNECTION", "x")},
      {"saga.steps[0].headers[1].value", header("X", "a\rb")},
      {"saga.steps[0].headers[1].value", header("X", "a\nb")},
      {"saga.steps[0].headers", header("X", std::string(100, 'x'))},
      {"saga.headers[0].value",
       [](Saga& s) {
         s.headers = {{"X", "\r\n"}};
       }},
      {"saga.timeout_to_fail", [](Saga& s) { s.timeout_to_fail = 0ms; }},
      {"saga.timeout_to_fail", [](Saga& s) { s.timeout_to_fail = -5s; }},
      {"saga.orders",
       [](Saga& s) {
         s.orders = {{1, {0}}};
       }},
      {"saga.orders[2]",
       [](Saga& s) {
         s.concurrent = true, s.orders = {{2, {0}}};
       }},
      {"saga.orders[1]",
       [](Saga& s) {
         s.concurrent = true, s.orders = {{1, {7}}};
       }},
      {"saga.orders[1]",
       [](Saga& s) {
         s.concurrent = true, s.orders = {{1, {1}}};
       }},
      {"saga.orders[",
       [](Saga& s) {
         s.concurrent = true, s.orders = {{0, {1}}, {1, {0}}};
       }},
      {"saga.options.retry.first", [](Saga& s) { s.options.retry.first = 0ms; }},
      {"saga.options.retry.factor", [](Saga& s) { s.options.retry.factor = kNotANumber; }},
      {"saga.options.retry.factor", [](Saga& s) { s.options.retry.factor = 101; }},
      {"saga.options.retry.cap", [](Saga& s) { s.options.retry.cap = 9s; }},
      {"saga.options.retry.limit", [](Saga& s) { s.options.retry.limit = -3; }},
      {"saga.options.request_timeout", [](Saga& s) { s.options.request_timeout = -1ms; }},
      {"saga.steps[1].options.retry.give_up_after",
       [](Saga& s) { s.steps[1].options.retry.give_up_after = 0ms; }},
      {"saga.steps[1].options.retry.park_after",
       [](Saga& s) { s.steps[1].options.retry.park_after = -2; }},
      {"saga.steps[1].options.request_timeout",
       [](Saga& s) { s.steps[1].options.request_timeout = 0ms; }},
  };
}

TEST_CASE("submit: each wrong field is refused by its name, and nothing is stored") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen({.store = folder.File("t.db"),
                                      .local = {Local("yes")},
                                      .limits = {.steps = 10,
                                                 .payload_bytes = 100,
                                                 .transaction_bytes = 250,
                                                 .header_bytes = 80,
                                                 .url_bytes = 100}});
  for (const WrongField& row : WrongFields()) {
    CAPTURE(row.message);
    Saga saga = LocalSaga();
    saga.Add({.action = "local:yes", .compensate = "", .payload = "{}"});
    row.spoil(saga);
    const Status status = coordinator.Submit(saga).status();
    CAPTURE(status);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message().starts_with(row.message));
  }
  CHECK(coordinator.List()->transactions.empty());
  CHECK(coordinator.GetHealth().live == 0);
}

TEST_CASE("submit: what is just inside each limit is taken") {
  Coordinator coordinator = MustOpen(
      {.store = ":memory:", .local = {Local("yes")}, .limits = {.steps = 2, .payload_bytes = 100}});
  Saga saga = LocalSaga();
  saga.steps[0].payload.assign(100, 'x');
  saga.Add({.action = "local:yes?" + std::string(80, 'q'), .compensate = "", .payload = ""});
  saga.gid.assign(128, 'g');
  REQUIRE(coordinator.Submit(saga).ok());
  CHECK(coordinator.Wait(saga.gid, 1min)->succeeded());
}

TEST_CASE("register: a wrong name and a missing function are refused by name") {
  Coordinator coordinator = MustOpen({.store = ":memory:"});
  CHECK(coordinator.RegisterLocal(Local("a b")).message().starts_with("branch.name"));
  CHECK(coordinator.RegisterLocal({"a", nullptr}).message().starts_with("branch.function"));
}

}  // namespace
}  // namespace troth
